/** What the parser is given of a `.proto` file: everything but the comments, each thing in its place. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { withoutComments } from '../../src/schema/proto-text.js';
import { ROOT } from '../support/run.js';
import { schemaOf } from '../support/schema.js';

for (const [what, text, left] of [
  ['a line comment ends with its line', 'a; // b\nc;', 'a; \nc;'],
  ['and with the text', 'a; // b', 'a; '],
  ['a block is blank, as many lines and columns', 'a /* b\n// c */ d', 'a     \n        d'],
  ['blocks do not nest', '/* /* */ a', '         a'],
  ['a block that does not end stays', 'a /* b // c', 'a /* b // c'],
  ['also one that looks as if it did', '/*/', '/*/'],
  ['what looks like one in a string is none', 'a = "http://b"; // c', 'a = "http://b"; '],
  ['also behind an escaped quote', `a = "\\"//" + '\\'/*'; // c`, `a = "\\"//" + '\\'/*'; `],
  ['a quote in a comment begins no string', "// don't\na = 'b'; // c", "\na = 'b'; "],
  ['a string that does not end goes on to the end', 'a = "b // c\n// d', 'a = "b // c\n// d'],
  ['a lone slash stays', 'a / b', 'a / b'],
] as const) {
  test(what, (t) => t.is(withoutComments(text), left));
}

test('a megabyte of escaped quotes, and of comments that do not end, takes no time', (t) => {
  const startedAt = performance.now();
  for (const text of [`"${'\\"'.repeat(500_000)}`, '/* '.repeat(350_000), `'"`.repeat(500_000)]) withoutComments(text);
  t.true(performance.now() - startedAt < 2000);
});

test('everything else keeps its line and column', (t) => {
  for (const name of ['google/api/http.proto', 'google/protobuf/descriptor.proto', 'protogate/v1/annotations.proto']) {
    const text = readFileSync(join(ROOT, 'protos', name), 'utf8');
    const [before, after] = [text.split('\n'), withoutComments(text).split('\n')];
    t.is(after.length, before.length);
    for (const [index, line] of after.entries()) {
      const kept = line.trimEnd();
      t.is(
        kept,
        before[index]!.slice(0, kept.length).replace(/\/\*.*?\*\//g, (found) => ' '.repeat(found.length)),
      );
    }
  }
});

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
