/** A large text is read in parts of at most 256 KiB, and together they are what one part would be. */
import test from 'ava';
import { createCodecs } from '../../src/codec/codec.js';
import { createJsonReader } from '../../src/codec/json-to-wire.js';
import { casesOf, draws } from '../support/draws.js';
import { JSON_OPTIONS, jsonOf } from '../support/json.js';
import { pause } from '../support/pause.js';
import { schemaOf } from '../support/schema.js';
import { drawProto } from './random/draw-schema.js';
import { drawWire } from './random/draw-wire.js';

const { registry } = schemaOf(`syntax = "proto3"; package t;
import "google/protobuf/any.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto";
message M {
  google.protobuf.Struct free = 1; google.protobuf.ListValue list = 2; repeated google.protobuf.Any anys = 3;
  map<int32, int32> numbers = 4; repeated google.protobuf.Int64Value boxed = 5; map<string, M> trees = 6; string text = 7;
  repeated M children = 8; repeated int32 small = 9;
}`);
const message = registry.message('t.M')!;
const options = { ...JSON_OPTIONS, unknownFields: 'ignore' as const };
const codec = createCodecs(registry, options).of(message);
/** The bytes of a large text: 4 MiB, or a quarter of that. */
const LARGE = casesOf(4 << 20);

/** Repeats what `element` returns, separated by commas, up to the bytes of a large text. */
function filled(before: string, element: (n: number) => string, after: string): Buffer {
  const parts: string[] = [];
  for (let n = 0, length = 0; length < LARGE - 100; n++) {
    const part = element(n);
    length += part.length + 1;
    parts.push(part);
  }
  return Buffer.from(before + parts.join(',') + after);
}

const anyOf = (n: number) => `{"x${n}":0,"value":${n},"@type":"x/google.protobuf.Int32Value"}`;
const SHAPES: Readonly<Record<string, () => Buffer>> = {
  'a Struct of short keys': () => filled('{"free":{', (n) => `"${n.toString(36)}":0`, '}}'),
  'lists of lists': () => filled('{"list":[', () => '['.repeat(80) + ']'.repeat(80), ']}'),
  'one list inside of many messages': () => filled('{"children":['.repeat(40), () => '{"small":[7]}', ']}'.repeat(40)),
  'Anys with the type behind': () => filled('{"anys":[', anyOf, ']}'),
  'a map of numbers': () => filled('{"numbers":{', (n) => `"${n}":1e0`, '}}'),
  'a map of messages': () => filled('{"trees":{', (n) => `"${n}":{"text":"a"}`, '}}'),
  wrappers: () => filled('{"boxed":[', () => '0', ']}'),
  'an unknown field': () => filled('{"unknown":{"a":[', (n) => `{"${n}":null}`, ']}}'),
};

/** Reads a text in parts. Returns the message and the number of parts. */
function readInParts(json: Uint8Array): { wire: Uint8Array; parts: number } {
  const begun = codec.beginRead(json);
  if (begun instanceof Uint8Array) return { wire: begun, parts: 1 };
  for (let parts = 2; ; parts++) {
    // Another request uses the codec between the parts.
    assertOtherIsRead();
    const wire = begun.more();
    if (wire !== undefined) return { wire, parts };
  }
}

function assertOtherIsRead(): void {
  const text = jsonOf(codec, codec.read(Buffer.from('{"text":"other"}')));
  if (text !== '{"text":"other"}') throw new Error(`expected the other text, got ${text}`);
}

for (const [shape, bodyOf] of Object.entries(SHAPES)) {
  test(`${shape}: the parts are the whole, and other requests run between them`, (t) => {
    const json = bodyOf();
    const { wire, parts } = readInParts(json);
    t.true(Buffer.from(codec.read(json)).equals(wire));
    // The time for a part depends on the machine. `npm run bench -- worst` measures it.
    t.true(parts >= casesOf(15), `${parts} parts`);
  });
}

test('a small text is read at once', (t) => {
  const json = Buffer.from(`{"text":"${'a'.repeat(250_000)}"}`);
  t.true(codec.beginRead(json) instanceof Uint8Array);
});

test('a text that is wrong at its end is refused by its last part, with the place', (t) => {
  const json = Buffer.from(`${filled('{"children":[', () => '{"text":"a"}', '').toString()},{"text":7}]}`);
  const error = t.throws(() => readInParts(json));
  t.deepEqual(
    error,
    t.throws(() => codec.read(json)),
  );
  t.regex(JSON.stringify(error), /"field":"children\[\d{5,6}\]\.text","description":"expected string, got 7"/);
  assertOtherIsRead();
});

test('the reader may stop at every place: drawn messages of drawn schemas come to the same bytes and errors', async (t) => {
  let stops = 0;
  for (let seed = 1; seed <= casesOf(20); seed++) {
    const draw = draws(seed);
    const { registry: drawn } = schemaOf(drawProto(draw));
    const top = drawn.message('t.M0')!;
    const whole = createCodecs(drawn, options).of(top);
    const stopping = createJsonReader(drawn, options, 1);
    for (let n = 0; n < 30; n++) {
      await pause();
      let text: string;
      try {
        text = jsonOf(whole, drawWire(draw, top, { tidy: true, broken: false }));
      } catch {
        continue;
      }
      const json = Buffer.from(n % 3 === 0 ? text.slice(0, draw(text.length)) : text);
      const inParts = () => {
        const begun = stopping.begin({ message: top, field: undefined, json, bound: undefined });
        let wire = begun instanceof Uint8Array ? begun : undefined;
        for (; wire === undefined; stops++) wire = (begun as Exclude<typeof begun, Uint8Array>).more();
        return wire;
      };
      t.is(
        outcome(inParts),
        outcome(() => whole.read(json)),
        text,
      );
    }
  }
  t.true(stops > casesOf(1000), `${stops} stops`);
});

function outcome(read: () => Uint8Array): string {
  try {
    return Buffer.from(read()).toString('hex');
  } catch (error) {
    return JSON.stringify(error);
  }
}
