/**
 * Checks whether a connection is still alive. TCP reports a lost peer late. Node 20 does not report that nghttp2 has given
 * up a session at all: nothing more is read, and the calls hang. So if calls wait and not a byte comes for a second, the
 * peer is sent a question; if no byte comes within another second, the connection is dead.
 *
 * The question is an empty SETTINGS frame, which every peer acknowledges as soon as it can (RFC 9113 §6.5.3). It is no
 * PING, because gRPC servers count PINGs and end connections that send more than one in five minutes (gRFC A8).
 */
import type { Clock } from '../base/clock.js';

/** The connection that is checked. */
export interface Watched {
  /** The number of bytes that have come so far. */
  readonly bytesRead: number;
  /** The number of running calls. */
  readonly running: number;
  /** Sends the question. `answered` runs when the answer comes. */
  ask(answered: () => void): void;
  /** Called when a peer that was asked has sent something: the connection may take calls again. */
  recover(): void;
  /** Called when the connection is dead. */
  giveUp(): void;
}

const LOOK_MS = 250;
/** The number of checks without a byte after which the connection has been silent for a second. */
const SILENT_LOOKS = 4;
/**
 * The shortest time between two questions to the peer because a call received nothing. Without a limit, calls with very
 * short deadlines would cause a flood of questions.
 */
const ASK_AGAIN_MS = 1000;
/**
 * The time between two checks of a connection without calls: load balancers drop connections on which nothing is sent,
 * many of them after 350 s.
 */
const IDLE_MS = 310_000;

/** Returns the failure of the calls on a connection that is dead. */
export function silentPeer(): Error {
  return new Error('the upstream sent nothing for a second, and did not acknowledge SETTINGS within another second');
}

export class Keepalive {
  private cancelTimer: (() => void) | undefined;
  /** True while the connection is checked every {@link LOOK_MS}; otherwise no check runs until a call begins. */
  private isWatching = false;
  private isStopped = false;
  private bytes = 0;
  private silentLooks = 0;
  private isAsked = false;
  /** True when a call has ended that received nothing. */
  private isSuspected = false;
  /** The monotonic time from which the peer may be asked again. */
  private mayAskAt = 0;

  constructor(
    private readonly connection: Watched,
    private readonly clock: Clock,
  ) {}

  /** True if the peer was asked and there is reason to doubt that it will answer. */
  get isDoubtful(): boolean {
    return this.isAsked && (this.isSuspected || this.silentLooks > 0);
  }

  /** Starts the checks when a call begins. */
  watch(): void {
    if (!this.isWatching) this.look();
  }

  /** Reports a call that had to end before a byte came on the connection. */
  suspect(): void {
    if (this.isStopped || (!this.isAsked && this.clock.monotonic() < this.mayAskAt)) return;
    this.isSuspected = true;
    if (!this.isAsked) this.ask();
  }

  /**
   * Reports that another connection to the same endpoint is suspected: the same failure may have hit every connection that
   * is silent now.
   */
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

  /** Calls `then` after the delay. Bytes that have arrived by then are read first, even if the process is busy and late. */
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
