/**
 * This module runs long work in slices, so that the process can serve requests meanwhile. The work is a generator, which may be
 * paused at each `yield`.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work that can pause at each `yield`, and that returns its result at the end. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does all of the work without a pause, and returns its result. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** The milliseconds after which a slice ends. */
const SLICE_MS = 10;

/** Does the work in slices of 10 ms, and returns its result. The process does its other work between the slices. */
export async function inSlices<T>(steps: Steps<T>): Promise<T> {
  for (let end = performance.now() + SLICE_MS; ; ) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (performance.now() < end) continue;
    await nextTurn();
    end = performance.now() + SLICE_MS;
  }
}
