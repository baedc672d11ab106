/** A large body is read in parts, so others do not wait for its end. */
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Middleware } from '../../src/exchange/request-state.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import { Code } from '../../src/status/code.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/until.js';

const PROTO = `package b.v1;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
message Body { google.protobuf.Struct free = 1; string end = 2; }
message Ask {}
message Answer { string text = 1; }
service Bodies {
  rpc Put(Body) returns (Answer) { option (google.api.http) = { post: "/bodies" body: "*" }; }
  rpc Get(Ask) returns (Answer) { option (google.api.http) = { get: "/small" }; }
}`;

/** Returns about 4 MiB of JSON, of a shape that is slow to read. */
function largeBody(end: string): Buffer {
  const members = Array.from({ length: 420_000 }, (_, n) => `"${n.toString(36)}":0`);
  return Buffer.from(`{"free":{${members.join(',')}},"end":${end}}`);
}

test('another request is answered while a body of 4 MiB is read', async (t) => {
  const gateway = await startGateway(t, PROTO, { Get: { message: { text: 'small' } } });
  const { socket, body } = await sendAllButOneByte(t, gateway);
  const answered: string[] = [];
  const refused = new Promise<string>((resolve) => {
    socket.once('data', (chunk) => {
      answered.push('large');
      resolve(chunk.toString());
    });
  });
  // The last byte comes together with a request that needs a call.
  socket.write(body.subarray(-1));
  const small = await gateway.send('GET', '/small');
  answered.push('small');
  t.deepEqual(small.json, { text: 'small' });
  t.regex(await refused, /^HTTP\/1\.1 400 [\s\S]*"field":"end","description":"expected string, got 7"/);
  t.deepEqual(answered, ['small', 'large']);
});

test('a body is read no further when its client has gone', async (t) => {
  const { failures, options } = failuresBehindAuth();
  const gateway = await startGateway(t, PROTO, {}, {}, options);
  const { socket, body } = await sendAllButOneByte(t, gateway);
  socket.end(body.subarray(-1), () => socket.resetAndDestroy());
  await until(() => failures.length > 0);
  t.like(failures[0], { code: Code.CANCELLED });
});

test('a body is read no further when the deadline has passed', async (t) => {
  const { send } = await startGateway(t, PROTO);
  // The error at the end of the body is not found.
  const { status, json } = await send('POST', '/bodies', {
    body: largeBody('7'),
    headers: { 'content-type': 'application/json', 'x-request-timeout': '0.001' },
  });
  t.is(status, 504);
  t.regex(json.message, /^body: expected it to be read before the deadline/);
});

/** Opens a connection and sends a request with a large body, up to its last byte. */
async function sendAllButOneByte(t: ExecutionContext, { port, connections }: TestGateway) {
  const body = largeBody('7');
  t.true(body.length < 4 << 20);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  const head = `POST /bodies HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(head);
  socket.write(body.subarray(0, -1));
  const sent = head.length + body.length - 1;
  await until(() => [...connections].some(({ bytesRead }) => bytesRead === sent));
  return { socket, body };
}

/** Returns options that record why requests fail behind their authentication. */
function failuresBehindAuth(): { failures: unknown[]; options: StartOptions } {
  const failures: unknown[] = [];
  const record: Middleware = async (_ctx, next) => {
    try {
      await next();
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  return { failures, options: { middleware: { afterAuth: [record] } } };
}
