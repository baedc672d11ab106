/**
 * Clients that read slowly, but read, get all of it, although no progress shows in the gateway's process for minutes: the
 * kernel's buffers have megabytes. Time is the test's own: between two amounts that a client takes, half of what it has passes.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { certificates } from '../../support/certificates.js';
import { type HandClock, handClock, pass } from '../../support/clock.js';
import { saySkipped } from '../../support/commands.js';
import { frame, getFrame, PING, PREFACE, SETTINGS, WINDOW_UPDATE } from '../../support/frames.js';
import { startGateway, type TestGateway } from '../../support/gateway.js';
import { http2Client } from '../../support/http2.js';
import { tlsFiles } from '../../support/tls-files.js';
import { until } from '../../support/until.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; bytes blob = 2; }
service S {
  rpc Large(Q) returns (Q) { option (google.api.http) = { get: "/v1/large" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
}`;
const REQUEST_TIMEOUT_MS = 30_000;
/** The bytes that a client takes at once. It opens its window for as many. */
const STEP_BYTES = 160 << 10;
/** The number of such steps after which the kernel would have taken new bytes. */
const STEPS = 6;
/** Other kernels do not report how much a client takes. */
const inLinux = (name: string, run: (t: ExecutionContext) => Promise<void>) =>
  process.platform === 'linux' ? test(name, run) : test.skip(name, run);
if (process.platform !== 'linux') saySkipped('only Linux reports what clients take: tests of slow readers are SKIPPED');
const made = certificates();

async function* endless() {
  for (;;) yield { blob: Buffer.alloc(1 << 16) };
}

/** Writes the same without an end, but not as fast as the machine could. */
async function* trickle() {
  for (;;) {
    yield { blob: Buffer.alloc(1 << 16) };
    await sleep(1);
  }
}

interface Started extends TestGateway {
  readonly clock: HandClock;
}

async function start(t: ExecutionContext, tls: boolean): Promise<Started> {
  const clock = handClock();
  const gateway = await startGateway(
    t,
    PROTO,
    { Large: { message: { blob: Buffer.alloc(16 << 20) } }, Watch: () => ({ messages: endless() }) },
    { listen: tls ? { tls: await tlsFiles(t, made) } : { h2c: true }, log: { sample: 0 } },
    { clock },
  );
  return { ...gateway, clock };
}

async function dial(t: ExecutionContext, port: number, tls: boolean): Promise<Socket> {
  const address = { port, host: '127.0.0.1' };
  const socket = tls
    ? connectTls({ ...address, ca: made.ca, servername: 'upstream.test', ALPNProtocols: ['http/1.1'] })
    : connect(address);
  t.teardown(() => void socket.destroy());
  socket.on('error', () => {}).setMaxListeners(0);
  await once(socket, tls ? 'secureConnect' : 'connect');
  return socket;
}

/** Reads so many bytes, and then nothing more. */
async function take(socket: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const chunk = (socket.read(Math.min(left, socket.readableLength || 1)) ?? Buffer.alloc(0)) as Buffer;
    left -= chunk.length;
    if (chunk.length > 0) continue;
    if (socket.destroyed || socket.readableEnded) throw new Error('cut');
    await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
}

const GET = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;

/** A whole HTTP/2 connection with one request, whose windows have room for everything. */
function http2Get(path: string): Buffer {
  const window = Buffer.alloc(4);
  window.writeUInt32BE(2 ** 30);
  const settings = Buffer.concat([Buffer.from([0, 4]), window]);
  return Buffer.concat([
    PREFACE,
    frame(SETTINGS, 0, 0, settings),
    frame(WINDOW_UPDATE, 0, 0, window),
    getFrame(1, path),
  ]);
}

const PING_FRAME = frame(PING, 0, 0, Buffer.alloc(8));

const HANDSHAKE =
  'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

interface Way {
  readonly request: string | Buffer;
  readonly tls?: boolean;
  readonly halfClose?: boolean;
  /** A frame that the client sends in each step, so that the gateway does not take it for lost. */
  readonly sign?: Buffer;
}

const WAYS: Readonly<Record<string, Way>> = {
  'a unary answer over HTTP/1.1': { request: GET('/v1/large') },
  'a unary answer over TLS': { request: GET('/v1/large'), tls: true },
  'a unary answer to a client that has ended its side': { request: GET('/v1/large'), halfClose: true },
  'a unary answer over HTTP/2': { request: http2Get('/v1/large'), sign: PING_FRAME },
  'a stream over HTTP/1.1': { request: GET('/v1/watch') },
  'a stream of events': { request: GET('/v1/watch', 'accept: text/event-stream\r\n') },
  'a stream over HTTP/2': { request: http2Get('/v1/watch'), sign: PING_FRAME },
  'a WebSocket': { request: GET('/v1/watch', HANDSHAKE) },
};

for (const [name, { request, tls = false, halfClose = false, sign }] of Object.entries(WAYS)) {
  inLinux(`${name}: a client that reads slowly gets more, one that stops is cut, and the log says so`, async (t) => {
    const { port, clock, gateway, logged } = await start(t, tls);
    const socket = await dial(t, port, tls);
    const passWith = async (frame: Buffer | undefined) => {
      if (frame !== undefined && !socket.destroyed) socket.write(frame);
      await pass(clock, 2500, 2500);
    };
    socket.write(request);
    for (let i = 0; i < STEPS; i++) {
      await take(socket, STEP_BYTES);
      if (halfClose && i === 0) socket.end();
      for (let ms = 0; ms < REQUEST_TIMEOUT_MS / 2; ms += 2500) await passWith(sign);
      t.is(gateway.snapshots.inFlight, 1, `${i}`);
    }
    const stoppedAt = clock.monotonic();
    const giveUpAt = Date.now() + 60_000;
    while (gateway.snapshots.inFlight > 0 && Date.now() < giveUpAt) await passWith(sign);
    t.is(gateway.snapshots.inFlight, 0);
    const afterMs = clock.monotonic() - stoppedAt;
    t.true(afterMs > REQUEST_TIMEOUT_MS / 3, `${afterMs}`);
    await until(() => logged().length > 0);
    const [line] = logged();
    t.like(line, { level: 'warn', msg: 'request cut', code: 'CANCELLED' });
    t.regex(String(line?.cut), /^the client took nothing of the answer for \d+ s$/);
  });
}

test('a stream of which nothing is taken is cut, however much its client takes of another one', async (t) => {
  const { url, clock, gateway, logged, upstream } = await start(t, false);
  upstream.script('Watch', () => ({ messages: trickle() }));
  const { open } = http2Client(t, url);
  const taken = open('GET', '/v1/watch');
  let bytes = 0;
  taken.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  taken.end();
  const unread = open('GET', '/v1/watch');
  unread.end();
  unread.pause();
  await once(unread, 'response');
  await until(() => {
    clock.advance(2500);
    return gateway.snapshots.inFlight === 1;
  });
  const before = bytes;
  await until(() => bytes > before);
  t.is(logged().length, 1);
  t.like(logged()[0], { level: 'warn', path: '/v1/watch' });
  taken.close(8);
  await until(() => gateway.snapshots.inFlight === 0);
});
