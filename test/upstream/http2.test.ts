import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test from 'ava';
import { systemClock } from '../../src/base/clock.js';
import type { CallRequest } from '../../src/call/call.js';
import { createHttp2Transport } from '../../src/upstream/http2.js';
import { transportSuite } from './transport-suite.js';

transportSuite('http2', createHttp2Transport);

const CALL: CallRequest = {
  method: { path: '/a.B/C', clientStreaming: false, serverStreaming: false },
  message: new Uint8Array(0),
  metadata: [],
  signal: new AbortController().signal,
  context: { surface: 'default', requestId: 'x' },
};

test('http2: what never says a word of HTTP/2 is told as such, for the log', async (t) => {
  const server = createHttpServer((_req, res) => void res.end('hello')).listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createHttp2Transport({ target, maxResponseBytes: 1 << 20 }, systemClock);
  const error = await t.throwsAsync(transport.call(CALL));
  t.is(error.message, 'the upstream cannot be reached');
  t.like(error.cause, { code: 'NO_HTTP2' });
  t.regex((error.cause as Error).message, /^expected HTTP\/2, got no word of it: is that the port of a gRPC server/);
  await transport.close(0);
});

test('http2: an upstream that keeps its side of the connection open is not waited for', async (t) => {
  // It says SETTINGS and nothing more, not even that it has heard the end.
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createHttp2Transport({ target, maxResponseBytes: 1 << 20 }, systemClock);
  const call = transport.call(CALL);
  const [socket] = await connected;
  socket.on('error', () => {}).write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const refused = t.throwsAsync(call);
  await transport.close(0);
  await refused;
  socket.resume();
  const over = once(socket, 'error', { signal: AbortSignal.timeout(5000) });
  const timer = setInterval(() => void socket.write(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])), 200);
  t.teardown(() => clearInterval(timer));
  await t.notThrowsAsync(over);
});
