/**
 * The most that hostile input may cost, over a socket: memory ≤ 1 MiB + 100 × input, CPU ≤ 5 ms + 1 µs a byte. The client,
 * the upstream and all garbage are counted too. The best of several tries counts, because other programs may be busy.
 */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { heldBytes, usedBytes } from '../support/memory.js';

const PROTO = `package cost.v1;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
message All {
  string s = 1; bytes b = 2; double d = 3; int64 n = 4;
  repeated string tags = 5; repeated int64 ids = 6; repeated double ds = 7; repeated bool bools = 8;
  map<string, int32> m = 9; map<int64, string> mi = 10; All kid = 11; repeated All kids = 12;
  google.protobuf.Value v = 13; google.protobuf.FieldMask mask = 14; repeated google.protobuf.FieldMask masks = 15;
  google.protobuf.Any any = 16; repeated google.protobuf.Any anys = 17;
}
service Cost {
  rpc Take(All) returns (All) {
    option (google.api.http) = {
      get: "/all" additional_bindings { post: "/all" body: "*" }
      additional_bindings { get: "/{s=**}/end" } additional_bindings { get: "/a/{s=**}" }
    };
  }
}`;

const shared = afterAll(test);
const limits = { headerBytes: '128KiB' };
const strict = startGateway(shared, PROTO, {}, { limits });
const lenient = startGateway(shared, PROTO, {}, { limits, json: { unknownFields: 'ignore' } });

const N = 30_000;
const list = (element: string, count = N) => Array(count).fill(element).join(',');
const keys = (entry: (i: number) => string, count = N) => Array.from({ length: count }, (_, i) => entry(i)).join(',');
const nested = (open: string, inner: string, close: string, depth: number) =>
  open.repeat(depth) + inner + close.repeat(depth);
const anyIn = (depth: number, inner: string): string =>
  `{${depth === 0 ? inner : `"any":${anyIn(depth - 1, inner)}`},"@type":"a/cost.v1.All"}`;

type Row = readonly [fact: string, input: string, refused?: RegExp];

const bodies: readonly Row[] = [
  ['empty strings', `{"tags":[${list('""')}]}`],
  ['keys of a map', `{"m":{${keys((i) => `"k${i}":1`, 100_000)}}}`],
  ['keys of a map of integers', `{"mi":{${keys((i) => `"${i}":""`)}}}`],
  ['the same key', `{"m":{${list('"k":1')}}}`, /found twice/],
  ['keys of a message', `{${keys((i) => `"k${i}":1`, 100_000)}}`, /unknown field/],
  ['integers', `{"ids":[${list('1')}]}`],
  ['doubles', `{"ds":[${list('1e1')}]}`],
  ['bools', `{"bools":[${list('true')}]}`],
  ['keys of a Struct', `{"v":{${keys((i) => `"k${i}":1`)}}}`],
  ['nulls of a Value', `{"v":[${list('null')}]}`],
  ['objects of a Value', `{"v":[${list('{}')}]}`],
  ['empty messages', `{"kids":[${list('{}')}]}`],
  ['empty Anys', `{"anys":[${list('{}')}]}`],
  ['Anys that name their type last', `{"anys":[${list('{"s":"","@type":"a/cost.v1.All"}', N / 10)}]}`],
  ['a wide Any in Anys that name their type last', `{"any":${anyIn(40, `"tags":[${list('""')}]`)}}`],
  ['paths of a FieldMask', `{"mask":"${list('a')}"}`],
  ['capitals of a FieldMask', `{"mask":"${'A'.repeat(N)}"}`],
  ['FieldMasks', `{"masks":[${list('"a"')}]}`],
  ['depth 10,000', nested('{"kid":', '1', '}', 10_000), /at most 100 levels/],
  ['depth 10,000 of lists', `{"v":${'['.repeat(10_000)}`, /at most 100 levels/],
  ['a wide message at the greatest depth', nested('{"kid":', `{"tags":[${list('""')}]}`, '}', 90)],
  ['a long double', `{"d":1${'0'.repeat(N)}}`, /expected double/],
  ['a long fraction', `{"d":0.${'0'.repeat(N)}1}`],
  ['a long int64', `{"n":1${'0'.repeat(N)}}`, /expected int64/],
  ['a long int64 with an exponent', `{"n":0.${'0'.repeat(N)}1e${N + 1}}`],
  ['an int64 with a great exponent', '{"n":1e999999999}', /expected int64/],
  ['escapes', `{"s":"${'\\u00e9'.repeat(N)}"}`],
  ['base64', `{"b":"${'A'.repeat(N)}"}`],
  ['base64 that goes wrong at its end', `{"b":"${'A'.repeat(N)}$"}`, /expected base64/],
  ['white space', ' '.repeat(N)],
  ['white space in an object', `{${' '.repeat(N)}}`],
];

const ignored: readonly Row[] = [
  ['unknown keys', `{${keys((i) => `"k${i}":1`)}}`],
  ['unknown lists', `{"u":[${list('[]')}]}`],
  ['unknown depth', `{"u":${'['.repeat(10_000)}`, /at most 100 levels/],
];

const queries: readonly Row[] = [
  ['10,000 values of a list', 'ids=1&'.repeat(10_000)],
  ['keys of a map', keys((i) => `m[${i}]=1`, 1500).replaceAll(',', '&')],
  ['10,000 unknown parameters', keys((i) => `k${i}=1`, 10_000).replaceAll(',', '&'), /unknown/],
  ['ampersands', '&'.repeat(16_000)],
  ['paths of a FieldMask', `mask=${list('a', 8000)}`],
  ['paths of $fields', `$fields=${list('s', 8000)}`, /at most 500 paths/],
  ['a deep path of $fields', `$fields=${Array(4000).fill('kid').join('.')}`],
  ['a deep parameter', `${Array(4000).fill('kid').join('.')}=1`, /recursive/],
  ['a long int64', `n=1${'0'.repeat(15_000)}`, /expected int64/],
];

const paths: readonly Row[] = [
  ['segments', '/a'.repeat(4000)],
  ['escapes', `/a/${'%61'.repeat(2700)}`],
  ['escaped slashes', `/a/${'%2F'.repeat(2700)}`],
  ['dots', `${'/a'.repeat(4000)}/..`, /\.\./],
];

for (const [part, rows, gateway] of [
  ['body', bodies, strict],
  ['ignored', ignored, lenient],
  ['query', queries, strict],
  ['path', paths, strict],
] as const) {
  for (const [fact, input, refused] of rows) {
    test.serial(`${part}: ${fact}`, async (t) => {
      const { send } = await gateway;
      const body = Buffer.from(input);
      const post = { body, headers: { 'content-type': 'application/json' } };
      const hasBody = part === 'body' || part === 'ignored';
      const ask = () => (hasBody ? send('POST', '/all', post) : send('GET', part === 'path' ? input : `/all?${input}`));
      const { status, json } = await ask();
      t.is(status, refused === undefined ? 200 : 400);
      if (refused !== undefined) t.regex(json.message, refused);
      const limit = {
        cpuMs: 5 + body.length / 1000,
        // If the input is never large, most of the memory is garbage, which the rule does not limit.
        bytes: hasBody ? (1 << 20) + 100 * body.length : Number.POSITIVE_INFINITY,
      };
      const { cpuMs, bytes } = await leastCost(ask, limit);
      t.true(cpuMs <= limit.cpuMs, `${cpuMs} ms of CPU for ${body.length} bytes`);
      t.true(bytes <= limit.bytes, `${bytes} bytes for ${body.length}`);
    });
  }
}

interface Cost {
  readonly cpuMs: number;
  readonly bytes: number;
}

/** Returns the lowest cost of several tries, or the first one within the limit. */
async function leastCost(ask: () => Promise<unknown>, limit: Cost): Promise<Cost> {
  let cpuMs = Number.POSITIVE_INFINITY;
  let bytes = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 20 && (cpuMs > limit.cpuMs || bytes > limit.bytes); tries++) {
    const countsBytes = bytes > limit.bytes;
    const held = countsBytes ? heldBytes() : 0;
    const cpu = process.cpuUsage();
    await ask();
    const { user, system } = process.cpuUsage(cpu);
    cpuMs = Math.min(cpuMs, (user + system) / 1000);
    if (countsBytes) bytes = Math.min(bytes, usedBytes() - held);
  }
  return { cpuMs, bytes };
}
