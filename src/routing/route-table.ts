/**
 * This module has the routes of one surface. A builder collects them, and the finished table never changes. `match`
 * takes the raw path, never a decoded one, so that access checks, limits and the call all use the same path.
 */

import { type Diagnostic, errorAt, formatPosition, type Position } from '../base/diagnostic.js';
import { atOnce, type Steps } from '../base/slices.js';
import { NONE } from './edge-table.js';
import { ANY_METHOD, Matcher } from './matcher.js';
import type { PathTemplate } from './path-template.js';
import { RawPath } from './raw-path.js';
import { ENDING, LAYOUT, type Layout, type Trie, VALUE } from './trie.js';
import { TrieBuilder } from './trie-builder.js';

/** The source of a route, for messages about conflicts. */
export interface RouteOrigin {
  /** The full name of the method: `pkg.Service/Method`. */
  readonly name: string;
  readonly position: Position;
  /** True if the GET route also answers HEAD, without a body (RFC 9110 §9.3.2). True for unary methods. */
  readonly derivesHead: boolean;
}

export type MatchResult<T> =
  | {
      readonly kind: 'found';
      readonly value: T;
      /** The captured texts, decoded, in the order of the template's variables. */
      readonly captures: readonly string[];
      /** True if a GET route answers a HEAD request. */
      readonly headDerived: boolean;
    }
  /** The result is a 405. `allow` is sorted. It has OPTIONS, and HEAD if a GET route answers it. */
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly string[] }
  /** The result is a 404. */
  | { readonly kind: 'not-found' }
  /** The result is a 400. `reason` has what was expected and what was found. */
  | { readonly kind: 'malformed'; readonly reason: string };

/** Routes with the same method and the same paths. */
export interface RouteConflict {
  readonly httpMethod: string;
  readonly shape: string;
  /** The sources of the routes, two or more, sorted by file and line. The table serves only the first one. */
  readonly origins: readonly RouteOrigin[];
}

export interface BuiltTable<T> {
  readonly table: RouteTable<T>;
  readonly conflicts: readonly RouteConflict[];
}

/** A route to add to a table, or to remove from it. */
export interface Claim<T> {
  /** A verb such as `GET`, or `*` for all verbs. */
  readonly httpMethod: string;
  readonly template: PathTemplate;
  readonly value: T;
  readonly origin: RouteOrigin;
}

export class RouteTableBuilder<T> {
  /** The routes by method and shape. */
  private readonly claims = new Map<string, Claim<T>[]>();

  add(claim: Claim<T>): void {
    const key = `${claim.httpMethod} ${claim.template.shape}`;
    const claims = this.claims.get(key);
    if (claims === undefined) this.claims.set(key, [claim]);
    else claims.push(claim);
  }

  /** Returns the table and its conflicts. They do not depend on the order in which routes were added. */
  build(): BuiltTable<T> {
    return atOnce(this.buildSteps());
  }

  /** Does the same as {@link build}, in steps, so that other work can be done between them. */
  *buildSteps(): Steps<BuiltTable<T>> {
    const trie = new TrieBuilder<T>();
    for (const claims of this.claims.values()) {
      const { httpMethod, template, value, origin } =
        claims.length === 1 ? claims[0]! : claims.toSorted(compareClaims)[0]!;
      trie.insert(httpMethod, template, value, origin.derivesHead);
      yield;
    }
    return { table: new RouteTable(yield* trie.build()), conflicts: this.conflicts() };
  }

  /** Returns the conflicts without building a table. */
  conflicts(): readonly RouteConflict[] {
    const conflicts: RouteConflict[] = [];
    for (const claims of this.claims.values()) {
      if (claims.length === 1) continue;
      const { httpMethod, template } = claims[0]!;
      const origins = claims.toSorted(compareClaims).map(({ origin }) => origin);
      conflicts.push({ httpMethod, shape: template.shape, origins });
    }
    return conflicts.sort((a, b) => compareOrigins(a.origins[0]!, b.origins[0]!));
  }
}

/** The factor by which a table may grow through changes before it is built again as a whole. */
const MOST_GROWTH = 2;

export class RouteTable<T> {
  private readonly path = new RawPath();
  private readonly matcher: Matcher;
  private readonly values: (T | undefined)[];

  /** `make` makes a value from that of the trie, when a request first finds it. Without it the values are those of the trie. */
  constructor(
    private readonly trie: Trie<unknown>,
    private readonly make?: (value: never) => T,
  ) {
    this.matcher = new Matcher(trie, this.path);
    this.values = make === undefined ? (trie.values as (T | undefined)[]) : [];
  }

  /** Returns a table with the same routes and other values. Each of these is made when a request first finds it. */
  withValues<U>(make: (value: T) => U): RouteTable<U> {
    if (this.make !== undefined) throw new Error('expected a table with values of its own');
    return new RouteTable(this.trie, make as (value: never) => U);
  }

  /**
   * Returns a table with some other routes. The time depends on the number of changed routes, not of all routes. Undefined if
   * an added route conflicts with another one, or if the table has changed so often that it should be built again as a whole.
   */
  *changed(removed: readonly Claim<T>[], added: readonly Claim<T>[]): Steps<RouteTable<T> | undefined> {
    const trie = this.trie as Trie<T>;
    if (removed.length + added.length === 0) return this;
    if (trie.packed.numbers.length > trie.size * MOST_GROWTH) return undefined;
    const builder = new TrieBuilder(trie);
    for (const { httpMethod, template } of removed) {
      yield;
      builder.remove(httpMethod, template);
    }
    for (const { httpMethod, template, value, origin } of added) {
      yield;
      if (!builder.insert(httpMethod, template, value, origin.derivesHead)) return undefined;
    }
    return new RouteTable(yield* builder.build());
  }

  /** Finds the route for a request. `rawPath` is the path of the request target as it was sent, without the query. */
  match(method: string, rawPath: string): MatchResult<T> {
    const scanned = this.path.scan(rawPath);
    if (scanned !== 'path') {
      return scanned === 'empty-segment' ? NOT_FOUND : { kind: 'malformed', reason: scanned.malformed };
    }
    const leaf = this.matcher.find(method);
    if (leaf === NONE) return this.withoutMethod();
    const { packed, endings, layouts } = this.trie;
    const { httpMethod } = endings[packed.numbers[leaf + ENDING]!]!;
    const layout = layouts[packed.numbers[leaf + LAYOUT]!]!;
    const headDerived = method === 'HEAD' && httpMethod === 'GET';
    const value = this.valueAt(packed.numbers[leaf + VALUE]!);
    const captures = capturesOf(layout, this.path, this.matcher.colon);
    return { kind: 'found', value, captures, headDerived };
  }

  private valueAt(index: number): T {
    const known = this.values[index];
    if (known !== undefined || this.make === undefined) return known as T;
    const value = this.make(this.trie.values[index] as never);
    this.values[index] = value;
    return value;
  }

  private withoutMethod(): MatchResult<T> {
    const endings = this.matcher.findAll();
    if (endings.size === 0) return NOT_FOUND;
    const allow = new Set(['OPTIONS']);
    for (const { httpMethod, derivesHead } of endings) {
      allow.add(httpMethod);
      if (httpMethod === 'GET' && derivesHead) allow.add('HEAD');
    }
    return { kind: 'method-not-allowed', allow: [...allow].sort() };
  }
}

const NOT_FOUND = { kind: 'not-found' } as const;
const NO_CAPTURES: readonly string[] = [];

/**
 * Returns the texts that a template's variables capture from a path. `colon` is the offset of the verb's colon, or -1.
 */
function capturesOf(layout: Layout, path: RawPath, colon: number): readonly string[] {
  const { captures, restIndex } = layout;
  if (captures.length === 0) return NO_CAPTURES;
  // A `**` may take more or fewer segments than the one that stands for it in the template. All later segments are
  // shifted by that difference.
  const shift = path.count - layout.segmentCount;
  const texts: string[] = [];
  for (const { from, to, severalSegments } of captures) {
    const start = from > restIndex ? from + shift : from;
    const end = to > restIndex ? to + shift : to;
    texts.push(path.capture(start, end, severalSegments, colon));
  }
  return texts;
}

/** Returns a `binding-conflict` for each conflict, at the position of the second route. It names all routes. */
export function conflictDiagnostics(conflicts: readonly RouteConflict[]): Diagnostic[] {
  return conflicts.map(({ httpMethod, shape, origins }) => {
    const claims = origins.map(({ name, position }) => `${name} (${formatPosition(position)})`).join(', ');
    const what = httpMethod === ANY_METHOD ? 'any method' : httpMethod;
    return errorAt(
      origins[1]!.position,
      'binding-conflict',
      `${what} ${shape}: expected one rpc for this path, got ${origins.length}: ${claims}`,
    );
  });
}

function compareClaims(a: Claim<unknown>, b: Claim<unknown>): number {
  return compareOrigins(a.origin, b.origin);
}

function compareOrigins(a: RouteOrigin, b: RouteOrigin): number {
  return (
    compareText(a.position.file, b.position.file) ||
    (a.position.line ?? 0) - (b.position.line ?? 0) ||
    (a.position.column ?? 0) - (b.position.column ?? 0) ||
    compareText(a.name, b.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
