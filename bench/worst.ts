/**
 * Measures how long the codec holds the event loop for bodies and answers of the worst shapes: 4 MiB of JSON that are read,
 * and answers that become about 4 MiB of JSON. It prints the time of one message (the best of three), and per answer how
 * many MiB of JSON were written.
 *
 *     npm run bench -- worst
 */
import { createCodecs } from '../src/codec/codec.js';
import { JsonWriter } from '../src/codec/json-writer.js';
import { JSON_OPTIONS } from '../test/support/json.js';
import { schemaOf } from '../test/support/schema.js';

const PROTO = `syntax = "proto3";
package worst.v1;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { NONE = 0; RED = 1; }
message Empty {}
message Node { Node child = 1; repeated Node children = 2; string text = 3; }
message Shapes {
  google.protobuf.FieldMask mask = 1; repeated google.protobuf.FieldMask masks = 2;
  google.protobuf.Struct free = 3; google.protobuf.ListValue list = 4; repeated google.protobuf.Value values = 5;
  repeated google.protobuf.Any anys = 6; repeated google.protobuf.Timestamp times = 7; repeated google.protobuf.Duration spans = 8;
  map<string, string> texts = 9; map<int32, int32> numbers = 10; map<int64, Empty> empties = 11;
  repeated int32 small = 12; repeated int64 wide = 13; repeated double real = 14; repeated float single = 15; repeated bool flags = 16;
  repeated Color colors = 17; repeated string strings = 18; repeated bytes blobs = 19; bytes blob = 20; string text = 21;
  repeated Empty nothing = 22; repeated Node nodes = 23; repeated google.protobuf.Int64Value boxed = 24; map<string, Node> trees = 25;
  repeated uint64 unsigned = 26; map<bool, string> two = 27; repeated fixed32 fixed = 28;
}
`;
const MiB = 1 << 20;
const TARGET = 4 * MiB - 64;

/** Repeats what `element` returns, separated by commas, up to 4 MiB. */
function many(before: string, element: (index: number) => string, after: string): string {
  const parts: string[] = [];
  let length = before.length + after.length;
  for (let i = 0; ; i++) {
    const part = element(i);
    length += part.length + 1;
    if (length > TARGET) break;
    parts.push(part);
  }
  return before + parts.join(',') + after;
}

const list = (field: string, element: (index: number) => string) => many(`{"${field}":[`, element, ']}');
const object = (field: string, member: (index: number) => string) => many(`{"${field}":{`, member, '}}');
const text = (field: string, unit: string) => `{"${field}":"${unit.repeat(Math.floor(TARGET / unit.length) - 4)}"}`;
const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);

const BODIES: readonly (readonly [name: string, json: string])[] = [
  ['one FieldMask of short paths', many('{"mask":"', () => 'a', '"}')],
  ['one FieldMask of paths with humps', many('{"mask":"', () => 'aB.cD', '"}')],
  ['one FieldMask of one path', text('mask', 'aB')],
  ['one FieldMask of one dotted path', `{"mask":"a${'.bC'.repeat(TARGET / 3 - 10)}"}`],
  ['a list of empty FieldMasks', list('masks', () => '""')],
  ['a Struct of short keys', object('free', (i) => `"${i.toString(36)}":0`)],
  ['a Struct of numeric keys', object('free', (i) => `"${i}":0`)],
  ['a ListValue of zeros', list('list', () => '0')],
  ['a ListValue of long numbers', list('list', (i) => `1.${'7'.repeat(300)}${i}`)],
  ['a ListValue of lists', list('list', () => nested('[', ']', 80))],
  ['a ListValue of objects', list('list', () => '{"a":{}}')],
  ['Values of null', list('values', () => 'null')],
  ['Anys with the type behind', list('anys', () => '{"value":"1s","@type":"x.y/google.protobuf.Duration"}')],
  [
    'Anys in Anys, types behind',
    list(
      'anys',
      () => `${'{"value":'.repeat(40)}{"@type":"a/worst.v1.Empty"}${',"@type":"a/google.protobuf.Any"}'.repeat(40)}`,
    ),
  ],
  ['Anys of Empty', list('anys', () => '{"@type":"a/worst.v1.Empty"}')],
  ['Timestamps', list('times', () => '"2026-11-30T12:00:00.123456789+01:00"')],
  ['Durations', list('spans', () => '"1s"')],
  ['a map of texts', object('texts', (i) => `"${i.toString(36)}":""`)],
  ['a map of int32', object('numbers', (i) => `"${i}":0`)],
  ['a map of int32 as 1e0', object('numbers', (i) => `"${i}.0":0`)],
  ['a map of int64 to messages', object('empties', (i) => `"${i}":{}`)],
  ['int32s', list('small', () => '0')],
  ['int32s as text', list('small', () => '"1"')],
  ['int32s as exponents', list('small', () => '1e0')],
  ['int32s with many zeros', list('small', () => `1.${'0'.repeat(500)}`)],
  ['int64s', list('wide', () => '"-9223372036854775808"')],
  ['int64s as exponents', list('wide', () => '9.007199254740993e15')],
  ['one int64 of many digits', `{"wide":[1.${'0'.repeat(TARGET - 40)}]}`],
  ['one double of many digits', `{"real":[1.${'3'.repeat(TARGET - 40)}]}`],
  ['doubles', list('real', () => '1.7976931348623157e308')],
  ['doubles of 800 digits', list('real', (i) => `${'9'.repeat(800)}e-${i % 300}`)],
  ['floats', list('single', () => '3.4028234663852886e38')],
  ['bools', list('flags', () => 'true')],
  ['enum names', list('colors', () => '"RED"')],
  ['enum numbers', list('colors', () => '1')],
  ['empty strings', list('strings', () => '""')],
  ['escapes', text('text', '\\n')],
  ['unicode escapes', text('text', '\\u00e4')],
  ['surrogate pairs', text('text', '\\ud83d\\ude00')],
  ['UTF-8', `{"text":"${'ä'.repeat(TARGET / 2 - 20)}"}`],
  ['one text of ASCII', text('text', 'a')],
  ['base64', text('blob', 'AAAA')],
  ['base64 with escapes', text('blob', '\\u0041')],
  ['short blobs', list('blobs', () => '"AA"')],
  ['empty messages', list('nothing', () => '{}')],
  ['messages 90 deep', list('nodes', () => `${nested('{"child":', '', 90)}{}${'}'.repeat(90)}`)],
  ['lists of messages 40 deep', list('nodes', () => '{"children":['.repeat(40) + ']}'.repeat(40))],
  ['wrappers', list('boxed', () => '0')],
  ['white space', `{"small":[${' '.repeat(TARGET - 20)}]}`],
  ['white space between', list('small', () => '0 ')],
  ['keys with escapes', list('nodes', () => '{"\\u0074\\u0065\\u0078\\u0074":""}')],
  ['text into a deep map', object('trees', (i) => `"${i}":{"text":"a"}`)],
];

const { registry } = schemaOf(PROTO);
const codecs = createCodecs(registry, JSON_OPTIONS);
const emitting = createCodecs(registry, { ...JSON_OPTIONS, emitDefaults: true });
const codec = codecs.of(registry.message('worst.v1.Shapes')!);
const emitter = emitting.of(registry.message('worst.v1.Shapes')!);
const out = new JsonWriter();

function best(task: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage();
    const from = performance.now();
    task();
    const wall = performance.now() - from;
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, wall, Math.max((user + system) / 1000, 0));
  }
  return least;
}

const row = (name: string, mebibytes: number, ms: number) =>
  process.stdout.write(
    `${name.padEnd(36)} ${mebibytes.toFixed(2).padStart(7)} MiB ${ms.toFixed(1).padStart(8)} ms ${((ms * 4) / mebibytes).toFixed(0).padStart(7)} ms per 4 MiB\n`,
  );

const only = process.argv[2];
process.stdout.write('Reading (JSON to wire)\n');
for (const [name, json] of BODIES) {
  if (only !== undefined && !name.includes(only)) continue;
  const bytes = Buffer.from(json);
  let note = '';
  const ms = best(() => {
    try {
      codec.read(bytes);
    } catch (error) {
      note = ` (refused: ${JSON.stringify((error as { details?: unknown }).details ?? (error as Error).message).slice(0, 160)})`;
    }
  });
  row(name + note, bytes.length / MiB, ms);
}

process.stdout.write('Writing (wire to JSON)\n');
for (const [name, json] of BODIES) {
  if (only !== undefined && !name.includes(only)) continue;
  let wire: Uint8Array;
  try {
    wire = codec.read(Buffer.from(json));
  } catch {
    continue;
  }
  for (const [kind, which] of [
    ['', codec],
    [', defaults written', emitter],
  ] as const) {
    let size = 0;
    const ms = best(() => {
      size = out.collect((to) => which.write(wire, to)).length;
    });
    row(name + kind, Math.max(size, 1) / MiB, ms);
  }
}
