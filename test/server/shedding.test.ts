/** The gateway protects itself by refusing requests while memory is nearly used up, and connections beyond an address's limit. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { memoryUse } from '../../src/base/memory.js';
import type { ConfigInput } from '../../src/config/config.js';
import { limitPerAddress } from '../../src/server/listener/per-address.js';
import { certificates } from '../support/certificates.js';
import { handClock } from '../support/clock.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { http2Client } from '../support/http2.js';
import { tlsFiles } from '../support/tls-files.js';
import { until } from '../support/until.js';
import { refusedWebSocket } from '../support/websocket.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/q" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/q:watch" }; }
}`;
const made = certificates();

async function shed({ gateway }: TestGateway, reason: string): Promise<number> {
  const { values } = await gateway.metrics.shed.get();
  return values.find(({ labels }) => labels.reason === reason)?.value ?? 0;
}

test('while memory is nearly used up new requests are 503, and they are served when it is free again', async (t) => {
  const clock = handClock();
  let used = 0.89;
  const readMemory = () => [
    { usedBytes: 0, limitBytes: 100 },
    { usedBytes: used * 100, limitBytes: 100 },
  ];
  const config: Partial<ConfigInput> = { listen: { h2c: true }, cors: { origins: ['https://app.example.com'] } };
  const gateway = await startGateway(t, PROTO, { Get: { message: { id: 'a' } } }, config, { clock, readMemory });
  const { send, upstream, url, logged } = gateway;
  const use = (share: number) => {
    used = share;
    clock.advance(100);
  };
  t.is((await send('GET', '/v1/q')).status, 200);
  use(0.91);
  const headers = { origin: 'https://app.example.com' };
  const refused = await send('GET', '/v1/q', { headers });
  t.is(refused.status, 503);
  t.is(refused.headers['retry-after'], '1');
  t.is(refused.headers['access-control-allow-origin'], headers.origin);
  t.is(refused.json.code, 14);
  t.is(refused.json.details[0].reason, 'OUT_OF_MEMORY');
  t.is((await http2Client(t, url).send('GET', '/v1/q')).status, 503);
  t.is((await refusedWebSocket(url, '/v1/q:watch')).status, 503);
  t.is(await shed(gateway, 'memory'), 3);
  const preflight = { ...headers, 'access-control-request-method': 'GET' };
  t.is((await send('OPTIONS', '/v1/q', { headers: preflight })).status, 204, 'a preflight costs nothing');
  use(0.86);
  t.is((await send('GET', '/v1/q')).status, 503, 'it does not flap');
  use(0.84);
  t.is((await send('GET', '/v1/q')).status, 200);
  t.is(upstream.calls.length, 2);
  const told = logged().filter(({ msg }) => String(msg).includes('memory'));
  t.deepEqual(
    told.map(({ level }) => level),
    ['warn', 'info'],
  );
});

test('the memory of this process is not nearly used up', (t) => {
  const uses = memoryUse();
  t.true(uses.length > 0);
  for (const { usedBytes, limitBytes } of uses) t.true(usedBytes > 0 && usedBytes < 0.9 * limitBytes);
});

async function dial(t: ExecutionContext, port: number, tls: boolean): Promise<Socket> {
  const address = { port, host: '127.0.0.1' };
  const socket = tls ? connectTls({ ...address, ca: made.ca, servername: 'upstream.test' }) : connect(address);
  socket.on('error', () => {});
  t.teardown(() => void socket.destroy());
  // A refused TLS connection ends with an error.
  await once(socket, tls ? 'secureConnect' : 'connect').catch(() => {});
  return socket;
}

/** Resolves to true if the connection is served. */
async function isServed(socket: Socket): Promise<boolean> {
  if (socket.destroyed) return false;
  socket.write('GET /v1/q HTTP/1.1\r\nhost: x\r\n\r\n');
  const [first] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as unknown[];
  return first instanceof Buffer && first.toString().startsWith('HTTP/1.1 200');
}

for (const tls of [false, true]) {
  test(`${tls ? 'TLS' : 'plaintext'}: an address has as many connections as it may have, and each that ends makes room`, async (t) => {
    const listen = { maxConnectionsPerAddress: 2, ...(tls ? { tls: await tlsFiles(t, made) } : { h2c: true }) };
    const gateway = await startGateway(t, PROTO, {}, { listen });
    const { port, connections } = gateway;
    const first = await dial(t, port, tls);
    t.true(await isServed(first));
    t.true(await isServed(await dial(t, port, tls)));
    for (let i = 0; i < 3; i++) t.false(await isServed(await dial(t, port, tls)));
    t.is(await shed(gateway, 'address'), 3);
    first.destroy();
    await until(() => connections.size === (tls ? 2 : 1));
    t.true(await isServed(await dial(t, port, tls)));
    t.false(await isServed(await dial(t, port, tls)));
  });
}

test('connections of trusted proxies do not count, and without the setting no connection counts', async (t) => {
  for (const config of [{ listen: { maxConnectionsPerAddress: 1 }, trustedProxies: ['127.0.0.0/8'] }, {}]) {
    const { port } = await startGateway(t, PROTO, {}, config);
    const sockets = await Promise.all([dial(t, port, false), dial(t, port, false), dial(t, port, false)]);
    t.deepEqual(await Promise.all(sockets.map(isServed)), [true, true, true]);
  }
});

test('a limit per address leaves HTTP/2 without TLS as it is', async (t) => {
  const listen = { h2c: true, maxConnectionsPerAddress: 1 };
  const { url } = await startGateway(t, PROTO, { Get: { message: { id: 'a' } } }, { listen });
  t.is((await http2Client(t, url).send('GET', '/v1/q')).status, 200);
});

test('an IPv4 address counts alone, also where it is IPv4-mapped', async (t) => {
  const server = createServer((socket) => void socket.on('error', () => {}).write('here'));
  const settings = { most: 1, trustedProxies: [], onRefused: () => {} };
  limitPerAddress(server, () => settings);
  server.listen({ port: 0, host: '::' });
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as { port: number };
  const isTaken = async (localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
    t.teardown(() => void socket.destroy());
    const [first] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as unknown[];
    return first instanceof Buffer;
  };
  t.true(await isTaken('127.0.0.1'));
  t.false(await isTaken('127.0.0.1'));
  if (process.platform === 'linux') t.true(await isTaken('127.0.0.2'));
});
