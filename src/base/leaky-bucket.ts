/** How often something may happen: so many times at once, and so many times more with each second. */
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

  /** Counts one more, whatever follows. Returns true if that is too often. */
  overflows(): boolean {
    this.leak();
    this.level++;
    return this.level > this.size.atOnce;
  }

  /** Counts one more and returns true, if there is room for it. */
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
