/** The cost of parsing large files, and the mistakes that must be found in them. */
import test from 'ava';
import { schemaOf } from '../support/schema.js';

/** Returns the CPU time of this process in milliseconds, which other processes do not change. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

test.serial('a message of ten thousand fields loads in seconds', async (t) => {
  const fields = Array.from({ length: 10_000 }, (_, i) => `string f${i} = ${i < 18_999 ? i + 1 : i + 2000};`);
  const startedAt = cpuMs();
  const { registry, diagnostics } = schemaOf(`syntax = "proto3"; package a; message M { ${fields.join(' ')} }`);
  t.true(cpuMs() - startedAt < 3000, `${cpuMs() - startedAt} ms`);
  t.deepEqual(diagnostics, []);
  t.is(registry.message('a.M')?.fields.length, 10_000);
});

test('two fields of one number are refused all the same', async (t) => {
  const { diagnostics } = schemaOf('syntax = "proto3"; message M { string a = 1; string b = 2; string c = 1; }');
  t.is(diagnostics.length, 1);
  t.regex(diagnostics[0]!.text, /1/);
});

test.serial('a message of fifty thousand oneofs loads in seconds', async (t) => {
  const oneofs = Array.from({ length: 50_000 }, (_, i) => `oneof o${i} { string f${i} = ${i + 1}; }`);
  const startedAt = cpuMs();
  const { registry } = schemaOf(`syntax = "proto3"; package a; message M { ${oneofs.join(' ')} }`);
  t.is(registry.message('a.M')?.oneofs.at(-1)?.fields[0]?.name, 'f49999');
  t.true(cpuMs() - startedAt < 3000, `${cpuMs() - startedAt} ms`);
});

test('a file may have any number of problems', async (t) => {
  const options = 'option (protogate.v1.nothing) = 1;'.repeat(200_000);
  const { diagnostics } = schemaOf(`syntax = "proto3"; service S { ${options} }`);
  t.is(diagnostics.length, 200_000);
  t.is(diagnostics[0]?.rule, 'unknown-option');
});

test('a default that is no value of its field’s type is an error at its place', async (t) => {
  const fields = [
    ['string', '{}', 'string, got a message'],
    ['bytes', '1', 'bytes, got 1'],
    ['bool', 'maybe', 'bool, got "maybe"'],
    ['float', 'foo', 'float, got "foo"'],
    ['double', 'true', 'double, got true'],
    ['uint32', '-1', 'uint32, got -1'],
    ['int64', '1.5', 'int64, got 1.5'],
    ['E', '7', 'E, got 7'],
  ];
  const right = [
    'int64 a = 11 [default = -9223372036854775808]',
    'float b = 12 [default = -inf]',
    'E c = 13 [default = A]',
  ];
  const lines = [
    ...fields.map(([type, value], i) => `optional ${type} f${i} = ${i + 1} [default = ${value}];`),
    ...right.map((one) => `optional ${one};`),
  ];
  const { diagnostics } = schemaOf(`syntax = "proto2"; enum E { A = 0; } message M {\n${lines.join('\n')}\n}`);
  t.deepEqual(
    diagnostics.map(({ text, position }) => [text, position?.line]),
    fields.map(([, , rest], i) => [`default: expected a value of ${rest}`, i + 2]),
  );
});
