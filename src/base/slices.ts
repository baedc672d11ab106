/**
 * This module runs long work in slices, so that a process that serves stays responsive. A step of the work is a
 * `yield`. Between two slices, everything else that waits can run.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work that can pause at each `yield`, and returns its result at the end. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does all steps at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The time that a slice may take. */
const SLICE_MS = 10;

/** Does the steps in slices. The process does its other work in between. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (let end = performance.now() + SLICE_MS; ; ) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() < end) continue;
    await nextTurn();
    end = performance.now() + SLICE_MS;
  }
}
