/**
 * Counters: where limits count. All that apply to a request are asked at once: every one lets it in, or none counts it.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.js';
import { hasRoom, type LimitRule, newWindow, roll, type Standing, standingOf, type Window } from './window.js';

/** One limit for one request: who or what it counts stands in `key`. */
export interface Hit {
  readonly rule: LimitRule;
  readonly key: string;
  /** Anybody can make up keys of this kind (addresses): they are kept apart, so that a flood forgets nobody else. */
  readonly open: boolean;
}

export interface Decision {
  readonly admitted: boolean;
  /** In the order of the hits. */
  readonly standings: readonly Standing[];
  /** Takes back what was counted: another limit has refused the request. Once, and only where it was admitted. */
  readonly undo: () => void;
}

export interface Counters {
  /** Counts `cost` for every hit, or for none if a limit that is enforced has no room. */
  take(hits: readonly Hit[], cost: number): Decision | Promise<Decision>;
  close(): Promise<void>;
}

/** Of each kind of key; the one that was used longest ago makes room. About 200 bytes each. */
export const MAX_KEYS = 100_000;

/** In the memory of this process, on its monotonic clock. */
export class MemoryCounters implements Counters {
  private readonly known = new LRUCache<string, Window>({ max: MAX_KEYS });
  private readonly open = new LRUCache<string, Window>({ max: MAX_KEYS });

  constructor(private readonly clock: Clock) {}

  take(hits: readonly Hit[], cost: number): Decision {
    const now = this.clock.monotonic();
    const windows = hits.map((hit) => this.windowOf(hit, now));
    const passed = hits.map(({ rule }, i) => hasRoom(windows[i]!, now, rule, cost));
    const admitted = hits.every(({ rule }, i) => passed[i] === true || !rule.enforce);
    if (admitted) for (const window of windows) window.current += cost;
    return {
      admitted,
      standings: hits.map(({ rule }, i) => standingOf(rule, windows[i]!, now, cost, passed[i]!)),
      undo: () => this.giveBack(hits, cost),
    };
  }

  giveBack(hits: readonly Hit[], cost: number): void {
    const now = this.clock.monotonic();
    for (const hit of hits) {
      const window = this.windowOf(hit, now);
      window.current = Math.max(0, window.current - cost);
    }
  }

  async close(): Promise<void> {
    this.known.clear();
    this.open.clear();
  }

  private windowOf({ rule, key, open }: Hit, now: number): Window {
    const table = open ? this.open : this.known;
    const name = `${rule.id} ${key}`;
    let window = table.get(name);
    if (window === undefined) {
      window = newWindow(now);
      table.set(name, window);
    } else {
      roll(window, now, rule.periodMs);
    }
    return window;
  }
}
