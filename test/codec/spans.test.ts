/** Messages whose fields come split, repeated or out of order, and maps with repeated keys, as hostile servers send them. */
import test from 'ava';
import { createCodecs } from '../../src/codec/codec.js';
import { WireWriter } from '../../src/codec/wire-writer.js';
import type { StatusError } from '../../src/status/status-error.js';
import { JSON_OPTIONS, jsonOf } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const PROTO = `syntax = "proto2"; package t;
enum Color { NONE = 0; RED = 1; }
message Inner { optional string a = 1; optional string b = 2; repeated int32 n = 3; optional Inner inner = 4; }
message M {
  repeated int32 first = 1; repeated string second = 2; optional Inner inner = 3; repeated Inner inners = 4;
  oneof choice { string text = 5; Color color = 6; Inner message = 7; }
  map<int32, string> numbers = 8; map<bool, Color> colors = 9; map<string, Inner> trees = 10; optional int32 last = 11;
  extensions 100 to 200;
}
extend M { optional int32 early = 101; repeated int32 late = 102; }
`;

const { registry } = schemaOf(PROTO);
const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.M')!);

/** Builds a message from records: field number and value; a number is a varint, a string or bytes are length-delimited. */
function wire(...records: readonly (readonly [number, number | string | Uint8Array])[]): Uint8Array {
  const writer = new WireWriter();
  for (const [field, value] of records) {
    writer.tag(field, typeof value === 'number' ? 0 : 2);
    if (typeof value === 'number') writer.uint32(value);
    else writer.delimited(typeof value === 'string' ? Buffer.from(value) : value);
  }
  return writer.slice();
}

/** The number 1 as a varint of three bytes. */
const LONG_ONE = Buffer.from([0x08, 0x81, 0x80, 0x00]);

const CASES: readonly (readonly [fact: string, message: Uint8Array, json: string])[] = [
  [
    'two lists that alternate',
    wire([1, 1], [2, 'a'], [1, 2], [2, 'b'], [1, 3]),
    '{"first":[1,2,3],"second":["a","b"]}',
  ],
  [
    'packed and single elements in turn',
    wire([1, Buffer.from([1, 2])], [1, 3], [1, Buffer.from([])], [1, 4]),
    '{"first":[1,2,3,4]}',
  ],
  ['an unknown field inside of a list', wire([1, 1], [60, 'x'], [1, 2]), '{"first":[1,2]}'],
  ['fields from last to first', wire([11, 9], [2, 'z'], [1, 1]), '{"first":[1],"second":["z"],"last":9}'],
  [
    'a message in three pieces around other fields',
    wire([3, wire([1, 'x'], [3, 1])], [11, 1], [3, wire([2, 'y'])], [1, 5], [3, wire([1, 'z'], [3, 2])]),
    '{"first":[5],"inner":{"a":"z","b":"y","n":[1,2]},"last":1}',
  ],
  [
    'pieces inside of pieces',
    wire([3, wire([4, wire([1, 'x'])])], [3, wire([4, wire([2, 'y'])])]),
    '{"inner":{"inner":{"a":"x","b":"y"}}}',
  ],
  ['of a oneof the member that came last', wire([5, 'a'], [6, 1]), '{"color":"RED"}'],
  [
    'a oneof that goes back to its first member',
    wire([7, wire([1, 'lost'])], [5, 'x'], [7, wire([2, 'y'])]),
    '{"message":{"b":"y"}}',
  ],
  [
    'a oneof whose winner is in two pieces',
    wire([5, 'x'], [7, wire([1, 'p'])], [11, 1], [7, wire([2, 'q'])]),
    '{"message":{"a":"p","b":"q"},"last":1}',
  ],
  ['an unknown number of a closed enum does not count in its oneof', wire([5, 'a'], [6, 7]), '{"text":"a"}'],
  [
    'the last entry of a key',
    wire([8, wire([1, 1], [2, 'a'])], [8, wire([1, 2], [2, 'b'])], [8, wire([1, 1], [2, 'c'])]),
    '{"numbers":{"2":"b","1":"c"}}',
  ],
  [
    'one key in two encodings',
    wire([8, wire([1, 1], [2, 'a'])], [8, Buffer.concat([LONG_ONE, wire([2, 'b'])])]),
    '{"numbers":{"1":"b"}}',
  ],
  ['true as 1 and as 5', wire([9, wire([1, 1], [2, 1])], [9, wire([1, 5], [2, 0])]), '{"colors":{"true":"NONE"}}'],
  [
    'an entry of an unknown enum number does not count',
    wire([9, wire([1, 1], [2, 1])], [9, wire([1, 1], [2, 8])]),
    '{"colors":{"true":"RED"}}',
  ],
  [
    'an entry without key, without value, with both twice',
    wire([8, wire([2, 'k'])], [8, wire([1, 4])], [8, wire([1, 5], [2, 'x'], [1, 6], [2, 'y'])]),
    '{"numbers":{"0":"k","4":"","6":"y"}}',
  ],
  [
    'a map value in two pieces',
    wire([10, wire([1, 'k'], [2, wire([1, 'x'])], [2, wire([2, 'y'])])]),
    '{"trees":{"k":{"a":"x","b":"y"}}}',
  ],
  ['a map of no entry that counts', wire([9, wire([1, 1], [2, 8])]), '{"colors":{}}'],
  [
    'extensions by number behind all fields',
    wire([102, 1], [101, 2], [11, 3], [102, 4]),
    '{"last":3,"[t.early]":2,"[t.late]":[1,4]}',
  ],
];

for (const [fact, message, json] of CASES) {
  test(`wire → JSON: ${fact}`, (t) => {
    t.is(jsonOf(codec, message), json);
  });
}

test('a thousand keys, each twice: the last entry of each', (t) => {
  const entries = Array.from({ length: 2000 }, (_, i) => [8, wire([1, i % 1000], [2, String(i)])] as const);
  const { numbers } = JSON.parse(jsonOf(codec, wire(...entries))) as { numbers: Record<string, string> };
  t.is(Object.keys(numbers).length, 1000);
  t.is(numbers[17], '1017');
});

test('a message whose fields lie in a million separate spans is a broken answer', (t) => {
  const pair = wire([1, 1], [11, 1]);
  const error = t.throws(() => jsonOf(codec, Buffer.concat(Array(600_000).fill(pair)))) as StatusError;
  t.is(error.httpStatus, 502);
  t.is(jsonOf(codec, pair), '{"first":[1],"last":1}');
});
