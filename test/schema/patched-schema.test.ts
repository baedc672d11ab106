/** A load that reads only the files that have changed gives the schema and the problems of a first load. */
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { loadAgain } from '../../src/schema/load-again.js';
import type { SchemaSources } from '../../src/schema/loaded-files.js';
import { loadSchema, type Schema } from '../../src/schema/source.js';
import { casesOf, draws } from '../support/draws.js';
import { protoFolder } from '../support/gateway.js';
import { plainSchema } from './plain.js';

/** More files than are read without a thread. Only the first of these files change. */
const [FILES, CHANGING] = [104, 6];
const names = Array.from({ length: FILES }, (_, i) => `f${i}`);

interface Text {
  readonly import?: string;
  readonly field?: string;
  readonly more?: string;
  readonly rpc?: string;
}

function textOf(i: number, { import: imported, field = '', more = '', rpc = 'Get' }: Text = {}): string {
  const next = i + 1 < CHANGING ? `f${i + 1}` : undefined;
  return `syntax = "proto3"; package p.f${i};
import "google/api/annotations.proto";
${next === undefined ? '' : `import "${next}.proto";`}
${imported === undefined ? '' : `import "${imported}.proto";`}
message M { string id = 1; ${next === undefined ? '' : `p.${next}.M next = 2;`} ${field} }
${more}
service S { rpc ${rpc}(M) returns (M) { option (google.api.http) = { get: "/v1/f${i}/{id}" }; } }`;
}

async function start(t: ExecutionContext, more: Partial<SchemaSources> = {}) {
  const folder = await protoFolder(t, Object.fromEntries(names.map((name, i) => [`${name}.proto`, textOf(i)])));
  const other = await protoFolder(t, {
    'other.proto': 'syntax = "proto3"; package p; message Other { string id = 1; }',
  });
  const sources: SchemaSources = { protos: [folder], imports: [other], descriptorSets: [], ...more };
  const at = (i: number) => join(folder, `f${i}.proto`);
  return { folder, other, sources, first: loadSchema(sources), at };
}

const types = names.slice(0, CHANGING).flatMap((name) => ['M', 'More', 'K'].map((type) => `p.${name}.${type}`));
function plainOrError(registry: Schema['registry']): unknown {
  try {
    return plainSchema(registry, [...types, 'p.Other', 'p.M']);
  } catch (error) {
    return String(error);
  }
}

const seen = ({ registry, diagnostics, files }: Schema) => ({
  files: files.map(({ declaration: { name }, routed }) => [name, routed]),
  schema: plainOrError(registry),
  services: registry.services.map(({ fullName, position, methods }) => [
    [fullName, position],
    methods.map((method) => [method.fullName, method.routing, registry.method(method.fullName) === method]),
  ]),
  lines: diagnostics.map(formatDiagnostic),
});
/** True if only the changed files were read. */
const isPatched = (schema: Schema, before: Schema) =>
  schema === before || (schema.linked?.loaded?.lookups ?? {}) === before.linked?.loaded?.lookups;

const EDITS: readonly Text[] = [
  {},
  { field: 'int32 added = 3;' },
  { field: 'int32 added = 3; int64 second = 4;' },
  { more: 'message More { M m = 1; }' },
  { more: 'enum K { ZERO = 0; }' },
  // The name is nearer than that of another package.
  { more: 'message p { message f3 { message M { bool near = 1; } } }' },
  { rpc: 'Fetch' },
  { import: 'other', field: 'p.Other other = 5;' },
  { import: 'nowhere' },
  { field: 'Unknown unknown = 6;' },
  { field: 'int32 twice = 1;' },
  { more: 'message M {}' },
  { more: 'import "google/protobuf/descriptor.proto"; extend google.protobuf.FieldOptions { string mark = 50001; }' },
  { more: 'message {' },
];

test('after each of many changes, known or not, the schema is that of a first load', async (t) => {
  const draw = draws(5);
  const exclude = [
    { pattern: 'p.f1.S/Get', position: { file: 'c.yaml' } },
    { pattern: 'p.f2.S.*', position: { file: 'c.yaml' } },
    { pattern: 'f3.proto', position: { file: 'c.yaml' } },
  ];
  for (const more of [{}, { exclude }]) {
    const { sources, first, folder, other, at } = await start(t, more);
    const changed = new Set<string>();
    let served = first;
    let [patched, isBroken] = [0, false];
    for (let round = 0; round < casesOf(60); round++) {
      for (let i = 0; isBroken && i < CHANGING; i++) {
        changed.add(at(i));
        writeFileSync(at(i), textOf(i));
      }
      for (let changes = 1 + draw(2); changes > 0; changes--) {
        const i = draw(CHANGING);
        // Most of the drawn changes leave the schema without errors.
        const edit = EDITS[draw(draw(5) === 0 ? EDITS.length : 6)]!;
        changed.add(at(i));
        rmSync(at(i), { force: true });
        if (draw(25) > 0) writeFileSync(at(i), textOf(i, edit));
      }
      // The look at all files finds changes that a watch does not report.
      const isVague = draw(8) === 0;
      if (isVague) {
        const path = join(draw(2) === 0 ? folder : other, draw(2) === 0 ? 'new.proto' : 'nowhere.proto');
        if (draw(2) === 0) rmSync(path, { force: true });
        else writeFileSync(path, 'syntax = "proto3"; package p; message New { string id = 1; }');
      }
      const next = await loadAgain(sources, served, isVague || draw(3) === 0 ? undefined : changed);
      t.deepEqual(seen(next), seen(loadSchema(sources)), `round ${round}`);
      if (isPatched(next, served)) patched++;
      isBroken = next.diagnostics.some(({ severity }) => severity === 'error');
      if (draw(4) === 0 || isBroken) {
        // The result of this load is not served, so the next load must find these changes too.
        if (isVague) served = await loadAgain(sources, served);
        else continue;
      } else served = next;
      changed.clear();
    }
    t.log(`${patched} of ${casesOf(60)} loads read only what has changed`);
    t.true(patched > casesOf(60) / 5);
  }
});

test('only files that are named, or that have changed, are read again', async (t) => {
  const { sources, first, at } = await start(t);
  writeFileSync(at(1), textOf(1, { field: 'int32 added = 3;' }));
  writeFileSync(at(9), textOf(9, { field: 'int32 added = 3;' }));
  const named = await loadAgain(sources, first, new Set([at(1)]));
  t.truthy(named.registry.message('p.f1.M')!.fieldNamed('added'));
  t.is(named.registry.message('p.f9.M')!.fieldNamed('added'), undefined);
  const all = await loadAgain(sources, named);
  t.truthy(all.registry.message('p.f9.M')!.fieldNamed('added'));
  t.true(isPatched(named, first) && isPatched(all, named));
  t.is(await loadAgain(sources, all), all);
});

test('a named file that became a link, and an import that is found elsewhere, are noticed', async (t) => {
  const { sources, first, folder, other, at } = await start(t);
  renameSync(at(1), join(folder, 'moved.txt'));
  symlinkSync('moved.txt', at(1));
  const linked = await loadAgain(sources, first, new Set([at(1)]));
  t.false(isPatched(linked, first));
  writeFileSync(at(2), textOf(2, { import: 'other', field: 'p.Other other = 5;' }));
  const imported = await loadAgain(sources, linked, new Set([at(2)]));
  t.falsy(imported.registry.message('p.Other')!.fieldNamed('near'));
  const nearer = await protoFolder(t, {});
  mkdirSync(nearer, { recursive: true });
  const both = { ...sources, imports: [nearer, other] };
  const before = await loadAgain(both, imported);
  writeFileSync(join(nearer, 'other.proto'), 'syntax = "proto3"; package p; message Other { bool near = 1; }');
  for (const changed of [new Set([at(3)]), undefined]) {
    const found = await loadAgain(both, before, changed);
    t.truthy(found.registry.message('p.Other')!.fieldNamed('near'));
  }
});
