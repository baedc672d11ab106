/**
 * A counter metric whose series are objects with a `count`. The code that counts, such as one rate limit, opens its series
 * once, adds to its `count` without a lookup by labels, and closes it when nothing more is counted.
 */
import type { Registry } from 'prom-client';
import { type Collected, collectNumbers, type Labels } from './collected.js';

export interface HeldCounter {
  count: number;
}

export class HeldCounters {
  private readonly series = new Map<HeldCounter, Labels>();

  constructor(registry: Registry, about: Collected) {
    const series = this.series;
    collectNumbers(registry, 'counter', about, function* () {
      for (const [{ count: value }, labels] of series) yield { labels, value };
    });
  }

  /** Adds a series, which begins at 0. The caller must not open two series with the same labels. */
  open(labels: Labels): HeldCounter {
    const counter = { count: 0 };
    this.series.set(counter, labels);
    return counter;
  }

  close(counter: HeldCounter): void {
    this.series.delete(counter);
  }
}
