/** The limits of a client stream for each message and for the whole stream, as the service sees them. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import test from 'ava';
import { FRAMINGS } from '../../support/client-framings.js';
import { afterAll, startGateway } from '../../support/gateway.js';
import { answerOf, http2Client } from '../../support/http2.js';
import { until } from '../../support/until.js';
import type { Handlers, RecordedCall } from '../../support/upstream.js';
import { openWebSocket } from '../../support/websocket.js';

const shared = afterAll(test);

const MOST = 1000;
const DECLARED = `option (protogate.v1.policy) = { max_request_bytes: ${MOST} };`;
const PROTO = `syntax = "proto3";
package size.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "protogate/v1/annotations.proto";
message File { string path = 1; google.api.HttpBody content = 2; }
message Item { string text = 1; }
message Total { int32 count = 1; }
service Size {
  rpc Field(stream File) returns (Total) { option (google.api.http) = { post: "/v1/field/{path}" body: "content" }; ${DECLARED} }
  rpc Whole(stream google.api.HttpBody) returns (Total) { option (google.api.http) = { post: "/v1/whole" body: "*" }; ${DECLARED} }
  rpc Pipe(stream google.api.HttpBody) returns (stream Total) { option (google.api.http) = { post: "/v1/pipe" body: "*" }; ${DECLARED} }
  rpc Free(stream google.api.HttpBody) returns (Total) { option (google.api.http) = { post: "/v1/free" body: "*" }; }
  rpc Items(stream Item) returns (Total) { option (google.api.http) = { post: "/v1/items" body: "*" }; ${DECLARED} }
  rpc Talk(stream Item) returns (stream Total) { option (google.api.http) = { post: "/v1/talk" body: "*" }; ${DECLARED} }
  rpc Endless(stream Item) returns (Total) { option (google.api.http) = { post: "/v1/endless" body: "*" }; }
}`;

const counted = async (call: RecordedCall) => {
  await Promise.race([call.whenHalfClosed, call.whenCancelled]);
  return { message: { count: call.requests.length } };
};
async function* answered(call: RecordedCall) {
  await Promise.race([call.whenHalfClosed, call.whenCancelled]);
  yield { count: call.requests.length };
}
const HANDLERS: Handlers = {
  Field: counted,
  Whole: counted,
  Free: counted,
  Items: counted,
  Endless: counted,
  Pipe: (call) => ({ messages: answered(call) }),
  Talk: (call) => ({ messages: answered(call) }),
};

const start = () => startGateway(shared, PROTO, HANDLERS, { listen: { h2c: true }, limits: { bodyBytes: '2KiB' } });
const started = start();

/** Returns the number of bytes of an upload that the service has received. */
function arrivedBytes(call: RecordedCall | undefined): number {
  const pieces = (call?.requests ?? []) as { data?: Uint8Array; content?: { data?: Uint8Array } }[];
  return pieces.reduce((sum, { data, content }) => sum + (data ?? content?.data)!.length, 0);
}

interface Outcome {
  readonly status: number;
  readonly arrived: number;
}

/** Each way sends pieces one after the other, each when the one before has arrived, until one is refused. */
const UPLOADS: readonly {
  readonly name: string;
  readonly paths: readonly string[];
  /** The status or close code of the refusal. */
  readonly tooLarge: number;
  upload(path: string, pieces: readonly Buffer[], announced: boolean): Promise<Outcome>;
}[] = [
  {
    name: 'HTTP/1.1',
    paths: ['/v1/field/a', '/v1/whole', '/v1/free'],
    tooLarge: 413,
    async upload(path, pieces, announced) {
      const { url, upstream } = await started;
      const before = upstream.calls.length;
      const length = announced ? { 'content-length': sizeOf(pieces) } : {};
      const sent = request(url + path, { method: 'POST', agent: false, headers: { 'content-type': 'a/b', ...length } });
      sent.on('error', () => {});
      const answer = once(sent, 'response') as Promise<[IncomingMessage]>;
      await inTurn(pieces, before, (piece) => void sent.write(piece), answer);
      sent.end();
      const [{ statusCode }] = await answer;
      sent.destroy();
      return { status: statusCode ?? 0, arrived: arrivedBytes(upstream.calls[before]) };
    },
  },
  {
    name: 'HTTP/2',
    paths: ['/v1/field/a', '/v1/whole', '/v1/pipe', '/v1/free'],
    tooLarge: 413,
    async upload(path, pieces, announced) {
      const { url, upstream } = await started;
      const before = upstream.calls.length;
      const length = announced ? { 'content-length': sizeOf(pieces) } : {};
      const client = http2Client(shared, url);
      const stream = client.open('POST', path, { 'content-type': 'a/b', ...length });
      const answer = answerOf(stream);
      await inTurn(pieces, before, (piece) => void stream.write(piece), answer);
      stream.end();
      const { status } = await answer;
      client.session.destroy();
      return { status, arrived: arrivedBytes(upstream.calls[before]) };
    },
  },
  {
    name: 'WebSocket',
    paths: ['/v1/field/a', '/v1/whole', '/v1/pipe', '/v1/free'],
    tooLarge: 4008,
    async upload(path, pieces) {
      const { url, upstream } = await started;
      const before = upstream.calls.length;
      const { say, socket, halfClose, closed } = await openWebSocket(shared, url, path);
      await inTurn(pieces, before, say, closed);
      if (socket.readyState === socket.OPEN) halfClose();
      return { status: (await closed).code, arrived: arrivedBytes(upstream.calls[before]) };
    },
  },
];

const sizeOf = (pieces: readonly Buffer[]) => pieces.reduce((sum, { length }) => sum + length, 0);

async function inTurn(
  pieces: readonly Buffer[],
  before: number,
  write: (piece: Buffer) => void,
  ended: Promise<unknown>,
): Promise<void> {
  const { upstream } = await started;
  let sent = 0;
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (const piece of pieces) {
    if (over) return;
    write(piece);
    sent += piece.length;
    const expected = sent;
    await Promise.race([until(() => arrivedBytes(upstream.calls[before]) >= expected), ended]);
  }
}

const piecesOf = (sizes: readonly number[]) => sizes.map((size) => Buffer.alloc(size, 'x'));

for (const { name, paths, tooLarge, upload } of UPLOADS) {
  for (const path of paths) {
    // The limit is `limits.bodyBytes` if the method declares none.
    const most = path === '/v1/free' ? 2048 : MOST;
    test.serial(`${path} over ${name}: an upload of ${most} bytes arrives, of one more it is refused`, async (t) => {
      const { upstream } = await started;
      const part = most / 4;
      const whole = await upload(path, piecesOf([part, part, part, part]), false);
      t.deepEqual(whole, { status: tooLarge === 413 ? 200 : 1000, arrived: most });
      const over = await upload(path, piecesOf([part, part, part, part, 1, 1]), false);
      t.deepEqual(over, { status: tooLarge, arrived: most });
      await upstream.last().whenCancelled;
    });

    if (name !== 'WebSocket') {
      test.serial(`${path} over ${name}: a content-length that is too large makes no call`, async (t) => {
        const { upstream } = await started;
        const before = upstream.calls.length;
        const { status } = await upload(path, piecesOf([most + 1]), true);
        t.is(status, 413);
        t.is(upstream.calls.length, before);
      });
    }
  }
}

const message = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes - '{"text":""}'.length) });

for (const framing of FRAMINGS) {
  for (const path of ['/v1/items', '/v1/talk']) {
    if (path === '/v1/talk' && !framing.bothWays) continue;
    test.serial(`${path} over ${framing.name}: max_request_bytes bounds all messages of a stream`, async (t) => {
      const { url, upstream } = await started;
      const arrived = () => upstream.last().requestBytes.length;
      const send = (count: number) => {
        const before = upstream.calls.length;
        const between = (sent: number) => until(() => upstream.calls.length > before && arrived() === sent);
        return framing.send(t, url, path, Array(count).fill(message(90)), { between });
      };
      t.is((await send(10)).code, 0);
      t.is(arrived(), 10);
      const over = await send(12);
      t.deepEqual([over.code, over.text], [8, 'body: expected at most 1000 bytes, got more']);
      t.is(over.status, framing.name === 'WebSocket' ? 4008 : 413);
      await upstream.last().whenCancelled;
      t.true(arrived() <= 11, `${arrived()} messages`);
    });
  }

  test.serial(
    `over ${framing.name}: limits.bodyBytes bounds each message of a stream, and not the whole`,
    async (t) => {
      const { url, upstream } = await started;
      const send = (messages: readonly string[]) => {
        const before = upstream.calls.length;
        const between = (sent: number) => until(() => upstream.calls[before]?.requestBytes.length === sent);
        return framing.send(t, url, '/v1/endless', messages, { between });
      };
      t.is((await send(Array(10).fill(message(2000)))).code, 0);
      t.is(upstream.last().requestBytes.length, 10);
      const { status } = await send([message(2000), message(2049)]);
      // The close code for a frame that is too large (RFC 6455 §7.4.1).
      t.is(status, framing.name === 'WebSocket' ? 1009 : 413);
      await upstream.last().whenCancelled;
      t.is(upstream.last().requestBytes.length, 1);
    },
  );
}

test.serial('blank lines count towards the size of a stream', async (t) => {
  const { url } = await started;
  const sent = request(`${url}/v1/items`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  sent.on('error', () => {});
  sent.write('\n'.repeat(MOST + 1));
  const [{ statusCode }] = (await once(sent, 'response')) as [IncomingMessage];
  t.is(statusCode, 413);
  sent.destroy();
});
