/**
 * Measures the cost of matching a route in a table with every shape of google-proto-files, compared with tables of ten
 * routes.
 *
 *     node dist/bench/match.js
 *
 * The tens are drawn from the same routes, so that the tables differ in size and the paths do not differ in length. Every
 * table gets the same number of paths, each with ids of its own, shuffled. Rounds go over all tables in turn; figures are
 * medians over the rounds, of the process' CPU time.
 */
import { type PathTemplate, parsePathTemplate } from '../src/routing/path-template.js';
import { type RouteTable, RouteTableBuilder } from '../src/routing/route-table.js';
import { GOOGLE_PROTOS, googleRoutes, type HttpRoute } from './google-protos.js';

const SHAPES = 14_928;
const GOAL = { ratio: 1.5, ns: 1000 };
const DRAWS = 8;
const WARM_UP_ROUNDS = 2;
const ROUNDS = 15;
const MATCHES_PER_ROUND = 100_000;
const REQUESTS = 30_000;

interface Contender {
  readonly table: RouteTable<number>;
  readonly requests: readonly HttpRoute[];
}

function main(): void {
  const random = seededRandom(42);
  const routes = distinctShapes(googleRoutes());
  if (routes.length !== SHAPES) throw new Error(`${GOOGLE_PROTOS}: expected ${SHAPES} shapes, got ${routes.length}`);
  const all = contender(routes, random);
  const tens = Array.from({ length: DRAWS }, () => contender(drawTen(routes, random), random));
  const rounds: { readonly few: number; readonly many: number }[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const few = tens.map(measure);
    rounds.push({ few: few.reduce((sum, ns) => sum + ns) / DRAWS, many: measure(all) });
  }
  const counted = rounds.slice(WARM_UP_ROUNDS);
  const few = median(counted.map((round) => round.few));
  const many = median(counted.map((round) => round.many));
  const ratios = counted.map((round) => round.many / round.few).toSorted((a, b) => a - b);
  console.log(`${GOOGLE_PROTOS}, ${process.version}, CPU time per match`);
  console.log(`10 routes, ${DRAWS} draws: ${few.toFixed(0)} ns, ${lengthOf(tens)} characters a path`);
  console.log(
    `${routes.length} routes: ${many.toFixed(0)} ns, ${lengthOf([all])} characters a path (goal ${GOAL.ns} ns)`,
  );
  const range = `${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)}`;
  console.log(`ratio: ${median(ratios).toFixed(2)}, rounds ${range} (goal ${GOAL.ratio})`);
}

function contender(routes: readonly HttpRoute[], random: () => number): Contender {
  const builder = new RouteTableBuilder<number>();
  const templates = routes.map(({ method, path }) => ({ method, template: parsePathTemplate(path) }));
  for (const [index, { method, template }] of templates.entries()) {
    const origin = { name: template.text, position: { file: GOOGLE_PROTOS }, derivesHead: true };
    builder.add({ httpMethod: method, template, value: index, origin });
  }
  const { table } = builder.build();
  // All tables get the same number of requests, each with ids of its own, so that neither the memory of the paths nor the
  // branch predictor of the processor makes a difference.
  const inOrder = Array.from({ length: REQUESTS }, (_, i) => templates[i % templates.length]!);
  const requests = shuffled(inOrder, random).map(({ method, template }) => ({
    method,
    path: pathOf(template, random),
  }));
  for (const { method, path } of requests) {
    if (table.match(method, path).kind !== 'found') throw new Error(`${method} ${path}: expected a match`);
  }
  return { table, requests };
}

/** Returns the nanoseconds of CPU time per match over the requests, in their shuffled order. */
function measure({ table, requests }: Contender): number {
  let found = 0;
  const start = process.cpuUsage();
  for (let i = 0, at = 0; i < MATCHES_PER_ROUND; i++) {
    const { method, path } = requests[at]!;
    if (table.match(method, path).kind === 'found') found++;
    at = at + 1 === requests.length ? 0 : at + 1;
  }
  const { user, system } = process.cpuUsage(start);
  if (found !== MATCHES_PER_ROUND) throw new Error(`expected ${MATCHES_PER_ROUND} matches, got ${found}`);
  return ((user + system) * 1000) / MATCHES_PER_ROUND;
}

/** Returns a path that the template matches: wildcards become ids of 4 to 16 characters. */
function pathOf({ segments, verb }: PathTemplate, random: () => number): string {
  const id = () =>
    Array.from({ length: 4 + Math.floor(random() * 13) }, () => ID[Math.floor(random() * ID.length)]).join('');
  const texts = segments.map((segment) => {
    if (segment.kind === 'literal') return encodeURIComponent(segment.literal);
    return segment.kind === 'any' ? id() : `${id()}/${id()}`;
  });
  const path = `/${texts.join('/')}${verb === undefined ? '' : `:${encodeURIComponent(verb)}`}`;
  // The path becomes one flat string, as those from a socket are.
  return Buffer.from(path).toString('latin1');
}

const ID = 'abcdefghijklmnopqrstuvwxyz0123456789-';

/** Draws one route from each tenth of the routes, which are sorted by length. */
function drawTen(routes: readonly HttpRoute[], random: () => number): HttpRoute[] {
  const byLength = routes.toSorted((a, b) => a.path.length - b.path.length);
  return Array.from({ length: 10 }, (_, i) => byLength[Math.floor(((i + random()) * byLength.length) / 10)]!);
}

function distinctShapes(routes: readonly HttpRoute[]): HttpRoute[] {
  return [
    ...new Map(routes.map((route) => [`${route.method} ${parsePathTemplate(route.path).shape}`, route])).values(),
  ];
}

function lengthOf(contenders: readonly Contender[]): string {
  const paths = contenders.flatMap(({ requests }) => requests);
  return (paths.reduce((sum, { path }) => sum + path.length, 0) / paths.length).toFixed(0);
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** Returns the random generator mulberry32. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

main();
