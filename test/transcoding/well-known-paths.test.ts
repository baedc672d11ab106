/** Timestamp, Duration, FieldMask and wrappers in the path, where they are written as text. */
import test from 'ava';
import { afterAll, planOf, startGateway } from '../support/gateway.js';

const HEAD = `package w.v1;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "protogate/v1/annotations.proto";
message Ask {
  google.protobuf.Timestamp at = 1; google.protobuf.Duration within = 2; google.protobuf.FieldMask mask = 3;
  google.protobuf.Int64Value limit = 4; google.protobuf.BoolValue flag = 5; google.protobuf.StringValue note = 6;
  google.protobuf.DoubleValue ratio = 7; google.protobuf.BytesValue raw = 8; Ask inner = 9;
  repeated google.protobuf.Timestamp times = 10; google.protobuf.Struct extra = 11; google.protobuf.Any any = 12;
  google.protobuf.Value value = 13; map<string, google.protobuf.StringValue> notes = 14;
}
`;
const rpc = (name: string, rule: string) =>
  `rpc ${name}(Ask) returns (Ask) { option (google.api.http) = { ${rule} }; }`;
const get = (...paths: string[]) =>
  `get: "/first" ${paths.map((path) => `additional_bindings { get: "${path}" }`).join(' ')}`;
const PROTO = `${HEAD}
service Wells {
  ${rpc('Get', get('/at/{at}', '/within/{within}', '/mask/{mask}', '/limit/{limit}', '/flag/{flag}', '/note/{note=**}', '/ratio/{ratio}', '/raw/{raw}', '/inner/{inner.at}/{inner.note}', '/seconds/{at.seconds}', '/value/{flag.value}'))}
  ${rpc('Post', 'post: "/at/{at}" body: "*" additional_bindings { patch: "/inner/{inner.at}" body: "inner" }')}
}`;

const started = startGateway(afterAll(test), PROTO);

for (const [target, sent] of [
  ['/at/2026-01-02T03:04:05.5Z', { at: { seconds: '1767323045', nanos: 500000000 } }],
  ['/at/2026-01-02T05:04:05+02:00', { at: { seconds: '1767323045' } }],
  ['/at/1970-01-01T00%3A00%3A00Z', { at: {} }],
  ['/within/-3.5s', { within: { seconds: '-3', nanos: -500000000 } }],
  ['/mask/a.displayName,b', { mask: { paths: ['a.display_name', 'b'] } }],
  ['/mask/*', { mask: { paths: ['*'] } }],
  ['/limit/9007199254740993', { limit: { value: '9007199254740993' } }],
  ['/limit/0', { limit: {} }],
  ['/flag/true', { flag: { value: true } }],
  ['/note/a/b%2Fc', { note: { value: 'a/b%2Fc' } }],
  ['/note', { note: {} }],
  ['/ratio/1.5e3', { ratio: { value: 1500 } }],
  ['/raw/-_8', { raw: { value: { type: 'Buffer', data: [251, 255] } } }],
  ['/inner/1970-01-01T00:00:05Z/x', { inner: { at: { seconds: '5' }, note: { value: 'x' } } }],
  ['/seconds/5', { at: { seconds: '5' } }],
  ['/value/false', { flag: {} }],
  ['/seconds/5?within=1s&mask.paths=a', { at: { seconds: '5' }, within: { seconds: '1' }, mask: { paths: ['a'] } }],
] as const) {
  test.serial(`GET ${target} is bound`, async (t) => {
    const { send, upstream } = await started;
    const answer = await send('GET', target);
    t.is(answer.status, 200, answer.text);
    t.deepEqual(JSON.parse(JSON.stringify(upstream.last().request)), sent);
  });
}

for (const [method, target, body, message] of [
  ['GET', '/at/yesterday', '', /^at: expected a Timestamp such as 2026-01-02T03:04:05Z, got "yesterday"$/],
  ['GET', '/at/2026-02-30T00:00:00Z', '', /^at: expected a Timestamp/],
  ['GET', '/within/3', '', /^within: expected a Duration such as 3.5s, got "3"$/],
  ['GET', '/mask/a..b', '', /^mask: expected a FieldMask/],
  ['GET', '/limit/1.5', '', /^limit: expected int64, got "1.5"$/],
  ['GET', '/flag/yes', '', /^flag: expected true or false, got "yes"$/],
  ['GET', '/raw/a$', '', /^raw: expected base64/],
  ['GET', '/seconds/253402300800', '', /^at.seconds: expected seconds from/],
  [
    'GET',
    '/at/1970-01-01T00:00:05Z?at=1970-01-01T00:00:05Z',
    '',
    /^at: not a query parameter, because the path sets this field$/,
  ],
  ['GET', '/at/1970-01-01T00:00:05Z?at.seconds=6', '', /^at.seconds: expected once, found twice$/],
  ['GET', '/flag/true?flag.value=false', '', /^flag.value: expected once, found twice$/],
  ['GET', '/seconds/5?at=1970-01-01T00:00:05Z', '', /^at: expected once, found twice$/],
  ['GET', '/seconds/5?at.seconds=5', '', /^at.seconds: not a query parameter, because the path sets this field$/],
  [
    'POST',
    '/at/1970-01-01T00:00:05Z',
    '{"at":"1970-01-01T00:00:06Z"}',
    /^at: expected "1970-01-01T00:00:05Z" as in the path/,
  ],
  [
    'PATCH',
    '/inner/1970-01-01T00:00:05Z',
    '{"at":"1970-01-01T00:00:06Z"}',
    /^at: expected "1970-01-01T00:00:05Z" as in/,
  ],
] as const) {
  test.serial(`${method} ${target} ${body} is 400 without a call`, async (t) => {
    const { send, upstream } = await started;
    const calls = upstream.calls.length;
    const { status, json } = await send(
      method,
      target,
      body === '' ? {} : { body, headers: { 'content-type': 'application/json' } },
    );
    t.is(status, 400);
    t.regex(json.message, message);
    t.is(upstream.calls.length, calls);
  });
}

for (const at of ['absent', null, '1970-01-01T00:00:05Z', '1970-01-01T02:00:05+02:00', '1970-01-01T00:00:05.000Z']) {
  test.serial(`a body whose field is ${at} agrees with the path`, async (t) => {
    const { send, upstream } = await started;
    const body = { limit: 3, ...(at === 'absent' ? {} : { at }) };
    t.is((await send('POST', '/at/1970-01-01T00:00:05Z', { body })).status, 200);
    t.deepEqual(upstream.last().request, { at: { seconds: '5' }, limit: { value: '3' } });
    t.is((await send('PATCH', '/inner/1970-01-01T00:00:05Z', { body })).status, 200);
    // The mask of a PATCH contains the fields of the body, and not those of the path.
    const mask = { paths: ['limit'] };
    t.deepEqual(upstream.last().request, { inner: { at: { seconds: '5' }, limit: { value: '3' } }, mask });
  });
}

for (const [path, found] of [
  ['{times}', /got a repeated field 'times'/],
  ['{extra}', /got a google.protobuf.Struct field 'extra'/],
  ['{any}', /got a google.protobuf.Any field 'any'/],
  ['{value}', /got a google.protobuf.Value field 'value'/],
  ['{notes}', /got a map field 'notes'/],
  ['{inner}', /got a w.v1.Ask field 'inner'/],
  ['{mask.paths}', /got a repeated field 'paths'/],
] as const) {
  test(`${path} in a path is an error when the schema is loaded`, async (t) => {
    const { diagnostics } = await planOf(t, `${HEAD} service W { ${rpc('Get', `get: "/x/${path}"`)} }`);
    const [error] = diagnostics.filter(({ severity }) => severity === 'error');
    t.is(error?.rule, 'path-variable');
    t.regex(error?.text ?? '', found);
  });
}

test('a demand still compares scalars: a message in it is an error', async (t) => {
  const policy = 'option (protogate.v1.policy) = { auth: { require: "request.note = caller.subject" } };';
  const { diagnostics } = await planOf(
    t,
    `${HEAD} service W { ${rpc('Get', 'get: "/x/{note}"').replace('{ option', `{ ${policy} option`)} }`,
  );
  const texts = diagnostics.map(({ text }) => text).join('\n');
  t.regex(texts, /expected a singular scalar or enum field, got a google.protobuf.StringValue field 'note'/);
});

test('a demand over the value of a wrapper that the path gives is asked', async (t) => {
  const policy = `option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC require: "request.note.value = 'mine'" } };`;
  const proto = `${HEAD} service W { ${rpc('Get', 'get: "/x/{note}"').replace('{ option', `{ ${policy} option`)} }`;
  const { send, upstream } = await startGateway(t, proto);
  t.is((await send('GET', '/x/mine')).status, 200);
  t.is((await send('GET', '/x/yours')).status, 403);
  t.is(upstream.calls.length, 1);
});
