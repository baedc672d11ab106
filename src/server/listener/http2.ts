/**
 * HTTP/2 connections: Node's server, which never listens by itself, with the timers that it leaves out. Floods of frames
 * end with GOAWAY: nghttp2 sees to CONTINUATION, and to answers that nobody reads; this file to PING and SETTINGS of who
 * reads them, and to requests that are reset as soon as made.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, createServer, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { LeakyBucket } from '../../base/leaky-bucket.js';
import { dismiss, wasCut } from '../../exchange/answer.js';
import { HEAD_TOO_LARGE, NO_TUNNEL } from '../../status/refusals.js';
import type { RequestListener } from '../connection/watched.js';
import { expectContinue } from '../endpoints/body.js';
import { BAD_EXPECTATION, type Http1Settings } from './http1.js';
import { compileRefuse } from './refusal.js';

/**
 * As HTTP/1.1's. `keepAliveTimeoutMs`: without a stream for so long, a session ends; `headersTimeoutMs`: from the
 * connection to the first request.
 */
export type Http2Settings = Omit<Http1Settings, 'tls'>;

export interface Http2Sessions {
  serve(socket: Socket): void;
  /** GOAWAY to all, also to those that come later: streams that run may end, new ones are refused. */
  close(): void;
  /** Cuts all. */
  destroy(): void;
}

/** How many requests of a connection a client may take back: pages that are left, searches that are typed on. */
const RESETS = { atOnce: 500, perSecond: 50 };
/** How often it may ask whether the connection lives, or measure it: some clients do with each request that they take back. */
const PINGS = { atOnce: 1000, perSecond: 100 };
/** How often it may change its mind about what it takes. */
const SETTINGS = { atOnce: 100, perSecond: 10 };
const CALM_DOWN = constants.NGHTTP2_ENHANCE_YOUR_CALM;
/** So many times `headerBytes` are read to be answered with 431. What is larger still Node resets, and asks nobody. */
const READ_HEADS = 4;
/** RFC 9113 §6.5.2: of each header, besides its name and its value. */
const HEADER_BYTES = 32;
const STREAMS = 100;
const STREAM_WINDOW = 65_535;
/** As WebSockets are. */
const SILENCE_MS = 30_000;
/** What a peer that was told to go may take to do so. */
const LINGER_MS = 2000;

export function createHttp2(settings: Http2Settings, handle: RequestListener, clock: Clock): Http2Sessions {
  const refuse = compileRefuse(settings, clock);
  const sessions = new Set<ServerHttp2Session>();
  let closing = false;
  const server = createServer({
    // The bytes are the limit; how many headers share them does not matter.
    maxHeaderListPairs: (READ_HEADS * settings.headerBytes) / HEADER_BYTES,
    settings: {
      maxConcurrentStreams: STREAMS,
      initialWindowSize: STREAM_WINDOW,
      maxHeaderListSize: READ_HEADS * settings.headerBytes,
      enablePush: false,
    },
  });
  // Node's compatibility layer: the classes have the same face, not the same type.
  const on = (event: string, listener: (req: IncomingMessage, res: ServerResponse) => void) =>
    server.on(event, listener as (...args: unknown[]) => void);
  const serve: typeof handle = async (req, res) => {
    if (headBytes(req) <= settings.headerBytes) return handle(req, res);
    refuse.request(res, HEAD_TOO_LARGE);
    dismiss(res, clock);
  };
  on('request', (req, res) => void serve(req, res));
  on('checkContinue', (req, res) => {
    expectContinue(req);
    void serve(req, res);
  });
  on('checkExpectation', (_req, res) => refuse.request(res, BAD_EXPECTATION));
  on('connect', (_req, res) => refuse.request(res, NO_TUNNEL));
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    // A body that nobody reads yet must not hold up the others of its connection.
    session.setLocalWindowSize(STREAMS * STREAM_WINDOW);
    closeWhenIdle(session);
    endWhenFlooded(session);
    endWhenGone(session);
    if (closing) end(session);
  });
  // What a session or a stream dies of is told by its own end.
  server.on('sessionError', () => {});

  function closeWhenIdle(session: ServerHttp2Session): void {
    let streams = 0;
    let cancel = clock.after(settings.headersTimeoutMs, () => end(session));
    session.on('stream', (stream) => {
      cancel();
      streams++;
      stream.once('close', () => {
        streams--;
        if (streams === 0 && !session.closed) cancel = clock.after(settings.keepAliveTimeoutMs, () => end(session));
      });
    });
    session.once('close', () => cancel());
  }

  /** Of resets nghttp2 says GOAWAY after a thousand, and Node keeps the connection; of the others both say nothing. */
  function endWhenFlooded(session: ServerHttp2Session): void {
    let isFlooded = false;
    const counted = (limit: typeof PINGS) => {
      const bucket = new LeakyBucket(limit, clock);
      return () => {
        if (isFlooded || !bucket.overflows()) return;
        isFlooded = true;
        // nghttp2 is at work on the frames that came: what is destroyed below it, it uses on, and the process dies of that.
        // The code as the first argument, which the types don't know: as the second one it is lost to the first's default.
        setImmediate(() => session.destroyed || session.destroy(CALM_DOWN as never));
      };
    };
    const reset = counted(RESETS);
    session.on('stream', (stream) => void stream.once('aborted', () => wasCut(stream) || reset()));
    session.on('ping', counted(PINGS));
    session.on('remoteSettings', counted(SETTINGS));
  }

  /**
   * Whoever says nothing is asked, and is gone if that is not answered. Of a connection that nghttp2 has given up, because of
   * one wrong frame, Node 20 reads no more: it would not hear that the client has left, and keep its streams for ever.
   */
  function endWhenGone(session: ServerHttp2Session): void {
    let heard = 0;
    let asked = false;
    let cancel = clock.after(SILENCE_MS, look);
    session.once('close', () => cancel());
    function look(): void {
      if (session.destroyed) return;
      const { bytesRead } = session.socket;
      if (bytesRead === heard && asked) return session.destroy();
      asked = bytesRead === heard && session.ping(() => {});
      heard = bytesRead;
      cancel = clock.after(SILENCE_MS, look);
    }
  }

  /** With GOAWAY; a peer that does not go is cut off. */
  function end(session: ServerHttp2Session): void {
    session.close();
    const cancel = clock.after(LINGER_MS, () => session.destroy());
    session.once('close', cancel);
  }

  return {
    serve(socket) {
      // An HTTP/1.1 server lets clients end their side first; here that is the end (Node's own HTTP/2 server says so too).
      socket.allowHalfOpen = false;
      server.emit('connection', socket);
    },
    close() {
      closing = true;
      for (const session of sessions) session.close();
    },
    destroy() {
      for (const session of sessions) session.destroy();
    },
  };
}

function headBytes({ rawHeaders }: IncomingMessage): number {
  let bytes = (rawHeaders.length / 2) * HEADER_BYTES;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}
