/**
 * Finds the route that the client probably meant when no template matches the path, for the message of the 404. It allows
 * for a misspelt segment, a segment too many or too few, and a slash at the end.
 *
 *     GET /v1/shelvs/7   GET /v1/shelves/7/   GET /v1/shelves   →   GET /v1/{name=shelves/*}
 *
 * Anybody can request any number of wrong paths, so a search must cost 50 µs at most: it compares at most 64 routes, all
 * with the path's first segment, and a bounded number of letters. The same request always gets the same answer.
 */
import { didYouMean } from '../base/did-you-mean.js';
import type { Binding } from './binding.js';
import { ANY_METHOD } from './matcher.js';

/** Returns a route's text such as `GET /v1/{name=shelves/*}`; undefined when no route is near. */
export type NearRoute = (method: string, rawPath: string) => string | undefined;

const MOST_CANDIDATES = 64;
/** The number of pairs of letters that are compared to find misspellings, over all candidates of one path. */
const MOST_PAIRS = 3000;
/** Longer paths get no suggestion, and neither do paths with more segments. A segment with more characters is no misspelling. */
const MOST_CHARS = 256;
const MOST_SEGMENTS = 16;
const MOST_SEGMENT_CHARS = 40;
/** The costs of differences: a misspelt segment, a segment too many or too few, another segment, another method. */
const [NEAR, MOVED, OTHER, OTHER_METHOD] = [1, 2, 4, 0.5];
/** The highest cost, without that of another method, at which a route is still suggested. */
const MOST_COST = 2;

interface Candidate {
  readonly httpMethod: string;
  readonly text: string;
  /** The literals of the template; undefined for a segment that may be any text. */
  readonly segments: readonly (string | undefined)[];
  readonly verb: string | undefined;
}

/**
 * Prepares the search. `bindings` must only have routes that every client may know. `basePath` stands in front of their
 * templates in the text.
 */
export function compileNearRoute(bindings: readonly Binding[], basePath = ''): NearRoute {
  const byStart = candidatesByStart(bindings, basePath);
  return function nearRoute(method, rawPath) {
    if (rawPath.length > MOST_CHARS) return undefined;
    const segments = rawPath.split('/').filter((segment) => segment !== '');
    const known = byStart.get(segments[0] ?? '');
    if (known === undefined || segments.length > MOST_SEGMENTS) return undefined;
    return new Search(method, segments).best(known);
  };
}

/**
 * The candidates by their first segment, and then by their second one, which differs between the resources of a large
 * API.
 */
type ByStart = ReadonlyMap<string, ReadonlyMap<string, readonly Candidate[]>>;
const ANY_SECOND = '*';

function candidatesByStart(bindings: readonly Binding[], basePath: string): ByStart {
  const byStart = new Map<string, Map<string, Candidate[]>>();
  for (const { httpMethod, template } of bindings) {
    const [first, second] = template.segments;
    if (first?.kind !== 'literal' || template.segments.some(({ kind }) => kind === 'rest')) continue;
    const segments = template.segments.map((one) => (one.kind === 'literal' ? one.literal : undefined));
    const path = basePath + template.text;
    const text = httpMethod === ANY_METHOD ? path : `${httpMethod} ${path}`;
    const bySecond = byStart.get(first.literal) ?? new Map<string, Candidate[]>();
    byStart.set(first.literal, bySecond);
    const key = second?.kind === 'literal' ? second.literal : ANY_SECOND;
    const same = bySecond.get(key) ?? [];
    bySecond.set(key, same);
    same.push({ httpMethod, text, segments, verb: template.verb });
  }
  return byStart;
}

/** Compares one path with its candidates. */
class Search {
  private pairs = MOST_PAIRS;

  constructor(
    private readonly method: string,
    private readonly path: readonly string[],
  ) {}

  best(bySecond: ReadonlyMap<string, readonly Candidate[]>): string | undefined {
    let best: Candidate | undefined;
    let least = MOST_COST + 1;
    for (const candidate of this.candidates(bySecond)) {
      // Among routes that are equally near, one with the same method wins.
      const isSame = candidate.httpMethod === this.method || candidate.httpMethod === ANY_METHOD;
      const cost = this.costOf(candidate) + (isSame ? 0 : OTHER_METHOD);
      if (cost < least) [best, least] = [candidate, cost];
    }
    return best?.text;
  }

  /**
   * Returns the candidates to compare: those with the path's second segment, then those that allow any text there, those
   * for which that segment is one too many, and those whose second segment is a near spelling of it.
   */
  private candidates(bySecond: ReadonlyMap<string, readonly Candidate[]>): readonly Candidate[] {
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
      candidates.push(...(bySecond.get(key) ?? []).slice(0, MOST_CANDIDATES - candidates.length));
    }
    return candidates;
  }

  /** Returns how far the path is from a template. */
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

  /** Returns the cost of `count` segments of both, compared one by one from the two indices on. */
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
