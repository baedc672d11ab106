/**
 * The size of a leaky bucket. It limits how often something may happen: `atOnce` times at once, and after that `perSecond`
 * times per second.
 */
import type { Clock } from './clock.js';

export interface BucketSize {
  readonly atOnce: number;
  readonly perSecond: number;
}

export class LeakyBucket {
  private level = 0;
  private since = 0;

  constructor(
    private readonly size: BucketSize,
    private readonly clock: Clock,
  ) {}

  /** Counts one more event. Returns true if it exceeds the limit; it is counted nevertheless. */
  overflows(): boolean {
    this.leak();
    this.level++;
    return this.level > this.size.atOnce;
  }

  /** Counts one more event and returns true, if the limit allows it. Otherwise returns false and counts nothing. */
  admits(): boolean {
    this.leak();
    if (this.level + 1 > this.size.atOnce) return false;
    this.level++;
    return true;
  }

  private leak(): void {
    const now = this.clock.monotonic();
    this.level = Math.max(0, this.level - ((now - this.since) / 1000) * this.size.perSecond);
    this.since = now;
  }
}
