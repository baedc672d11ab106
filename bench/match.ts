/**
 * What a route match costs among every shape of google-proto-files, against a table of ten routes.
 *
 *     node dist/bench/match.js [routes.json]
 *
 * `routes.json` is what `protogate routes --format json` prints; without it the templates are read from the package
 * (`npm pack`, kept in `.cache/`). Paths are made from the templates and shuffled; the rounds of the two tables are
 * interleaved, and the figures are medians.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PathTemplate, parsePathTemplate } from '../src/routing/path-template.js';
import { type RouteTable, RouteTableBuilder } from '../src/routing/route-table.js';

const PACKAGE = 'google-proto-files@5.0.3';
const ROUNDS = 15;
const MATCHES_PER_ROUND = 200_000;
const REQUESTS = 30_000;

interface Route {
  readonly method: string;
  readonly path: string;
}

interface Contender {
  readonly name: string;
  readonly table: RouteTable<number>;
  readonly requests: readonly Route[];
  readonly nsPerMatch: number[];
}

function main(): void {
  const routes = distinctShapes(process.argv[2] === undefined ? corpusRoutes() : routesOfFile(process.argv[2]));
  const random = seededRandom(42);
  const ten = tenOf(routes);
  const contenders = [contender('ten routes', ten, random), contender('all routes', routes, random)];
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of contenders) one.nsPerMatch.push(measure(one));
  }
  const [few = 0, all = 0] = contenders.map(({ nsPerMatch }) => median(nsPerMatch));
  console.log(`${routes.length} methods and shapes of ${PACKAGE}; ${process.version}`);
  for (const { name, nsPerMatch, requests } of contenders) {
    const characters = requests.reduce((sum, { path }) => sum + path.length, 0) / requests.length;
    console.log(`${name}: ${median(nsPerMatch).toFixed(0)} ns per match, ${characters.toFixed(0)} characters a path`);
  }
  console.log(`ratio: ${(all / few).toFixed(2)}`);
}

function contender(name: string, routes: readonly Route[], random: () => number): Contender {
  const builder = new RouteTableBuilder<number>();
  const templates = routes.map(({ method, path }) => ({ method, template: parsePathTemplate(path) }));
  for (const [index, { method, template }] of templates.entries()) {
    const origin = { name: template.text, position: { file: PACKAGE }, derivesHead: true };
    builder.add(method, template, index, origin);
  }
  const { table } = builder.build();
  // As many requests for both, each with ids of its own: neither the memory of the paths nor the guesses of the
  // processor's branch predictor are what is compared.
  const inOrder = Array.from({ length: REQUESTS }, (_, i) => templates[i % templates.length]!);
  const requests = shuffled(inOrder, random).map(({ method, template }) => ({
    method,
    path: pathOf(template, random),
  }));
  for (const { method, path } of requests) {
    if (table.match(method, path).kind !== 'found') throw new Error(`${method} ${path}: expected a match`);
  }
  return { name, table, requests, nsPerMatch: [] };
}

/** Nanoseconds per match over the requests, in their shuffled order. */
function measure({ table, requests }: Contender): number {
  let found = 0;
  const start = process.hrtime.bigint();
  for (let i = 0, at = 0; i < MATCHES_PER_ROUND; i++) {
    const { method, path } = requests[at]!;
    if (table.match(method, path).kind === 'found') found++;
    at = at + 1 === requests.length ? 0 : at + 1;
  }
  const ns = Number(process.hrtime.bigint() - start) / MATCHES_PER_ROUND;
  if (found !== MATCHES_PER_ROUND) throw new Error(`expected ${MATCHES_PER_ROUND} matches, got ${found}`);
  return ns;
}

/** A path that the template matches: wildcards become ids of 4 to 16 characters. */
function pathOf({ segments, verb }: PathTemplate, random: () => number): string {
  const id = () =>
    Array.from({ length: 4 + Math.floor(random() * 13) }, () => ID[Math.floor(random() * ID.length)]).join('');
  const texts = segments.map((segment) => {
    if (segment.kind === 'literal') return encodeURIComponent(segment.literal);
    return segment.kind === 'any' ? id() : `${id()}/${id()}`;
  });
  const path = `/${texts.join('/')}${verb === undefined ? '' : `:${encodeURIComponent(verb)}`}`;
  // A flat string of its own, as from a socket.
  return Buffer.from(path).toString('latin1');
}

const ID = 'abcdefghijklmnopqrstuvwxyz0123456789-';

/** The middle one of each tenth by length, so that both tables see paths of one length on average. */
function tenOf(routes: readonly Route[]): Route[] {
  const byLength = routes.toSorted((a, b) => a.path.length - b.path.length);
  return Array.from({ length: 10 }, (_, i) => byLength[Math.floor(((i + 0.5) * byLength.length) / 10)]!);
}

function distinctShapes(routes: readonly Route[]): Route[] {
  return [
    ...new Map(routes.map((route) => [`${route.method} ${parsePathTemplate(route.path).shape}`, route])).values(),
  ];
}

function routesOfFile(file: string): Route[] {
  return JSON.parse(readFileSync(file, 'utf8')) as Route[];
}

/** Every `get: "/v1/…"` in the package's protos, by text: the bench measures matching, not the schema. */
function corpusRoutes(): Route[] {
  const root = unpackCorpus();
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.proto'));
  return files.flatMap((file) => {
    const rules = readFileSync(join(root, file), 'utf8').matchAll(
      /^\s*(?:option \(google\.api\.http\)\.)?(?:option \(google\.api\.http\) = \{\s*)?(?:additional_bindings:? \{\s*)?(get|put|post|delete|patch)\s*[:=]\s*((?:"[^"\n]*"\s*)+)/gm,
    );
    return [...rules].map(([, kind = '', path = '']) => ({
      method: kind.toUpperCase(),
      path: path.replace(/"\s*"|^"|"\s*$/g, ''),
    }));
  });
}

function unpackCorpus(): string {
  const folder = join('.cache', 'google-proto-files');
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true });
    const [archive = ''] = execFileSync('npm', ['pack', '--silent', PACKAGE, '--pack-destination', '.cache'], {
      encoding: 'utf8',
    })
      .trim()
      .split('\n')
      .slice(-1);
    execFileSync('tar', ['xzf', join('.cache', archive), '-C', folder, '--strip-components=1']);
  }
  return folder;
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

/** mulberry32. */
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
