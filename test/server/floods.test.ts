/** What HTTP/2 lets a client send for nothing, sent without an end: each costs the connection, and nothing else. */
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
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
  RST_STREAM,
  SETTINGS,
} from '../support/frames.js';
import { startGateway } from '../support/gateway.js';
import { mostHeld } from '../support/memory.js';
import { until } from '../support/until.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
  rpc Send(Q) returns (Q) { option (google.api.http) = { post: "/v1/send" body: "*" }; }
  rpc Hang(Q) returns (Q) { option (google.api.http) = { get: "/v1/hang" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
}`;

/** Sends until the other side has had enough; resolves to what it sent. */
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
  for (const end = Date.now() + 5000; !socket.destroyed && Date.now() < end; ) await sleep(10);
  const bytes = Buffer.concat(received);
  return { ended: socket.destroyed, types: typesOf(bytes), goAway: goAwayCode(bytes) };
}

/** RFC 9113 §6.8: the last stream, then the code. */
function goAwayCode(bytes: Buffer): number | undefined {
  for (let at = 0; at + 17 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    if (bytes[at + 3] === GOAWAY) return bytes.readUInt32BE(at + 13);
  return undefined;
}

function typesOf(bytes: Buffer): Set<number> {
  const types = new Set<number>();
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.add(bytes[at + 3]!);
  return types;
}

test('resets of requests that were just made: GOAWAY, and the calls are cancelled', async (t) => {
  const { port, upstream, send, gateway } = await startGateway(
    t,
    PROTO,
    { Hang: { hang: true } },
    { listen: { h2c: true } },
  );
  const { ended, goAway } = await flood(t, port, (round) => {
    const id = 2 * round + 1;
    return Buffer.concat([getFrame(id, '/v1/hang'), frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8]))]);
  });
  t.true(ended);
  t.is(goAway, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  t.is((await send('GET', '/v1/quick')).status, 200);
  t.true(upstream.calls.length < 1500, `${upstream.calls.length} calls`);
  await until(() => gateway.snapshots.inFlight === 0);
  await until(() => upstream.calls.every(({ path, cancelled }) => !path.endsWith('Hang') || cancelled));
});

test('resets that come with their requests at once, connection after connection: the process lives', async (t) => {
  const { port, send } = await startGateway(t, PROTO, {}, { listen: { h2c: true } });
  const post = { ':method': 'POST', ':scheme': 'http', ':path': '/v1/send', ':authority': 'x' };
  const block = literals({ ...post, 'content-type': 'application/json' });
  const requests = Array.from({ length: 2000 }, (_, i) => {
    const id = 2 * i + 1;
    return Buffer.concat([frame(HEADERS, 4, id, block), frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, 8]))]);
  });
  const bytes = Buffer.concat([PREFACE, ...requests]);
  for (let i = 0; i < 10; i++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.resume().write(bytes);
    await Promise.race([once(socket, 'close'), sleep(200)]);
    socket.destroy();
  }
  t.is((await send('GET', '/v1/quick')).status, 200);
});

test('streams that the gateway itself cuts are nobody’s flood', async (t) => {
  const failing = { Watch: { messages: [{ id: 'a' }], status: { code: 14 } } };
  const { url } = await startGateway(t, PROTO, failing, { listen: { h2c: true } });
  const session = connectHttp2(url);
  t.teardown(() => session.destroy());
  const cut = async () => {
    const stream = session.request({ ':path': '/v1/watch' }).on('error', () => {});
    await new Promise((resolve) => void stream.once('close', resolve).resume());
    return stream.rstCode;
  };
  for (let i = 0; i < 20; i++) {
    const codes = await Promise.all(Array.from({ length: 40 }, cut));
    t.true(codes.every((code) => code === constants.NGHTTP2_INTERNAL_ERROR));
  }
  t.false(session.destroyed);
});

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
  ['SETTINGS', () => Buffer.concat(Array.from({ length: 1000 }, () => frame(SETTINGS, 0, 0)))],
  ['PING', () => Buffer.concat(Array.from({ length: 1000 }, () => frame(PING, 0, 0, Buffer.alloc(8))))],
  ['frames of streams that never were', (round: number) => frame(RST_STREAM, 0, 2 * round + 1, Buffer.alloc(4))],
] as const) {
  test(`${name}: the connection ends, others are served, memory stays`, async (t) => {
    const { port, send, upstream } = await startGateway(t, PROTO, {}, { listen: { h2c: true } });
    const { result, grownBytes } = await mostHeld(() => flood(t, port, batch));
    t.true(result.ended);
    t.is((await send('GET', '/v1/quick')).status, 200);
    t.is(upstream.calls.length, 1);
    t.true(grownBytes < 64 << 20, `${grownBytes} bytes`);
  });
}
