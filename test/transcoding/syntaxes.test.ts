/** JSON for proto2, editions, and an Any of either, through real sockets. The bytes of the answers are written by hand. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';

const PROTO2 = `syntax = "proto2";
package old.v1;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
message Old {
  required string name = 1;
  optional group Part = 2 { optional int32 n = 3; }
  optional double size = 4;
  optional Kind kind = 5;
  repeated Kind kinds = 6;
  optional google.protobuf.Any any = 7;
  oneof pick { int32 count = 8; Kind choice = 9; }
  extensions 100 to 200;
}
message Counts {
  optional int32 plain = 1;
  optional int32 seven = 2 [default = 7];
  optional int64 most = 3 [default = 9223372036854775807];
  optional string text = 4 [default = "a\\"b"];
  optional bytes data = 5 [default = "\\xff\\001"];
  optional float ratio = 6 [default = 0.1];
  optional double none = 7 [default = -inf];
  optional Kind kind = 8 [default = B];
  optional Kind first = 9;
  optional bool yes = 10 [default = true];
}
enum Kind { A = 1; B = 2; }
extend Old { optional int32 rank = 100; repeated string words = 101; }
message Ask { optional string id = 1; }
service Olds {
  rpc Get(Ask) returns (Old) { option (google.api.http) = { get: "/old" }; }
  rpc Count(Ask) returns (Counts) {
    option (google.api.http) = {
      get: "/counts"
      additional_bindings { get: "/counts/plain" response_body: "plain" }
      additional_bindings { get: "/counts/seven" response_body: "seven" }
      additional_bindings { get: "/counts/most" response_body: "most" }
      additional_bindings { get: "/counts/text" response_body: "text" }
      additional_bindings { get: "/counts/data" response_body: "data" }
      additional_bindings { get: "/counts/ratio" response_body: "ratio" }
      additional_bindings { get: "/counts/none" response_body: "none" }
      additional_bindings { get: "/counts/kind" response_body: "kind" }
      additional_bindings { get: "/counts/first" response_body: "first" }
      additional_bindings { get: "/counts/yes" response_body: "yes" }
    };
  }
  rpc Put(Old) returns (Ask) { option (google.api.http) = { post: "/old" body: "*" }; }
}`;

const EDITION = `edition = "2023";
package edition.v1;
import "google/api/annotations.proto";
message Ask { string id = 1; }
message New {
  int32 present = 1;
  int32 implicit = 2 [features.field_presence = IMPLICIT];
  Part part = 3 [features.message_encoding = DELIMITED];
  repeated Kind closed = 4;
  repeated Free open = 5;
}
message Part { int32 n = 1; }
enum Kind { option features.enum_type = CLOSED; A = 1; B = 2; }
enum Free { NONE = 0; }
service News { rpc Get(Ask) returns (New) { option (google.api.http) = { get: "/new" }; } }`;

const started = startGateway(afterAll(test), { 'old.proto': PROTO2, 'edition.proto': EDITION });

const any = (type: string, hex: string) => {
  const name = Buffer.from(`type.googleapis.com/${type}`);
  const value = Buffer.from(hex, 'hex');
  return Buffer.concat([Uint8Array.of(10, name.length), name, Uint8Array.of(18, value.length), value]);
};
const ANY_OLD = any('old.v1.Old', '0a0162');
const ANY_LOST = any('lost.v1.Message', '0801');

for (const [fact, path, bytes, expected] of [
  ['a group', '/old', ['0a0161 13 1805 14'], { name: 'a', part: { n: 5 } }],
  ['extensions', '/old', ['0a0161 a00607 aa060178'], { name: 'a', '[old.v1.rank]': 7, '[old.v1.words]': ['x'] }],
  ['Infinity', '/old', ['0a0161 21000000000000f07f'], { name: 'a', size: 'Infinity' }],
  ['NaN', '/old', ['0a0161 21000000000000f87f'], { name: 'a', size: 'NaN' }],
  [
    'numbers that a closed enum does not know are left out',
    '/old',
    ['0a0161 2802 2863 3063 3001'],
    { name: 'a', kind: 'B', kinds: ['A'] },
  ],
  ['a list whose numbers a closed enum does not know is none', '/old', ['0a0161 3063'], { name: 'a' }],
  [
    'a number that a closed enum does not know unsets nothing in its oneof',
    '/old',
    ['0a0161 4005 4863'],
    { name: 'a', count: 5 },
  ],
  ['a number that a closed enum knows does', '/old', ['0a0161 4005 4802'], { name: 'a', choice: 'B' }],
  [
    'an Any of the schema',
    '/old',
    ['0a0161', ANY_OLD],
    { name: 'a', any: { '@type': 'type.googleapis.com/old.v1.Old', name: 'b' } },
  ],
  [
    'an Any of another',
    '/old',
    ['0a0161', ANY_LOST],
    { name: 'a', any: { '@type': 'type.googleapis.com/lost.v1.Message', value: 'CAE=' } },
  ],
  ['a packed list of nothing is none', '/new', ['0800 2a00'], { present: 0 }],
  ['an edition: presence by feature', '/new', ['0800 1000'], { present: 0 }],
  ['an edition: a delimited message', '/new', ['1b 0801 1c'], { part: { n: 1 } }],
  [
    'an edition: enums closed and open by feature',
    '/new',
    ['2001 2063 2800 2863'],
    { closed: ['A'], open: ['NONE', 99] },
  ],
] as const) {
  test.serial(fact, async (t) => {
    const { send, upstream } = await started;
    const [own, inAny] = bytes;
    const message = Buffer.from(own.replaceAll(' ', ''), 'hex');
    upstream.script('Get', {
      message: inAny === undefined ? message : Buffer.concat([message, Uint8Array.of(58, inAny.length), inAny]),
    });
    const { status, json } = await send('GET', path);
    t.is(status, 200);
    t.deepEqual(json, expected);
  });
}

test.serial('groups, extensions and closed enums of a body', async (t) => {
  const { send, upstream } = await started;
  const body = { name: 'x', '[old.v1.rank]': 5, part: { n: 1 }, kind: 'B' };
  t.is((await send('POST', '/old', { body })).status, 200);
  t.is(upstream.last().requestBytes[0]?.toString('hex'), '0a0178a00605131801142802');
  for (const [refused, message] of [
    [{ name: 'x', kind: 99 }, 'kind: expected a value of old.v1.Kind, got 99'],
    [{ name: 'x', '[old.v1.lost]': 5 }, '[old.v1.lost]: unknown field'],
    [{}, 'name: expected a value for this required field, got none'],
  ] as const) {
    const { status, json } = await send('POST', '/old', { body: refused });
    t.is(status, 400);
    t.is(json.message, message);
  }
});

test('response_body of an unset field is its declared default, and a message still leaves it out', async (t) => {
  const { send, upstream } = await started;
  upstream.script('Count', { message: new Uint8Array(0) });
  const found: Record<string, string> = {};
  const names = ['plain', 'seven', 'most', 'text', 'data', 'ratio', 'none', 'kind', 'first', 'yes'];
  for (const name of names) found[name] = (await send('GET', `/counts/${name}`)).text;
  t.deepEqual(found, {
    plain: '0',
    seven: '7',
    most: '"9223372036854775807"',
    text: '"a\\"b"',
    data: '"/wE="',
    ratio: '0.1',
    none: '"-Infinity"',
    kind: '"B"',
    first: '"A"',
    yes: 'true',
  });
  t.is((await send('GET', '/counts')).text, '{}');
  upstream.script('Count', { message: Buffer.from('1000', 'hex') });
  t.is((await send('GET', '/counts/seven')).text, '0');
});
