/**
 * What the config leaves out (`schema.exclude`). It wins over annotations, service configs and auto routes:
 *
 *     shop.v1.Orders/Dump     that rpc, as any other selector of methods (see method-selector.ts)
 *     shop.v1.Admin.*         the rpcs of that service
 *     shop/v1/admin.proto     the rpcs of that file, which is called as others import it
 *     vendor/**               of every file below that folder
 *     *\/internal/*.proto      `*` is any text within one segment, `**` any segments
 *
 * An entry that matches nothing is an error: a slip of the pen would serve what somebody wanted to hide.
 */
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';
import type { ServiceDescriptor } from './descriptor.js';
import { METHOD_SELECTOR_FORMS, type MethodSelector, parseMethodSelector } from './method-selector.js';

export interface ExcludeEntry {
  readonly pattern: string;
  /** Of the entry in the config. */
  readonly position: Position;
}

/** What an entry may look like, for error texts. */
export const EXCLUDE_FORMS = `${METHOD_SELECTOR_FORMS}, or files (shop/v1/admin.proto, vendor/**)`;

export function isExcludePattern(text: string): boolean {
  return isFilePattern(text) || parseMethodSelector(text) !== undefined;
}

function isFilePattern(text: string): boolean {
  return text.endsWith('.proto') || text.endsWith('/**');
}

interface Matcher<T> {
  readonly entry: ExcludeEntry;
  readonly index: number;
  readonly matches: (one: T) => boolean;
  used: boolean;
}

/** Remembers which entries matched something. */
export class Exclusion {
  private readonly files: Matcher<string>[] = [];
  private readonly methods: Matcher<Parameters<MethodSelector>[0]>[] = [];

  constructor(entries: readonly ExcludeEntry[]) {
    for (const [index, entry] of entries.entries()) {
      const { pattern } = entry;
      if (isFilePattern(pattern)) this.files.push({ entry, index, matches: fileMatcher(pattern), used: false });
      else this.methods.push({ entry, index, matches: parseMethodSelector(pattern) ?? (() => false), used: false });
    }
  }

  get isEmpty(): boolean {
    return this.files.length + this.methods.length === 0;
  }

  get namesFiles(): boolean {
    return this.files.length > 0;
  }

  /** By its import name. */
  hasFile(name: string): boolean {
    return hasMatch(this.files, name);
  }

  hasMethod(method: Parameters<MethodSelector>[0]): boolean {
    return hasMatch(this.methods, method);
  }

  /** An error for each entry that matched nothing so far. `files`: import names. */
  unused(files: readonly string[], services: readonly ServiceDescriptor[]): readonly Diagnostic[] {
    const unused = [...this.files, ...this.methods].filter(({ used }) => !used);
    return unused
      .sort((a, b) => a.index - b.index)
      .map(({ entry: { pattern, position }, index }) => {
        const text = isFilePattern(pattern)
          ? `expected a file, no import name matches '${pattern}'${fileHint(pattern, files)}`
          : `expected an rpc, none matches '${pattern}'${methodHint(pattern, services)}`;
        return errorAt(position, 'unused-exclude', `schema.exclude.${index}: ${text}`);
      });
  }
}

/** Asks all: each remembers that it matched. */
function hasMatch<T>(matchers: readonly Matcher<T>[], one: T): boolean {
  let found = false;
  for (const matcher of matchers) {
    if (!matcher.matches(one)) continue;
    matcher.used = true;
    found = true;
  }
  return found;
}

function fileMatcher(pattern: string): (name: string) => boolean {
  const segments = pattern.replace(/^\.\//, '').split('/');
  const texts = segments.map((segment, i) => {
    const isLast = i === segments.length - 1;
    if (segment === '**') return isLast ? '.+' : '(?:[^/]+/)*';
    const text = segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '[^/]*');
    return isLast ? text : `${text}/`;
  });
  const expression = new RegExp(`^${texts.join('')}$`);
  return (name) => expression.test(name);
}

/** Files are called from their import root on, which people often write in front. */
function fileHint(pattern: string, files: readonly string[]): string {
  const segments = pattern.split('/');
  for (let i = 1; i < segments.length; i++) {
    const shorter = segments.slice(i).join('/');
    if (shorter !== '**' && files.some(fileMatcher(shorter))) return `, did you mean '${shorter}'?`;
  }
  return meantHint(pattern, files);
}

function methodHint(pattern: string, services: readonly ServiceDescriptor[]): string {
  if (services.some(({ fullName }) => fullName === pattern)) return `, did you mean '${pattern}.*'?`;
  const names = services.flatMap(({ fullName, methods }) => [
    `${fullName}.*`,
    ...methods.map(({ name }) => `${fullName}.${name}`),
  ]);
  return meantHint(pattern.replace('/', '.'), names);
}
