/**
 * Watches the addresses of a name. It asks again after the lifetime of the answer, after a failure, and when somebody who
 * uses the addresses finds that one does not work. While the lookup fails, the addresses of before stay in use.
 */
import { backOffMs } from '../../base/back-off.js';
import type { Clock } from '../../base/clock.js';
import type { Resource } from '../../base/resources.js';
import type { LookedUp, Lookup } from './lookup.js';

export interface NameWatcher {
  /** Called with the first addresses that are found, and again after each change. They are sorted, so that lists can be compared. */
  found(addresses: readonly string[]): void;
  /** Called when the lookup fails. Further failures are not reported until a lookup has succeeded. */
  failed(error: unknown): void;
}

/** The longest time between two lookups, and the time when the lifetime of an answer is not known. */
const AGAIN_MS = 30_000;
/** The shortest time between two lookups: some name servers say that their answers hold for no time at all. */
const SOONEST_MS = 1000;
const BACK_OFF = { firstMs: 1000, longestMs: AGAIN_MS };
/**
 * The share by which each wait differs at random, so that gateways that start together do not ask at the same times.
 */
const JITTER = 0.1;
/** A lookup that takes longer has failed; the system's own limit may be minutes. */
const TIMEOUT_MS = 10_000;

export class NameWatch implements Resource {
  private readonly watchers = new Set<NameWatcher>();
  private addresses: readonly string[] | undefined;
  private failure: { readonly error: unknown } | undefined;
  private failures = 0;
  private isAsking = false;
  private askedAt = Number.NEGATIVE_INFINITY;
  private cancelTimer: (() => void) | undefined;
  private isClosed = false;

  constructor(
    private readonly name: string,
    private readonly lookup: Lookup,
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {
    this.ask();
  }

  /** Adds a watcher, which is called at once with the addresses that are known. The returned function removes it. */
  watch(watcher: NameWatcher): () => void {
    this.watchers.add(watcher);
    if (this.addresses !== undefined) watcher.found(this.addresses);
    if (this.failure !== undefined) watcher.failed(this.failure.error);
    return () => void this.watchers.delete(watcher);
  }

  /** Reports that an address does not work: the name may have others by now. */
  doubt(): void {
    const waitMs = Math.max(0, this.askedAt + SOONEST_MS - this.clock.monotonic());
    if (this.failures === 0 && !this.isAsking && !this.isClosed) this.askAfter(waitMs);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.cancelTimer?.();
  }

  private askAfter(delayMs: number): void {
    this.cancelTimer?.();
    this.cancelTimer = this.clock.after(delayMs, () => this.ask());
  }

  private ask(): void {
    this.isAsking = true;
    this.askedAt = this.clock.monotonic();
    let isOver = false;
    const end = (then: () => void) => {
      if (isOver || this.isClosed) return;
      isOver = true;
      this.isAsking = false;
      cancelTimeout();
      then();
    };
    const cancelTimeout = this.clock.after(TIMEOUT_MS, () =>
      end(() => this.fail(new Error(`the name was not looked up within ${TIMEOUT_MS / 1000} s`))),
    );
    this.lookup(this.name).then(
      (found) => end(() => this.find(found)),
      (error: unknown) => end(() => this.fail(error)),
    );
  }

  private find({ addresses, ttlMs }: LookedUp): void {
    if (addresses.length === 0) return this.fail(new Error('the name has no address'));
    this.failures = 0;
    this.askAfter(AGAIN_MS * this.jitter());
    void ttlMs?.then((ms) => this.hasten(ms, this.askedAt));
    const sorted = addresses.toSorted();
    const isSame = this.failure === undefined && this.addresses?.join() === sorted.join();
    this.failure = undefined;
    this.addresses = sorted;
    if (!isSame) for (const watcher of this.watchers) watcher.found(sorted);
  }

  /** Moves the next lookup to the end of the lifetime of the answer that was asked for at `askedAt`, if that is earlier. */
  private hasten(ttlMs: number | undefined, askedAt: number): void {
    if (ttlMs === undefined || ttlMs >= AGAIN_MS || askedAt !== this.askedAt || this.isAsking || this.isClosed) return;
    const elapsedMs = this.clock.monotonic() - askedAt;
    this.askAfter(Math.max(SOONEST_MS, ttlMs) * this.jitter() - elapsedMs);
  }

  private fail(error: unknown): void {
    this.askAfter(backOffMs(BACK_OFF, this.failures++) * this.jitter());
    const isFirst = this.failure === undefined;
    this.failure = { error };
    if (isFirst) for (const watcher of this.watchers) watcher.failed(error);
  }

  private jitter(): number {
    return 1 + JITTER * this.random();
  }
}
