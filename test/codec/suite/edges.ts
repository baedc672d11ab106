/** Cases that protobuf's conformance runner does not cover; each row is a fact about the codec. */
import ava, { type ExecutionContext } from 'ava';
import type { CreateCodecs } from '../../../src/codec/codec.js';
import type { StatusError } from '../../../src/status/status-error.js';
import { fieldJsonOf, JSON_OPTIONS, jsonOf } from '../../support/json.js';
import { schemaOf } from '../../support/schema.js';

const PROTO = `syntax = "proto3";
package t;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message All {
  int64 i64 = 1; uint64 u64 = 2; int32 i32 = 3; double d = 4; float f = 5; string s = 6; bytes b = 7;
  map<string, string> labels = 8; All child = 9; repeated int32 list = 10;
  google.protobuf.Any any = 11; google.protobuf.Struct struct = 12; string display_name = 13;
  oneof kind { string one = 14; int32 two = 15; }
  repeated All children = 16;
  map<string, google.protobuf.Timestamp> times = 17; map<string, google.protobuf.Int64Value> limits = 18;
  map<string, google.protobuf.Value> values = 19; google.protobuf.Value value = 20;
}
`;

const { registry } = schemaOf(PROTO);
/** Runs a test for each fact. */
export function edgeCases(name: string, createCodecs: CreateCodecs): void {
  const test = (fact: string, body: (t: ExecutionContext) => void) => ava(`${name}: ${fact}`, body);
  const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.All')!);
  const roundTrip = (json: string) => jsonOf(codec, codec.read(Buffer.from(json)));

  const exact: readonly (readonly [fact: string, json: string, back: string])[] = [
    ['a 64-bit JSON number over 2^53', '{"i64":9007199254740993}', '{"i64":"9007199254740993"}'],
    ["uint64's maximum as a JSON number", '{"u64":18446744073709551615}', '{"u64":"18446744073709551615"}'],
    ["int64's minimum as a JSON number", '{"i64":-9223372036854775808}', '{"i64":"-9223372036854775808"}'],
    ['an integer with an exponent', '{"u64":1.8446744073709551615e19}', '{"u64":"18446744073709551615"}'],
    ['an integer that 100,000 digits spell', `{"i32":1.${'0'.repeat(100_000)}}`, '{"i32":1}'],
    ['-0 as a double', '{"d":-0}', '{"d":-0}'],
    ['-0.0 as a float', '{"f":-0.0}', '{"f":-0}'],
    ['the shortest text of a float', '{"f":0.1}', '{"f":0.1}'],
    ['the least double', '{"d":5e-324}', '{"d":5e-324}'],
    [
      '__proto__ as a map key is data',
      '{"labels":{"__proto__":"x","constructor":"y"}}',
      '{"labels":{"__proto__":"x","constructor":"y"}}',
    ],
    ['__proto__ in a Struct is data', '{"struct":{"__proto__":{"a":null}}}', '{"struct":{"__proto__":{"a":null}}}'],
    ['an escaped key', '{"\\u0073":"x"}', '{"s":"x"}'],
    ['a surrogate pair', '{"s":"\\ud83d\\ude00"}', '{"s":"😀"}'],
    ['control characters', '{"s":"\\u0000\\u001f\\"\\\\"}', '{"s":"\\u0000\\u001f\\"\\\\"}'],
    [
      '@type behind the fields',
      '{"any":{"s":"x","@type":"type.googleapis.com/t.All"}}',
      '{"any":{"@type":"type.googleapis.com/t.All","s":"x"}}',
    ],
    ['a member of a oneof that is null is not set', '{"one":null,"two":3}', '{"two":3}'],
    ['both names of a field', '{"display_name":"x"}', '{"displayName":"x"}'],
  ];
  for (const [fact, json, back] of exact) test(`exact: ${fact}`, (t) => t.is(roundTrip(json), back));

  const refused: readonly (readonly [fact: string, json: string | Uint8Array, field: string, says: RegExp])[] = [
    ["one over uint64's maximum", '{"u64":18446744073709551616}', 'u64', /expected uint64/],
    ['1e400 as a double', '{"d":1e400}', 'd', /expected double/],
    ['1e39 as a float', '{"f":1e39}', 'f', /expected float/],
    ['half an integer', '{"i64":0.5}', 'i64', /expected int64, got 0\.5/],
    ['a duplicate key', '{"s":"a","s":"b"}', 's', /./],
    ['the second name of a field as a duplicate', '{"display_name":"a","displayName":"b"}', 'displayName', /./],
    ['a duplicate map key', '{"labels":{"a":"1","a":"2"}}', 'labels["a"]', /./],
    ['a duplicate key in a Struct', '{"struct":{"a":1,"a":2}}', 'struct["a"]', /./],
    ['two members of a oneof', '{"one":"a","two":1}', 'two', /kind/],
    ['__proto__ as a field', '{"__proto__":{}}', '__proto__', /unknown/],
    ['an Any of an unknown type', '{"any":{"@type":"type.googleapis.com/no.Such","x":1}}', 'any.@type', /./],
    ['a lone surrogate', '{"child":{"s":"\\ud800"}}', 'child.s', /./],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0x73, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d]), 's', /UTF-8/],
    ['a null in a list', '{"list":[1,null]}', 'list[1]', /null/],
    [
      'a wrong type deep inside',
      '{"children":[{},{"child":{"i32":true}}]}',
      'children[1].child.i32',
      /expected int32, got true/,
    ],
    ['trailing text', '{} x', 'body', /./],
    ['a byte order mark', Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), 'body', /byte order mark/],
    ['a leading zero', '{"i32":01}', 'body', /./],
    ['a list in place of a message', '[]', 'body', /./],
  ];
  for (const [fact, json, field, says] of refused) {
    test(`refused by name: ${fact}`, (t) => {
      const error = t.throws(() => codec.read(Buffer.from(json as string))) as StatusError;
      t.is(error.httpStatus, 400);
      const [violation] = (error.details[0] as unknown as { fieldViolations: { field: string; description: string }[] })
        .fieldViolations;
      t.is(violation?.field, field, violation?.description);
      t.regex(violation?.description ?? '', says);
    });
  }

  test('depth 10,000 is refused, depth under the limit is not; no stack overflows', (t) => {
    for (const [open, close] of [
      ['{"child":', '}'],
      ['{"struct":{"a":', '}}'],
      ['[', ']'],
    ] as const) {
      t.throws(() => codec.read(Buffer.from(open.repeat(10_000) + close.repeat(10_000))), { name: 'StatusError' });
    }
    t.is(roundTrip(`${'{"child":'.repeat(90)}{}${'}'.repeat(90)}`).length, 90 * '{"child":}'.length + 2);
  });

  const nested: readonly (readonly [what: string, field: string, open: string, inner: string, close: string])[] = [
    ['messages', 'child', '{"child":', '{}', '}'],
    ['messages in lists', 'child', '{"children":[', '{}', ']}'],
    ['wrappers in messages', 'child', '{"child":', '{"limits":{"a":"7"}}', '}'],
    ['structs', 'value', '{"a":', 'null', '}'],
    ['structs and lists', 'value', '{"a":[', '{"b":[1]}', ']}'],
    ['lists', 'value', '[', '[true]', ']'],
    ['messages in Any', 'any', '{"@type":"x/t.All","any":', '{"@type":"x/t.All"}', '}'],
    [
      'values in Any',
      'any',
      '{"@type":"x/google.protobuf.Any","value":',
      '{"@type":"x/google.protobuf.Value","value":[]}',
      '}',
    ],
    ['Any in Any', 'any', '{"@type":"x/google.protobuf.Any","value":', '{}', '}'],
  ];
  for (const [what, key, open, inner, close] of nested) {
    test(`${what} as deep as they may be read are written, alone and as a field`, (t) => {
      for (const maxDepth of [20, 21, 100, 400]) {
        const deepCodec = createCodecs(registry, { ...JSON_OPTIONS, maxDepth }).of(registry.message('t.All')!);
        const { read, readField, descriptor } = deepCodec;
        const field = descriptor.fieldNamed(key)!;
        const deepest = [...nestings(open, inner, close, maxDepth)]
          .filter((json) => takes(() => readField(field, json)))
          .at(-1)!;
        t.true(depthOf(deepest) >= maxDepth - 1);
        const wire = readField(field, deepest);
        t.is(fieldJsonOf(deepCodec, field, wire), deepest.toString());
        t.is(jsonOf(deepCodec, wire), `{"${key}":${deepest}}`);
        t.is(
          takes(() => read(Buffer.from(`{"${key}":${deepest}}`))),
          depthOf(deepest) < maxDepth,
        );
      }
    });
  }

  function* nestings(open: string, inner: string, close: string, most: number): Generator<Buffer> {
    for (let times = 0; times <= most; times++) yield Buffer.from(open.repeat(times) + inner + close.repeat(times));
  }

  function depthOf(json: Buffer): number {
    let depth = 0;
    let most = 0;
    for (const character of json.toString()) {
      if ('{['.includes(character)) most = Math.max(most, ++depth);
      else if ('}]'.includes(character)) depth--;
    }
    return most;
  }

  function takes(read: () => void): boolean {
    try {
      read();
      return true;
    } catch {
      return false;
    }
  }

  test('deep messages are read and written without recursion', (t) => {
    const deep = createCodecs(registry, { ...JSON_OPTIONS, maxDepth: 1_000_000 }).of(codec.descriptor);
    const nested = (times: number) => Buffer.from(`{"value":${'['.repeat(times)}${']'.repeat(times)}}`);
    const tag = deep.read(nested(1)).subarray(0, -3);
    t.true(nestedLists(tag, 20_000).equals(deep.read(nested(20_000))));
    t.is(jsonOf(deep, nestedLists(tag, 100_000)), nested(100_000).toString());
  });

  /** Nests lists in lists in wire format: the `tag` of the field, then a Value of a ListValue of a Value. */
  function nestedLists(tag: Uint8Array, times: number): Buffer {
    const heads: Buffer[] = [];
    let size = 0;
    const wrap = (...before: number[]) => {
      heads.push(Buffer.from([...before, ...varint(size)]));
      size += heads.at(-1)!.length;
    };
    wrap(0x32);
    for (let i = 1; i < times; i++) {
      wrap(0x0a);
      wrap(0x32);
    }
    wrap(...tag);
    return Buffer.concat(heads.reverse());
  }

  function varint(value: number): number[] {
    return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
  }

  test('100,000 keys and 100,000 digits cost no more than their length', (t) => {
    const keys = Array.from({ length: 100_000 }, (_, i) => `"k${i}":"v"`).join(',');
    const before = process.cpuUsage();
    roundTrip(`{"labels":{${keys}}}`);
    t.throws(() => codec.read(Buffer.from(`{"i64":${'9'.repeat(100_000)}}`)));
    t.true(process.cpuUsage(before).user < 2e6);
  });

  const broken: readonly (readonly [fact: string, hex: string])[] = [
    ['a value that is cut', '0a05'],
    ['a varint of eleven bytes', `08${'ff'.repeat(11)}`],
    ['field number 0', '0001'],
    ['an end of a group that never began', '0c'],
    ['a group that never ends', '0b08'],
    ['a group that ends as another', '0b14'],
    ['wire type 7', '0f'],
    ['a length of 4 GiB', '32ffffffff0f'],
    ['text that is no UTF-8', '3201ff'],
    ['100 groups too many', '0b'.repeat(200)],
  ];
  for (const [fact, hex] of broken) {
    test(`from an upstream: ${fact} is a 502`, (t) => {
      const error = t.throws(() => jsonOf(codec, Buffer.from(hex, 'hex'))) as StatusError;
      t.is(error.httpStatus, 502);
      t.is(error.source, 'upstream');
    });
  }

  test('from an upstream: messages nested 10,000 deep are a 502, not a stack overflow', (t) => {
    let wire = Buffer.alloc(0);
    for (let i = 0; i < 10_000 && wire.length < 100_000; i++) {
      const length: number[] = [];
      for (let rest = wire.length; ; rest >>>= 7) {
        if (rest < 128) {
          length.push(rest);
          break;
        }
        length.push((rest & 127) | 128);
      }
      wire = Buffer.concat([Buffer.from([0x4a, ...length]), wire]);
    }
    t.is((t.throws(() => jsonOf(codec, wire)) as StatusError).httpStatus, 502);
  });

  // prost leaves a default value out of a map's entry, also if it is a message.
  test('from an upstream: a map entry without a value holds the empty message', (t) => {
    const wire = Buffer.from('8a01030a0161 9201030a0161 9a01030a0161 4a00'.replaceAll(' ', ''), 'hex');
    const expected = { child: {}, times: { a: '1970-01-01T00:00:00Z' }, limits: { a: '0' }, values: { a: null } };
    t.deepEqual(JSON.parse(jsonOf(codec, wire)), expected);
  });

  test('from an upstream: a wrong wire type is an unknown field', (t) => {
    t.is(jsonOf(codec, Buffer.from('0a0161', 'hex')), '{}');
  });

  // struct { fields { "a": Value { number NaN, then 1 } } }: if a oneof is set twice, the last value counts.
  test('from an upstream: a number that is overridden need not be one', (t) => {
    const kinds = '11000000000000f87f 11000000000000f03f'.replace(' ', '');
    const wire = `62190a170a01611212${kinds}`;
    t.is(jsonOf(codec, Buffer.from(wire, 'hex')), '{"struct":{"a":1}}');
  });

  test('from an upstream: an Any of an unknown type keeps its bytes', (t) => {
    const wire = Buffer.concat([
      Buffer.from('5a10', 'hex'),
      Buffer.from('0a0a', 'hex'),
      Buffer.from('x/no.Such1'),
      Buffer.from('12020801', 'hex'),
    ]);
    t.is(jsonOf(codec, wire), '{"any":{"@type":"x/no.Such1","value":"CAE="}}');
  });

  test('omitted fields are neither read nor written', (t) => {
    const hiding = createCodecs(registry, { ...JSON_OPTIONS, omitFields: new Set(['t.All.s']) }).of(
      registry.message('t.All')!,
    );
    t.throws(() => hiding.read(Buffer.from('{"s":"x"}')), { message: /unknown/ });
    t.is(jsonOf(hiding, codec.read(Buffer.from('{"s":"x","i32":1}'))), '{"i32":1}');
  });
}
