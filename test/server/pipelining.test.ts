/** HTTP/1.1 requests sent before the answer to the one before (RFC 9112 §9.3.2): each is known to be gone when its client is. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { startGateway, type TestGateway } from '../support/gateway.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
  rpc Hang(Q) returns (Q) { option (google.api.http) = { get: "/v1/hang" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
}`;

const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;

async function start(t: ExecutionContext): Promise<TestGateway & { readonly socket: Socket }> {
  async function* endless() {
    for (;;) {
      yield { id: 'x' };
      await sleep(10);
    }
  }
  const gateway = await startGateway(t, PROTO, { Hang: { hang: true }, Watch: () => ({ messages: endless() }) });
  const socket = connect(gateway.port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  socket.on('error', () => {});
  return { ...gateway, socket };
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; !isSo(); await sleep(5)) if (Date.now() > end) throw new Error('never came true');
}

for (const [what, path] of [
  ['answers once', '/v1/hang'],
  ['streams', '/v1/watch'],
] as const) {
  test(`a client that leaves cancels all of its calls, each with a line in the log: what ${what}`, async (t) => {
    const { socket, upstream, gateway, logged } = await start(t);
    socket.resume().write(get(path).repeat(12));
    await until(() => upstream.calls.length === 12);
    socket.destroy();
    await until(() => gateway.snapshots.inFlight === 0);
    await until(() => upstream.calls.every(({ cancelled }) => cancelled));
    t.is(logged().filter(({ msg }) => msg === 'request').length, 12);
  });
}

for (const [what, upgrade] of [
  ['a WebSocket', 'connection: upgrade\r\nupgrade: websocket\r\n'],
  ['h2c', 'connection: upgrade\r\nupgrade: h2c\r\n'],
] as const) {
  test(`who asks for ${what} before the earlier answer is there loses the connection, and nobody else anything`, async (t) => {
    const { socket, send, gateway, upstream } = await start(t);
    socket.resume().write(get('/v1/hang') + get('/v1/quick', upgrade));
    await new Promise((resolve) => void socket.once('close', resolve));
    await until(() => gateway.snapshots.inFlight === 0);
    t.true(upstream.calls.every(({ cancelled }) => cancelled));
    t.is((await send('GET', '/v1/quick')).status, 200);
  });
}
