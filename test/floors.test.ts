/**
 * The floors of the house: a file imports only from lower floors, siblings on a floor do not import each other, inside a
 * folder is free. `import type` counts: a type is knowledge too.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative, sep } from 'node:path';
import test from 'ava';

const SRC = 'src';

/** By the first name below `src/`: a folder, or a file of its own. */
const FLOORS: ReadonlyMap<string, number> = new Map([
  ['base', 0],
  ['call', 1],
  ['status', 1],
  ['telemetry', 1],
  ['store', 2],
  ['schema', 2],
  ['upstream', 2],
  ['codec', 3],
  ['routing', 3],
  ['paths', 3.5],
  ['transcoding', 4],
  ['aggregate', 4],
  ['policy', 5],
  ['openapi', 6],
  ['report', 6],
  ['server', 7],
  ['admin', 7],
  ['config', 8],
  ['aggregates.ts', 8.2],
  ['stream-problems.ts', 8.2],
  ['route-problems.ts', 8.2],
  ['plan.ts', 8.5],
  ['authentication.ts', 8.5],
  ['rate-limiting.ts', 8.5],
  ['caching.ts', 8.5],
  ['shared-store.ts', 8.2],
  ['upstreams.ts', 8.5],
  ['compile.ts', 8.8],
  ['gateway.ts', 9],
  ['cli', 10],
  ['index.ts', 10],
  // The demo's services stand apart: they use base alone, and only the command line starts them.
  ['demo', 0.5],
]);

/** Who may use what stands low but is not for all. */
const ONLY_FOR: ReadonlyMap<string, ReadonlySet<string>> = new Map([['demo', new Set(['cli'])]]);

/** `from → to` by file, each with its reason. */
const EXCEPTIONS: ReadonlySet<string> = new Set([]);

interface Import {
  readonly from: string;
  readonly to: string;
}

/** What is wrong with an import between two files, both relative to `src/`; undefined: nothing. */
function violation({ from, to }: Import): string | undefined {
  const [user, used] = [unitOf(from), unitOf(to)];
  if (user === used || EXCEPTIONS.has(`${from} → ${to}`)) return undefined;
  const [userFloor, usedFloor] = [FLOORS.get(user), FLOORS.get(used)];
  if (userFloor === undefined) return `${from}: expected a folder with a floor, got '${user}'`;
  if (usedFloor === undefined) return `${from} → ${to}: expected an import inside src/ from a floor, got '${used}'`;
  if (usedFloor >= userFloor) return `${from} → ${to}: expected a floor below ${userFloor}, got ${usedFloor}`;
  const allowed = ONLY_FOR.get(used);
  if (allowed !== undefined && !allowed.has(user)) return `${from} → ${to}: expected ${used}/ for ${[...allowed]} only`;
  return undefined;
}

function unitOf(file: string): string {
  const [unit = '', ...inside] = file.split(sep);
  return inside.length === 0 ? unit.replace(/\.js$/, '.ts') : unit;
}

/** The files that a source imports, by `import`, `export … from`, `import()` or in a type. */
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

test('a violation is found, however it is written', (t) => {
  const sources: readonly (readonly [source: string, breaks: boolean])[] = [
    ["import { a } from '../codec/codec.js';", true],
    ["import type { A } from '../codec/codec.js';", true],
    ["import {\n  a,\n  type B,\n} from '../transcoding/x.js';", true],
    ["import '../server/app.js';", true],
    ['export * from "../gateway.js";', true],
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
