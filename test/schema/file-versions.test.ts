/** Tests what happens if several files have one import name. */
import { join } from 'node:path';
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { loadSchema } from '../../src/schema/source.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { protoFolder } from '../support/gateway.js';
import { FIXTURES } from './fixtures.js';

async function problems({ protos = [], sets = [] }: { protos?: string[]; sets?: string[] }): Promise<string[]> {
  const { diagnostics } = loadSchema({ protos, imports: [], descriptorSets: sets });
  return diagnostics.map(formatDiagnostic);
}

for (const [fact, files] of FIXTURES) {
  test(`a set, another one and the folder that both were made of go together: ${fact}`, async (t) => {
    const { folder, set } = await bothFormsOf(t, files);
    const bare = await bothFormsOf(t, files, ['--exclude-source-info']);
    t.deepEqual(await problems({ protos: [folder], sets: [set, bare.set] }), []);
    t.deepEqual(await problems({ protos: [folder, bare.folder], sets: [] }), []);
  });
}

const BEFORE = `package s; import "google/api/annotations.proto"; message M { string a = 1; E e = 2; } enum E { Z = 0; }
  service S { rpc Get(M) returns (M) { option (google.api.http) = { get: "/a" }; } }`;
const versions: readonly (readonly [fact: string, from: string, to: string, differs: string])[] = [
  ['a field more', 'string a = 1;', 'string a = 1; string b = 3;', 's.M'],
  ['a field fewer', 'E e = 2;', '', 's.M'],
  ['another type', 'string a', 'int32 a', 's.M'],
  ['another number', 'a = 1', 'a = 3', 's.M'],
  ['another JSON name', 'a = 1', 'a = 1 [json_name = "x"]', 's.M'],
  ['a value more', 'Z = 0;', 'Z = 0; Y = 1;', 's.E'],
  ['another path', '"/a"', '"/b"', 's.S'],
  ['an rpc more', 'service S {', 'service S { rpc More(M) returns (M);', 's.S'],
  ['a stream', 'returns (M)', 'returns (stream M)', 's.S'],
  ['a message more', 'enum E', 'message New {} enum E', 's.New'],
];
for (const [fact, from, to, differs] of versions) {
  test(`another version of a file is an error, from wherever it comes: ${fact}`, async (t) => {
    const a = await bothFormsOf(t, { 's/a.proto': BEFORE });
    const b = await bothFormsOf(t, { 's/a.proto': BEFORE.replace(from, to) });
    const error = (origin: string, taken: string) =>
      `${origin}: error: s/a.proto: expected the same file in all inputs, but ${differs} differs in ${taken}, whose file is used [duplicate-file]`;
    const [inA, inB] = [join(a.folder, 's/a.proto'), join(b.folder, 's/a.proto')];
    t.deepEqual(await problems({ sets: [a.set, b.set] }), [error(b.set, a.set)]);
    t.deepEqual(await problems({ sets: [a.set], protos: [b.folder] }), [error(inB, a.set)]);
    t.deepEqual(await problems({ protos: [a.folder, b.folder] }), [error(inB, inA)]);
    t.deepEqual(await problems({ sets: [a.set, a.set, b.set, b.set] }), [error(b.set, a.set), error(b.set, a.set)]);
  });
}

test('comments and blanks make no other version', async (t) => {
  const a = await protoFolder(t, { 's/a.proto': BEFORE });
  const b = await protoFolder(t, { 's/a.proto': `// Copied.\n${BEFORE.replaceAll(';', ' ;\n')}` });
  t.deepEqual(await problems({ protos: [a, b] }), []);
});

test('another version of a file that protogate has itself is a warning', async (t) => {
  const date = (more: string) => ({
    'google/type/date.proto': `package google.type; message Date { int32 year = 1; ${more} }`,
  });
  const [a, b] = [await protoFolder(t, date('')), await protoFolder(t, date('int32 month = 2;'))];
  const [found, ...others] = await problems({ protos: [a, b] });
  t.regex(
    found ?? '',
    /date\.proto: warning: google\/type\/date\.proto: .*, but google\.type\.Date differs in .* \[duplicate-file\]$/,
  );
  t.deepEqual(others, []);
});
