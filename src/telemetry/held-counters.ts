/**
 * A counter whose series are held by the objects that they count for. So counting needs no lookup, and an object that
 * no longer exists has no series.
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

  /** Adds a series. The caller makes sure that there is one for the same labels only. */
  open(labels: Labels): HeldCounter {
    const counter = { count: 0 };
    this.series.set(counter, labels);
    return counter;
  }

  close(counter: HeldCounter): void {
    this.series.delete(counter);
  }
}
