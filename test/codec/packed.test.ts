/** Numbers of a packed list are written some at a time. The JSON does not show where one group of them ends. */
import test from 'ava';
import { createCodecs } from '../../src/codec/codec.js';
import { JSON_OPTIONS, jsonOf } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const KINDS = ['int32', 'uint32', 'sint32', 'fixed32', 'sfixed32', 'float', 'double', 'bool'];
const WIDE_KINDS = ['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64'];
const fields = [...KINDS, ...WIDE_KINDS].map((kind, n) => `repeated ${kind} ${kind}s = ${n + 1};`).join(' ');
const { registry } = schemaOf(
  `syntax = "proto3"; package t; enum E { ZERO = 0; ONE = 1; } message M { ${fields} repeated E enums = 99; }`,
);
const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.M')!);

/** The numbers of elements around which the groups end. */
const COUNTS = [1, 2, 63, 64, 65, 128, 129, 200];

test('a packed list of any length and kind is written as it was read', (t) => {
  for (const count of COUNTS) {
    const numbers = Array.from({ length: count }, (_, n) => n * 3);
    const value = {
      ...Object.fromEntries(
        KINDS.map((kind) => [`${kind}s`, kind === 'bool' ? numbers.map((n) => n % 2 === 0) : numbers]),
      ),
      ...Object.fromEntries(WIDE_KINDS.map((kind) => [`${kind}s`, numbers.map((n) => String(n * 123_456_789_012))])),
      enums: numbers.map((n) => (n % 2 === 0 ? 'ZERO' : 'ONE')),
    };
    t.deepEqual(JSON.parse(jsonOf(codec, codec.read(Buffer.from(JSON.stringify(value))))), value);
  }
});

test('a packed list that ends in the middle of a number is refused, wherever that is', (t) => {
  for (const [kind, size] of [
    ['int32', 1],
    ['float', 4],
    ['double', 8],
  ] as const) {
    for (const count of COUNTS) {
      const wire = Buffer.from(codec.read(Buffer.from(JSON.stringify({ [`${kind}s`]: Array(count).fill(1) }))));
      const head = wire.length - count * size;
      // The last number loses its end, and the length says so.
      const content = wire.subarray(head, wire.length - (size > 1 ? 1 : 0));
      if (size === 1) content[content.length - 1] = 0x80;
      const length = content.length < 0x80 ? [content.length] : [(content.length & 0x7f) | 0x80, content.length >>> 7];
      t.throws(() => jsonOf(codec, Buffer.from([wire[0]!, ...length, ...content])), undefined, `${kind} ${count}`);
    }
  }
});
