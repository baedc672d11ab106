/** The drain of a listener: in whatever state a connection is, no answer is cut short, and nothing delays the end. */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { certificates } from '../support/certificates.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { tlsFiles } from '../support/tls-files.js';
import { HANG_MS, NEVER_MS, until } from '../support/until.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; bytes blob = 2; }
service S {
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
  rpc Large(Q) returns (Q) { option (google.api.http) = { get: "/v1/large" }; }
  rpc Make(Q) returns (Q) { option (google.api.http) = { post: "/v1/make" body: "*" }; }
  rpc Talk(stream Q) returns (stream Q) { option (google.api.http) = { post: "/v1/talk" body: "*" }; }
}`;
const made = certificates();
const LARGE = 8 << 20;

async function start(t: ExecutionContext, listen: ConfigInput['listen'] = {}, tls = false): Promise<TestGateway> {
  const all = { ...listen, ...(tls ? { tls: await tlsFiles(t, made) } : { h2c: true }) };
  return startGateway(t, PROTO, { Large: { message: { blob: Buffer.alloc(LARGE) } } }, { listen: all });
}

function open(t: ExecutionContext, port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  t.teardown(() => void socket.destroy());
  return socket;
}

/** Returns what comes from now on until the connection ends. */
async function rest(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await new Promise((resolve) => void socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

/** Resolves when the gateway has this many connections; one with TLS counts twice. */
async function accepted({ connections }: TestGateway, count: number): Promise<void> {
  await until(() => connections.size >= count);
}

/** Resolves when the gateway has read this many bytes of a connection. */
async function heard({ connections }: TestGateway, bytes: number): Promise<void> {
  await until(() => [...connections].some(({ bytesRead }) => bytesRead >= bytes));
}

async function drainMs({ drain }: TestGateway): Promise<number> {
  const begun = Date.now();
  await drain({ graceMs: 0, timeoutMs: NEVER_MS });
  return Date.now() - begun;
}

for (const [what, tls, begin] of [
  ['that say nothing', false, (t, port) => open(t, port)],
  ['that do not begin their TLS handshake', true, (t, port) => open(t, port)],
  [
    'that say nothing after their TLS handshake',
    true,
    async (t, port) => {
      const socket = connectTls({ port, ca: made.ca, servername: 'upstream.test', ALPNProtocols: ['http/1.1'] });
      t.teardown(() => void socket.destroy());
      await once(
        socket.on('error', () => {}),
        'secureConnect',
      );
    },
  ],
  [
    'that say nothing over HTTP/2',
    false,
    async (t, port) => {
      const session = connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {});
      t.teardown(() => session.destroy());
      await once(session, 'remoteSettings');
    },
  ],
] satisfies [string, boolean, (t: ExecutionContext, port: number) => unknown][]) {
  test(`connections ${what} hold nothing up`, async (t) => {
    const gateway = await start(t, { headersTimeout: '60s' }, tls);
    await begin(t, gateway.port);
    await accepted(gateway, what.includes('after') ? 2 : 1);
    t.true((await drainMs(gateway)) < HANG_MS);
  });
}

test('a head that does not go on ends in its own time, and not with the drain', async (t) => {
  const gateway = await start(t, { headersTimeout: '2s' });
  const socket = open(t, gateway.port);
  socket.write('GET /v1/quick HTTP/1.1\r\nho');
  const answer = rest(socket);
  await heard(gateway, 20);
  t.true((await drainMs(gateway)) < HANG_MS);
  t.regex(await answer, /^HTTP\/1\.1 408 /);
});

test('a request whose head has begun is answered, and its connection ends; also one that expects 100', async (t) => {
  for (const [expectation, expected] of [
    ['', /^HTTP\/1\.1 200 [\s\S]*connection: close/i],
    ['expect: 100-continue\r\n', /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 [\s\S]*connection: close/i],
  ] as const) {
    const gateway = await start(t);
    const socket = open(t, gateway.port);
    const type = 'content-type: application/json\r\ncontent-length: 2\r\n';
    socket.write(`POST /v1/make HTTP/1.1\r\nhost: x\r\n${type}`);
    const answer = rest(socket);
    await heard(gateway, 20);
    const drained = drainMs(gateway);
    socket.write(`${expectation}\r\n{}`);
    t.true((await drained) < HANG_MS, expectation);
    t.regex(await answer, expected);
  }
});

test('a slow reader gets the whole of an answer that was given before the drain', async (t) => {
  const gateway = await start(t);
  const socket = open(t, gateway.port);
  socket.write('GET /v1/large HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  await sleep(500);
  // The end of this idle connection makes the gateway close idle connections.
  await gateway.send('GET', '/v1/quick');
  const drained = drainMs(gateway);
  await sleep(200);
  const text = await rest(socket);
  t.true(text.length > LARGE, `${text.length} bytes`);
  t.true((await drained) < HANG_MS);
});

test('a WebSocket’s handshake is refused, as it would be cut soon', async (t) => {
  const gateway = await start(t);
  const socket = open(t, gateway.port);
  socket.write('GET /v1/talk HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n');
  const answer = rest(socket);
  await heard(gateway, 16);
  const drained = drainMs(gateway);
  socket.write('sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  t.regex(await answer, /^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n[\s\S]*"DRAINING"/i);
  t.true((await drained) < HANG_MS);
  t.is(gateway.upstream.calls.length, 0);
  t.like(gateway.logged().at(-1), { status: 503, route: '/v1/talk' });
});

test('an HTTP/2 connection that begins during the drain gets GOAWAY', async (t) => {
  const gateway = await start(t, { headersTimeout: '60s' });
  const socket = open(t, gateway.port);
  socket.write('PRI * HTTP/2.0\r\n');
  await heard(gateway, 16);
  const drained = drainMs(gateway);
  socket.write('\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  const frames = Buffer.from(await rest(socket), 'latin1');
  // Type 7 is GOAWAY (RFC 9113 §6.8).
  const types = [];
  for (let at = 0; at + 9 <= frames.length; at += 9 + frames.readUIntBE(at, 3)) types.push(frames[at + 3]);
  t.true(types.includes(7), String(types));
  t.true((await drained) < HANG_MS);
});
