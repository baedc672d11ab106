import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as turn } from 'node:timers/promises';
import test from 'ava';
import { systemClock } from '../../src/base/clock.js';
import type { CallRequest } from '../../src/call/call.js';
import { createHttp2Transport } from '../../src/upstream/http2.js';
import { handClock } from '../support/clock.js';
import { frame, SETTINGS } from '../support/frames.js';
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
  socket.on('error', () => {}).write(frame(SETTINGS, 0, 0));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const refused = t.throwsAsync(call);
  await transport.close(0);
  await refused;
  socket.resume();
  const over = once(socket, 'error', { signal: AbortSignal.timeout(30_000) });
  const timer = setInterval(() => void socket.write(frame(SETTINGS, 1, 0)), 200);
  t.teardown(() => clearInterval(timer));
  await t.notThrowsAsync(over);
});

test('http2: an upstream that says nothing until a deadline gets the next calls on another connection, and is left', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => {}).on('data', () => {});
    socket.write(Buffer.concat([frame(SETTINGS, 0, 0), frame(SETTINGS, 1, 0)]));
  });
  const clock = handClock();
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createHttp2Transport({ target, maxResponseBytes: 1 << 20 }, clock);
  const call = () => transport.call({ ...CALL, deadline: clock.now() + 1000 });
  // While the first calls run its SETTINGS may come, which are a word.
  for (let calls = 0; calls < 20 && sockets.length < 2; calls++) {
    const silent = t.throwsAsync(call(), { message: /deadline/ });
    while (transport.state() !== 'ready') await turn(10);
    await turn(100);
    if (calls === 0) t.is(sockets.length, 1);
    clock.advance(1000);
    await silent;
  }
  t.is(sockets.length, 2);
  const left = once(sockets[0]!, 'close', { signal: AbortSignal.timeout(30_000) });
  clock.advance(20_000);
  await t.notThrowsAsync(left);
  await transport.close(0);
});

test('http2: an upstream that is slow and lives is asked once in five minutes, and keeps its connection', async (t) => {
  const server = createHttp2Server().listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const sessions: ServerHttp2Session[] = [];
  let pings = 0;
  server.on('session', (session) => {
    sessions.push(session);
    session.on('ping', () => void pings++).on('error', () => {});
  });
  server.on('stream', (stream) => stream.on('error', () => {}));
  const clock = handClock();
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createHttp2Transport({ target, maxResponseBytes: 1 << 20 }, clock);
  for (let i = 0; i < 4; i++) {
    const slow = t.throwsAsync(transport.call({ ...CALL, deadline: clock.now() + 1000 }), { message: /deadline/ });
    while (transport.state() !== 'ready') await turn(10);
    await turn(500);
    clock.advance(1000);
    await slow;
    await turn(500);
  }
  t.is(pings, 1);
  t.is(sessions.length, 1);
  t.is(transport.state(), 'ready');
  await transport.close(0);
});
