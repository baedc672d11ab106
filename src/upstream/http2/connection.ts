/**
 * One HTTP/2 connection of an upstream, from the first attempt to its end. It is made once: what breaks or says GOAWAY is
 * replaced by another.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket, isIP, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.js';
import { LeakyBucket } from '../../base/leaky-bucket.js';
import type { Endpoint } from '../endpoint.js';
import type { TlsSettings } from '../transport.js';
import { Keepalive, type Watched } from './keepalive.js';

export interface ConnectionSettings {
  readonly endpoint: Endpoint;
  readonly tls: TlsSettings | undefined;
  readonly clock: Clock;
  /** Runs when it may have room, and once when it takes no more calls. */
  readonly onChange: (connection: Connection) => void;
  /** Runs when it is asked for a call's sake whether it lives, and when it does not. */
  readonly onSilence: (connection: Connection) => void;
}

/** Of one stream: what an upstream may send ahead of whoever reads it. */
const STREAM_WINDOW = 1024 * 1024;
/** Of all streams together. */
const CONNECTION_WINDOW = 16 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 20_000;
/** What an upstream may take to end its side of a connection whose last call has ended, after a GOAWAY of either. */
const LINGER_MS = 2000;
/** Resets that it may see of us: nghttp2, and with it every server on Node, ends a connection for 1,000 and 33 per second. */
const RESETS = { atOnce: 500, perSecond: 30 };
/** RFC 9113 §5.1.1: none follows it. */
const LAST_STREAM_ID = 2 ** 31 - 1;

export class Connection implements Watched {
  readonly session: ClientHttp2Session;
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly onChange: ConnectionSettings['onChange'];
  private readonly onSilence: ConnectionSettings['onSilence'];
  state: 'connecting' | 'ready' | 'ended' = 'connecting';
  wasReady = false;
  /** A call has waited in vain for it to be made, and heard nothing: others need not wait for it. */
  isLate = false;
  /** Why it ended. */
  failure: unknown;
  /** Calls that it has now. */
  running = 0;
  /** GOAWAY: those behind it were not looked at. */
  lastStreamId = LAST_STREAM_ID;
  private maxStreams = 0;
  private readonly keepalive: Keepalive;
  private readonly resets: LeakyBucket;

  constructor(settings: ConnectionSettings) {
    const { clock, onChange } = settings;
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
    this.socket = socket;
    this.clock = clock;
    this.resets = new LeakyBucket(RESETS, clock);
    this.keepalive = new Keepalive(this, clock);
    this.onChange = onChange;
    this.onSilence = settings.onSilence;
    let isMute = false;
    const cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () => session.destroy(new Error('connecting took too long')));
    session.once('connect', () => {
      const alpn = settings.tls === undefined ? 'h2' : (socket as TLSSocket).alpnProtocol;
      if (alpn !== 'h2') return session.destroy(new Error(`expected ALPN h2, got ${alpn}`));
      // Node tells of it a turn late: the session may have been destroyed meanwhile.
      if (session.destroyed) return;
      isMute = true;
      session.setLocalWindowSize(CONNECTION_WINDOW);
    });
    // RFC 9113 §3.4: the first word of a server. Before it nobody knows whether it is one, and how many calls it takes.
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      isMute = false;
      this.maxStreams = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
      if (this.state === 'connecting' && this.maxStreams > 0) {
        cancelTimer();
        this.state = 'ready';
        this.wasReady = true;
        this.keepalive.watch();
      }
      onChange(this);
    });
    const lose = (cause: unknown) => {
      cancelTimer();
      this.end(isMute ? Object.assign(new Error(NO_HTTP2, { cause }), { code: 'NO_HTTP2' }) : cause);
    };
    // Streams that run may end; Node closes the session behind them, or destroys it if the code is an error.
    session.on('goaway', (code, lastStreamId) => {
      this.lastStreamId = lastStreamId;
      this.end(new Error(`GOAWAY ${code}`));
    });
    session.on('error', lose);
    socket.on('error', lose);
    session.once('close', () => {
      this.keepalive.stop();
      lose(new Error('the connection ended'));
    });
  }

  /** It takes calls, now or when others have ended. */
  get isAlive(): boolean {
    const { closed, destroyed } = this.session;
    return this.state === 'ready' && !this.keepalive.isDoubtful && !closed && !destroyed;
  }

  /** It takes one more call. */
  get hasRoom(): boolean {
    return this.running < this.maxStreams && this.isAlive;
  }

  /** Begins a stream. Throws for headers that Node does not send. */
  request(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream {
    const stream = this.session.request(headers, options);
    this.running++;
    this.keepalive.watch();
    if (stream.id === LAST_STREAM_ID) this.end(new Error('it has had all its streams'));
    return stream;
  }

  /** One of its calls is reset. Clients that leave in crowds cost the others no connection: who comes gets a new one. */
  noteReset(): void {
    if (this.resets.overflows()) this.end(new Error('it has had all its resets'));
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  /** A call heard nothing for as long as it could wait. Until it is known that the connection lives, new calls go elsewhere. */
  suspect(): void {
    this.keepalive.suspect();
    this.onSilence(this);
  }

  suspectToo(): void {
    if (this.state !== 'connecting') this.keepalive.suspectToo();
  }

  ask(answered: () => void): void {
    if (this.session.destroyed) return;
    this.session.settings({}, (error) => {
      if (error === null) answered();
    });
  }

  recover(): void {
    this.onChange(this);
  }

  giveUp(): void {
    this.session.destroy(new Error('not a byte for a second, and no answer to SETTINGS within another'));
    this.onSilence(this);
  }

  /** One of its calls has ended. */
  release(): void {
    this.running--;
    if (this.state === 'ended' && this.running === 0) this.close();
  }

  /** Says GOAWAY and closes. Nothing may run any more. */
  close(): void {
    this.keepalive.stop();
    this.session.close();
    this.linger();
  }

  destroy(): void {
    this.keepalive.stop();
    this.session.destroy();
  }

  private end(failure: unknown): void {
    if (this.state === 'ended') return;
    this.failure = failure;
    this.state = 'ended';
    if (this.running === 0) this.close();
    this.onChange(this);
  }

  /** Node closes its own side; an upstream that keeps its side open is not waited for. */
  private linger(): void {
    if (this.socket.destroyed) return;
    const cancel = this.clock.after(LINGER_MS, () => this.socket.destroy());
    this.socket.once('close', cancel);
  }
}

const NO_HTTP2 =
  'expected HTTP/2, got no word of it: is that the port of a gRPC server, and is TLS on both sides or on none?';

function open({ endpoint, tls }: ConnectionSettings): Socket {
  const address = endpoint.kind === 'unix' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
  const options: NetConnectOpts = { ...address, noDelay: true };
  if (tls === undefined) return connectSocket(options);
  const { ca, cert, key, serverName } = tls;
  const host = endpoint.kind === 'tcp' ? endpoint.host : '';
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
