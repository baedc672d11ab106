import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test from 'ava';
import { systemClock } from '../../src/base/clock.js';
import { createHttp2Transport } from '../../src/upstream/http2.js';
import { transportSuite } from './transport-suite.js';

transportSuite('http2', createHttp2Transport);

test('http2: an upstream that keeps its side of the connection open is not waited for', async (t) => {
  // It says SETTINGS and nothing more, not even that it has heard the end.
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  t.teardown(() => void server.close());
  await once(server, 'listening');
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createHttp2Transport({ target, maxResponseBytes: 1 << 20 }, systemClock);
  const method = { path: '/a.B/C', clientStreaming: false, serverStreaming: false };
  const call = transport.call({
    method,
    message: new Uint8Array(0),
    metadata: [],
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: 'x' },
  });
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
