/** The diagnostics of `check` for the routes of methods that stream. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { planOf, startGateway } from '../support/gateway.js';
import { http2Client } from '../support/http2.js';

const HEAD = `package w.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; }
message Inner { string text = 1; }
`;

function proto(message: string, rule: string, policy = ''): string {
  return `${HEAD} message Item { ${message} }
  service Watching { rpc Watch(Ask) returns (stream Item) { option (google.api.http) = { ${rule} }; ${policy} } }`;
}

async function found(t: ExecutionContext, text: string, config: Partial<ConfigInput> = {}) {
  const { diagnostics } = await planOf(t, text, config);
  return diagnostics.filter(({ rule }) => rule !== 'no-auth').map(({ severity, rule }) => `${severity} ${rule}`);
}

const WARNED = ['warning stream-error-field'];

test('a streamed message with a JSON field error is a warning', async (t) => {
  t.deepEqual(await found(t, proto('string error = 1;', 'get: "/i"')), WARNED);
  t.deepEqual(await found(t, proto('string fault = 1 [json_name = "error"];', 'get: "/i"')), WARNED);
});

test('fields are compared by their names in JSON', async (t) => {
  const named = proto('string error = 1 [json_name = "fault"];', 'get: "/i"');
  t.deepEqual(await found(t, named), []);
  t.deepEqual(await found(t, named, { json: { protoNames: true } }), WARNED);
});

test('each binding of a method is looked at', async (t) => {
  const message = 'string error = 1; Inner inner = 2;';
  t.deepEqual(await found(t, proto(message, 'get: "/i" response_body: "inner"')), []);
  const both = 'get: "/i" response_body: "inner" additional_bindings { get: "/w" }';
  t.deepEqual(await found(t, proto(message, both)), WARNED);
});

/** The fields of a message, the answer options of its binding, and whether a line of the answer may have a key `error`. */
const HOLDERS: readonly (readonly [fields: string, rest: string, holds: boolean])[] = [
  ['string error = 1;', '', true],
  ['Inner error = 1;', '', true],
  ['map<string, string> m = 1;', 'response_body: "m"', true],
  ['map<int32, string> m = 1;', 'response_body: "m"', false],
  ['map<string, string> m = 1;', '', false],
  ['repeated Wrong list = 1;', 'response_body: "list"', false],
  ['Wrong one = 1;', 'response_body: "one"', true],
  ['google.protobuf.Struct s = 1;', 'response_body: "s"', true],
  ['google.protobuf.Value s = 1;', 'response_body: "s"', true],
  ['google.protobuf.Any s = 1;', 'response_body: "s"', true],
  ['google.protobuf.ListValue s = 1;', 'response_body: "s"', false],
  ['string text = 1;', 'response_body: "text"', false],
  ['string text = 1;', '', false],
];
for (const [fields, rest, holds] of HOLDERS) {
  test(`lines end with a failure only if no message looks like one: ${fields} ${rest}`, async (t) => {
    const imports = ['any', 'struct'].map((name) => `import "google/protobuf/${name}.proto";`).join(' ');
    const text = proto(`${fields}`, `get: "/i" ${rest}`).replace(
      'message Ask',
      `${imports} message Wrong { string error = 1; } message Ask`,
    );
    t.deepEqual(await found(t, text), holds ? WARNED : []);
    const reply = { messages: [{}], status: { code: 9, message: 'enough' } };
    const { send, logged, url } = await startGateway(t, text, { Watch: reply }, { listen: { h2c: true } });
    const headers = { accept: 'application/x-ndjson' };
    const { code, text: body } = await http2Client(t, url).send('GET', '/i', { headers });
    if (holds) {
      await t.throwsAsync(send('GET', '/i', { headers }));
      t.not(code, 0);
      t.notRegex(body, /"code":9/);
    } else {
      t.regex((await send('GET', '/i', { headers })).text, /\n\{"error":\{"code":9,.*\}\}\n$/);
      t.is(code, 0);
    }
    const events = await send('GET', '/i', { headers: { accept: 'text/event-stream' } });
    t.regex(events.text, /event: end\nid: end\ndata: \{"code":9/);
    t.true(logged().some((line) => line.code === 'FAILED_PRECONDITION'));
  });
}

test('such a stream that ends well is whole, and an error before its first message is an error answer', async (t) => {
  const text = proto('string error = 1;', 'get: "/i"');
  const { send, upstream } = await startGateway(t, text, { Watch: { messages: [{ error: 'a' }, { error: 'b' }] } });
  const headers = { accept: 'application/jsonl' };
  t.is((await send('GET', '/i', { headers })).text, '{"error":"a"}\n{"error":"b"}\n');
  upstream.script('Watch', { status: { code: 5, message: 'none' } });
  t.is((await send('GET', '/i', { headers })).status, 404);
});

const policy = (status: number) => `option (protogate.v1.policy) = { success_status: ${status} };`;

test('success_status is also the status of a stream', async (t) => {
  const text = proto('string text = 1;', 'get: "/i"', policy(202));
  const { send } = await startGateway(t, text, { Watch: { messages: [{ text: 'a' }] } });
  const { status, json } = await send('GET', '/i');
  t.is(status, 202);
  t.deepEqual(json, [{ text: 'a' }]);
});

test('a success_status without a body is an error for a stream', async (t) => {
  t.deepEqual(await found(t, proto('string text = 1;', 'get: "/i"', policy(204))), ['error policy']);
});

test('a method that no WebSocket can reach is a warning: another one has its path and gets the handshakes', async (t) => {
  const rpc = (name: string, types: string, rule: string) =>
    `rpc ${name}(${types}) { option (google.api.http) = { ${rule} }; }`;
  const watch = (rule: string) => rpc('Watch', 'Ask) returns (stream Inner', rule);
  const add = (rule: string) => rpc('Add', 'stream Inner) returns (Inner', rule);
  const one = (rule: string) => rpc('One', 'Ask) returns (Inner', rule);
  const both = (...rpcs: string[]) => found(t, `${HEAD} service S { ${rpcs.join(' ')} }`);
  const hidden = ['warning hidden-websocket'];
  t.deepEqual(await both(watch('get: "/i"'), add('post: "/i" body: "*"')), hidden);
  t.deepEqual(await both(add('post: "/i/{text}" body: "*"'), watch('put: "/i/{name}" body: "*"')), hidden);
  t.deepEqual(await both(watch('get: "/w"'), add('post: "/i" body: "*"')), []);
  // One method with two rules for a path, and a method that does not stream, take nothing away.
  t.deepEqual(await both(watch('get: "/i" additional_bindings { post: "/i" body: "*" }')), []);
  t.deepEqual(await both(one('get: "/i"'), add('post: "/i" body: "*"')), []);
});
