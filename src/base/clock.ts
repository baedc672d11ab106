/** Time as a dependency: production runs on the system's clock, tests on one they move by hand. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  monotonic(): number;
  /**
   * Runs `task` after `delayMs`, once, or after 24 days where that is longer; the returned function cancels it. A pending
   * timer does not keep the process alive.
   */
  after(delayMs: number, task: () => void): () => void;
}

/** Timers count no further: what is more would run at once. */
const FARTHEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(FARTHEST_MS, delayMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
