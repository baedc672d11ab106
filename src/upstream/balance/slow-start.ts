/**
 * Slow start: an endpoint that is new or reachable again gets few calls at first, so that it can fill its caches and
 * open its pools.
 */

/** The share of its weight that an endpoint has at the beginning. */
const FIRST = 0.1;
/** The number of steps in which the share grows. */
const STEPS = 10;

/** Returns the share of its weight that an endpoint has `ageMs` after it began, from a tenth to 1. */
export function warmth(ageMs: number, windowMs: number): number {
  const step = Math.floor((ageMs / windowMs) * STEPS) / STEPS;
  return Math.min(1, FIRST + (1 - FIRST) * Math.max(0, step));
}

/** Returns the time until the share grows again, in milliseconds; undefined when the share is 1 and grows no more. */
export function nextStepMs(ageMs: number, windowMs: number): number | undefined {
  const step = Math.floor((ageMs / windowMs) * STEPS) + 1;
  return ageMs >= windowMs ? undefined : (step * windowMs) / STEPS - ageMs;
}
