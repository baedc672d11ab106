/**
 * One HTTP/2 connection of an upstream, from the first attempt to its end. It is made once: what breaks or says GOAWAY is
 * replaced by another.
 */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectSocket, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import type { TlsSettings } from '../transport.js';

export interface ConnectionSettings {
  readonly address: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly tls: TlsSettings | undefined;
  readonly clock: Clock;
}

/** Of one stream: what an upstream may send ahead of whoever reads it. */
const STREAM_WINDOW = 1024 * 1024;
/** Of all streams together. */
const CONNECTION_WINDOW = 16 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 20_000;
/** What an upstream that was told GOAWAY may take to end the connection. */
const LINGER_MS = 2000;
/** gRPC servers close connections that ping more often than every five minutes. */
const PING = { everyMs: 310_000, timeoutMs: 20_000 };
/** RFC 9113 §6.5.2 advises servers to allow at least so many; more is assumed when they say so. */
const STREAMS_AT_FIRST = 100;

export class Connection {
  /** Resolves when calls can be made, rejects when there will be none. */
  readonly connected: Promise<void>;
  readonly session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #clock: Clock;
  state: 'connecting' | 'ready' | 'ended' = 'connecting';
  /** Why it ended. */
  failure: unknown;
  /** Calls that it has now. */
  running = 0;
  #maxStreams = STREAMS_AT_FIRST;
  #cancelPing: (() => void) | undefined;
  /** On the monotonic clock. */
  #mayPingAt = 0;
  #suspected = false;
  #speaks = false;

  constructor(
    settings: ConnectionSettings,
    /** Runs once: it takes no more calls. `wasReady`: it did once. */
    onEnd: (connection: Connection, wasReady: boolean) => void,
  ) {
    const { clock } = settings;
    const socket = open(settings);
    const session = connectHttp2('http://upstream', {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      // What a session may hold is bounded by its windows.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      // gRPC libraries leave spaces at the ends of `grpc-message`; Node 20, which has no such option, drops those texts.
      ...{ strictFieldWhitespaceValidation: false },
    });
    this.session = session;
    this.#socket = socket;
    this.#clock = clock;
    const end = (failure?: unknown) => {
      this.failure ??= failure;
      if (this.state === 'ended') return;
      const wasReady = this.state === 'ready';
      this.state = 'ended';
      this.#cancelPing?.();
      onEnd(this, wasReady);
    };
    this.connected = new Promise((resolve, reject) => {
      const cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () => session.destroy(new Error('connecting took too long')));
      session.once('connect', () => {
        cancelTimer();
        const alpn = settings.tls === undefined ? 'h2' : (socket as TLSSocket).alpnProtocol;
        if (alpn !== 'h2') return session.destroy(new Error(`expected ALPN h2, got ${alpn}`));
        session.setLocalWindowSize(CONNECTION_WINDOW);
        if (this.state === 'connecting') this.state = 'ready';
        this.#pingLater();
        resolve();
      });
      session.once('close', () => {
        cancelTimer();
        end(new Error('the connection ended'));
        reject(this.failure);
      });
    });
    this.connected.catch(() => {}); // who waits hears of it
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      this.#speaks = true;
      this.#maxStreams = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    });
    // Streams that run may end; Node closes the session behind them, or destroys it if the code is an error.
    session.on('goaway', (code) => end(new Error(`GOAWAY ${code}`)));
    session.on('error', end);
    socket.on('error', end);
  }

  /** Room for one more stream. */
  get hasRoom(): boolean {
    return !this.#suspected && this.running < this.#maxStreams;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /**
   * A call heard nothing for as long as it could wait. TCP tells late of a peer that is gone, and Node 20 not at all of one
   * that sent a wrong frame: it is asked, and takes no new calls until it has answered.
   */
  suspect(): void {
    if (this.state !== 'ready' || this.#clock.monotonic() < this.#mayPingAt) return;
    this.#suspected = true;
    this.#cancelPing?.();
    this.#ping();
  }

  /** What a call died of, where it is likely that nobody there speaks HTTP/2. */
  causeOf(error: unknown): unknown {
    return this.#speaks ? error : Object.assign(new Error(NO_HTTP2, { cause: error }), { code: 'NO_HTTP2' });
  }

  /** Says GOAWAY and closes; an upstream that keeps its side open is not waited for. Nothing may run any more. */
  close(): void {
    this.session.close();
    const cancel = this.#clock.after(LINGER_MS, () => this.#socket.destroy());
    this.#socket.once('close', cancel);
  }

  destroy(): void {
    this.session.destroy();
  }

  #pingLater(): void {
    this.#cancelPing = this.#clock.after(PING.everyMs, () => this.#ping());
  }

  #ping(): void {
    const { session } = this;
    if (session.destroyed) return;
    this.#mayPingAt = this.#clock.monotonic() + PING.everyMs;
    const cancelTimer = this.#clock.after(PING.timeoutMs, () => session.destroy(new Error('no answer to PING')));
    session.ping((error) => {
      cancelTimer();
      if (error !== null) return;
      this.#suspected = false;
      this.#pingLater();
    });
  }
}

/** RFC 9113 §3.4: the first word of a server is SETTINGS. */
const NO_HTTP2 =
  'expected HTTP/2, got no word of it: is that the port of a gRPC server, and is TLS on both sides or on none?';

function open({ address, tls }: ConnectionSettings): Socket {
  const options: NetConnectOpts = { ...address, noDelay: true };
  if (tls === undefined) return connectSocket(options);
  const { ca, cert, key, serverName } = tls;
  const host = 'host' in address ? address.host : '';
  const name = serverName ?? (isIP(host) === 0 ? host : undefined);
  const secure: ConnectionOptions = {
    ...address,
    ALPNProtocols: ['h2'],
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(name === undefined ? {} : { servername: name }),
  };
  return connectTls(secure);
}
