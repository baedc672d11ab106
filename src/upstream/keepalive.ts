/**
 * Checks whether a connection is still alive. TCP reports a lost peer only after a long time. When nghttp2 has given up a
 * session, Node 20 does not report that at all: nothing more is read, and the calls hang. So if calls are running and no byte
 * comes for a second, the peer is asked for an answer; if no byte comes within another second, the connection is dead.
 *
 * The question is an empty SETTINGS frame, which every peer must acknowledge as soon as it can (RFC 9113 §6.5.3). A PING is
 * not used, because gRPC servers count PINGs and end connections that send more than one in five minutes (gRFC A8).
 */
import type { Clock } from '../base/clock.js';

/** The part of a connection that the checks use. */
export interface Watched {
  /** The number of bytes that have come on the connection so far. */
  readonly bytesRead: number;
  /** The number of running calls. */
  readonly running: number;
  /** Sends an empty SETTINGS frame. `answered` is called when the peer has acknowledged it. */
  ask(answered: () => void): void;
  /** Called when something has come from a peer that was asked, so that the connection may get new calls again. */
  recover(): void;
  /** Called when the connection is dead. */
  giveUp(): void;
}

const LOOK_MS = 250;
/**
 * The number of checks without a new byte after which the peer is asked, or given up if it was asked: 4 checks take a second.
 */
const SILENT_LOOKS = 4;
/**
 * The shortest time in milliseconds between two questions to the peer because a call received nothing. Without this limit,
 * calls with very short deadlines would cause a great many questions.
 */
const ASK_AGAIN_MS = 1000;
/**
 * The milliseconds after which a connection without calls is checked. Load balancers drop connections on which nothing is sent,
 * many of them after 350 s.
 */
const IDLE_MS = 310_000;

/** Returns the error of the calls on a connection that is dead. */
export function silentPeer(): Error {
  return new Error('the upstream sent nothing for a second, and did not acknowledge SETTINGS within another second');
}

export class Keepalive {
  private cancelTimer: (() => void) | undefined;
  /**
   * True while the connection is checked every {@link LOOK_MS}. If it is false, the next check is made when a call begins, or
   * after {@link IDLE_MS}.
   */
  private isWatching = false;
  private isStopped = false;
  private bytes = 0;
  private silentLooks = 0;
  private isAsked = false;
  /** True after a call has received nothing until its deadline. It becomes false when the peer has answered a question. */
  private isSuspected = false;
  /** The monotonic time from which the peer may be asked again because a call received nothing, in milliseconds. */
  private mayAskAt = 0;

  constructor(
    private readonly connection: Watched,
    private readonly clock: Clock,
  ) {}

  /** True if the peer was asked and has not answered soon. New calls should not use such a connection. */
  get isDoubtful(): boolean {
    return this.isAsked && (this.isSuspected || this.silentLooks > 0);
  }

  /** Must be called when a call begins. Starts the checks if they do not run. */
  watch(): void {
    if (!this.isWatching) this.look();
  }

  /** Reports a call that ended at its deadline although no byte had come on the connection. */
  suspect(): void {
    if (this.isStopped || (!this.isAsked && this.clock.monotonic() < this.mayAskAt)) return;
    this.isSuspected = true;
    if (!this.isAsked) this.ask();
  }

  /**
   * Reports that another connection to the same endpoint is suspected to be dead. The same failure may have hit this
   * connection, if nothing has come on it since the last check.
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

  /**
   * Calls `then` after the delay. If the process is busy and the timer is late, the bytes that have arrived by then are read
   * first.
   */
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
