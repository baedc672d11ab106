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
  /** True if a call waited for this connection until its deadline, and no byte came. Other calls then do not wait for it. */
  isLate = false;
  /** The reason why the connection ended. Undefined while the connection is open. */
  failure: unknown;
  /** The number of running calls. */
  running = 0;
  /** The id of the last stream that the upstream processes after its GOAWAY. It has ignored all later streams. */
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
      // The flow control windows already limit how much memory the session may use.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
      // gRPC libraries send `grpc-message` with spaces at its ends. This option lets Node accept them. Node 20 does not have
      // the option, and drops such texts.
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
      // Node emits `connect` one turn of the event loop late, and the session may have been destroyed before.
      if (session.destroyed) return;
      awaitsSettings = true;
      session.setLocalWindowSize(CONNECTION_WINDOW);
    });
    // SETTINGS is the first frame of a server (RFC 9113 §3.4). Before it comes, it is unknown whether the server speaks HTTP/2,
    // and how many calls it accepts at a time.
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
    // After a GOAWAY, running streams may end normally. Node closes the session after them, or destroys it if the code is an
    // error.
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

  /** True if the connection accepts calls, now or when running calls have ended. */
  get isAlive(): boolean {
    const { closed, destroyed } = this.session;
    return this.state === 'ready' && !this.keepalive.isDoubtful && !closed && !destroyed;
  }

  /** True if the connection accepts one more call now. */
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
   * Counts a call that this side resets. After too many resets (see `RESETS`), the connection gets no new calls, and its
   * running calls continue.
   */
  noteReset(): void {
    if (this.resets.overflows()) this.end(new Error('too many streams of the connection were reset'));
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  /**
   * Reports that a call received nothing until its deadline. New calls use other connections until something has come on this
   * one.
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

  /** Must be called once when a call has ended. Closes a connection that has no other calls and gets no new ones. */
  release(): void {
    this.running--;
    if (this.state === 'ended' && this.running === 0) this.close();
  }

  /** Sends GOAWAY and closes the connection. No call may be running. */
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
