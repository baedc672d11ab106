/**
 * Frames that HTTP/2 lets a client send at no cost, sent without an end: each flood ends its connection, and harms nothing
 * else.
 */
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { handClock } from '../support/clock.js';
import { casesOf } from '../support/draws.js';
import {
  CONTINUATION,
  frame,
  GOAWAY,
  getBlock,
  getFrame,
  HEADERS,
  literals,
  PING,
  PREFACE,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
} from '../support/frames.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { mostHeld } from '../support/memory.js';
import { runAlone } from '../support/parallel-tests.js';
import { until } from '../support/until.js';
import type { Handlers } from '../support/upstream.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
  rpc Send(Q) returns (Q) { option (google.api.http) = { post: "/v1/send" body: "*" }; }
  rpc Hang(Q) returns (Q) { option (google.api.http) = { get: "/v1/hang" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
}`;

const MOST_BYTES = 64 << 20;

/** Starts a gateway whose clock stands still, so that a slow machine does not make a flood slower in the gateway's eyes. */
function start(t: ExecutionContext, handlers: Handlers = {}): Promise<TestGateway> {
  return startGateway(t, PROTO, handlers, { listen: { h2c: true } }, { clock: handClock() });
}

/** Sends batches until the other side ends the connection. Resolves to whether it has ended, and to the code of its GOAWAY. */
async function flood(t: ExecutionContext, port: number, batch: (round: number) => Buffer, rounds = 3000) {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  const received: Buffer[] = [];
  socket.on('error', () => {}).on('data', (chunk) => received.push(chunk));
  socket.write(PREFACE);
  for (let round = 0; round < rounds && !socket.destroyed; round++) {
    if (!socket.write(batch(round))) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
    await new Promise(setImmediate);
  }
  await until(() => socket.destroyed, 'the end of the connection').catch(() => {});
  const bytes = Buffer.concat(received);
  return { ended: socket.destroyed, goAway: goAwayCode(bytes) };
}

/** Returns the code of a GOAWAY: it follows the last stream's id (RFC 9113 §6.8). */
function goAwayCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 17 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    if (bytes[at + 3] === GOAWAY) return bytes.readUInt32BE(at + 13);
  return undefined;
}

function framesOf(bytes: Buffer): { readonly type: number; readonly flags: number }[] {
  const frames = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]! });
  return frames;
}

test('resets of requests that were just made: GOAWAY, and the calls are cancelled', async (t) => {
  const { port, upstream, send, gateway } = await start(t, { Hang: { hang: true } });
  const { ended, goAway } = await flood(t, port, (round) => {
    const id = 2 * round + 1;
    return Buffer.concat([getFrame(id, '/v1/hang'), frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8]))]);
  });
  t.true(ended);
  t.is(goAway, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  t.is((await send('GET', '/v1/quick')).status, 200);
  t.true(upstream.calls.length < 1000, `${upstream.calls.length} calls`);
  await until(() => gateway.snapshots.inFlight === 0);
  await until(() => upstream.calls.every(({ path, cancelled }) => !path.endsWith('Hang') || cancelled));
});

test('resets that come with their requests at once, connection after connection: the process lives', async (t) => {
  const { port, send } = await start(t);
  const post = { ':method': 'POST', ':scheme': 'http', ':path': '/v1/send', ':authority': 'x' };
  const block = literals({ ...post, 'content-type': 'application/json' });
  const requests = Array.from({ length: 2000 }, (_, i) => {
    const id = 2 * i + 1;
    return Buffer.concat([frame(HEADERS, 4, id, block), frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8]))]);
  });
  const bytes = Buffer.concat([PREFACE, ...requests]);
  for (let i = 0; i < casesOf(10); i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.resume().write(bytes);
    await Promise.race([once(socket, 'close'), sleep(200)]);
    socket.destroy();
  }
  t.is((await send('GET', '/v1/quick')).status, 200);
});

test('streams that the gateway itself cuts do not count as a flood', async (t) => {
  const failing = { Watch: { messages: [{ id: 'a' }], status: { code: 14 } } };
  const { url } = await start(t, failing);
  const session = connectHttp2(url);
  t.teardown(() => session.destroy());
  const cut = async () => {
    const stream = session.request({ ':path': '/v1/watch' }).on('error', () => {});
    await new Promise((resolve) => void stream.once('close', resolve).resume());
    return stream.rstCode;
  };
  for (let i = 0; i < 20; i++) {
    const codes = await Promise.all(Array.from({ length: 40 }, cut));
    t.deepEqual([...new Set(codes)], [constants.NGHTTP2_INTERNAL_ERROR]);
  }
  t.false(session.destroyed);
});

const many = (one: Buffer, count = 1000) => Buffer.concat(Array.from({ length: count }, () => one));
const ping = frame(PING, 0, 0, Buffer.alloc(8));

for (const [name, batch] of [
  [
    'CONTINUATION without an end',
    (round: number) =>
      round === 0
        ? frame(HEADERS, 1, 1, getBlock('/v1/quick'))
        : frame(CONTINUATION, 0, 1, Buffer.from([0, 1, 97, 1, 98])),
  ],
  [
    'empty CONTINUATIONs',
    (round: number) => (round === 0 ? frame(HEADERS, 1, 1, getBlock('/v1/quick')) : frame(CONTINUATION, 0, 1)),
  ],
  ['SETTINGS', () => many(frame(SETTINGS, 0, 0))],
  ['PING', () => many(ping)],
  ['frames of streams that never were', (round: number) => frame(RST_STREAM, 0, 2 * round + 1, Buffer.alloc(4))],
] as const) {
  test(`${name}: GOAWAY, others are served, memory stays`, async (t) => {
    await runAlone();
    const { port, send, upstream } = await start(t);
    const { result, grownBytes } = await mostHeld(() => flood(t, port, batch), MOST_BYTES);
    t.true(result.ended);
    t.not(result.goAway, undefined);
    t.is((await send('GET', '/v1/quick')).status, 200);
    t.is(upstream.calls.length, 1);
    t.true(grownBytes < MOST_BYTES, `${grownBytes} bytes`);
  });
}

for (const [name, one] of [
  ['PING', ping],
  ['SETTINGS', frame(SETTINGS, 0, 0)],
] as const) {
  test.serial(`${name} of a client that reads every answer: GOAWAY as well`, async (t) => {
    const { port, send } = await start(t);
    const { answers, goAway } = await askAndRead(t, port, one);
    t.is(goAway, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    t.true(answers > 50, `${answers} answers`);
    t.is((await send('GET', '/v1/quick')).status, 200);
  });
}

/** Sends a hundred frames at a time, and the next hundred when those are answered, until the other side ends the connection. */
async function askAndRead(t: ExecutionContext, port: number, one: Buffer) {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  let received = Buffer.alloc(0);
  const answers = () => framesOf(received).filter(({ type, flags }) => type === one[3] && flags === 1).length;
  let sent = one[3] === SETTINGS ? 1 : 0; // the preface contains one
  const ask = () => {
    sent += 100;
    socket.write(many(one, 100));
  };
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (sent < 5000 && answers() >= sent) ask();
    });
  socket.write(PREFACE);
  ask();
  await once(socket, 'close');
  return { answers: answers(), goAway: goAwayCode(received) };
}

const NODE = Number.parseInt(process.versions.node, 10);

for (const [name, one] of [
  ['WINDOW_UPDATE', frame(8, 0, 0, Buffer.from([0, 0, 0, 1]))],
  ['PRIORITY', frame(PRIORITY, 0, 1, Buffer.from([0, 0, 0, 0, 1]))],
  ['frames of an unknown type', frame(0xfa, 0, 0, Buffer.alloc(8))],
] as const) {
  test.serial(`${name}: what asks for nothing is read and dropped, others are served, memory stays`, async (t) => {
    await runAlone();
    const { port, send } = await start(t);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.teardown(() => void socket.destroy());
    const { grownBytes } = await mostHeld(async () => {
      socket.resume().write(PREFACE);
      for (let i = 0; i < 50; i++) {
        socket.write(many(one));
        if (i % 10 === 0) t.is((await send('GET', '/v1/quick')).status, 200);
      }
    }, MOST_BYTES);
    // From Node 24 on, nghttp2 itself ends a connection that sends floods of these two.
    if (NODE < 24 || name === 'WINDOW_UPDATE') t.false(socket.destroyed);
    t.true(grownBytes < MOST_BYTES, `${grownBytes} bytes`);
  });
}

test.serial(
  'a client that asks now and then whether its connection lives, and changes its settings, is served',
  async (t) => {
    const { url } = await start(t);
    const session = connectHttp2(url);
    t.teardown(() => session.destroy());
    for (let i = 0; i < 300; i++) await new Promise((resolve) => void session.ping(resolve));
    for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => void session.settings({}, () => resolve()));
    const stream = session.request({ ':path': '/v1/quick' });
    const [{ ':status': status }] = (await once(stream, 'response')) as [{ ':status': number }];
    t.is(status, 200);
    stream.resume();
  },
);
