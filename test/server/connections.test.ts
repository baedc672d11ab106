/**
 * Random connections: requests of every kind, with headers that fit and headers that do not, one after the other, cut at
 * any byte and left at any time. Each is a seeded draw. None ends the process, and nothing of them stays behind.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { casesOf, draws } from '../support/draws.js';
import { startGateway } from '../support/gateway.js';
import { until } from '../support/until.js';
import { arriving, type RecordedCall, startUpstream } from '../support/upstream.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
message Q { int32 n = 1; string s = 2; }
service S {
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/get/{n}" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
  rpc Add(stream Q) returns (Q) { option (google.api.http) = { post: "/v1/add" body: "*" }; }
  rpc Talk(stream Q) returns (stream Q) { option (google.api.http) = { post: "/v1/talk" body: "*" }; }
  rpc Pipe(stream google.api.HttpBody) returns (stream google.api.HttpBody) {
    option (google.api.http) = { post: "/v1/pipe" body: "*" };
  }
}`;

const METHODS = ['GET', 'GET', 'POST', 'POST', 'HEAD', 'OPTIONS', 'CONNECT', 'PRI', 'get'];
const TARGETS = [
  ...['/v1/get/1', '/v1/get/x', '/v1/watch', '/v1/add', '/v1/talk', '/v1/pipe', '/nowhere', '/v1/%', '/v1/get/%00'],
  ...['*', 'http://a/v1/get/1'],
];
const VERSIONS = ['1.1', '1.1', '1.1', '1.0', '2.0'];
const HEADERS = [
  ...['connection: upgrade', 'connection: close', 'upgrade: websocket', 'upgrade: h2c', 'host: y', 'trailer: x'],
  ...[
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version: 13',
    'http2-settings: AAA',
    'te: trailers',
  ],
  ...['content-length: 5', 'content-length: 0', 'transfer-encoding: chunked', 'expect: 100-continue'],
  ...['content-type: application/json', 'content-type: application/x-ndjson', 'accept: text/event-stream'],
  ...['accept: application/x-ndjson', 'x-request-timeout: 0.1', 'grpc-timeout: 5m', 'last-event-id: 5'],
];
const BODIES = [
  ...['', '{"n":1}', '[{"n":1},{"n":2}]', '{"n":1}\n{"n":2}\n', '[', 'hello', '0\r\n\r\n', 'zz\r\n'],
  ...['5\r\n{"n":\r\n2\r\n1}\r\n0\r\n\r\n', '\x81\x80\0\0\0\0', '\x81\x87\0\0\0\0{"n":1}', '\x88\x80\0\0\0\0'],
];

test('nothing is kept after hundreds of hostile connections', async (t) => {
  async function* echo(call: RecordedCall) {
    for await (const message of arriving(call)) yield message;
  }
  const upstream = await startUpstream(PROTO, {
    Get: ({ request }) => ({ message: request! }),
    Watch: ({ request }) => ({ messages: [request!, request!], hang: true }),
    Add: ({ whenHalfClosed }) => whenHalfClosed.then(() => ({ message: {} })),
    Talk: (call) => ({ messages: echo(call) }),
    Pipe: (call) => ({ messages: echo(call) }),
  });
  t.teardown(upstream.close);
  const upstreams = { test: { target: upstream.target, streamIdleTimeout: '2s' } };
  const listen = { h2c: true, headersTimeout: '1s' };
  const { port, send, gateway, connections } = await startGateway(t, PROTO, {}, { upstreams, listen });
  const below = draws(20);
  const one = <T>(of: readonly T[]): T => of[below(of.length)]!;
  const request = () => {
    const headers = Array.from({ length: below(6) }, () => `${one(HEADERS)}\r\n`).join('');
    return `${one(METHODS)} ${one(TARGETS)} HTTP/${one(VERSIONS)}\r\nhost: x\r\n${headers}\r\n${one(BODIES)}`;
  };
  const attack = async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    if (below(3) > 0) socket.resume();
    const closed = new Promise((resolve) => void socket.once('close', resolve));
    for (let rest = 1 + below(4); rest > 0 && !socket.destroyed; rest--) {
      const text = request();
      socket.write(text.slice(0, below(4) === 0 ? below(text.length) : text.length), 'latin1');
      if (below(2) === 0) await sleep(below(20));
    }
    if (below(2) === 0) socket.end();
    await sleep(below(100));
    socket.destroy();
    await closed;
  };
  for (let round = 0; round < casesOf(40); round++) await Promise.all(Array.from({ length: 30 }, attack));
  t.is((await send('GET', '/v1/get/1', { headers: { connection: 'close' } })).status, 200);
  await until(() => gateway.snapshots.inFlight === 0);
  t.true(upstream.calls.length > casesOf(20), `${upstream.calls.length} calls`);
  t.true(await until(() => connections.size === 0, 'no connection is left'));
});
