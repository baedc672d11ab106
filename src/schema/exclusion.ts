/**
 * This module finds the rpcs that the config leaves out (`schema.exclude`). An exclusion is stronger than annotations,
 * service configs and auto routes:
 *
 *     shop.v1.Orders/Dump     that rpc; every other selector of methods is allowed too (method-selector.ts)
 *     shop.v1.Admin.*         the rpcs of that service
 *     shop/v1/admin.proto     the rpcs of that file, which is named by its import name
 *     vendor/**               the rpcs of every file below that folder
 *     *\/internal/*.proto      `*` stands for any text within one segment, `**` for any segments
 *
 * An entry that matches nothing is an error: a misspelt entry would leave open what it was meant to hide.
 */
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';
import type { Registry, ServiceDescriptor } from './descriptor.js';
import {
  dotted,
  METHOD_SELECTOR_FORMS,
  parseMethodSelector,
  type SelectableMethod,
  selectedMethod,
  selectorHint,
} from './method-selector.js';

export interface ExcludeEntry {
  readonly pattern: string;
  /** The place of the entry in the config. */
  readonly position: Position;
}

/** The forms that an entry may have, for error texts. */
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

/** Matches files and methods with the entries, and remembers which entries matched something. */
export class Exclusion {
  private readonly files: Matcher<string>[] = [];
  private readonly methods: Matcher<SelectableMethod>[] = [];
  /** The entries that name a single method, by its name. There may be hundreds of them. */
  private readonly byName = new Map<string, Omit<Matcher<SelectableMethod>, 'matches' | 'used'>[]>();

  constructor(entries: readonly ExcludeEntry[]) {
    for (const [index, entry] of entries.entries()) {
      const { pattern } = entry;
      const name = isFilePattern(pattern) ? undefined : selectedMethod(pattern);
      if (isFilePattern(pattern)) this.files.push({ entry, index, matches: fileMatcher(pattern), used: false });
      else if (name === undefined)
        this.methods.push({ entry, index, matches: parseMethodSelector(pattern) ?? (() => false), used: false });
      else this.byName.set(name, [...(this.byName.get(name) ?? []), { entry, index }]);
    }
  }

  get isEmpty(): boolean {
    return this.files.length + this.methods.length + this.byName.size === 0;
  }

  get namesFiles(): boolean {
    return this.files.length > 0;
  }

  /** True if an entry matches the file of this import name. */
  hasFile(name: string): boolean {
    return hasMatch(this.files, name);
  }

  hasMethod(method: SelectableMethod): boolean {
    const isNamed = this.byName.size > 0 && this.byName.has(dotted(method.fullName));
    return hasMatch(this.methods, method) || isNamed;
  }

  /** Returns the indices of the entries that select one of these methods. */
  selecting(methods: readonly SelectableMethod[]): ReadonlySet<number> {
    const named = methods.flatMap((method) => this.byName.get(dotted(method.fullName)) ?? []);
    const others = this.methods.filter(({ matches }) => methods.some(matches));
    return new Set([...named, ...others].map(({ index }) => index));
  }

  /**
   * True if an entry may select several methods. Such an entry must be tried with each method to find out whether it is used.
   */
  get selectsSeveral(): boolean {
    return this.methods.length > 0;
  }

  /** Returns an error for each entry that has matched nothing so far. `files` has the import names of all files. */
  unused(files: readonly string[], registry: Registry): readonly Diagnostic[] {
    const { services } = registry;
    const unused = [...this.files, ...this.methods].filter(({ used }) => !used);
    return [...unused, ...this.unusedNames(registry)]
      .sort((a, b) => a.index - b.index)
      .map(({ entry: { pattern, position }, index }) => {
        const text = isFilePattern(pattern)
          ? `expected a pattern that matches the import name of a file, got '${pattern}'${fileHint(pattern, files)}`
          : `expected a selector that matches an rpc, got '${pattern}'${selectorHint(pattern, methodNames(services))}`;
        return errorAt(position, 'unused-exclude', `schema.exclude.${index}: ${text}`);
      });
  }

  /** Returns the entries that name a method which no service has. */
  private unusedNames(registry: Registry) {
    return [...this.byName].flatMap(([name, entries]) => {
      const dot = name.lastIndexOf('.');
      const isKnown = registry.method(`${name.slice(0, dot)}/${name.slice(dot + 1)}`) !== undefined;
      return isKnown ? [] : entries;
    });
  }
}

/** True if any matcher matches. Tries all of them, since each remembers whether it was used. */
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

/**
 * Returns the end of an error text, such as `, did you mean 'shop/v1/a.proto'?`. A usual mistake is a pattern with the import
 * root in front of the import name.
 */
function fileHint(pattern: string, files: readonly string[]): string {
  const segments = pattern.split('/');
  for (let i = 1; i < segments.length; i++) {
    const shorter = segments.slice(i).join('/');
    if (shorter !== '**' && files.some(fileMatcher(shorter))) return `, did you mean '${shorter}'?`;
  }
  return meantHint(pattern, files);
}

function methodNames(services: readonly ServiceDescriptor[]): readonly string[] {
  return services.flatMap(({ methods }) => methods.map(({ fullName }) => fullName));
}
