/** The owner of a deadline that has passed: the log shows it, and code that judges an upstream can read it. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { until } from '../support/until.js';

const shared = afterAll(test);

const PROTO = `syntax = "proto3";
package t.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; }
message Note { string text = 1; }
message Page { Note note = 1; }
service Notes {
  rpc GetNote(Ask) returns (Note) { option (google.api.http) = { get: "/v1/{name=notes/*}" }; }
  rpc GetQuick(Ask) returns (Note) {
    option (google.api.http) = { get: "/v1/{name=quick/*}" };
    option (protogate.v1.policy) = { timeout: { nanos: 200000000 } };
  }
}
service Pages {
  rpc GetPage(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=pages/*}" };
    option (protogate.v1.aggregate) = {
      steps: { into: "note" call: "t.v1.Notes/GetNote" with: "name = request.name" timeout: { nanos: 200000000 } }
    };
  }
}
`;

const cases: readonly (readonly [owner: string, path: string, headers: Readonly<Record<string, string>>])[] = [
  ['client', '/v1/notes/1', { 'x-request-timeout': '0.2' }],
  ['client', '/v1/quick/1', { 'grpc-timeout': '100m' }],
  ['client', '/v1/pages/1', { 'grpc-timeout': '100m' }],
  ['route', '/v1/quick/1', { 'x-request-timeout': '0.2' }],
  ['route', '/v1/quick/1', { 'x-request-timeout': '5' }],
  ['route', '/v1/notes/1', {}],
  ['step', '/v1/pages/1', {}],
];

test('a 504 is logged with whose deadline it was', async (t) => {
  const hang = { hang: true };
  const handlers = { GetNote: hang, GetQuick: hang };
  const limits = { limits: { requestTimeout: '400ms' } };
  const { send, logged } = await startGateway(shared, PROTO, handlers, limits);
  for (const [index, [owner, path, headers]] of cases.entries()) {
    const { status, text } = await send('GET', path, { headers });
    t.is(status, 504, text);
    t.false(text.includes(owner), 'the client is told nothing of it');
    await until(() => logged().length === index + 1);
    const { code, err } = logged()[index] as { code: string; err: { cause: { message: string } } };
    t.is(code, 'DEADLINE_EXCEEDED');
    // The server may say that the time is over before the timer of the gateway does.
    t.regex(err.cause.message, new RegExp(`^the deadline of the ${owner}(;|$)`));
  }
});
