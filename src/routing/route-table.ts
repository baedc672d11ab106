/**
 * The routes of one surface: built by adding, then served immutable. `match` is asked with the raw path, never a decoded
 * one, so that what is authorized, limited and called is one and the same path.
 */
import { type Diagnostic, errorAt, formatPosition, type Position } from '../base/diagnostic.js';
import { NONE } from './edge-table.js';
import { ANY_METHOD, Matcher } from './matcher.js';
import type { PathTemplate } from './path-template.js';
import { RawPath } from './raw-path.js';
import { ENDING, LAYOUT, type Layout, type Trie, TrieBuilder, VALUE } from './trie.js';

/** Where a route comes from, for those who read about a conflict. */
export interface RouteOrigin {
  /** `pkg.Service/Method`. */
  readonly name: string;
  readonly position: Position;
  /** HEAD is answered as this GET without its body; for unary methods (RFC 9110 §9.3.2). */
  readonly derivesHead: boolean;
}

export type MatchResult<T> =
  | {
      readonly kind: 'found';
      readonly value: T;
      /** Decoded, in the order of the template's variables. */
      readonly captures: readonly string[];
      /** A HEAD request that a GET route answers. */
      readonly headDerived: boolean;
    }
  /** 405. `allow` is sorted, with OPTIONS, and with HEAD where it is derived. */
  | { readonly kind: 'method-not-allowed'; readonly allow: readonly string[] }
  /** 404. */
  | { readonly kind: 'not-found' }
  /** 400. `reason` says what was expected and what was found. */
  | { readonly kind: 'malformed'; readonly reason: string };

/** Routes that claim the same method and the same paths. */
export interface RouteConflict {
  readonly httpMethod: string;
  readonly shape: string;
  /** Two or more, sorted by file and line; the table serves the first. */
  readonly origins: readonly RouteOrigin[];
}

interface Claim<T> {
  readonly httpMethod: string;
  readonly template: PathTemplate;
  readonly value: T;
  readonly origin: RouteOrigin;
}

export class RouteTableBuilder<T> {
  /** By method and shape. */
  private readonly claims = new Map<string, Claim<T>[]>();

  /** `httpMethod`: `GET`, … or `*` for every method. */
  add(httpMethod: string, template: PathTemplate, value: T, origin: RouteOrigin): void {
    const key = `${httpMethod} ${template.shape}`;
    const claim = { httpMethod, template, value, origin };
    const claims = this.claims.get(key);
    if (claims === undefined) this.claims.set(key, [claim]);
    else claims.push(claim);
  }

  /** The table, and what it could not hold; both independent of the order of adding. */
  build(): { readonly table: RouteTable<T>; readonly conflicts: readonly RouteConflict[] } {
    const trie = new TrieBuilder<T>();
    for (const claims of this.claims.values()) {
      const { httpMethod, template, value, origin } = claims.toSorted(compareClaims)[0]!;
      trie.insert(httpMethod, template, value, origin.derivesHead);
    }
    return { table: new RouteTable(trie.build()), conflicts: this.conflicts() };
  }

  /** What a table could not hold, without building one. */
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

export class RouteTable<T> {
  private readonly path = new RawPath();
  private readonly matcher: Matcher;

  constructor(private readonly trie: Trie<T>) {
    this.matcher = new Matcher(trie, this.path);
  }

  /** `rawPath`: the path of the request target as it came, without the query. */
  match(method: string, rawPath: string): MatchResult<T> {
    const scanned = this.path.scan(rawPath);
    if (scanned !== 'path') {
      return scanned === 'empty-segment' ? NOT_FOUND : { kind: 'malformed', reason: scanned.malformed };
    }
    const leaf = this.matcher.find(method);
    if (leaf === NONE) return this.withoutMethod();
    const { packed, endings, layouts, values } = this.trie;
    const { httpMethod } = endings[packed.numbers[leaf + ENDING]!]!;
    const layout = layouts[packed.numbers[leaf + LAYOUT]!]!;
    const headDerived = method === 'HEAD' && httpMethod === 'GET';
    const value = values[packed.numbers[leaf + VALUE]!] as T;
    const captures = capturesOf(layout, this.path, this.matcher.colon);
    return { kind: 'found', value, captures, headDerived };
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

/** Returns the texts that a template's variables take from a path. `colon`: the offset of the verb's colon, or -1. */
function capturesOf(layout: Layout, path: RawPath, colon: number): readonly string[] {
  const { captures, restIndex } = layout;
  if (captures.length === 0) return NO_CAPTURES;
  // Behind a `**` the path's segments are off against the template's by what `**` took more, or less, than one.
  const shift = path.count - layout.segmentCount;
  const texts: string[] = [];
  for (const { from, to, severalSegments } of captures) {
    const start = from > restIndex ? from + shift : from;
    const end = to > restIndex ? to + shift : to;
    texts.push(path.capture(start, end, severalSegments, colon));
  }
  return texts;
}

/** A `binding-conflict` for each conflict; it stands at the second claim and names all. */
export function conflictDiagnostics(conflicts: readonly RouteConflict[]): Diagnostic[] {
  return conflicts.map(({ httpMethod, shape, origins }) => {
    const claims = origins.map(({ name, position }) => `${name} (${formatPosition(position)})`).join(', ');
    const what = httpMethod === ANY_METHOD ? 'any method' : httpMethod;
    return errorAt(
      origins[1]!.position,
      'binding-conflict',
      `${what} ${shape}: expected one binding, got ${origins.length}: ${claims}`,
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
