/** How often something may happen: so many at once, and so many more with each second. */
import type { Clock } from './clock.js';

export interface BucketSize {
  readonly atOnce: number;
  readonly perSecond: number;
}

export class LeakyBucket {
  #level = 0;
  #since = 0;

  constructor(
    private readonly size: BucketSize,
    private readonly clock: Clock,
  ) {}

  /** It happened once more; true: too often. */
  overflows(): boolean {
    const now = this.clock.monotonic();
    this.#level = Math.max(0, this.#level - ((now - this.#since) / 1000) * this.size.perSecond) + 1;
    this.#since = now;
    return this.#level > this.size.atOnce;
  }
}
