/**
 * Clients that send slowly or read slowly, over HTTP/1.1, TLS and HTTP/2. Each is ended in time, everything that it held is
 * released, and others are served meanwhile.
 */
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { type Clock, systemClock } from '../../../src/base/clock.js';
import { unsentBytesOfSocket } from '../../../src/exchange/answer.js';
import { certificates } from '../../support/certificates.js';
import { type HandClock, handClock } from '../../support/clock.js';
import { startGateway, type TestGateway } from '../../support/gateway.js';
import { answerOf, http2Client } from '../../support/http2.js';
import { tlsFiles } from '../../support/tls-files.js';
import { turns } from '../../support/turns.js';
import { HANG_MS, until } from '../../support/until.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; bytes blob = 2; }
service S {
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
  rpc Large(Q) returns (Q) { option (google.api.http) = { get: "/v1/large" }; }
  rpc Make(Q) returns (Q) { option (google.api.http) = { post: "/v1/q" body: "*" }; }
  rpc Add(stream Q) returns (Q) { option (google.api.http) = { post: "/v1/q:add" body: "*" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/q:watch" }; }
}`;
const made = certificates();
const REQUEST_TIMEOUT_MS = 2000;
/** The time that a busy machine may need. It is less than the defaults of the timeouts that a test does not set. */
const PATIENCE_MS = 9000;

async function* endless() {
  for (;;) yield { blob: Buffer.alloc(1 << 16) };
}

const turn = turns(8);

/** Starts a gateway on a clock that the test moves. Node itself measures how long heads take, so tests of heads really wait. */
async function start(t: ExecutionContext, tls: boolean): Promise<TestGateway & { readonly clock: HandClock }> {
  const clock = handClock();
  return { ...(await startOn(t, tls, clock)), clock };
}

async function startOn(t: ExecutionContext, tls: boolean, clock: Clock, headersTimeout = '10s'): Promise<TestGateway> {
  await turn(t);
  return startGateway(
    t,
    PROTO,
    // The size is more than the buffers of two kernels hold.
    {
      Large: { message: { blob: Buffer.alloc(8 << 20) } },
      Watch: () => ({ messages: endless() }),
      Add: { hang: true },
    },
    {
      listen: { headersTimeout, ...(tls ? { tls: await tlsFiles(t, made) } : { h2c: true }) },
      limits: { requestTimeout: `${REQUEST_TIMEOUT_MS}ms` },
    },
    { clock },
  );
}

async function socketTo(t: ExecutionContext, port: number, tls: boolean): Promise<Socket> {
  const address = { port, host: '127.0.0.1' };
  const name = { ca: made.ca, servername: 'upstream.test', ALPNProtocols: ['http/1.1'] };
  const socket = tls ? connectTls({ ...address, ...name }) : connect(address);
  t.teardown(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, tls ? 'secureConnect' : 'connect');
  return socket;
}

/** Returns what the other side has sent until it ended the connection, and the time when it did. */
async function ended(socket: Socket): Promise<{ text: string; afterMs: number }> {
  const startedAt = performance.now();
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'close', { signal: AbortSignal.timeout(HANG_MS) });
  return { text, afterMs: performance.now() - startedAt };
}

async function servesOthers(t: ExecutionContext, gateway: TestGateway, tls: boolean): Promise<void> {
  const { status } = await gateway.send('GET', '/v1/quick', tls ? { tls: { ca: made.ca } } : {});
  t.is(status, 200, 'others are served');
}

async function nothingRuns({ gateway, upstream }: TestGateway): Promise<void> {
  await until(() => gateway.snapshots.inFlight === 0);
  await until(() => upstream.calls.every(({ path, cancelled }) => !/Watch|Add/.test(path) || cancelled));
}

/** Lets time pass, a tenth of `requestTimeout` at once, until something is so; resolves to how much. */
async function passUntil(clock: HandClock, isSo: () => boolean): Promise<number> {
  const stepMs = REQUEST_TIMEOUT_MS / 10;
  let passedMs = 0;
  await until(() => {
    if (isSo()) return true;
    clock.advance(stepMs);
    passedMs += stepMs;
    return false;
  });
  return passedMs;
}

/** Asserts that all requests end, and not before `requestTimeout`. */
async function endsInTime(t: ExecutionContext, gateway: TestGateway & { readonly clock: HandClock }): Promise<void> {
  const passedMs = await passUntil(gateway.clock, () => gateway.gateway.snapshots.inFlight === 0);
  t.true(passedMs >= REQUEST_TIMEOUT_MS, `after ${passedMs} ms`);
  await nothingRuns(gateway);
}

/** The bytes that the gateway has written for its clients, and that they have not taken. */
function unsentBytesOf({ connections }: TestGateway): number {
  return [...connections].reduce((sum, socket) => sum + unsentBytesOfSocket(socket), 0);
}

/**
 * Resolves to true when the gateway has something that its client must take, and to false when the request has ended: now
 * and then two kernels take all of a large answer.
 */
async function waits(gateway: TestGateway): Promise<boolean> {
  const { snapshots } = gateway.gateway;
  const isCalled = () => gateway.upstream.calls.some(({ path }) => /Watch|Large/.test(path));
  await until(() => isCalled() && (unsentBytesOf(gateway) > 0 || snapshots.inFlight === 0));
  return snapshots.inFlight > 0;
}

for (const tls of [false, true]) {
  const over = tls ? 'TLS' : 'HTTP/1.1';

  test(`${over}: slow headers are 408`, async (t) => {
    // The gateway's clock stands still, so that a client on a busy machine does not lose the answer.
    const gateway = await startOn(t, tls, handClock(), '400ms');
    const socket = await socketTo(t, gateway.port, tls);
    socket.write('GET /v1/quick HTTP/1.1\r\nho');
    await servesOthers(t, gateway, tls);
    const { text, afterMs } = await ended(socket);
    t.regex(text, /^HTTP\/1\.1 408 [\s\S]*"code":4,/);
    t.true(afterMs < PATIENCE_MS);
  });

  test(`${over}: a connection that says nothing ends`, async (t) => {
    const gateway = await startOn(t, tls, systemClock, '400ms');
    const { afterMs } = await ended(await socketTo(t, gateway.port, tls));
    t.true(afterMs < PATIENCE_MS);
  });

  test(`${over}: a slow body is 408, also one that trickles`, async (t) => {
    const gateway = await start(t, tls);
    const socket = await socketTo(t, gateway.port, tls);
    socket.write('POST /v1/q HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n');
    await until(() => gateway.gateway.snapshots.inFlight === 1);
    const answered = ended(socket);
    const passedMs = await passUntil(gateway.clock, () => {
      if (socket.writable) socket.write(' ');
      return gateway.gateway.snapshots.inFlight === 0;
    });
    t.true(passedMs >= REQUEST_TIMEOUT_MS, `after ${passedMs} ms`);
    // The gateway waits for the rest that the client sends.
    await passUntil(gateway.clock, () => socket.closed);
    t.regex((await answered).text, /^HTTP\/1\.1 408 [\s\S]*BODY_TIMEOUT/);
    await nothingRuns(gateway);
  });

  for (const path of ['/v1/large', '/v1/q:watch']) {
    test(`${over}: ${path}: a client that does not read is cut off`, async (t) => {
      const gateway = await start(t, tls);
      const socket = await socketTo(t, gateway.port, tls);
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      await servesOthers(t, gateway, tls);
      if (await waits(gateway)) await endsInTime(t, gateway);
      await nothingRuns(gateway);
      t.is(gateway.upstream.calls.length, 2);
    });

    test(`${over}: ${path}: a client that reads slowly, but reads, is not`, async (t) => {
      const gateway = await start(t, tls);
      const socket = await socketTo(t, gateway.port, tls);
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
      for (let passedMs = 0; passedMs < 3 * REQUEST_TIMEOUT_MS; passedMs += REQUEST_TIMEOUT_MS * 0.75) {
        const isRunning = await waits(gateway);
        t.true(isRunning || path === '/v1/large');
        if (!isRunning) break;
        const before = unsentBytesOf(gateway);
        for (; unsentBytesOf(gateway) === before && !socket.closed; await nextTurn()) socket.read();
        gateway.clock.advance(REQUEST_TIMEOUT_MS * 0.75);
      }
      t.is(gateway.connections.size, tls ? 2 : 1, 'the connection is open');
    });
  }
}

test('TLS: a handshake that does not go on ends', async (t) => {
  const { port } = await startOn(t, true, systemClock, '400ms');
  const socket = await socketTo(t, port, false);
  socket.write(Buffer.from([22, 3, 1, 0, 200, 1]));
  t.true((await ended(socket)).afterMs < PATIENCE_MS);
});

for (const tls of [false, true]) {
  const over = tls ? 'HTTP/2 over TLS' : 'HTTP/2';
  const client = (t: ExecutionContext, { url }: TestGateway) => http2Client(t, url, tls ? made.ca : undefined);

  test(`${over}: a connection whose preface or headers do not come ends`, async (t) => {
    const gateway = await start(t, tls);
    const address = { port: gateway.port, host: '127.0.0.1' };
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    // HEADERS on stream 1 without END_HEADERS; no CONTINUATION follows.
    const headers = Buffer.from([0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82]);
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    for (const bytes of [preface.subarray(0, 5), preface, Buffer.concat([preface, settings, headers])]) {
      const socket = tls
        ? connectTls({ ...address, ca: made.ca, servername: 'upstream.test', ALPNProtocols: ['h2'] })
        : connect(address);
      await once(socket, tls ? 'secureConnect' : 'connect');
      socket.resume().write(bytes);
      const passedMs = await passUntil(gateway.clock, () => socket.closed);
      t.true(passedMs >= 10_000, `${bytes.length} bytes: after ${passedMs} ms`);
    }
  });

  test(`${over}: a slow body is 408, and the connection serves on`, async (t) => {
    const gateway = await start(t, tls);
    const { open, send } = client(t, gateway);
    const slow = open('POST', '/v1/q', { 'content-type': 'application/json' });
    slow.write('{');
    const answer = answerOf(slow);
    t.is((await send('GET', '/v1/quick')).status, 200);
    await endsInTime(t, gateway);
    t.is((await answer).status, 408);
    t.is((await answer).json.code, 4);
    t.is((await send('GET', '/v1/quick')).status, 200);
    await nothingRuns(gateway);
  });

  for (const path of ['/v1/large', '/v1/q:watch']) {
    test(`${over}: ${path}: a client that does not read a stream loses it, and the connection serves on`, async (t) => {
      const gateway = await start(t, tls);
      const { open, send } = client(t, gateway);
      const unread = open('GET', path);
      unread.end();
      unread.pause();
      await once(unread, 'response');
      t.is((await send('GET', '/v1/quick')).status, 200);
      await endsInTime(t, gateway);
      t.is((await send('GET', '/v1/quick')).status, 200);
    });
  }
}

test('HTTP/2: a stream that has ended is not held for a client without room for it', async (t) => {
  const { url, gateway, upstream } = await startGateway(
    t,
    PROTO,
    { Watch: { messages: [{ id: 'a' }] } },
    { listen: { h2c: true }, limits: { requestTimeout: '400ms' } },
  );
  const session = connectHttp2(url, { settings: { initialWindowSize: 0 } });
  t.teardown(() => session.destroy());
  for (let i = 0; i < 20; i++) session.request({ ':path': '/v1/q:watch' }).on('error', () => {});
  await until(() => upstream.calls.length === 20);
  t.true(await until(() => gateway.snapshots.inFlight === 0));
});

test('HTTP/2: a client that sends and does not read is as slow as one that is silent', async (t) => {
  const proto = PROTO.replace(
    /}$/,
    'rpc Talk(stream Q) returns (stream Q) { option (google.api.http) = { post: "/v1/q:talk" body: "*" }; } }',
  );
  const { url, gateway } = await startGateway(
    t,
    proto,
    { Talk: () => ({ messages: endless() }) },
    { listen: { h2c: true }, limits: { requestTimeout: '400ms' } },
  );
  const { open } = http2Client(t, url);
  const talking = open('POST', '/v1/q:talk', { 'content-type': 'application/x-ndjson' });
  talking.pause();
  const timer = setInterval(() => void (talking.writable && talking.write('\n')), 50);
  t.teardown(() => clearInterval(timer));
  await once(talking, 'response');
  t.true(await until(() => gateway.snapshots.inFlight === 0));
});
