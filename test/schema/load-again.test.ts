/** A schema that is loaded again: what has not changed is kept, and the result is that of a first load. */
import { copyFile, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { loadAgain } from '../../src/schema/load-again.js';
import type { SchemaSources } from '../../src/schema/loaded-files.js';
import { loadSchema, type Schema } from '../../src/schema/source.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { protoFolder } from '../support/gateway.js';

const file = (name: string, more = '') => `syntax = "proto3"; package ${name}.v1;
import "google/api/annotations.proto";
// About M.
message M { string id = 1; ${more} }
service S { rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/${name}/{id}" }; } }`;

/** More files than are read without a thread. */
const MANY = 120;

async function start(t: ExecutionContext, count: number) {
  const names = Array.from({ length: count }, (_, i) => `f${i}`);
  const folder = await protoFolder(t, Object.fromEntries(names.map((name) => [`${name}.proto`, file(name)])));
  const sources: SchemaSources = { protos: [folder], imports: [], descriptorSets: [] };
  const first = loadSchema(sources);
  const write = (name: string, text: string) => writeFile(join(folder, `${name}.proto`), text);
  return { folder, sources, first, write };
}

const declarationOf = ({ files }: Schema, name: string) =>
  files.find(({ declaration }) => declaration.name === `${name}.proto`)?.declaration;

for (const count of [3, MANY]) {
  test(`unchanged files of ${count} are kept`, async (t) => {
    const { sources, first, write, folder } = await start(t, count);
    const same = await loadAgain(sources, first);
    t.is(same.registry, first.registry);

    await write('f1', file('f1', 'int32 added = 2;'));
    const changed = await loadAgain(sources, same);
    t.not(changed.registry, first.registry);
    t.is(declarationOf(changed, 'f2'), declarationOf(first, 'f2'));
    const message = changed.registry.message('f1.v1.M')!;
    t.truthy(message.fieldNamed('added'));
    t.is(message.comment, 'About M.');
    t.is(message.position.line, 4);
    t.is(first.registry.message('f1.v1.M')!.fieldNamed('added'), undefined);

    await rm(join(folder, 'f0.proto'));
    await write('new', file('new'));
    await utimes(join(folder, 'f2.proto'), new Date(), new Date());
    const last = await loadAgain(sources, changed);
    t.is(last.registry.message('f0.v1.M'), undefined);
    t.truthy(last.registry.message('new.v1.M'));
  });

  test(`a broken file of ${count} is reported as at the start, and mended afterwards`, async (t) => {
    const { sources, first, write } = await start(t, count);
    await write('f1', 'syntax = "proto3"; message {');
    const broken = await loadAgain(sources, first);
    const lines = ({ diagnostics }: Schema) => diagnostics.map(formatDiagnostic);
    t.is(broken.diagnostics.length, 1);
    t.deepEqual(lines(broken), lines(loadSchema(sources)));
    await write('f1', file('f1'));
    const mended = await loadAgain(sources, broken);
    t.deepEqual(mended.diagnostics, []);
    t.truthy(mended.registry.message('f1.v1.M'));
  });
}

test('a thread parses a file as this process does', async (t) => {
  const { sources, first } = await start(t, MANY);
  const { parsed: _, ...unknown } = first;
  const again = await loadAgain(sources, unknown);
  const plain = ({ files }: Schema) => JSON.parse(JSON.stringify(files.map(({ declaration }) => declaration)));
  t.not(declarationOf(again, 'f1'), declarationOf(first, 'f1'));
  t.true(isDeepStrictEqual(plain(again), plain(first)));
  const service = (schema: Schema) => declarationOf(schema, 'f1')!.services[0]!.methods[0]!.httpRule;
  t.true(isDeepStrictEqual(service(again), service(first)));
});

test('descriptor sets are read again when they change, with their positions and comments', async (t) => {
  const { set } = await bothFormsOf(t, { 'a.proto': file('a') });
  const sources: SchemaSources = { protos: [], imports: [], descriptorSets: [set] };
  const first = loadSchema(sources);
  t.is((await loadAgain(sources, first)).registry, first.registry);
  const next = await bothFormsOf(t, { 'a.proto': file('a', 'int32 added = 2;') });
  await copyFile(next.set, set);
  const changed = await loadAgain(sources, first);
  const message = changed.registry.message('a.v1.M')!;
  t.truthy(message.fieldNamed('added'));
  t.is(message.comment, 'About M.');
  t.is(message.position.line, 4);
});

test('exclusions and rules of the config apply again', async (t) => {
  const { sources, first, folder } = await start(t, 3);
  const exclude = [{ pattern: 'f1.v1.S/Get', position: { file: 'c.yaml' } }];
  const routing = (schema: Schema) => schema.registry.method('f1.v1.S/Get')!.routing;
  const excluded = await loadAgain({ ...sources, exclude }, first);
  t.is(routing(excluded), 'excluded');
  const again = await loadAgain({ ...sources, exclude }, excluded);
  t.is(again.registry, excluded.registry);
  t.deepEqual(again.diagnostics, []);
  t.is(routing(await loadAgain(sources, again)), 'routed');
  await mkdir(join(folder, 'rules'));
  const rules = join(folder, 'rules/r.yaml');
  const write = (path: string) =>
    writeFile(rules, `type: google.api.Service\nhttp: { rules: [{ selector: f1.v1.S.Get, get: "${path}" }] }\n`);
  const withRules = { ...sources, httpRules: [rules] };
  const rule = (schema: Schema) => schema.registry.method('f1.v1.S/Get')!.httpRule?.path;
  await write('/one/{id}');
  const one = await loadAgain(withRules, again);
  await write('/two/{id}');
  t.deepEqual([rule(one), rule(await loadAgain(withRules, one))], ['/one/{id}', '/two/{id}']);
});
