/** Flow control in both directions: of a connection, of its streams, and of the socket. */
import test from 'ava';
import { createLeanTransport } from '../../../src/upstream/lean/transport.js';
import { DATA, frame, SETTINGS, WINDOW_UPDATE } from '../../support/frames.js';
import { CALL, frames, GRPC, headers, message, type ReceivedFrame, whole } from '../../support/http2-upstream.js';
import { until } from '../../support/until.js';

function widen(stream: number, increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment, 0);
  return frame(WINDOW_UPDATE, 0, stream, payload);
}

const initialWindow = (bytes: number) => {
  const payload = Buffer.from([0, 4, 0, 0, 0, 0]);
  payload.writeUInt32BE(bytes, 2);
  return frame(SETTINGS, 0, 0, payload);
};

function bodyOf(received: readonly ReceivedFrame[], stream: number): Buffer {
  return Buffer.concat(received.filter((one) => one.type === DATA && one.stream === stream).map((one) => one.payload));
}

const sizeOf = (received: readonly ReceivedFrame[], stream?: number) =>
  received
    .filter((one) => one.type === DATA && (stream === undefined || one.stream === stream))
    .reduce((sum, { payload }) => sum + payload.length, 0);

test('many messages go up through a window of the connection that opens little by little, and none is sent beyond it', async (t) => {
  const { transport, sockets, received } = await frames(t, createLeanTransport, (socket, stream) => {
    if (stream === 1) socket.write(initialWindow(1024 * 1024));
    // The end of a stream comes with its last byte.
  });
  const bodies = [1, 3, 5, 7].map((stream) => Buffer.alloc(40_000 + stream, stream));
  const calls = bodies.map((body) => transport.call({ ...CALL, message: body }));
  let window = 65_535;
  await until(() => sizeOf(received) === window);
  for (const more of [1, 2, 3, 4, 5, 6, 100, 20_000, 1, 1, 1, 1, 200_000]) {
    sockets[0]!.write(widen(0, more));
    window += more;
    const all = bodies.reduce((sum, { length }) => sum + length + 5, 0);
    // A prefix of five bytes is not cut, so up to four bytes of the window may stay.
    await until(() => sizeOf(received) > Math.min(all, window) - 5);
    t.true(sizeOf(received) <= window);
  }
  for (const [i, body] of bodies.entries()) {
    const stream = 2 * i + 1;
    t.true(bodyOf(received, stream).equals(message(body)), `${stream}`);
    t.is(received.findLast((one) => one.type === DATA && one.stream === stream)!.flags, 1);
    sockets[0]!.write(whole(stream));
  }
  for (const call of calls) t.is(((await call).message as Uint8Array).length, 1);
});

test('a stream without a window does not hold others back, and goes on when its window or the initial one opens', async (t) => {
  const { transport, sockets, received } = await frames(t, createLeanTransport, (socket, stream) => {
    if (stream === 1) socket.write(Buffer.concat([widen(0, 1024 * 1024), initialWindow(100)]));
    if (stream === 5) socket.write(whole(5));
  });
  const large = [1, 3].map((byte) => transport.call({ ...CALL, message: Buffer.alloc(100_000, byte) }));
  await until(() => sizeOf(received, 1) === 65_535 && sizeOf(received, 3) > 0);
  await transport.call({ ...CALL, message: Buffer.alloc(50) });
  sockets[0]!.write(widen(1, 100_000));
  await until(() => sizeOf(received, 1) === 100_005);
  sockets[0]!.write(initialWindow(200_000));
  await until(() => sizeOf(received, 3) === 100_005);
  sockets[0]!.write(Buffer.concat([whole(1), whole(3)]));
  await Promise.all(large);
  t.pass();
});

test('a call with a small message does not wait behind one with a large message', async (t) => {
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => {
    if (stream === 1) socket.write(Buffer.concat([widen(0, 2 ** 30), initialWindow(2 ** 30)]));
    if (stream === 5) socket.write(whole(5));
  });
  const leaving = new AbortController();
  const first = transport.call({ ...CALL, signal: leaving.signal });
  await until(() => received.some(({ stream }) => stream === 1));
  const large = transport.call({ ...CALL, message: Buffer.alloc(50 * 1024 * 1024), signal: leaving.signal });
  await transport.call({ ...CALL, message: Buffer.alloc(1000) });
  t.true(sizeOf(received, 3) < 10 * 1024 * 1024, `${sizeOf(received, 3)} bytes were sent before it`);
  leaving.abort();
  await Promise.allSettled([first, large]);
});

test('answers of more bytes than the window of the connection come, one after the other', async (t) => {
  const piece = Buffer.alloc(16_384, 7);
  const body = message(Buffer.alloc(1_000_000, 7));
  let window = 65_535;
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => {
    window -= body.length;
    const rest: Buffer[] = [frame(DATA, 0, stream, Buffer.concat([body.subarray(0, 5), piece.subarray(5)]))];
    for (let at = 16_384; at < body.length; at += 16_384)
      rest.push(frame(DATA, 0, stream, piece.subarray(0, Math.min(16_384, body.length - at))));
    socket.write(Buffer.concat([headers(stream, GRPC, false), ...rest, headers(stream, { 'grpc-status': '0' }, true)]));
  });
  const method = { ...CALL.method };
  for (let i = 0; i < 20; i++) {
    // The whole message is sent although the window of its stream is smaller, so that the test is about the connection alone.
    const call = transport.call({ ...CALL, method });
    t.is(((await call).message as Uint8Array).length, 1_000_000);
  }
  const granted = received
    .filter((one) => one.type === WINDOW_UPDATE && one.stream === 0)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
  t.true(window + granted >= 8 * 1024 * 1024, `${window + granted} bytes are left`);
});

test('a message that is larger than the window of its stream is let in at once, and no more than it', async (t) => {
  const size = 900_000;
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => {
    socket.write(
      Buffer.concat([
        headers(stream, GRPC, false),
        frame(DATA, 0, stream, message(Buffer.alloc(size)).subarray(0, 1000)),
      ]),
    );
  });
  const leaving = new AbortController();
  const call = transport.call({ ...CALL, signal: leaving.signal });
  const updates = () => received.filter((one) => one.type === WINDOW_UPDATE && one.stream === 1);
  await until(() => updates().length === 1);
  t.is(256 * 1024 + updates()[0]!.payload.readUInt32BE(0), 1000 + (size + 5 - 1000) + 256 * 1024);
  leaving.abort();
  await t.throwsAsync(call);
});
