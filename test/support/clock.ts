/** A clock that stands still until a test moves it; its timers run as they are passed, in order. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/base/clock.js';

export interface HandClock extends Clock {
  advance(ms: number): void;
  /** Timers that wait. */
  readonly pending: number;
  /** What `after` was asked for, in order. */
  readonly delays: readonly number[];
}

/** Moves on in steps, between which what arrives is read. */
export async function pass(clock: HandClock, ms: number, stepMs = 250): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left));
    await sleep(5);
  }
}

/** Starts at the present, so that tokens signed by others are neither old nor early. */
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
