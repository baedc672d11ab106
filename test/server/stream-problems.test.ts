/** What `check` finds in the routes of methods that stream. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { planOf, startGateway } from '../support/gateway.js';

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

async function errors(t: ExecutionContext, text: string, config: Partial<ConfigInput> = {}) {
  const { diagnostics } = await planOf(t, text, config);
  return diagnostics.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
}

const REFUSED = ['stream-error-field'];

test('21: a streamed message with a JSON field error is refused', async (t) => {
  t.deepEqual(await errors(t, proto('string error = 1;', 'get: "/i"')), REFUSED);
  t.deepEqual(await errors(t, proto('string fault = 1 [json_name = "error"];', 'get: "/i"')), REFUSED);
});

test('21: what counts is the name in JSON', async (t) => {
  const named = proto('string error = 1 [json_name = "fault"];', 'get: "/i"');
  t.deepEqual(await errors(t, named), []);
  t.deepEqual(await errors(t, named, { json: { protoNames: true } }), REFUSED);
});

test('21: each binding of a method is looked at', async (t) => {
  const message = 'string error = 1; Inner inner = 2;';
  t.deepEqual(await errors(t, proto(message, 'get: "/i" response_body: "inner"')), []);
  const both = 'get: "/i" response_body: "inner" additional_bindings { get: "/w" }';
  t.deepEqual(await errors(t, proto(message, both)), REFUSED);
});

const policy = (status: number) => `option (protogate.v1.policy) = { success_status: ${status} };`;

test('17: success_status is the status of a stream too', async (t) => {
  const text = proto('string text = 1;', 'get: "/i"', policy(202));
  const { send } = await startGateway(t, text, { Watch: { messages: [{ text: 'a' }] } });
  const { status, json } = await send('GET', '/i');
  t.is(status, 202);
  t.deepEqual(json, [{ text: 'a' }]);
});

test('17: a success_status without a body is no status of a stream', async (t) => {
  t.deepEqual(await errors(t, proto('string text = 1;', 'get: "/i"', policy(204))), ['policy']);
});
