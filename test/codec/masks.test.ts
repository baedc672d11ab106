/**
 * Paths of a FieldMask and type URLs of an Any: a value that is read can be written again, and text that is no UTF-8 is a
 * broken answer.
 */
import test from 'ava';
import fc from 'fast-check';
import { createCodecs } from '../../src/codec/codec.js';
import type { StatusError } from '../../src/status/status-error.js';
import { casesOf } from '../support/draws.js';
import { JSON_OPTIONS, jsonOf } from '../support/json.js';
import { pause } from '../support/pause.js';
import { schemaOf } from '../support/schema.js';

const PROTO = `syntax = "proto3";
package t;
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
message All {
  google.protobuf.FieldMask mask = 1; google.protobuf.Any any = 2; map<string, string> labels = 3;
  google.protobuf.Struct extra = 4; repeated google.protobuf.FieldMask masks = 5;
}
`;
const { registry } = schemaOf(PROTO);
const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.All')!);

const read = (json: object) => codec.read(Buffer.from(JSON.stringify(json)));
const written = (wire: Uint8Array) => JSON.parse(jsonOf(codec, wire));

for (const [mask, back] of [
  ['', ''],
  ['a', 'a'],
  ['display_name', 'displayName'],
  ['a.displayName,b', 'a.displayName,b'],
  ['A', 'A'],
  ['_a', 'A'],
  ['a1.b2', 'a1.b2'],
  ['*', '*'],
  ['a.*', 'a.*'],
] as const) {
  test(`the mask "${mask}" is read, and written as "${back}"`, (t) => {
    const wire = read({ mask });
    t.deepEqual(written(wire), { mask: back });
    t.deepEqual(read(written(wire)), wire);
  });
}

for (const mask of [
  '_',
  '__',
  'a_',
  'a__b',
  'line_1',
  'a._',
  '_1',
  'a_.b',
  'a_*',
  ',',
  'a,',
  'a..b',
  '.a',
  'a b',
  'a-b',
  'é',
]) {
  test(`the mask "${mask}" is 400: JSON could not send it back`, (t) => {
    for (const json of [{ mask }, { masks: ['a', mask] }]) {
      const error = t.throws(() => read(json)) as StatusError;
      t.is(error.httpStatus, 400);
      t.regex(error.message, /^masks?(\[1\])?: expected a FieldMask such as title,author\.displayName, got /);
    }
  });
}

test('whatever mask is read is written, and read again as the same', async (t) => {
  const char = fc.constantFrom('a', 'B', '_', '1', '.', ',', '*', 'z');
  await fc.assert(
    fc.asyncProperty(
      fc.array(char, { maxLength: 8 }).map((chars) => chars.join('')),
      async (mask) => {
        await pause();
        let wire: Uint8Array;
        try {
          wire = read({ mask });
        } catch {
          return;
        }
        t.deepEqual(read(written(wire)), wire);
      },
    ),
    { seed: 20, numRuns: casesOf(3000) },
  );
  t.pass();
});

const BAD = 'c328';
for (const [fact, hex] of [
  ['a path of a FieldMask', `0a040a02${BAD}`],
  ['a path of a FieldMask behind a good one', `0a070a01610a02${BAD}`],
  ['the type URL of an Any', `12040a02${BAD}`],
  ['the type URL of an Any of a known type', `120a0a08742f742e416c6c${BAD.slice(0, 2)}`],
  ['a type URL that only ends well', `12090a07${BAD}2f742e416c`],
  ['a key of a map', `1a040a02${BAD}`],
  ['a key of a Struct', `22060a040a02${BAD}`],
] as const) {
  test(`from an upstream: ${fact} that is no UTF-8 is a 502`, (t) => {
    const error = t.throws(() => jsonOf(codec, Buffer.from(hex, 'hex'))) as StatusError;
    t.is(error.httpStatus, 502);
    t.is((error.details[0] as { reason?: unknown }).reason, 'UPSTREAM_BROKEN_ANSWER');
    t.regex(String((error.cause as Error).message), /UTF-8/);
  });
}

/** The rules for one path, as regular expressions: what a path is, and what camelCase can't express. */
function isExpressible(path: string): boolean {
  if (!/^[\w*]+(?:\.[\w*]+)*$/.test(path)) return false;
  return !/_(?![a-z])/.test(path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

test('random masks are read if and only if camelCase can express each of their paths', async (t) => {
  const character = fc.constantFrom('a', 'b', 'Z', '_', '.', ',', '1', '*', '-', 'é', ' ');
  await fc.assert(
    fc.asyncProperty(fc.array(character, { minLength: 1, maxLength: 8 }), async (characters) => {
      await pause();
      const mask = characters.join('');
      let wire: Uint8Array | undefined;
      try {
        wire = read({ mask });
      } catch {}
      const paths = mask.split(',');
      t.is(wire !== undefined, paths.every(isExpressible), mask);
      if (wire !== undefined) t.deepEqual(read(written(wire)), wire);
    }),
    { numRuns: casesOf(3000), seed: 20 },
  );
});
