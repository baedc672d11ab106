/** HTTP/2 upstreams without gRPC: the test itself answers their streams, or they send frames that no library would send. */
import { once } from 'node:events';
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { systemClock } from '../../src/base/clock.js';
import type { CallRequest } from '../../src/call/call.js';
import type { TransportFactory } from '../../src/upstream/transport.js';
import { DATA, frame, HEADERS, literals, RST_STREAM, SETTINGS } from './frames.js';
import type { Teardown } from './gateway.js';
import { openTransport, type TestTransport } from './transport.js';

export const CALL: CallRequest = {
  method: { path: '/a.B/C', clientStreaming: false, serverStreaming: false },
  message: new Uint8Array(0),
  metadata: [],
  signal: new AbortController().signal,
  context: { surface: 'default', requestId: 'x', clientAddress: '127.0.0.1' },
};

/** Starts an upstream that allows `maxConcurrentStreams` and answers nothing by itself, and a transport to it. */
export async function hanging(
  t: Teardown,
  create: TransportFactory,
  maxConcurrentStreams: number,
  clock = systemClock,
) {
  const server = createHttp2Server({ settings: { maxConcurrentStreams } }).listen(0, '127.0.0.1');
  const sessions: ServerHttp2Session[] = [];
  const streams: ServerHttp2Stream[] = [];
  server.on('session', (session) => void sessions.push(session.on('error', () => {})));
  server.on('stream', (stream) => void streams.push(stream.on('error', () => {})));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const transport = openTransport(create, `127.0.0.1:${port}`, {
    clock,
    maxResponseBytes: 256 * 1024 * 1024,
  });
  t.teardown(async () => {
    await transport.close(0);
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { transport, port, sessions, streams };
}

export const GRPC = { ':status': '200', 'content-type': 'application/grpc' };

export function message(bytes: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

export function answer(stream: ServerHttp2Stream, bytes: Uint8Array = Buffer.from('x'), encoding?: string): void {
  stream.respond(
    { ...GRPC, ...(encoding === undefined ? {} : { 'grpc-encoding': encoding }) },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(message(bytes, encoding === undefined ? 0 : 1));
}

/** A frame that the transport has sent. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** An upstream that sends raw frames, and what it got. */
export interface RawUpstream {
  readonly target: string;
  readonly sockets: Socket[];
  /** The ids of the streams that were reset. */
  readonly resets: number[];
  readonly received: ReceivedFrame[];
}

/**
 * Starts an upstream that sends raw frames. By itself it only acknowledges SETTINGS; `onCall` runs for every stream that
 * begins.
 */
export async function rawUpstream(t: Teardown, onCall: (socket: Socket, stream: number) => void): Promise<RawUpstream> {
  const sockets: Socket[] = [];
  const received: ReceivedFrame[] = [];
  const resets: number[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    let rest = Buffer.alloc(0);
    let begins = 24; // the preface
    socket
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk]);
        for (; rest.length >= begins + 9; ) {
          const end = begins + 9 + rest.readUIntBE(begins, 3);
          if (rest.length < end) break;
          const payload = Buffer.from(rest.subarray(begins + 9, end));
          received.push({
            type: rest[begins + 3]!,
            flags: rest[begins + 4]!,
            stream: rest.readUInt32BE(begins + 5),
            payload,
          });
          if (rest[begins + 3] === SETTINGS && rest[begins + 4] === 0) socket.write(frame(SETTINGS, 1, 0));
          if (rest[begins + 3] === HEADERS) onCall(socket, rest.readUInt32BE(begins + 5));
          if (rest[begins + 3] === RST_STREAM) resets.push(rest.readUInt32BE(begins + 5));
          rest = rest.subarray(end);
          begins = 0;
        }
      });
    socket.write(frame(SETTINGS, 0, 0));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { target, sockets, resets, received };
}

/** Starts such an upstream, and a transport to it. */
export async function frames(
  t: Teardown,
  create: TransportFactory,
  onCall: (socket: Socket, stream: number) => void,
): Promise<RawUpstream & { transport: TestTransport }> {
  const upstream = await rawUpstream(t, onCall);
  const transport = openTransport(create, upstream.target);
  t.teardown(() => transport.close(0));
  return { ...upstream, transport };
}

export function headers(stream: number, of: Readonly<Record<string, string>>, isLast: boolean): Buffer {
  return frame(HEADERS, isLast ? 5 : 4, stream, literals(of));
}

/** Returns a whole answer: headers, a message of one byte, trailers. */
export function whole(stream: number, type = 'application/grpc'): Buffer {
  return Buffer.concat([
    headers(stream, { ':status': '200', 'content-type': type }, false),
    frame(DATA, 0, stream, message(Buffer.from('x'))),
    headers(stream, { 'grpc-status': '0' }, true),
  ]);
}
