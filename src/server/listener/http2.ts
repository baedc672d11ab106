/**
 * Serves HTTP/2 connections: Node's server, which never listens by itself, with the timers that it lacks. Floods of frames
 * end with GOAWAY. nghttp2 stops floods of CONTINUATION, and of frames whose answers the client does not read. This file
 * stops floods of PING and SETTINGS whose answers the client does read, and of requests that are reset as soon as they are
 * made.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, createServer, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { LeakyBucket } from '../../base/leaky-bucket.js';
import { dismiss, unsentBytesOfSocket, wasCut } from '../../exchange/answer.js';
import { HEAD_TOO_LARGE, NO_TUNNEL } from '../../status/refusals.js';
import type { RequestListener } from '../connection/watched.js';
import { expectContinue } from '../endpoints/body.js';
import { type Departure, prepareDeparture } from './goaway.js';
import { BAD_EXPECTATION, type Http1Settings } from './http1.js';
import { compileRefuse } from './refusal.js';

/**
 * The settings are those of HTTP/1.1. Here `keepAliveTimeoutMs` is how long a session may be without a stream, and
 * `headersTimeoutMs` how long the first request may take, counted from the connection.
 */
export type Http2Settings = Omit<Http1Settings, 'tls'>;

export interface Http2Sessions {
  serve(socket: Socket): void;
  /** Asks all clients to begin no more streams, also those that come later; streams that they begin are served. */
  leave(): void;
  /** Refuses new streams of each session as soon as no new stream should be on its way. */
  closeSoon(): void;
  /** Refuses new streams of all sessions, also of later ones. A session ends with its last stream. */
  close(): void;
  /** Cuts all sessions. */
  destroy(): void;
}

/** The limit of requests that a client resets on one connection. Browsers reset requests when a page is left. */
const RESETS = { atOnce: 500, perSecond: 50 };
/** The limit of PINGs. Clients send them to check or to measure the connection, and some send one with each reset. */
const PINGS = { atOnce: 1000, perSecond: 100 };
/** The limit of SETTINGS that a client sends. */
const SETTINGS = { atOnce: 100, perSecond: 10 };
const CALM_DOWN = constants.NGHTTP2_ENHANCE_YOUR_CALM;
/** The multiple of `headerBytes` that is read, so that a larger head gets a 431. Beyond that Node itself resets the stream. */
const READ_HEADS = 4;
/** The overhead of each header besides its name and its value, in bytes (RFC 9113 §6.5.2). */
const HEADER_BYTES = 32;
const STREAMS = 100;
const STREAM_WINDOW = 65_535;
/** The time that a connection may be silent before it gets a PING, as for WebSockets. */
const SILENCE_MS = 30_000;
/** The time that a peer may take to close after a GOAWAY. */
const LINGER_MS = 2000;
/** The time that a session without streams may stay after a GOAWAY at the end of a drain. */
const GOODBYE_MS = 300;

export function createHttp2(settings: Http2Settings, handle: RequestListener, clock: Clock): Http2Sessions {
  const refuse = compileRefuse(settings, clock);
  const sessions = new Map<ServerHttp2Session, Departure>();
  let leaving = false;
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
  // The classes of Node's compatibility layer have the methods of HTTP/1.1, but other types.
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
    const departure = prepareDeparture(session);
    sessions.set(session, departure);
    session.once('close', () => sessions.delete(session));
    // A body that is not read yet must not block the other streams of its connection.
    session.setLocalWindowSize(STREAMS * STREAM_WINDOW);
    closeWhenIdle(session);
    endWhenFlooded(session);
    endWhenGone(session);
    if (closing) end(session);
    else if (leaving) departure.leave();
  });
  // An error of a session also ends it and its streams, which is handled there.
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

  /**
   * Ends a session with too many resets, PINGs or SETTINGS. After a thousand resets nghttp2 sends GOAWAY, but Node keeps the
   * connection; against the other two neither of them does anything.
   */
  function endWhenFlooded(session: ServerHttp2Session): void {
    let isFlooded = false;
    const counted = (limit: typeof PINGS) => {
      const bucket = new LeakyBucket(limit, clock);
      return () => {
        if (isFlooded || !bucket.overflows()) return;
        isFlooded = true;
        // nghttp2 is still processing the frames that came: it would go on to use a session that is destroyed now, and crash
        // the process. The code must be the first argument, which the types do not allow: as the second one it is replaced by
        // the default of the first.
        setImmediate(() => session.destroyed || session.destroy(CALM_DOWN as never));
      };
    };
    const reset = counted(RESETS);
    session.on('stream', (stream) => void stream.once('aborted', () => wasCut(stream) || reset()));
    session.on('ping', counted(PINGS));
    session.on('remoteSettings', counted(SETTINGS));
  }

  /**
   * Sends PING to a silent client, and destroys the session if nothing comes back. Node 20 also reads no more from a
   * connection that nghttp2 has given up because of a wrong frame: it would not notice that the client has left, and would
   * keep the streams for ever.
   */
  function endWhenGone(session: ServerHttp2Session): void {
    let heard = 0;
    let asked = false;
    let streams = 0;
    let cancel = clock.after(SILENCE_MS, look);
    session.once('close', () => cancel());
    session.on('stream', (stream) => {
      streams++;
      stream.once('close', () => streams--);
    });
    function look(): void {
      if (session.destroyed) return;
      const { bytesRead } = session.socket;
      // A PING waits behind the bytes that a slow client has not read yet, and Node reads nothing while it waits. Then
      // `stall.ts` decides.
      const isBlocked = streams > 0 && unsentBytesOfSocket(session.socket as Socket) > 0;
      if (bytesRead === heard && asked && !isBlocked) return session.destroy();
      asked = bytesRead === heard && session.ping(() => {});
      heard = bytesRead;
      cancel = clock.after(SILENCE_MS, look);
    }
  }

  /** Ends a session with GOAWAY, and cuts off a peer that does not close. */
  function end(session: ServerHttp2Session): void {
    session.close();
    const cancel = clock.after(LINGER_MS, () => session.destroy());
    session.once('close', cancel);
  }

  return {
    serve(socket) {
      // An HTTP/1.1 server lets clients end their side first; in HTTP/2 that ends the connection, as in Node's own HTTP/2
      // server.
      socket.allowHalfOpen = false;
      server.emit('connection', socket);
    },
    leave() {
      leaving = true;
      for (const departure of sessions.values()) departure.leave();
    },
    closeSoon() {
      for (const departure of sessions.values()) departure.closeSoon();
    },
    close() {
      if (closing) return;
      closing = true;
      for (const [session, departure] of sessions) {
        departure.close();
        // A client that closes first has read the GOAWAY, whatever it has sent before.
        const cancel = clock.after(GOODBYE_MS, () => session.close());
        session.once('close', cancel);
      }
    },
    destroy() {
      for (const session of sessions.keys()) session.destroy();
    },
  };
}

function headBytes({ rawHeaders }: IncomingMessage): number {
  let bytes = (rawHeaders.length / 2) * HEADER_BYTES;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}
