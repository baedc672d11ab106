/**
 * Compares the trie with a matcher without one: it tries every template, keeps those that match, and compares them segment
 * by segment. The alphabets are small, so that templates and paths match often.
 */
import test from 'ava';
import fc from 'fast-check';
import { atOnce } from '../../src/base/slices.js';
import { type PathTemplate, parsePathTemplate, type TemplateSegment } from '../../src/routing/path-template.js';
import { casesOf } from '../support/draws.js';
import { pause } from '../support/pause.js';
import { lines, path } from './random-routes.js';
import { claimOf, show, tableOf } from './route-lines.js';

const SEED = 20_251;
const RUNS = casesOf(4000);

interface Route {
  readonly line: string;
  readonly httpMethod: string;
  readonly template: PathTemplate;
}

/** One way in which a template matches a path. A higher rank is more specific. */
interface Way {
  readonly route: Route;
  /** For each segment of the path: 3 for a literal, 2 for `*`, 1 for `**`. */
  readonly segments: readonly number[];
  /** The length of the verb in the path, with its colon; 0 without a verb. */
  readonly verb: number;
  /** The index of `**`; infinity without one. */
  readonly rest: number;
  readonly captures: readonly string[];
}

function waysOf(route: Route, path: string): Way[] {
  const raw = path === '/' ? [] : path.slice(1).split('/');
  if (raw.includes('')) return [];
  const { verb } = route.template;
  const last = raw.at(-1) ?? '';
  let verbLength = 0;
  if (verb !== undefined) {
    const colons = [...last].flatMap((character, i) => (character === ':' && i > 0 ? [i] : []));
    const colon = colons.find((i) => decodeURIComponent(last.slice(i + 1)) === verb);
    if (colon === undefined) return [];
    raw[raw.length - 1] = last.slice(0, colon);
    verbLength = last.length - colon;
  }
  return assignments(route.template.segments, raw).map((lengths) => {
    const { segments, variables } = route.template;
    const ranks = lengths.flatMap((length, i) =>
      Array<number>(length).fill({ literal: 3, any: 2, rest: 1 }[segments[i]!.kind]),
    );
    const offset = (segment: number) => lengths.slice(0, segment).reduce((sum, length) => sum + length, 0);
    const captures = variables.map(({ start, end, severalSegments }) => {
      const text = raw.slice(offset(start), offset(end)).join('/');
      return severalSegments
        ? text.replace(/%(?!2f)(..)/gi, (escaped) => decodeURIComponent(escaped))
        : decodeURIComponent(text);
    });
    const rest = segments.findIndex(({ kind }) => kind === 'rest');
    return {
      route,
      segments: ranks,
      verb: verbLength,
      rest: rest < 0 ? Number.POSITIVE_INFINITY : rest,
      captures,
    };
  });
}

/** Returns every way to give each template segment a number of the path's segments. */
function assignments(segments: readonly TemplateSegment[], raw: readonly string[]): number[][] {
  const [first, ...others] = segments;
  if (first === undefined) return raw.length === 0 ? [[]] : [];
  const lengths = first.kind === 'rest' ? raw.map((_, i) => i).concat(raw.length) : [1];
  return lengths.flatMap((length) => {
    if (length > raw.length) return [];
    if (first.kind === 'literal' && decodeURIComponent(raw[0]!) !== first.literal) return [];
    return assignments(others, raw.slice(length)).map((tail) => [length, ...tail]);
  });
}

function compareWays(a: Way, b: Way): number {
  if (a.verb !== b.verb) return b.verb - a.verb;
  for (const [i, rank] of a.segments.entries()) {
    if (rank !== b.segments[i]) return b.segments[i]! - rank;
  }
  return a.rest === b.rest ? 0 : b.rest - a.rest;
}

/** Returns how well a route of the best shape answers a method; 0 if it does not. */
function answers(method: string, httpMethod: string): number {
  if (httpMethod === method) return 3;
  if (method === 'HEAD' && httpMethod === 'GET') return 2;
  return httpMethod === '*' ? 1 : 0;
}

function oracle(routes: readonly Route[], method: string, path: string): string {
  const ways = routes.flatMap((route) => waysOf(route, path));
  if (ways.length === 0) return '404';
  const [best] = ways
    .filter(({ route }) => answers(method, route.httpMethod) > 0)
    .sort((a, b) => compareWays(a, b) || answers(method, b.route.httpMethod) - answers(method, a.route.httpMethod));
  if (best === undefined) {
    const methods = ways.map(({ route }) => route.httpMethod);
    const allow = new Set([...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']);
    return `405 ${[...allow].sort().join(', ')}`;
  }
  const captures = best.captures.length === 0 ? '' : ` ${JSON.stringify(best.captures)}`;
  const derived = method === 'HEAD' && best.route.httpMethod === 'GET' ? ' (derived)' : '';
  return `${best.route.line}${captures}${derived}`;
}

function routesOf(all: readonly string[]): Route[] {
  return all.map((one) => {
    const [httpMethod = '', text = ''] = one.split(' ');
    return { line: one, httpMethod, template: parsePathTemplate(text) };
  });
}

test('the trie agrees with the rules, whatever order the routes come in', async (t) => {
  const method = fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE');
  const property = fc.asyncProperty(
    lines,
    fc.array(fc.tuple(method, path), { minLength: 1, maxLength: 12 }),
    async (all, requests) => {
      await pause();
      const routes = routesOf(all);
      const tables = [all, all.toReversed()].map((order) => tableOf(order).table);
      for (const [httpMethod, rawPath] of requests) {
        const expected = oracle(routes, httpMethod, rawPath);
        for (const table of tables) {
          const found = show(table.match(httpMethod, rawPath));
          if (found !== expected) throw new Error(`${httpMethod} ${rawPath}: expected ${expected}, got ${found}`);
        }
      }
    },
  );
  await t.notThrowsAsync(fc.assert(property, { seed: SEED, numRuns: RUNS }));
});

test('a table that was changed agrees with the rules, and the one before stays as it was', async (t) => {
  const method = fc.constantFrom('GET', 'POST', 'HEAD', 'DELETE');
  const requests = fc.array(fc.tuple(method, path), { minLength: 1, maxLength: 12 });
  const keyOf = ({ httpMethod, template }: Pick<Route, 'httpMethod' | 'template'>) => `${httpMethod} ${template.shape}`;
  const property = fc.asyncProperty(lines, lines, fc.nat(16), requests, async (all, others, kept, requests) => {
    await pause();
    const stay = new Set(routesOf(all.slice(0, kept)).map(keyOf));
    const removed = others.filter((line) => !stay.has(keyOf(routesOf([line])[0]!)));
    const before = [...all.slice(0, kept), ...removed];
    const { table } = tableOf(before);
    const changed = atOnce(table.changed(removed.map(claimOf), all.slice(kept).map(claimOf)));
    for (const [routes, now] of [
      [all, changed!],
      [before, table],
    ] as const) {
      for (const [httpMethod, rawPath] of requests) {
        const expected = oracle(routesOf(routes), httpMethod, rawPath);
        const found = show(now.match(httpMethod, rawPath));
        if (found !== expected) throw new Error(`${httpMethod} ${rawPath}: expected ${expected}, got ${found}`);
      }
    }
  });
  await t.notThrowsAsync(fc.assert(property, { seed: SEED, numRuns: RUNS }));
});

test('the random routes and paths meet often enough to prove something', (t) => {
  const kinds = new Map<string, number>();
  const samples = fc.sample(fc.tuple(lines, path), { seed: SEED, numRuns: casesOf(1000) });
  for (const [all, rawPath] of samples) {
    const [kind = ''] = show(tableOf(all).table.match('GET', rawPath)).split(' ');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  for (const kind of ['GET', '405', '404', '*'])
    t.true((kinds.get(kind) ?? 0) > casesOf(40), `${kind}: ${kinds.get(kind)}`);
});
