/**
 * Checks the floors: a file imports only from lower floors, folders on one floor do not import each other, and files of one
 * folder may. `import type` counts too, because a type is also a dependency.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative, sep } from 'node:path';
import test from 'ava';

const SRC = 'src';

/**
 * The floors from the ground up: a unit may import from units of lower floors. A unit is a folder below `src/`, a loose
 * file, or, inside `policy/`, a room or a loose file; rooms are on one floor.
 */
const HOUSE: readonly (readonly string[])[] = [
  ['base'],
  // The demo's services use base alone, and only the command line starts them.
  ['call', 'status', 'telemetry', 'demo'],
  ['schema'],
  ['codec', 'routing', 'upstream', 'store'],
  ['paths'],
  ['transcoding'],
  ['exchange', 'aggregate'],
  ['policy/kind.ts'],
  [
    'policy/access',
    'policy/addresses',
    'policy/cache',
    'policy/deprecated',
    'policy/rate-limit',
    'policy/retry',
    'policy/values',
  ],
  ['policy/kinds.ts'],
  ['policy/policy.ts'],
  ['config', 'route', 'server'],
  ['report', 'openapi', 'diff'],
  ['gateway'],
  ['admin'],
  ['process'],
  ['cli', 'index.ts'],
];

const FLOORS: ReadonlyMap<string, number> = new Map(
  HOUSE.flatMap((units, floor) => units.map((unit) => [unit, floor] as const)),
);

/** Units that are on a low floor and may be imported only by some. */
const ONLY_FOR: ReadonlyMap<string, ReadonlySet<string>> = new Map([['demo', new Set(['cli'])]]);

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Returns what is wrong with an import between two files, both relative to `src/`; undefined if it is allowed. */
function violation({ from, to }: Import): string | undefined {
  const [user, used] = [unitOf(from), unitOf(to)];
  if (user === used) return undefined;
  const [userFloor, usedFloor] = [FLOORS.get(user), FLOORS.get(used)];
  if (userFloor === undefined) return `${from}: expected a folder with a floor, got '${user}'`;
  if (usedFloor === undefined) return `${from} → ${to}: expected an import inside src/ from a floor, got '${used}'`;
  if (usedFloor >= userFloor) return `${from} → ${to}: expected a floor below ${userFloor}, got ${usedFloor}`;
  const allowed = ONLY_FOR.get(used);
  if (allowed !== undefined && !allowed.has(user)) return `${from} → ${to}: expected ${used}/ for ${[...allowed]} only`;
  return undefined;
}

function unitOf(file: string): string {
  const parts = file.replace(/\.js$/, '.ts').split(sep);
  const depth = parts[0] === 'policy' ? 2 : 1;
  return parts.slice(0, depth).join('/');
}

/** Returns the files that a source imports, by `import`, `export … from`, `import()` or in a type. */
function importsOf(file: string, source: string): Import[] {
  const specifiers = source.matchAll(/\b(?:from|import)\s*\(?\s*(['"])(\.[^'"]*)\1/g);
  return [...specifiers].map(([, , specifier = '']) => ({ from: file, to: normalize(join(dirname(file), specifier)) }));
}

async function importsOfAll(): Promise<Import[]> {
  const entries = await readdir(SRC, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  const found = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return importsOf(relative(SRC, path), await readFile(path, 'utf8'));
  });
  return (await Promise.all(found)).flat();
}

test('every file imports from lower floors only', async (t) => {
  const imports = await importsOfAll();
  t.true(imports.length > 10, `only ${imports.length} imports found`);
  t.deepEqual(imports.map(violation).filter(Boolean), []);
});

test('no files import each other in a circle', async (t) => {
  const uses = new Map<string, Set<string>>();
  for (const { from, to } of await importsOfAll()) {
    uses.set(from, (uses.get(from) ?? new Set()).add(to.replace(/\.js$/, '.ts')));
  }
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (path.includes(file) || done.has(file)) return;
    for (const used of uses.get(file) ?? []) visit(used, [...path, file]);
    done.add(file);
  };
  for (const file of uses.keys()) visit(file, []);
  t.deepEqual(circles, []);
});

test('docs/architecture.md draws the floors that the imports obey', async (t) => {
  const page = await readFile('docs/architecture.md', 'utf8');
  const [, drawing = ''] = /```text.*\n([\s\S]*?)```/.exec(page) ?? [];
  const drawn: string[][] = [];
  for (const [, number = '', unit = ''] of drawing.matchAll(/^ ([ \d]{2}) │ (\S+?)\/? /gm)) {
    if (number.trim() !== '') drawn.unshift([]);
    drawn[0]?.push(unit);
  }
  const built = HOUSE.map((units) => units.filter((unit) => existsSync(join(SRC, unit)))).filter(
    ({ length }) => length,
  );
  t.deepEqual(drawn, built);
});

test('at most two files lie loose in src, and no file is longer than 400 lines', async (t) => {
  const entries = await readdir(SRC, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  t.true(files.filter(({ parentPath }) => parentPath === SRC).length <= 2);
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    const lines = (await readFile(path, 'utf8')).split('\n').length - 1;
    t.true(lines <= 400, `${path}: expected at most 400 lines, got ${lines}`);
  }
});

test('a violation is found, however it is written', (t) => {
  const sources: readonly (readonly [source: string, breaks: boolean])[] = [
    ["import { a } from '../codec/codec.js';", true],
    ["import type { A } from '../codec/codec.js';", true],
    ["import {\n  a,\n  type B,\n} from '../transcoding/x.js';", true],
    ["import '../server/app.js';", true],
    ['export * from "../gateway/gateway.js";', true],
    ["const a = await import('../cli/main.js');", true],
    ["type A = import('../policy/policy.js').Policy;", true],
    ["import { a } from '../demo/a.js';", true],
    ["import { a } from '../../test/a.js';", true],
    ["import { a } from '../utils/a.js';", true],
    ["import { a } from './matcher.js';", false],
    ["import { a } from '../schema/descriptor.js';", false],
    ["import { a } from '../base/clock.js';", false],
    ["import { a } from 'protobufjs';", false],
    ["import { METHODS } from 'node:http';", false],
  ];
  for (const [source, breaks] of sources) {
    const found = importsOf(join('routing', 'x.ts'), source).map(violation).filter(Boolean);
    t.is(found.length, breaks ? 1 : 0, `${source}: ${found}`);
  }
});

test('siblings on one floor do not import each other', (t) => {
  for (const [from, to] of [
    ['schema/a.ts', 'upstream/b.js'],
    ['call/a.ts', 'status/b.js'],
    ['index.ts', 'cli/b.js'],
    ['demo/a.ts', 'call/b.js'],
    ['nowhere/a.ts', 'base/b.js'],
  ] as const) {
    t.truthy(violation({ from: normalize(from), to: normalize(to) }), `${from} → ${to}`);
  }
  t.is(violation({ from: normalize('cli/a.ts'), to: normalize('demo/b.js') }), undefined);
});
