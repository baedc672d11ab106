/**
 * This module hides the differences between answers over HTTP/2 and over HTTP/1.1. Node has the same interface for
 * both, but they end differently: an error ends the connection in HTTP/1.1, and only one stream of it in HTTP/2.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.js';

/**
 * True if Node parsed the request as HTTP/2. The version in a request line is not used, because a client can write any
 * version there.
 */
export function isHttp2(req: IncomingMessage): boolean {
  return (req as IncomingMessage & { readonly stream?: ServerHttp2Stream }).stream !== undefined;
}

/**
 * True if the request's head announces a body. In HTTP/2 a body follows when the head does not end the stream (RFC 9113
 * §8.1).
 */
export function hasBody(req: IncomingMessage): boolean {
  const { headers } = req;
  const length = headers['content-length'];
  if (!isHttp2(req)) return headers['transfer-encoding'] !== undefined || (length ?? '0') !== '0';
  return length !== '0' && !(req as unknown as Http2ServerRequest).stream.endAfterHeaders;
}

/** Returns the HTTP/1.1 answer that the connection currently sends. Undefined when there is none. */
export function answerOn(socket: Duplex): ServerResponse | undefined {
  return (socket as Duplex & { readonly _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/** Sets headers. A header with several values becomes several lines. */
export function setHeaders(res: ServerResponse, headers: ReadonlyMap<string, string[]>): void {
  for (const [name, values] of headers) res.setHeader(name, values.length === 1 ? values[0]! : values);
}

/** True if nothing that is written from now on can reach the client. */
export function isOver(res: ServerResponse): boolean {
  const stream = streamOf(res);
  return stream === undefined ? res.destroyed || res.closed : stream.destroyed || stream.closed;
}

/** True if the gateway ended the answer and all of its bytes were sent. */
export function isWhole(res: ServerResponse): boolean {
  return res.writableEnded && res.writableFinished;
}

/**
 * Ends an answer with its whole content. Node writes head and content in two pieces, which costs as much as all other work
 * for the answer. Small content is written after the head in the same piece.
 */
export function endAtOnce(res: ServerResponse, content: Buffer | string): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  if (bytes.length > SMALL_BYTES || res.headersSent || !isOfNode(res)) {
    res.end(bytes);
    return;
  }
  if (!res.hasHeader('content-length')) res.setHeader('content-length', bytes.length);
  res.writeHead(res.statusCode);
  const head = res as HeadOfNode;
  if (!mayHoldContent(head)) {
    res.end(bytes);
    return;
  }
  head._header += bytes.toString('latin1');
  res.end();
}

/** Node keeps the head as text in Latin-1 until the first write. */
type HeadOfNode = ServerResponse & {
  _header?: string | null;
  readonly _headerSent?: boolean;
  readonly _hasBody?: boolean;
};

/**
 * False if Node must see the content: it sends none of it for a HEAD, even if a server in front of the gateway has changed the
 * method of the request. It may also have to write chunks or check the length. A head with `Expect` is sent already, and other
 * versions of Node may keep no such head.
 */
function mayHoldContent(head: HeadOfNode): boolean {
  if (typeof head._header !== 'string' || head._headerSent !== false || head._hasBody !== true) return false;
  return !head.chunkedEncoding && !head.strictContentLength;
}

/** True if the answer is one of HTTP/1.1 that no library has changed: one that compresses replaces `write` and `end`. */
function isOfNode({ write, end }: ServerResponse): boolean {
  return write === ServerResponse.prototype.write && end === ServerResponse.prototype.end;
}

/** Node writes a text of up to 16 KiB without taking memory for it. */
const SMALL_BYTES = 12 * 1024;

/** Ends an answer at once, in a way that shows the client that the answer is not complete. */
export function cut(res: ServerResponse): void {
  const stream = streamOf(res);
  if (stream !== undefined) {
    wereCut.add(stream);
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    // The reset waits for the connection; what the stream holds must not.
    setImmediate(() => stream.destroy());
  } else {
    // HTTP/1.0 has no chunks, so a body is complete when the connection is closed. Only a reset shows that it is not.
    if (res.req.httpVersionMinor === 0 && !(res.socket instanceof TLSSocket)) res.socket?.resetAndDestroy();
    res.destroy();
  }
}

const wereCut = new WeakSet<ServerHttp2Stream>();

/** True if the gateway itself has ended the stream with `cut`. */
export function wasCut(stream: ServerHttp2Stream): boolean {
  return wereCut.has(stream);
}

/** Returns how many bytes of an answer were written and not yet taken by the client. Returns 0 if that is not known. */
export function unsentBytes(res: ServerResponse): number {
  const stream = streamOf(res);
  if (stream === undefined) return res.writableLength + handedOver(res.socket);
  return stream.bufferSize + (waiting.get(stream) ?? 0);
}

/** Returns how many bytes wait to be taken on a whole connection: one of HTTP/2, or one that has become a WebSocket. */
export function unsentBytesOfSocket(socket: Socket): number {
  return socket.writableLength + handedOver(socket);
}

/** Returns the connection below an answer, or undefined when it is closed. */
export function socketOf(res: ServerResponse): Socket | undefined {
  const stream = streamOf(res);
  return (stream === undefined ? res.socket : socketOfSession(stream)) ?? undefined;
}

function socketOfSession({ session }: ServerHttp2Stream): Socket | undefined {
  return session === undefined || session.destroyed ? undefined : (session.socket as Socket);
}

/** Returns how many bytes an HTTP/2 client takes on one stream before it must ask for more. Returns 0 over HTTP/1.1. */
export function streamWindow(res: ServerResponse): number {
  return streamOf(res)?.session?.remoteSettings?.initialWindowSize ?? 0;
}

interface Handle {
  readonly writeQueueSize?: number;
  /** The connection below a TLS connection. */
  readonly _parent?: Handle | null;
}

/** Returns how many bytes wait for the kernel. `net` also checks this value before it reports that a socket is idle. */
function handedOver(socket: Socket | null): number {
  const handle = (socket as { readonly _handle?: Handle | null } | null)?._handle;
  return (handle?.writeQueueSize ?? 0) + (handle?._parent?.writeQueueSize ?? 0);
}

/**
 * Splits a body into batches, each of which is written when there is room. Undefined when the body can be written at
 * once. The bytes that HTTP/2 holds count as memory of the connection (`maxSessionMemory`); with too many of them Node
 * refuses the connection's other streams.
 */
export function batchesOf(res: ServerResponse, bytes: Uint8Array): readonly Uint8Array[] | undefined {
  if (bytes.length <= BATCH_BYTES || streamOf(res) === undefined) return undefined;
  const batches: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += BATCH_BYTES) batches.push(bytes.subarray(at, at + BATCH_BYTES));
  return batches;
}

const BATCH_BYTES = 65_536;

/** Yields the batches of an answer, and counts the batches that were not requested yet as unsent. */
export function* inBatches(res: ServerResponse, batches: readonly Uint8Array[]): Generator<Uint8Array> {
  const stream = streamOf(res);
  let rest = batches.reduce((sum, { length }) => sum + length, 0);
  for (const batch of batches) {
    rest -= batch.length;
    if (stream !== undefined) waiting.set(stream, rest);
    yield batch;
  }
}

/** The number of bytes of an answer over HTTP/2 that were not yet given to its stream. */
const waiting = new WeakMap<ServerHttp2Stream, number>();

/** Makes an HTTP/1.1 connection end with the answer, so that the rest of the request is not read. */
export function closeAfter(res: ServerResponse): void {
  if (streamOf(res) !== undefined || res.headersSent) return;
  // Every field that belongs to the connection must be named in this header (RFC 9110 §7.8).
  res.setHeader('connection', res.hasHeader('upgrade') ? 'Upgrade, close' : 'close');
}

/**
 * The limits for the rest of an HTTP/2 request after its answer. Up to `bytes` are read and dropped. If the rest is longer,
 * nothing of it is read. After `waitMs` milliseconds the stream is closed.
 */
const UNREAD = { bytes: 65_536, waitMs: 500 };

/** Ends the rest of an HTTP/2 request after the answer was sent, by a reset of the stream (RFC 9113 §8.1). */
export function dismiss(res: ServerResponse, clock: Clock): void {
  const stream = streamOf(res);
  if (stream === undefined || !stream.writableEnded) return;
  if (stream.endAfterHeaders || stream.readableEnded || stream.destroyed) return;
  // Node would reset a stream that was not read at once, and a client that is still sending would lose the answer.
  const length = Number(res.req.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length <= UNREAD.bytes) stream.resume();
  else stream.pause();
  const cancel = clock.after(UNREAD.waitMs, () => {
    stream.close(constants.NGHTTP2_NO_ERROR);
    // Node keeps a stream and its connection while received data is not read.
    stream.removeAllListeners('data').resume();
  });
  stream.once('close', cancel);
}

/** Returns the HTTP/2 stream of an answer. Undefined for HTTP/1.1. */
function streamOf(res: ServerResponse): ServerHttp2Stream | undefined {
  return (res as ServerResponse & { readonly stream?: ServerHttp2Stream }).stream;
}
