import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test from 'ava';
import { createHttp2Transport } from '../../src/upstream/http2/transport.js';
import { frame, PING } from '../support/frames.js';
import { answer, CALL, frames, hanging, whole } from '../support/http2-upstream.js';
import { openTransport } from '../support/transport.js';
import { until } from '../support/until.js';
import { poolSuite } from './pool-suite.js';
import { transportSuite } from './transport-suite.js';

transportSuite('http2', createHttp2Transport);
poolSuite('http2', createHttp2Transport);

test('http2: a transport that is closed in the moment in which it is connected ends nothing else', async (t) => {
  const server = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const transport = openTransport(createHttp2Transport, `127.0.0.1:${port}`);
  let closed: Promise<void> | undefined;
  const onSocket = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    socket.once('connect', () => {
      // The session was created in the same event, and emits `connect` in the next turn.
      if (socket.remotePort === port) process.nextTick(() => (closed = transport.close(0)));
    });
  };
  subscribe('net.client.socket', onSocket);
  t.teardown(() => void unsubscribe('net.client.socket', onSocket));
  await t.throwsAsync(transport.call(CALL), { message: 'the upstream is closed' });
  await closed;
  t.is(transport.state(), 'closed');
});

test('http2: headers that Node does not send take no room', async (t) => {
  const { transport, sessions, streams } = await hanging(t, createHttp2Transport, 2);
  for (let i = 0; i < 5; i++) {
    const metadata = [['from', 'a'] as const, ['from', 'b'] as const];
    await t.throwsAsync(transport.call({ ...CALL, metadata }), { code: 'ERR_HTTP2_HEADER_SINGLE_VALUE' });
  }
  const calls = [transport.call(CALL), transport.call(CALL)];
  await until(() => streams.length === 2);
  t.is(sessions.length, 1);
  for (const stream of streams) answer(stream);
  await Promise.all(calls);
});

test('http2: a connection that Node gave up takes no further call', async (t) => {
  const { transport, sockets } = await frames(t, createHttp2Transport, (socket, stream) => {
    if (socket !== sockets[0]) return void socket.write(whole(stream));
    socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame(PING, 0, 0, Buffer.alloc(8)))));
  });
  await t.throwsAsync(transport.call(CALL), { message: /cannot be reached/ });
  t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
  t.is(sockets.length, 2);
});
