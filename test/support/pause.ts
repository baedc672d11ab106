/** Long tests let others run: test files share a process, and what is timed in one would see the event loop of another stand still. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** The longest time, in milliseconds, that a test should compute without a turn of the event loop. */
const MOST_MS = 20;
let turnedAt = performance.now();

/** Lets the event loop turn once if this was not called, or has not done so, for 20 ms. A test calls it between its cases. */
export async function pause(): Promise<void> {
  if (performance.now() - turnedAt < MOST_MS) return;
  await nextTurn();
  turnedAt = performance.now();
}
