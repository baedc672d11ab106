/**
 * Whether a connection still lives. TCP tells late of a peer that is gone, and Node 20 not at all of a session that nghttp2
 * has given up: it reads no more, and the calls hang. So while calls wait and not a byte comes for a second, the peer is
 * asked; when another second brings no byte either, the connection is dead.
 *
 * The question is an empty SETTINGS frame, which every peer acknowledges as soon as it can (RFC 9113 §6.5.3). PINGs would do,
 * but gRPC servers count them, and end connections that send more than one in five minutes (gRFC A8).
 */
import type { Clock } from '../../base/clock.js';

/** What is watched. */
export interface Watched {
  /** Bytes that have come so far. */
  readonly bytesRead: number;
  /** Calls that wait for some. */
  readonly running: number;
  /** Sends the question; `answered` runs when its answer comes, if it does. */
  ask(answered: () => void): void;
  /** It has answered, and may take calls again. */
  recover(): void;
  /** It is dead. */
  giveUp(): void;
}

const LOOK_MS = 250;
/** After so many looks in which nothing came, the connection has been silent for a second. */
const SILENT_LOOKS = 4;
/** For a call's sake the peer is asked at most so often, so that calls with tiny deadlines cause no flood of questions. */
const ASK_AGAIN_MS = 1000;
/** A connection without calls is asked so often: load balancers forget those on which nothing moves, many after 350 s. */
const IDLE_MS = 310_000;

export class Keepalive {
  private cancelTimer: (() => void) | undefined;
  /** It looks every {@link LOOK_MS}; otherwise it sleeps until a call begins. */
  private isWatching = false;
  private isStopped = false;
  private bytes = 0;
  private silentLooks = 0;
  private isAsked = false;
  /** A call has ended for which nothing came. */
  private isSuspected = false;
  /** On the monotonic clock. */
  private mayAskAt = 0;

  constructor(
    private readonly connection: Watched,
    private readonly clock: Clock,
  ) {}

  /** It was asked, and there is reason to doubt that it will answer. */
  get isDoubtful(): boolean {
    return this.isAsked && (this.isSuspected || this.silentLooks > 0);
  }

  /** A call begins. */
  watch(): void {
    if (!this.isWatching) this.look();
  }

  /** A call had to end, for which not a byte came on the connection. */
  suspect(): void {
    if (this.isStopped || (!this.isAsked && this.clock.monotonic() < this.mayAskAt)) return;
    this.isSuspected = true;
    if (!this.isAsked) this.ask();
  }

  /** Another connection to the same endpoint is suspected: what ended that may have ended all that say nothing. */
  suspectToo(): void {
    if (!this.isWatching || this.connection.bytesRead === this.bytes) this.suspect();
  }

  stop(): void {
    this.isStopped = true;
    this.cancelTimer?.();
  }

  private look(): void {
    if (this.isStopped) return;
    const { bytesRead, running } = this.connection;
    if (bytesRead !== this.bytes) this.heard(bytesRead);
    else if (this.isWatching) this.silentLooks++;
    this.isWatching = running > 0 || this.isAsked;
    if (!this.isWatching) this.wait(IDLE_MS, () => this.ask());
    else if (this.silentLooks < SILENT_LOOKS) this.wait(LOOK_MS, () => this.look());
    else if (this.isAsked) this.connection.giveUp();
    else this.ask();
  }

  private heard(bytesRead: number): void {
    this.bytes = bytesRead;
    this.silentLooks = 0;
    if (!this.isAsked) return;
    this.isAsked = false;
    this.isSuspected = false;
    this.connection.recover();
  }

  private ask(): void {
    this.mayAskAt = this.clock.monotonic() + ASK_AGAIN_MS;
    this.isAsked = true;
    this.isWatching = true;
    this.silentLooks = 0;
    this.wait(LOOK_MS, () => this.look());
    this.connection.ask(() => this.heard(this.connection.bytesRead));
  }

  /** What has arrived by then is read before `then` runs, however late a busy process comes to it. */
  private wait(delayMs: number, then: () => void): void {
    this.cancelTimer?.();
    let immediate: NodeJS.Immediate | undefined;
    const cancelTimer = this.clock.after(delayMs, () => {
      immediate = setImmediate(then);
    });
    this.cancelTimer = () => {
      cancelTimer();
      clearImmediate(immediate);
    };
  }
}
