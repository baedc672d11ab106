/**
 * A gRPC server for benchmarks that need nothing but Node, in a process of its own. It costs little, because it answers with
 * frames that are encoded once; the first bytes of a request tell which method was called. It keeps to both windows
 * (RFC 9113 §5.2), and to nothing else of HTTP/2. It prints `listening on HOST:PORT`. Any message from its parent is answered
 * with what is open.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import protobuf from 'protobufjs';
import {
  DATA,
  frame,
  HEADERS,
  literals,
  PING,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
} from '../../test/support/frames.js';
import { BIG, PROTO, SMALL } from '../peers/shop.js';

const PREFACE_BYTES = 24;
const FRAME_HEAD = 9;
const LARGEST_FRAME = 16_384;
const INITIAL_WINDOW = 4;
const END_STREAM = 1;
const END_HEADERS = 4;
const WINDOW = 1 << 30;
/** The number of received bytes after which the connection's window is opened again. */
const UPDATE_BYTES = 1 << 20;

/** The payloads of the DATA frames of an answer: one payload so many times, or some payloads once. */
interface Answer {
  readonly payloads: readonly Buffer[];
  readonly times: number;
}

const Order = protobuf.parse(PROTO, { keepCase: false }).root.lookupType('shop.v1.Order');

/** A message with its prefix, cut into payloads. */
function payloadsOf(json: object): Buffer[] {
  const bytes = Order.encode(Order.fromObject(json)).finish();
  const prefixed = Buffer.concat([Buffer.alloc(5), bytes]);
  prefixed.writeUInt32BE(bytes.length, 1);
  const count = Math.ceil(prefixed.length / LARGEST_FRAME);
  return Array.from({ length: count }, (_, i) => prefixed.subarray(i * LARGEST_FRAME, (i + 1) * LARGEST_FRAME));
}

const small: Answer = { payloads: payloadsOf(SMALL), times: 1 };
const big: Answer = { payloads: payloadsOf(BIG), times: 1 };
const head = literals({ ':status': '200', 'content-type': 'application/grpc' });
const trailers = literals({ 'grpc-status': '0' });

/** `body` is a request with its prefix. A request without a name but with a count asks for a stream. */
function answerTo(body: Buffer): Answer {
  if (body[5] === 0x18) return { ...small, times: varint(body, 6) };
  return body.toString('latin1', 7, 12) === 'bigs/' ? big : small;
}

function varint(bytes: Buffer, start: number): number {
  let value = 0;
  for (let at = start, scale = 1; ; at++, scale *= 128) {
    value += (bytes[at]! & 127) * scale;
    if (bytes[at]! < 128) return value;
  }
}

interface Stream {
  window: number;
  /** The first bytes of the request are enough. */
  begin: Buffer | undefined;
  answer: Answer | undefined;
  /** The number of DATA frames that were sent. */
  sent: number;
}

/** Counts of the connections and streams that are open at the server. */
export interface Open {
  readonly connections: number;
  readonly streams: number;
}

/** The streams of all connections that are open. */
const connections = new Set<ReadonlyMap<number, Stream>>();

function serve(socket: Socket): void {
  const streams = new Map<number, Stream>();
  connections.add(streams);
  let rest: Buffer = Buffer.alloc(0);
  let preface = PREFACE_BYTES;
  let window = 65_535;
  let initialWindow = 65_535;
  let received = 0;
  let out: Buffer[] = [];

  const send = (id: number, stream: Stream) => {
    const { payloads, times } = stream.answer!;
    const count = payloads.length * times;
    for (; stream.sent < count; stream.sent++) {
      const payload = payloads[stream.sent % payloads.length]!;
      if (payload.length > window || payload.length > stream.window) return;
      window -= payload.length;
      stream.window -= payload.length;
      out.push(frame(DATA, 0, id, payload));
    }
    out.push(frame(HEADERS, END_STREAM | END_HEADERS, id, trailers));
    streams.delete(id);
  };
  const sendAll = () => {
    for (const [id, stream] of streams) if (stream.answer !== undefined) send(id, stream);
  };
  const onData = (id: number, payload: Buffer, isLast: boolean) => {
    const stream = streams.get(id);
    received += payload.length;
    if (received > UPDATE_BYTES) {
      out.push(frame(WINDOW_UPDATE, 0, 0, uint32(received)));
      received = 0;
    }
    if (stream === undefined) return;
    if (payload.length > 0) stream.begin ??= Buffer.from(payload.subarray(0, 32));
    if (!isLast) return;
    stream.answer = answerTo(stream.begin!);
    out.push(frame(HEADERS, END_HEADERS, id, head));
    send(id, stream);
  };
  const onSettings = (payload: Buffer) => {
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== INITIAL_WINDOW) continue;
      const change = payload.readUInt32BE(at + 2) - initialWindow;
      initialWindow += change;
      for (const stream of streams.values()) stream.window += change;
    }
    out.push(frame(SETTINGS, 1, 0));
    sendAll();
  };
  const onFrame = (type: number, flags: number, id: number, payload: Buffer) => {
    if (type === HEADERS) streams.set(id, { window: initialWindow, begin: undefined, answer: undefined, sent: 0 });
    else if (type === DATA) onData(id, payload, (flags & END_STREAM) !== 0);
    else if (type === SETTINGS && (flags & 1) === 0) onSettings(payload);
    else if (type === PING && (flags & 1) === 0) out.push(frame(PING, 1, 0, payload));
    else if (type === RST_STREAM) streams.delete(id);
    else if (type === WINDOW_UPDATE) {
      const increment = payload.readUInt32BE(0);
      const stream = streams.get(id);
      if (id === 0) window += increment;
      else if (stream !== undefined) stream.window += increment;
      sendAll();
    }
  };
  socket
    .setNoDelay(true)
    .on('error', () => {})
    .on('close', () => connections.delete(streams))
    .on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = preface;
      for (; bytes.length >= at + FRAME_HEAD; preface = 0) {
        const end = at + FRAME_HEAD + bytes.readUIntBE(at, 3);
        if (bytes.length < end) break;
        onFrame(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5), bytes.subarray(at + FRAME_HEAD, end));
        at = end;
      }
      rest = preface > 0 ? bytes : bytes.subarray(at);
      if (out.length > 0) socket.write(Buffer.concat(out));
      out = [];
    });
  const settings = Buffer.concat([Buffer.from([0, INITIAL_WINDOW]), uint32(WINDOW)]);
  socket.write(Buffer.concat([frame(SETTINGS, 0, 0, settings), frame(WINDOW_UPDATE, 0, 0, uint32(WINDOW))]));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
process.on('message', () => {
  const streams = [...connections].reduce((sum, { size }) => sum + size, 0);
  process.send!({ connections: connections.size, streams } satisfies Open);
});
