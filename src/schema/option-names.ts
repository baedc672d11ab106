/**
 * Names of options as written, `(google.api.http)` or `(.google.api.http)`, and what extension each means. The parser
 * takes any name, so that one which means nothing would be no rule and, worse, no policy:
 *
 *     rpc      option (protogate.v1.policy) = …     fine; a foreign (acme.audit) too
 *     rpc      option (protogate.v1.polcy) = …      refused: nothing of that name is in protogate.v1
 *     service  option (protogate.v1.policy) = …     refused: it belongs on an rpc
 *     field    [(google.api.field_behaviour) = …]   refused: a slip of the pen away from one that is read
 */
import { didYouMean, hintOf } from '../base/did-you-mean.js';
import { AGGREGATE, DEFAULT_POLICY, FIELD_BEHAVIOR, HTTP, POLICY } from './annotation-reader.js';

/** Whether an option's name as written, `(http)` in package google.api or `(.google.api.http)`, means the extension. */
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

/** A package that protogate reads options of. */
interface Vocabulary {
  readonly scope: string;
  readonly on: Readonly<Partial<Record<Owner, readonly string[]>>>;
  /** Whether all of its options are ours; else only what looks like one of them is looked at. */
  readonly whole: boolean;
}

const VOCABULARIES: readonly Vocabulary[] = [
  { scope: 'protogate.v1', on: { 'an rpc': [POLICY, AGGREGATE], 'a service': [DEFAULT_POLICY] }, whole: true },
  { scope: 'google.api', on: { 'an rpc': [HTTP], 'a field': [FIELD_BEHAVIOR] }, whole: false },
];

/** Of a name without parentheses the parser keeps the first word alone. */
const FIRST_WORDS = new Set(VOCABULARIES.map(({ scope }) => scope.slice(0, scope.indexOf('.'))));

/** What nearly all rpcs and fields have: known without a closer look. */
const PLAIN: Readonly<Partial<Record<Owner, string>>> = { 'an rpc': `(${HTTP})`, 'a field': `(${FIELD_BEHAVIOR})` };
/** Names that are none of ours in whatever package, and how many are remembered: 13,000 rpcs have the same three. */
const FOREIGN = new Set<string>();
const MAX_FOREIGN = 1000;

/** What is wrong with an option where it stands; undefined: nothing, or it is none of our business. */
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
  // A name of one or two words may be relative to another package.
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

/** Nothing where there is no choice. */
function hint(written: string, names: readonly string[]): string {
  if (names.length < 2) return '';
  const simple = `${simpleName(written.slice(1, -1))})`;
  const meant =
    didYouMean(written, names) ?? names.find((name) => didYouMean(simple, [simpleName(name)]) !== undefined);
  return hintOf(meant);
}

/** Whether somebody who wrote the name meant an option of the scope: it is in there, or a slip of the pen away. */
function looksLikeOne(written: string, { scope, on, whole }: Vocabulary): boolean {
  if (!written.startsWith('(')) return scope.startsWith(`${written}.`);
  const name = written.slice(written.startsWith('(.') ? 2 : 1, -1);
  // `(protogate.v1).policy`: nothing has the name of a package.
  if (name === scope || (whole && name.startsWith(`${scope}.`))) return true;
  const around = scopeOf(name);
  return around !== '' && isSlip(simpleName(name), extensionsOf(on)) && didYouMean(around, [scope]) !== undefined;
}

/** Whether the name, `polcy` or `v1.polcy`, is relative to a package inside of the scope, and a slip of the pen away. */
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
