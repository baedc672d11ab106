/**
 * This module finds the route that the client probably meant when no template matches the path, for the message of the 404. It
 * allows for a misspelt segment, a segment too many or too few, and a slash at the end.
 *
 *     GET /v1/shelvs/7   GET /v1/shelves/7/   GET /v1/shelves   →   GET /v1/{name=shelves/*}
 *
 * Anybody can request any number of wrong paths, so a search must cost 50 µs at most: it compares at most 64 routes, all with
 * the path's first segment, and a bounded number of letters. The same request always gets the same answer.
 */
import { didYouMean } from '../base/did-you-mean.js';
import type { Binding } from './binding.js';
import { ANY_METHOD } from './matcher.js';

/** Returns a route's text such as `GET /v1/{name=shelves/*}`; undefined when no route is near. */
export type NearRoute = (method: string, rawPath: string) => string | undefined;

const MOST_CANDIDATES = 64;
/** The number of pairs of letters that are compared to find misspellings, over all candidates of one path. */
const MOST_PAIRS = 3000;
/** Paths with more characters or more segments get no suggestion. A longer segment is not taken for a misspelt one. */
const MOST_CHARS = 256;
const MOST_SEGMENTS = 16;
const MOST_SEGMENT_CHARS = 40;
/** The costs of differences: a misspelt segment, a segment too many or too few, another segment, another method. */
const [NEAR, MOVED, OTHER, OTHER_METHOD] = [1, 2, 4, 0.5];
/** The highest cost, without that of another method, at which a route is still suggested. */
const MOST_COST = 2;

interface Candidate {
  readonly httpMethod: string;
  /** The template as it is written. */
  readonly path: string;
  /** The literals of the template; undefined for a segment that may be any text. */
  readonly segments: readonly (string | undefined)[];
  readonly verb: string | undefined;
}

/**
 * Prepares the search. `groups` are lists of bindings which must only have routes that every client may know; the results for a
 * list are kept with it, for the next reload. `basePath` stands in front of their templates in the text.
 */
export function compileNearRoute(groups: readonly (readonly Binding[])[], basePath = ''): NearRoute {
  const byStart = joined(groups);
  return function nearRoute(method, rawPath) {
    if (rawPath.length > MOST_CHARS) return undefined;
    const segments = rawPath.split('/').filter((segment) => segment !== '');
    const known = byStart.get(segments[0] ?? '');
    if (known === undefined || segments.length > MOST_SEGMENTS) return undefined;
    const best = new Search(method, segments).best(known);
    if (best === undefined) return undefined;
    const path = basePath + best.path;
    return best.httpMethod === ANY_METHOD ? path : `${best.httpMethod} ${path}`;
  };
}

/**
 * The candidates by their first segment, and then by their second one, which differs between the resources of a large
 * API.
 */
type ByStart<T> = ReadonlyMap<string, ReadonlyMap<string, readonly T[]>>;
const ANY_SECOND = '*';

/** Returns the lists of candidates of all groups. */
function joined(groups: readonly (readonly Binding[])[]): ByStart<readonly Candidate[]> {
  const byStart = new Map<string, Map<string, (readonly Candidate[])[]>>();
  for (const group of groups) {
    for (const [first, bySecond] of candidatesByStart(group))
      for (const [second, candidates] of bySecond) listIn(byStart, first, second).push(candidates);
  }
  return byStart;
}

const KNOWN = new WeakMap<readonly Binding[], ByStart<Candidate>>();

function candidatesByStart(bindings: readonly Binding[]): ByStart<Candidate> {
  const known = KNOWN.get(bindings);
  if (known !== undefined) return known;
  const byStart = new Map<string, Map<string, Candidate[]>>();
  for (const { httpMethod, template } of bindings) {
    const [first, second] = template.segments;
    if (first?.kind !== 'literal' || template.segments.some(({ kind }) => kind === 'rest')) continue;
    const segments = template.segments.map((one) => (one.kind === 'literal' ? one.literal : undefined));
    const key = second?.kind === 'literal' ? second.literal : ANY_SECOND;
    const candidate = { httpMethod, path: template.text, segments, verb: template.verb };
    listIn(byStart, first.literal, key).push(candidate);
  }
  KNOWN.set(bindings, byStart);
  return byStart;
}

function listIn<T>(byStart: Map<string, Map<string, T[]>>, first: string, second: string): T[] {
  const bySecond = byStart.get(first) ?? new Map<string, T[]>();
  byStart.set(first, bySecond);
  const list = bySecond.get(second) ?? [];
  bySecond.set(second, list);
  return list;
}

/** Compares one path with its candidates. */
class Search {
  private pairs = MOST_PAIRS;

  constructor(
    private readonly method: string,
    private readonly path: readonly string[],
  ) {}

  best(bySecond: ReadonlyMap<string, readonly (readonly Candidate[])[]>): Candidate | undefined {
    let best: Candidate | undefined;
    let least = MOST_COST + 1;
    for (const candidate of this.candidates(bySecond)) {
      // Among routes that are equally near, one with the same method wins.
      const isSame = candidate.httpMethod === this.method || candidate.httpMethod === ANY_METHOD;
      const cost = this.costOf(candidate) + (isSame ? 0 : OTHER_METHOD);
      if (cost < least) [best, least] = [candidate, cost];
    }
    return best;
  }

  /**
   * Returns the candidates to compare: those with the path's second segment, then those that allow any text there, those
   * for which that segment is one too many, and those whose second segment is a near spelling of it.
   */
  private candidates(bySecond: ReadonlyMap<string, readonly (readonly Candidate[])[]>): readonly Candidate[] {
    const [name = ''] = (this.path[1] ?? '').split(':', 1);
    const keys = new Set([name, ANY_SECOND, this.path[2] ?? '']);
    if (!bySecond.has(name)) {
      let looked = 0;
      for (const key of bySecond.keys()) {
        if (++looked > MOST_CANDIDATES) break;
        if (this.costOfText(key, name) === NEAR) keys.add(key);
      }
    }
    const candidates: Candidate[] = [];
    for (const key of keys) {
      for (const list of bySecond.get(key) ?? []) {
        if (candidates.length === MOST_CANDIDATES) return candidates;
        candidates.push(...list.slice(0, MOST_CANDIDATES - candidates.length));
      }
    }
    return candidates;
  }

  /** Returns the cost of a candidate, which is the higher the more the path differs from its template. */
  private costOf({ segments, verb }: Candidate): number {
    const { path } = this;
    const last = path.at(-1) ?? '';
    const colon = verb === undefined ? -1 : last.indexOf(':');
    const verbCost = verb === undefined ? 0 : colon < 0 ? MOVED : this.costOfText(verb, last.slice(colon + 1));
    const texts = colon < 0 ? path : [...path.slice(0, -1), last.slice(0, colon)];
    const difference = texts.length - segments.length;
    if (Math.abs(difference) > 1) return OTHER;
    if (difference === 0) return verbCost + this.aligned(segments, texts, [0, 0], segments.length);
    // One segment of the longer of the two is left out, at the place that costs least.
    let least = OTHER;
    for (let gap = 0; gap < Math.max(segments.length, texts.length); gap++) {
      const before = this.aligned(segments, texts, [0, 0], gap);
      if (before >= least) break;
      const behind: [number, number] = difference < 0 ? [gap + 1, gap] : [gap, gap + 1];
      least = Math.min(least, before + this.aligned(segments, texts, behind, segments.length - behind[0]));
    }
    return verbCost + MOVED + least;
  }

  /** Returns the cost of `count` segments of template and path. They are compared one by one, from the two indices on. */
  private aligned(
    segments: Candidate['segments'],
    texts: readonly string[],
    [inTemplate, inPath]: readonly [number, number],
    count: number,
  ): number {
    let cost = 0;
    for (let i = 0; i < count && cost <= MOST_COST; i++) {
      const segment = segments[inTemplate + i];
      if (segment !== undefined) cost += this.costOfText(segment, texts[inPath + i]!);
    }
    return cost;
  }

  private costOfText(expected: string, found: string): number {
    if (expected === found) return 0;
    const pairs = expected.length * found.length;
    const isLong = Math.max(expected.length, found.length) > MOST_SEGMENT_CHARS;
    if (isLong || Math.abs(expected.length - found.length) > 2 || pairs > this.pairs) return OTHER;
    this.pairs -= pairs;
    return didYouMean(found, [expected]) === undefined ? OTHER : NEAR;
  }
}
