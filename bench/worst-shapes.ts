/** The bodies that are the slowest to read: 4 MiB of JSON each. */

export const PROTO = `syntax = "proto3";
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
export const MiB = 1 << 20;
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

export const BODIES: readonly (readonly [name: string, json: string])[] = [
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
