/**
 * Where an answer over HTTP/2 differs from one over HTTP/1.1: the one place that knows. Node gives both one face, but not
 * for how they end: in HTTP/1.1 what goes wrong costs the connection, in HTTP/2 a stream of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.js';

/** By what Node made of it: a client may write any version into its request line. */
export function isHttp2(req: IncomingMessage): boolean {
  return (req as IncomingMessage & { readonly stream?: ServerHttp2Stream }).stream !== undefined;
}

/** True if the request's head announces a body. HTTP/2 says so by not ending the stream with it (RFC 9113 §8.1). */
export function hasBody(req: IncomingMessage): boolean {
  const { headers } = req;
  const length = headers['content-length'];
  if (!isHttp2(req)) return headers['transfer-encoding'] !== undefined || (length ?? '0') !== '0';
  return length !== '0' && !(req as unknown as Http2ServerRequest).stream.endAfterHeaders;
}

/** The HTTP/1.1 answer whose turn it is on a connection. */
export function answerOn(socket: Duplex): ServerResponse | undefined {
  return (socket as Duplex & { readonly _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

/** A header of several values is several lines. */
export function setHeaders(res: ServerResponse, headers: ReadonlyMap<string, string[]>): void {
  for (const [name, values] of headers) res.setHeader(name, values.length === 1 ? values[0]! : values);
}

/** Nobody takes what is written from now on. */
export function isOver(res: ServerResponse): boolean {
  const stream = streamOf(res);
  return stream === undefined ? res.destroyed || res.closed : stream.destroyed || stream.closed;
}

/** It was ended by us, and has gone out to the last byte. */
export function isWhole(res: ServerResponse): boolean {
  return res.writableEnded && res.writableFinished;
}

/** Ends it at once, and so that nobody takes what was sent for all of it. */
export function cut(res: ServerResponse): void {
  const stream = streamOf(res);
  if (stream !== undefined) {
    wereCut.add(stream);
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  } else {
    // HTTP/1.0 has no chunks: there a body that ends with the connection is whole, unless the connection breaks.
    if (res.req.httpVersionMinor === 0 && !(res.socket instanceof TLSSocket)) res.socket?.resetAndDestroy();
    res.destroy();
  }
}

const wereCut = new WeakSet<ServerHttp2Stream>();

/** The gateway itself has ended the stream so. */
export function wasCut(stream: ServerHttp2Stream): boolean {
  return wereCut.has(stream);
}

/** What was written and the client has not taken yet, in bytes; 0 also where nobody can tell. */
export function untaken(res: ServerResponse): number {
  const stream = streamOf(res);
  return stream === undefined ? res.writableLength + handedOver(res.socket) : stream.bufferSize;
}

/** The same of a connection that is no HTTP any more. */
export function untakenOf(socket: Socket): number {
  return socket.writableLength + handedOver(socket);
}

interface Handle {
  readonly writeQueueSize?: number;
  /** Of TLS: the connection below it. */
  readonly _parent?: Handle | null;
}

/** What was handed over and waits for the kernel: `net` looks there too before it says that a socket is idle. */
function handedOver(socket: Socket | null): number {
  const handle = (socket as { readonly _handle?: Handle | null } | null)?._handle;
  return (handle?.writeQueueSize ?? 0) + (handle?._parent?.writeQueueSize ?? 0);
}

/**
 * What is to be written one after the other, each when there is room; undefined: at once. What HTTP/2 holds of an answer
 * counts as its connection's memory (`maxSessionMemory`); too much of it, and Node refuses the connection's other streams.
 */
export function batchesOf(res: ServerResponse, bytes: Uint8Array): readonly Uint8Array[] | undefined {
  if (bytes.length <= BATCH_BYTES || streamOf(res) === undefined) return undefined;
  const batches: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += BATCH_BYTES) batches.push(bytes.subarray(at, at + BATCH_BYTES));
  return batches;
}

const BATCH_BYTES = 65_536;

/** What the request still sends is not worth reading: the connection ends with the answer. */
export function closeAfter(res: ServerResponse): void {
  if (streamOf(res) !== undefined || res.headersSent) return;
  // RFC 9110 §7.8: what an answer says of upgrades is named there too.
  res.setHeader('connection', res.hasHeader('upgrade') ? 'Upgrade, close' : 'close');
}

/** What an HTTP/2 client may still send when it has its answer: little is read and dropped, much waits until it has seen that. */
const UNREAD = { bytes: 65_536, waitMs: 500 };

/** The same for HTTP/2, once the answer was given: resets what is open of the request (RFC 9113 §8.1). */
export function dismiss(res: ServerResponse, clock: Clock): void {
  const stream = streamOf(res);
  if (stream === undefined || !stream.writableEnded) return;
  if (stream.endAfterHeaders || stream.readableEnded || stream.destroyed) return;
  // Node would reset at once what nobody began to read, and clients that are still sending lose the answer over it.
  const length = Number(res.req.headers['content-length'] ?? Number.POSITIVE_INFINITY);
  if (length <= UNREAD.bytes) stream.resume();
  else stream.pause();
  const cancel = clock.after(UNREAD.waitMs, () => {
    stream.close(constants.NGHTTP2_NO_ERROR);
    // Node keeps a stream, and its connection, for as long as somebody might still read what has come.
    stream.removeAllListeners('data').resume();
  });
  stream.once('close', cancel);
}

/** Undefined: HTTP/1.1. */
function streamOf(res: ServerResponse): ServerHttp2Stream | undefined {
  return (res as ServerResponse & { readonly stream?: ServerHttp2Stream }).stream;
}
