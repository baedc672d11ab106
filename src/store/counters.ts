/**
 * The counters of rate limits. All limits of a request are checked together: either all of them count the request, or none
 * does.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.js';
import { hasRoom, type LimitRule, type LimitState, limitStateOf, newWindow, roll, type Window } from './window.js';

/** One limit that applies to a request. `key` identifies the caller or address whose requests are counted. */
export interface Hit {
  readonly rule: LimitRule;
  readonly key: string;
  /**
   * True if clients can make up any number of such keys, for example addresses. These keys are in a table of their own, so that
   * a great many of them cannot push out other counters.
   */
  readonly open: boolean;
}

export interface Decision {
  readonly admitted: boolean;
  /** The state of each limit, in the order of the hits that were passed. */
  readonly limitStates: readonly LimitState[];
  /**
   * Takes back what was counted, because another limit has refused the request. It may be called once, and only if the request
   * was admitted.
   */
  readonly undo: () => void;
}

export interface Counters {
  /** Counts `cost` for each hit if no enforced limit is exceeded by that. Otherwise counts nothing. */
  take(hits: readonly Hit[], cost: number): Decision | Promise<Decision>;
  close(): Promise<void>;
}

/**
 * The most keys in each of the two tables. When there are more, the key that was used longest ago is removed. A key needs about
 * 200 bytes.
 */
export const MAX_KEYS = 100_000;

/** Counters in the memory of this process, which use its monotonic clock. */
export class MemoryCounters implements Counters {
  // An empty table takes 2.8 MB, so each is made only when its first key is counted.
  private known: LRUCache<string, Window> | undefined;
  private open: LRUCache<string, Window> | undefined;

  constructor(private readonly clock: Clock) {}

  take(hits: readonly Hit[], cost: number): Decision {
    const now = this.clock.monotonic();
    const windows: Window[] = [];
    const passed: boolean[] = [];
    let admitted = true;
    for (const hit of hits) {
      const window = this.windowOf(hit, now);
      const hasPassed = hasRoom(window, now, hit.rule, cost);
      windows.push(window);
      passed.push(hasPassed);
      if (!hasPassed && hit.rule.enforce) admitted = false;
    }
    if (admitted) for (const window of windows) window.current += cost;
    const limitStates: LimitState[] = [];
    for (let i = 0; i < hits.length; i++)
      limitStates.push(limitStateOf(hits[i]!.rule, windows[i]!, now, cost, passed[i]!));
    return { admitted, limitStates, undo: () => this.giveBack(hits, cost) };
  }

  giveBack(hits: readonly Hit[], cost: number): void {
    const now = this.clock.monotonic();
    for (const hit of hits) {
      const window = this.windowOf(hit, now);
      window.current = Math.max(0, window.current - cost);
    }
  }

  async close(): Promise<void> {
    this.known?.clear();
    this.open?.clear();
  }

  private tableOf(open: boolean): LRUCache<string, Window> {
    if (open) this.open ??= newTable();
    else this.known ??= newTable();
    return (open ? this.open : this.known)!;
  }

  private windowOf({ rule, key, open }: Hit, now: number): Window {
    const table = this.tableOf(open);
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

function newTable(): LRUCache<string, Window> {
  return new LRUCache({ max: MAX_KEYS });
}
