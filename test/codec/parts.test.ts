/** A large message is written in parts. Each of them takes a bounded time, and together they are what one part would be. */
import test from 'ava';
import { createCodecs, type UnfinishedJson } from '../../src/codec/codec.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { WireWriter } from '../../src/codec/wire-writer.js';
import type { StatusError } from '../../src/status/status-error.js';
import { JSON_OPTIONS, jsonOf } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const { registry } = schemaOf(`syntax = "proto3"; package t;
import "google/protobuf/any.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
message M {
  string text = 1; bytes blob = 2; repeated int32 numbers = 3; repeated M children = 4; map<string, M> trees = 5;
  google.protobuf.Struct free = 6; repeated string tags = 7; google.protobuf.FieldMask mask = 8; google.protobuf.Any any = 9;
  M child = 10; map<int32, string> labels = 11;
}`);
const message = registry.message('t.M')!;
const codec = createCodecs(registry, JSON_OPTIONS).of(message);
const MiB = 1 << 20;

function wireOf(value: object): Uint8Array {
  return codec.read(Buffer.from(JSON.stringify(value)));
}

/** Adds records of an unknown field: reading them writes nothing. */
function withUnknown(wire: Uint8Array): Uint8Array {
  const writer = new WireWriter();
  for (let i = 0; i < 600_000; i++) {
    writer.tag(99, 0);
    writer.uint32(1);
  }
  return Buffer.concat([writer.slice(), wire]);
}

const many = <T>(count: number, one: (n: number) => T) => Array.from({ length: count }, (_, n) => one(n));
const tags = many(40_000, (n) => `tag number ${n} of many`);
const nested = (depth: number): object =>
  depth === 0 ? { tags } : { text: 'around', child: nested(depth - 1), numbers: [depth] };
const SHAPES: Readonly<Record<string, Uint8Array>> = {
  'one long text': wireOf({ text: 'Grüße\n'.repeat(MiB / 2) }),
  'long bytes': wireOf({ blob: Buffer.alloc(3 * MiB, 'abc').toString('base64') }),
  'packed numbers': wireOf({ numbers: many(400_000, (n) => n * 1000) }),
  'a list of texts': wireOf({ tags: [...tags, ...tags] }),
  'a list of messages': wireOf({ children: many(60_000, (n) => ({ text: `child ${n}`, numbers: [n] })) }),
  'a map of messages': wireOf({
    trees: Object.fromEntries(many(30_000, (n) => [`key ${n}`, { text: 'a text', tags: ['b'] }])),
  }),
  'a Struct': wireOf({ free: Object.fromEntries(many(50_000, (n) => [`key ${n}`, [n, { a: null }, 'text']])) }),
  'deep in other messages': wireOf(nested(30)),
  'a FieldMask': wireOf({ mask: many(300_000, (n) => `path${n}`).join(',') }),
  'an Any': wireOf({ any: { '@type': 'x/t.M', tags: [...tags, ...tags] } }),
  'out of order': Buffer.concat([
    wireOf({ tags }),
    wireOf({ text: 'first', tags, numbers: [1] }),
    wireOf({ child: { tags } }),
    wireOf({ child: { text: 'x' } }),
  ]),
  'a map with repeated keys': Buffer.concat(
    many(2, (m) => wireOf({ labels: Object.fromEntries(many(60_000, (n) => [n, `value ${n} ${m}`])) })),
  ),
  'unknown fields': withUnknown(wireOf({ text: 'known' })),
};

for (const [shape, wire] of Object.entries(SHAPES)) {
  test(`${shape}: the parts are the whole`, (t) => {
    const out = new JsonWriter();
    const started = { rest: undefined as UnfinishedJson | undefined };
    const alone = out.collect((to) => {
      to.ascii('[');
      started.rest = codec.begin(wire, to);
    });
    t.is(alone.length, 0);
    t.truthy(started.rest);
    let most = 0;
    for (let before = 0; started.rest?.more() === false; before = started.rest.out.length) {
      most = Math.max(most, started.rest.out.length - before);
      // Others use the codec and the writer meanwhile.
      t.is(Buffer.from(out.collect((to) => codec.write(wireOf({ text: 'other' }), to))).toString(), '{"text":"other"}');
    }
    const text = Buffer.from(started.rest!.out.collect((to) => to.ascii(']'))).toString();
    t.true(text === `[${jsonOf(codec, wire)}]`);
    t.true(most < 2.5 * MiB, `${most} bytes in one part`);
  });
}

test('the parts together may not have more JSON than is allowed', (t) => {
  const bounded = createCodecs(registry, { ...JSON_OPTIONS, maxBytes: 3 * MiB }).of(message);
  const wire = SHAPES['a list of texts']!;
  const exact = Buffer.byteLength(jsonOf(codec, wire));
  t.is(finish(createCodecs(registry, { ...JSON_OPTIONS, maxBytes: exact }).of(message), wire), exact);
  for (const limit of [exact - 1, MiB + 1000, 100]) {
    const short = createCodecs(registry, { ...JSON_OPTIONS, maxBytes: limit }).of(message);
    t.is((t.throws(() => finish(short, wire)) as StatusError).httpStatus, 502);
  }
  t.is(finish(bounded, wire), exact);
});

test('a message that is broken at its end is broken in its last part', (t) => {
  const wire = Buffer.concat([SHAPES['a list of texts']!, Buffer.from('3a05', 'hex')]);
  t.is((t.throws(() => finish(codec, wire)) as StatusError).httpStatus, 502);
  t.is(jsonOf(codec, wireOf({ text: 'next' })), '{"text":"next"}');
});

/** Returns how many bytes a message has as JSON. */
function finish(one: typeof codec, wire: Uint8Array): number {
  let rest: UnfinishedJson | undefined;
  const text = new JsonWriter().collect((to) => {
    rest = one.begin(wire, to);
  });
  if (rest === undefined) return text.length;
  while (!(rest as UnfinishedJson).more());
  return (rest as UnfinishedJson).out.length;
}
