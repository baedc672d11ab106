/** A clock that stands still until a test moves it. Its timers run in order as the time passes them. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.js';

export interface HandClock extends Clock {
  advance(ms: number): void;
  /** The number of timers that are waiting. */
  readonly pending: number;
  /** The delays that `after` was called with, in order. */
  readonly delays: readonly number[];
}

/** The number of times that sockets are read between two steps, so that a question gets its answer on a busy machine too. */
const TURNS = 10;

/** Moves the clock on in steps. Between the steps, sockets are read. */
export async function pass(clock: HandClock, ms: number, stepMs = 250): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left));
    await sleep(1);
    for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  }
}

/**
 * Returns a clock that starts at the present, so that tokens signed by other programs are neither expired nor from the
 * future.
 */
export function handClock(startMs = Date.now()): HandClock {
  let passed = 0;
  const timers = new Set<{ readonly at: number; readonly task: () => void }>();
  const delays: number[] = [];
  const nextBy = (at: number) => [...timers].filter((timer) => timer.at <= at).toSorted((a, b) => a.at - b.at)[0];
  return {
    delays,
    now: () => startMs + passed,
    monotonic: () => passed,
    after(delayMs, task) {
      const timer = { at: passed + delayMs, task };
      timers.add(timer);
      delays.push(delayMs);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = passed + ms;
      for (let timer = nextBy(end); timer !== undefined; timer = nextBy(end)) {
        timers.delete(timer);
        passed = timer.at;
        timer.task();
      }
      passed = end;
    },
    get pending() {
      return timers.size;
    },
  };
}
