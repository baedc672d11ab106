/**
 * This module finds the extension that the name of an option means, such as `(google.api.http)` or
 * `(.google.api.http)`. The parser accepts any name, so a misspelt name would silently declare no rule or, worse, no
 * policy:
 *
 *     rpc      option (protogate.v1.policy) = …     accepted, and also a foreign (acme.audit)
 *     rpc      option (protogate.v1.polcy) = …      refused: protogate.v1 has no such option
 *     service  option (protogate.v1.policy) = …     refused: it belongs on an rpc
 *     field    [(google.api.field_behaviour) = …]   refused: probably a misspelling of an option that is read
 */
import { didYouMean, hintOf } from '../base/did-you-mean.js';
import { AGGREGATE, DEFAULT_POLICY, FIELD_BEHAVIOR, HTTP, POLICY } from './annotation-reader.js';

/**
 * True if an option's name as it is written, such as `(http)` in package google.api or `(.google.api.http)`, means the
 * extension.
 */
export function means(written: string, extension: string, packageName: string): boolean {
  if (!written.startsWith('(')) return false;
  const name = written.slice(1, -1);
  if (name.startsWith('.')) return name.slice(1) === extension;
  if (name === extension) return true;
  if (!extension.endsWith(`.${name}`)) return false;
  const scope = extension.slice(0, -name.length - 1);
  return isWithin(packageName, scope);
}

export type Owner = 'an rpc' | 'a service' | 'a field' | 'a message' | 'a file';

/** A package with options that protogate reads. */
interface Vocabulary {
  readonly scope: string;
  readonly on: Readonly<Partial<Record<Owner, readonly string[]>>>;
  /**
   * True if all options in the package are protogate's own. Otherwise only names that look like a known option are
   * checked.
   */
  readonly whole: boolean;
}

const VOCABULARIES: readonly Vocabulary[] = [
  { scope: 'protogate.v1', on: { 'an rpc': [POLICY, AGGREGATE], 'a service': [DEFAULT_POLICY] }, whole: true },
  { scope: 'google.api', on: { 'an rpc': [HTTP], 'a field': [FIELD_BEHAVIOR] }, whole: false },
];

/**
 * The first words of the packages. The parser keeps only the first word of a name without parentheses, such as
 * `google.api.http`.
 */
const FIRST_WORDS = new Set(VOCABULARIES.map(({ scope }) => scope.slice(0, scope.indexOf('.'))));

/** The options of nearly all rpcs and fields, which are accepted without a closer look. */
const PLAIN: Readonly<Partial<Record<Owner, string>>> = { 'an rpc': `(${HTTP})`, 'a field': `(${FIELD_BEHAVIOR})` };
/**
 * Names that mean a foreign option in every package. They are remembered, up to a limit, because 13,000 rpcs may have
 * the same three.
 */
const FOREIGN = new Set<string>();
const MAX_FOREIGN = 1000;

/**
 * Returns what is wrong with an option's name at its place. Undefined when it is right, or when it means a foreign
 * option.
 */
export function optionNameProblem(written: string, packageName: string, owner: Owner): string | undefined {
  if (PLAIN[owner] === written || FOREIGN.has(written)) return undefined;
  if (!written.startsWith('(') && !FIRST_WORDS.has(written)) return undefined;
  for (const vocabulary of VOCABULARIES) {
    const { on } = vocabulary;
    if (on[owner]?.some((extension) => means(written, extension, packageName))) return undefined;
    if (isRelative(written, vocabulary, packageName) || looksLikeOne(written, vocabulary)) {
      return misplaced(written, vocabulary, owner);
    }
  }
  // A name of one or two words may mean something else in another package, so it is not remembered.
  if (FOREIGN.size < MAX_FOREIGN && written.split('.').length > 2) FOREIGN.add(written);
  return undefined;
}

function misplaced(written: string, { on }: Vocabulary, owner: Owner): string {
  const found = written.startsWith('(') ? written : `${written} without parentheses`;
  const names = namesOf(on[owner] ?? []);
  if (names.length > 0) return `expected ${names.join(' or ')} on ${owner}, got ${found}${hint(written, names)}`;
  const meant = ownersOf(on).find(([, extensions]) => isSlip(simpleName(written.slice(1, -1)), extensions));
  const [place, extensions] = meant ?? ownersOf(on)[0]!;
  return `expected ${namesOf(extensions).join(' or ')} on ${place}, got ${found} on ${owner}`;
}

function ownersOf(on: Vocabulary['on']): [owner: string, extensions: readonly string[]][] {
  return Object.entries(on);
}

function namesOf(extensions: readonly string[]): readonly string[] {
  return extensions.map((extension) => `(${extension})`);
}

/** Returns a hint with the name that was probably meant. It is empty if only one name is possible. */
function hint(written: string, names: readonly string[]): string {
  if (names.length < 2) return '';
  const simple = `${simpleName(written.slice(1, -1))})`;
  const meant =
    didYouMean(written, names) ?? names.find((name) => didYouMean(simple, [simpleName(name)]) !== undefined);
  return hintOf(meant);
}

/**
 * True if the name probably means an option of the package: it is inside the package, or is a misspelling of a known
 * option.
 */
function looksLikeOne(written: string, { scope, on, whole }: Vocabulary): boolean {
  if (!written.startsWith('(')) return scope.startsWith(`${written}.`);
  const name = written.slice(written.startsWith('(.') ? 2 : 1, -1);
  // `(protogate.v1).policy` is wrong, because a package is not an option.
  if (name === scope || (whole && name.startsWith(`${scope}.`))) return true;
  const around = scopeOf(name);
  return around !== '' && isSlip(simpleName(name), extensionsOf(on)) && didYouMean(around, [scope]) !== undefined;
}

/**
 * True if the name, such as `polcy` or `v1.polcy`, is relative to a package inside of the scope and is a misspelling of
 * a known option.
 */
function isRelative(written: string, { scope, on }: Vocabulary, packageName: string): boolean {
  if (!written.startsWith('(') || written.startsWith('(.')) return false;
  const name = written.slice(1, -1);
  const around = scopeOf(name);
  if (around !== '' && !scope.endsWith(`.${around}`)) return false;
  const outer = around === '' ? scope : scope.slice(0, -around.length - 1);
  return isWithin(packageName, outer) && isSlip(simpleName(name), extensionsOf(on));
}

function isSlip(simple: string, extensions: readonly string[]): boolean {
  return didYouMean(simple, extensions.map(simpleName)) !== undefined;
}

function extensionsOf(on: Vocabulary['on']): readonly string[] {
  return ownersOf(on).flatMap(([, extensions]) => extensions);
}

function isWithin(packageName: string, scope: string): boolean {
  return packageName === scope || packageName.startsWith(`${scope}.`);
}

function simpleName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}

function scopeOf(fullName: string): string {
  return fullName.slice(0, Math.max(0, fullName.lastIndexOf('.')));
}
