/**
 * Tests what an upstream may not send (RFC 9113), row by row: what ends the connection with which code, what ends one call, and
 * what is ignored.
 */
import { setTimeout as turn } from 'node:timers/promises';
import test from 'ava';
import { StatusError } from '../../../src/status/status-error.js';
import { ErrorCode } from '../../../src/upstream/lean/frames.js';
import { createLeanTransport } from '../../../src/upstream/lean/transport.js';
import {
  CONTINUATION,
  DATA,
  frame,
  GOAWAY,
  HEADERS,
  literals,
  PING,
  PRIORITY,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../support/frames.js';
import { CALL, frames, GRPC, headers, message, whole } from '../../support/http2-upstream.js';
import { until } from '../../support/until.js';

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM, CANCEL } =
  ErrorCode;
const PUSH_PROMISE = 5;
const UNKNOWN = 99;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

function setting(id: number, value: number): Buffer {
  return frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, id]), uint32(value)]));
}

/** The bytes are sent when the stream 3 has begun, while the stream 1 waits for its answer. */
type Row = readonly [what: string, code: number, bytesOf: (stream: number) => Buffer];
const BEGUN = (stream: number) => headers(stream, GRPC, false);
const many = (count: number, one: Buffer) => Buffer.concat(Array.from({ length: count }, () => one));

const ENDS_CONNECTION: readonly Row[] = [
  // §4.1 and §4.2
  ['DATA larger than is allowed', FRAME_SIZE_ERROR, (s) => frame(DATA, 0, s, Buffer.alloc(16_385))],
  ['HEADERS larger than is allowed', FRAME_SIZE_ERROR, (s) => frame(HEADERS, 4, s, Buffer.alloc(16_385))],
  ['SETTINGS larger than is allowed', FRAME_SIZE_ERROR, () => frame(SETTINGS, 0, 0, Buffer.alloc(16_386))],
  ['an unknown frame larger than is allowed', FRAME_SIZE_ERROR, () => frame(UNKNOWN, 0, 0, Buffer.alloc(16_385))],
  // §4.3
  ['a header block that is no HPACK', COMPRESSION_ERROR, (s) => frame(HEADERS, 4, s, Buffer.alloc(6, 0xff))],
  ['such trailers', COMPRESSION_ERROR, (s) => Buffer.concat([BEGUN(s), frame(HEADERS, 5, s, Buffer.from([0x80]))])],
  ['such a block on a stream that has ended', COMPRESSION_ERROR, () => frame(HEADERS, 4, 1, Buffer.from([0x80]))],
  [
    'DATA inside a header block',
    PROTOCOL_ERROR,
    (s) => Buffer.concat([frame(HEADERS, 0, s, literals(GRPC)), frame(DATA, 0, s)]),
  ],
  [
    'PING inside a header block',
    PROTOCOL_ERROR,
    (s) => Buffer.concat([frame(HEADERS, 0, s, literals(GRPC)), frame(PING, 0, 0, Buffer.alloc(8))]),
  ],
  [
    'an unknown frame inside a header block',
    PROTOCOL_ERROR,
    (s) => Buffer.concat([frame(HEADERS, 0, s, literals(GRPC)), frame(UNKNOWN, 0, s)]),
  ],
  [
    'CONTINUATION of another stream',
    PROTOCOL_ERROR,
    (s) => Buffer.concat([frame(HEADERS, 0, s, literals(GRPC)), frame(CONTINUATION, 4, 1)]),
  ],
  // §5.1
  ['DATA on a stream that was not begun', PROTOCOL_ERROR, (s) => frame(DATA, 0, s + 2)],
  ['HEADERS on a stream that was not begun', PROTOCOL_ERROR, (s) => headers(s + 2, GRPC, false)],
  ['HEADERS on a stream of its own', PROTOCOL_ERROR, () => headers(2, GRPC, false)],
  ['RST_STREAM on a stream that was not begun', PROTOCOL_ERROR, (s) => frame(RST_STREAM, 0, s + 2, uint32(8))],
  ['WINDOW_UPDATE on a stream that was not begun', PROTOCOL_ERROR, (s) => frame(WINDOW_UPDATE, 0, s + 2, uint32(1))],
  // §6.1
  ['DATA on stream 0', PROTOCOL_ERROR, () => frame(DATA, 0, 0, Buffer.from('x'))],
  [
    'DATA with more padding than payload',
    PROTOCOL_ERROR,
    (s) => Buffer.concat([BEGUN(s), frame(DATA, 8, s, Buffer.from([3, 1, 2]))]),
  ],
  ['DATA that is padded and empty', FRAME_SIZE_ERROR, (s) => Buffer.concat([BEGUN(s), frame(DATA, 8, s)])],
  ['DATA before HEADERS', PROTOCOL_ERROR, (s) => frame(DATA, 0, s, message(Buffer.from('x')))],
  // §6.2
  ['HEADERS on stream 0', PROTOCOL_ERROR, () => headers(0, GRPC, false)],
  ['HEADERS with more padding than payload', PROTOCOL_ERROR, (s) => frame(HEADERS, 4 | 8, s, Buffer.from([3, 0x88]))],
  ['HEADERS that are padded and empty', PROTOCOL_ERROR, (s) => frame(HEADERS, 4 | 8, s)],
  ['HEADERS too short for their priority', PROTOCOL_ERROR, (s) => frame(HEADERS, 4 | 32, s, Buffer.alloc(4))],
  // §6.3 and §6.4
  ['PRIORITY on stream 0', PROTOCOL_ERROR, () => frame(PRIORITY, 0, 0, Buffer.alloc(5))],
  ['PRIORITY of 4 bytes', FRAME_SIZE_ERROR, (s) => frame(PRIORITY, 0, s, Buffer.alloc(4))],
  ['RST_STREAM on stream 0', PROTOCOL_ERROR, () => frame(RST_STREAM, 0, 0, Buffer.alloc(4))],
  ['RST_STREAM of 3 bytes', FRAME_SIZE_ERROR, (s) => frame(RST_STREAM, 0, s, Buffer.alloc(3))],
  // §6.5
  ['SETTINGS on a stream', PROTOCOL_ERROR, (s) => frame(SETTINGS, 0, s)],
  ['SETTINGS of 5 bytes', FRAME_SIZE_ERROR, () => frame(SETTINGS, 0, 0, Buffer.alloc(5))],
  ['an acknowledgement of SETTINGS with a payload', FRAME_SIZE_ERROR, () => frame(SETTINGS, 1, 0, Buffer.alloc(6))],
  ['push that is turned on', PROTOCOL_ERROR, () => setting(2, 1)],
  ['an initial window of 2 GiB', FLOW_CONTROL_ERROR, () => setting(4, 2 ** 31)],
  ['a largest frame of 16,383 bytes', PROTOCOL_ERROR, () => setting(5, 16_383)],
  ['a largest frame of 16 MiB', PROTOCOL_ERROR, () => setting(5, 2 ** 24)],
  // §6.6 to §6.8
  ['PUSH_PROMISE', PROTOCOL_ERROR, (s) => frame(PUSH_PROMISE, 4, s, Buffer.alloc(5))],
  ['PING on a stream', PROTOCOL_ERROR, (s) => frame(PING, 0, s, Buffer.alloc(8))],
  ['PING of 7 bytes', FRAME_SIZE_ERROR, () => frame(PING, 0, 0, Buffer.alloc(7))],
  ['GOAWAY on a stream', PROTOCOL_ERROR, (s) => frame(GOAWAY, 0, s, Buffer.alloc(8))],
  ['GOAWAY of 7 bytes', FRAME_SIZE_ERROR, () => frame(GOAWAY, 0, 0, Buffer.alloc(7))],
  // §6.9
  ['WINDOW_UPDATE of 0', PROTOCOL_ERROR, () => frame(WINDOW_UPDATE, 0, 0, uint32(0))],
  ['WINDOW_UPDATE of 0 on a stream', PROTOCOL_ERROR, (s) => frame(WINDOW_UPDATE, 0, s, uint32(0))],
  ['WINDOW_UPDATE of 3 bytes', FRAME_SIZE_ERROR, () => frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(3))],
  ['a window of more than 2 GiB', FLOW_CONTROL_ERROR, () => frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1))],
  ['such a window on a stream', FLOW_CONTROL_ERROR, (s) => frame(WINDOW_UPDATE, 0, s, uint32(2 ** 31 - 1))],
  // §6.10
  ['CONTINUATION behind nothing', PROTOCOL_ERROR, (s) => frame(CONTINUATION, 4, s, Buffer.from([0x88]))],
  ['CONTINUATION behind a whole block', PROTOCOL_ERROR, (s) => Buffer.concat([BEGUN(s), frame(CONTINUATION, 4, s)])],
  [
    'a header block of more than 64 KiB',
    ENHANCE_YOUR_CALM,
    (s) => Buffer.concat([frame(HEADERS, 0, s), many(5, frame(CONTINUATION, 0, s, Buffer.alloc(16_000)))]),
  ],
  [
    'a header block of many empty frames',
    ENHANCE_YOUR_CALM,
    (s) => Buffer.concat([frame(HEADERS, 0, s), many(50, frame(CONTINUATION, 0, s))]),
  ],
  ['HTTP/1.1', FRAME_SIZE_ERROR, () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
];

for (const [what, code, bytesOf] of ENDS_CONNECTION)
  test(`${what} ends the connection and its calls`, async (t) => {
    const { transport, sockets, received } = await frames(t, createLeanTransport, (socket, stream) => {
      if (socket !== sockets[0]) socket.write(whole(stream));
      else if (stream === 3) socket.write(bytesOf(stream));
    });
    const running = [transport.call(CALL), transport.call(CALL)];
    for (const one of running) {
      const error = await t.throwsAsync(one, { instanceOf: StatusError });
      t.deepEqual([error.httpStatus, error.unsent], [503, false], String(error.cause));
    }
    t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
    t.is(sockets.length, 2);
    await until(() => received.some(({ type }) => type === GOAWAY));
    const { payload } = received.find(({ type }) => type === GOAWAY)!;
    t.deepEqual([payload.readUInt32BE(0), payload.readUInt32BE(4)], [0, code]);
    t.is(transport.running(), 0);
  });

const OTHER = { ...GRPC, 'x-a': 'a' };
const ENDS_CALL: readonly Row[] = [
  // §8.1 to §8.3
  [
    'trailers without the end of the stream',
    PROTOCOL_ERROR,
    (s) => Buffer.concat([BEGUN(s), headers(s, { 'x-a': '1' }, false)]),
  ],
  [
    'pseudo-headers in trailers',
    PROTOCOL_ERROR,
    (s) => Buffer.concat([BEGUN(s), headers(s, { ':status': '200', 'grpc-status': '0' }, true)]),
  ],
  ['no :status', PROTOCOL_ERROR, (s) => headers(s, { 'content-type': 'application/grpc' }, false)],
  ['no header at all', PROTOCOL_ERROR, (s) => frame(HEADERS, 4, s)],
  ['a :status that is no number', PROTOCOL_ERROR, (s) => headers(s, { ...GRPC, ':status': '2oo' }, false)],
  ['a :status of 4 digits', PROTOCOL_ERROR, (s) => headers(s, { ...GRPC, ':status': '2000' }, false)],
  [
    'two :status',
    PROTOCOL_ERROR,
    (s) => frame(HEADERS, 4, s, Buffer.concat([literals({ ':status': '200' }), literals(GRPC)])),
  ],
  ['a pseudo-header of a request', PROTOCOL_ERROR, (s) => headers(s, { ...GRPC, ':path': '/' }, false)],
  ['a pseudo-header behind a header', PROTOCOL_ERROR, (s) => headers(s, { 'x-a': '1', ':status': '200' }, false)],
  ['a name in upper case', PROTOCOL_ERROR, (s) => headers(s, { ...OTHER, 'X-B': '1' }, false)],
  ['a name with a space', PROTOCOL_ERROR, (s) => headers(s, { ...OTHER, 'x b': '1' }, false)],
  ['an empty name', PROTOCOL_ERROR, (s) => headers(s, { ...OTHER, '': '1' }, false)],
  ['a line break in a value', PROTOCOL_ERROR, (s) => headers(s, { ...OTHER, 'x-b': 'a\r\nx-c: 1' }, false)],
  ['NUL in a value', PROTOCOL_ERROR, (s) => headers(s, { ...OTHER, 'x-b': 'a\0b' }, false)],
  ['a header of the connection', PROTOCOL_ERROR, (s) => headers(s, { ...OTHER, connection: 'close' }, false)],
  ['transfer-encoding', PROTOCOL_ERROR, (s) => headers(s, { ...OTHER, 'transfer-encoding': 'chunked' }, false)],
  ['interim headers at the end of the stream', PROTOCOL_ERROR, (s) => headers(s, { ':status': '103' }, true)],
  [
    'headers of more than 64 KiB',
    PROTOCOL_ERROR,
    (s) => frame(HEADERS, 4, s, Buffer.concat([literals(GRPC), Buffer.alloc(10_000, 0x8f)])),
  ],
  [
    'two messages for one',
    CANCEL,
    (s) =>
      Buffer.concat([
        BEGUN(s),
        frame(DATA, 0, s, Buffer.concat([message(Buffer.from('a')), message(Buffer.from('b'))])),
      ]),
  ],
];

for (const [what, code, bytesOf] of ENDS_CALL)
  test(`${what}: that call ends, and the connection goes on`, async (t) => {
    const { transport, sockets, received } = await frames(t, createLeanTransport, (socket, stream) => {
      if (stream === 3)
        socket.write(
          Buffer.concat([bytesOf(3), frame(DATA, 0, 3, Buffer.alloc(9)), headers(3, { 'grpc-status': '0' }, true)]),
        );
      if (stream === 5) socket.write(Buffer.concat([whole(5), whole(1)]));
    });
    const first = transport.call(CALL);
    const error = await t.throwsAsync(transport.call(CALL), { instanceOf: StatusError });
    t.is(error.httpStatus, 502, String(error.cause));
    t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
    t.is(((await first).message as Uint8Array).length, 1);
    t.is(sockets.length, 1);
    const resets = received.filter(({ type }) => type === RST_STREAM);
    t.deepEqual(
      resets.map(({ stream, payload }) => [stream, payload.readUInt32BE(0)]),
      [[3, code]],
    );
  });

const IGNORED: readonly (readonly [what: string, bytesOf: (stream: number) => Buffer])[] = [
  [
    'a frame of an unknown type',
    (s) => Buffer.concat([frame(UNKNOWN, 255, 0, Buffer.alloc(100)), frame(UNKNOWN, 0, s), frame(UNKNOWN, 0, s + 2)]),
  ],
  ['an unknown setting', () => setting(99, 1)],
  ['an acknowledgement that nobody waits for', () => many(5, frame(SETTINGS, 1, 0))],
  ['the answer to a PING that was not sent', () => frame(PING, 1, 0, Buffer.alloc(8))],
  ['PRIORITY', (s) => Buffer.concat([frame(PRIORITY, 0, s, Buffer.alloc(5)), frame(PRIORITY, 0, 99, Buffer.alloc(5))])],
  ['the reserved bit of a stream', (s) => frame(WINDOW_UPDATE, 0, s + 2 ** 31, uint32(1))],
  ['the reserved bit of a window', (s) => frame(WINDOW_UPDATE, 0, s, uint32(2 ** 31 + 1))],
  [
    'flags that a frame does not have',
    (s) => Buffer.concat([frame(WINDOW_UPDATE, 255, s, uint32(1)), frame(PING, 254, 0, Buffer.alloc(8))]),
  ],
  [
    'interim headers',
    (s) => Buffer.concat([headers(s, { ':status': '100' }, false), headers(s, { ':status': '103', link: 'x' }, false)]),
  ],
  [
    'frames on a stream that has ended',
    () =>
      Buffer.concat([
        frame(WINDOW_UPDATE, 0, 1, uint32(1)),
        frame(RST_STREAM, 0, 1, uint32(0)),
        frame(DATA, 0, 1, Buffer.alloc(9)),
        headers(1, GRPC, false),
      ]),
  ],
  ['empty DATA', (s) => Buffer.concat([BEGUN(s), many(100, frame(DATA, 0, s))])],
];

for (const [what, bytesOf] of IGNORED)
  test(`${what} changes nothing`, async (t) => {
    const { transport, sockets } = await frames(t, createLeanTransport, (socket, stream) => {
      const before = stream === 3 ? bytesOf(stream) : Buffer.alloc(0);
      const isBegun = what === 'empty DATA' && stream === 3;
      const answer = isBegun ? whole(stream).subarray(headers(stream, GRPC, false).length) : whole(stream);
      socket.write(Buffer.concat([before, answer]));
    });
    for (let i = 0; i < 3; i++) t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
    t.is(sockets.length, 1);
  });

test('more DATA than the window of its stream ends the connection', async (t) => {
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => {
    socket.write(Buffer.concat([BEGUN(stream), many(17, frame(DATA, 0, stream, Buffer.alloc(16_384)))]));
  });
  const method = { path: '/a.B/S', clientStreaming: false, serverStreaming: true };
  await transport.call({ ...CALL, method });
  await until(() => received.some(({ type }) => type === GOAWAY));
  t.is(received.find(({ type }) => type === GOAWAY)!.payload.readUInt32BE(4), FLOW_CONTROL_ERROR);
});

test('headers and DATA may be padded, have a priority, and come in pieces', async (t) => {
  const { transport } = await frames(t, createLeanTransport, (socket, stream) => {
    const block = literals(GRPC);
    const padded = Buffer.concat([Buffer.from([7]), Buffer.alloc(5, 1), block.subarray(0, 9), Buffer.alloc(7)]);
    const bytes = Buffer.concat([
      frame(HEADERS, 8 | 32, stream, padded),
      frame(CONTINUATION, 0, stream),
      frame(CONTINUATION, 4, stream, block.subarray(9)),
      frame(
        DATA,
        8,
        stream,
        Buffer.concat([Buffer.from([2]), message(Buffer.from('abc')).subarray(0, 6), Buffer.alloc(2)]),
      ),
      frame(DATA, 8, stream, Buffer.from([0])),
      frame(DATA, 8, stream, Buffer.concat([Buffer.from([255]), Buffer.from('bc'), Buffer.alloc(255)])),
      headers(stream, { 'grpc-status': '0' }, true),
    ]);
    void (async () => {
      const step = stream === 1 ? bytes.length : 5;
      for (let at = 0; at < bytes.length; at += step) {
        socket.write(bytes.subarray(at, at + step));
        if (step < bytes.length) await turn(0);
      }
    })();
  });
  for (let i = 0; i < 2; i++) t.is(Buffer.from((await transport.call(CALL)).message as Uint8Array).toString(), 'abc');
});

test('PING is answered with its payload, and SETTINGS are acknowledged', async (t) => {
  const payload = Buffer.from('12345678');
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => {
    socket.write(Buffer.concat([frame(PING, 0, 0, payload), setting(3, 7), whole(stream)]));
  });
  await transport.call(CALL);
  await until(() => received.some(({ type }) => type === PING));
  t.deepEqual(
    received.find(({ type }) => type === PING),
    { type: PING, flags: 1, stream: 0, payload },
  );
  t.is(received.filter(({ type, flags }) => type === SETTINGS && flags === 1).length, 2);
});

test('an upstream that makes its header table smaller gets one update with the size 0', async (t) => {
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => {
    socket.write(Buffer.concat([setting(1, 100), whole(stream)]));
  });
  for (let i = 0; i < 2; i++) await transport.call(CALL);
  await transport.call(CALL);
  t.deepEqual(
    received.filter(({ type }) => type === HEADERS).map(({ payload }) => payload[0]),
    [0x83, 0x20, 0x83],
  );
});

test('headers that are larger than a frame go on in CONTINUATION', async (t) => {
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => socket.write(whole(stream)));
  await transport.call({ ...CALL, metadata: [['x-a', 'v'.repeat(40_000)]] });
  const sent = received.filter(({ type }) => type === HEADERS || type === CONTINUATION);
  t.deepEqual(
    sent.map(({ type, flags }) => [type, flags]),
    [
      [HEADERS, 0],
      [CONTINUATION, 0],
      [CONTINUATION, 4],
    ],
  );
  t.deepEqual(
    sent.slice(0, 2).map(({ payload }) => payload.length),
    [16_384, 16_384],
  );
});
