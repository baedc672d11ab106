/** One HTTP/2 connection to an upstream over `node:http2`. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  connect as connectHttp2,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { LeakyBucket } from '../../base/leaky-bucket.js';
import { CONNECT_TIMEOUT_MS, CONNECTION_WINDOW, LAST_STREAM_ID, RESETS, STREAM_WINDOW } from '../connection-limits.js';
import { Keepalive, silentPeer, type Watched } from '../keepalive.js';
import type { ConnectionEvents, PooledConnection } from '../pool.js';
import { alpnFailure, destroyLater, noHttp2, openSocket } from '../socket.js';
import type { TransportSettings } from '../transport.js';

export class Connection implements PooledConnection, Watched {
  readonly session: ClientHttp2Session;
  private readonly socket: Socket;
  state: 'connecting' | 'ready' | 'ended' = 'connecting';
  wasReady = false;
  /** True when a call has waited for this connection until its deadline and not a byte came: other calls do not wait for it. */
  isLate = false;
  /** The reason why the connection ended. Undefined while the connection is open. */
  failure: unknown;
  /** The number of running calls. */
  running = 0;
  /** The last stream that the upstream looks at after its GOAWAY; later streams were not read. */
  lastStreamId = LAST_STREAM_ID;
  private maxStreams = 0;
  private readonly keepalive: Keepalive;
  private readonly resets: LeakyBucket;

  constructor(
    settings: TransportSettings,
    private readonly clock: Clock,
    private readonly events: ConnectionEvents<Connection>,
  ) {
    const socket = openSocket(settings);
    const session = connectHttp2('http://upstream', {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      // The windows of the session already bound how much it may hold.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      // gRPC libraries leave spaces at the ends of `grpc-message`. Node 20 does not have this option, and drops those
      // texts.
      ...{ strictFieldWhitespaceValidation: false },
    });
    this.session = session;
    this.socket = socket;
    this.resets = new LeakyBucket(RESETS, clock);
    this.keepalive = new Keepalive(this, clock);
    let awaitsSettings = false;
    const cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () =>
      session.destroy(new Error('the connection was not established in time')),
    );
    session.once('connect', () => {
      const failure = alpnFailure(socket, settings);
      if (failure !== undefined) return session.destroy(failure);
      // Node emits `connect` one turn late, and the session may have been destroyed before.
      if (session.destroyed) return;
      awaitsSettings = true;
      session.setLocalWindowSize(CONNECTION_WINDOW);
    });
    // SETTINGS is the first frame of a server (RFC 9113 §3.4). Before it comes, it is unknown whether the peer is an HTTP/2
    // server, and how many calls it takes.
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      awaitsSettings = false;
      this.maxStreams = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
      if (this.state === 'connecting' && this.maxStreams > 0) {
        cancelTimer();
        this.state = 'ready';
        this.wasReady = true;
        this.keepalive.watch();
      }
      events.onChange(this);
    });
    const lose = (cause: unknown) => {
      cancelTimer();
      this.end(awaitsSettings ? noHttp2(cause, settings) : cause);
    };
    // Running streams may end normally. Node closes the session after them, or destroys it if the code is an error.
    session.on('goaway', (code, lastStreamId) => {
      this.lastStreamId = lastStreamId;
      this.end(new Error(`the upstream sent GOAWAY with code ${code}`));
    });
    session.on('error', lose);
    socket.on('error', lose);
    session.once('close', () => {
      this.keepalive.stop();
      lose(new Error('the connection ended'));
    });
  }

  /** True if the connection takes calls, now or when running calls have ended. */
  get isAlive(): boolean {
    const { closed, destroyed } = this.session;
    return this.state === 'ready' && !this.keepalive.isDoubtful && !closed && !destroyed;
  }

  /** True if the connection takes one more call. */
  get hasRoom(): boolean {
    return this.running < this.maxStreams && this.isAlive;
  }

  /** Begins a stream. Throws for headers that Node refuses to send. */
  request(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream {
    const stream = this.session.request(headers, options);
    this.running++;
    this.keepalive.watch();
    if (stream.id === LAST_STREAM_ID) this.end(new Error('the connection has used all its stream ids'));
    return stream;
  }

  /**
   * Counts a call that is reset. If many clients leave at once, so many resets could make the upstream end the connection.
   * Therefore it gets no new calls then, and the running ones go on.
   */
  noteReset(): void {
    if (this.resets.overflows()) this.end(new Error('too many streams of the connection were reset'));
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  /**
   * Reports that a call received nothing until its deadline. New calls use other connections until this one has proved to
   * be alive.
   */
  suspect(): void {
    this.keepalive.suspect();
    this.events.onSilence(this);
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
    this.events.onChange(this);
  }

  giveUp(): void {
    this.session.destroy(silentPeer());
    this.events.onSilence(this);
  }

  /** Counts a call that has ended. */
  release(): void {
    this.running--;
    if (this.state === 'ended' && this.running === 0) this.close();
  }

  /** Sends GOAWAY and closes. No call may be running. */
  close(): void {
    this.keepalive.stop();
    this.session.close();
    destroyLater(this.socket, this.clock);
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
    this.events.onChange(this);
  }
}
