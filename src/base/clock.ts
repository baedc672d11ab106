/** A clock is passed as a dependency. Production uses the system's clock, and tests use one that they move by hand. */

export interface Clock {
  /** Returns the milliseconds since the Unix epoch. */
  now(): number;
  /** Returns the milliseconds on a clock that is never set back or forward. Only the difference of two values has a meaning. */
  monotonic(): number;
  /**
   * Runs `task` once after `delayMs` milliseconds; a delay of more than 24 days is shortened to that. The returned function
   * cancels it. A pending timer does not keep the process alive.
   */
  after(delayMs: number, task: () => void): () => void;
}

/** The longest delay of a timer in milliseconds. Node runs a timer with a longer delay at once. */
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
