/** What parsing a file costs, and what is refused all the same. */
import test from 'ava';
import { schemaOf } from '../support/schema.js';

test('a message of ten thousand fields loads in seconds', async (t) => {
  const fields = Array.from({ length: 10_000 }, (_, i) => `string f${i} = ${i < 18_999 ? i + 1 : i + 2000};`);
  const startedAt = performance.now();
  const { registry, diagnostics } = await schemaOf(`syntax = "proto3"; package a; message M { ${fields.join(' ')} }`);
  t.true(performance.now() - startedAt < 3000, `${performance.now() - startedAt} ms`);
  t.deepEqual(diagnostics, []);
  t.is(registry.message('a.M')?.fields.length, 10_000);
});

test('two fields of one number are refused all the same', async (t) => {
  const { diagnostics } = await schemaOf('syntax = "proto3"; message M { string a = 1; string b = 2; string c = 1; }');
  t.is(diagnostics.length, 1);
  t.regex(diagnostics[0]!.text, /1/);
});

test('a message of fifty thousand oneofs loads in seconds', async (t) => {
  const oneofs = Array.from({ length: 50_000 }, (_, i) => `oneof o${i} { string f${i} = ${i + 1}; }`);
  const startedAt = performance.now();
  const { registry } = await schemaOf(`syntax = "proto3"; package a; message M { ${oneofs.join(' ')} }`);
  t.is(registry.message('a.M')?.oneofs.at(-1)?.fields[0]?.name, 'f49999');
  t.true(performance.now() - startedAt < 3000, `${performance.now() - startedAt} ms`);
});

test('a file may have as many findings as it likes', async (t) => {
  const options = 'option (protogate.v1.nothing) = 1;'.repeat(200_000);
  const { diagnostics } = await schemaOf(`syntax = "proto3"; service S { ${options} }`);
  t.is(diagnostics.length, 200_000);
  t.is(diagnostics[0]?.rule, 'unknown-option');
});
