/** Waits for conditions that no event reports to a test. */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/**
 * The time, in milliseconds, after which a test says that something hangs. It is longer than the event loop may stand still
 * while other tests of the process compute on a busy machine, and shorter than ava's own limit.
 */
export const HANG_MS = 30_000;
/** A time limit for the gateway that must not be what ends a wait: when it passes, the test has failed already. */
export const NEVER_MS = 50_000;
/** Most conditions come true within some turns of the event loop, which take less time and CPU than timers. */
const TURNS = 20;
/** Conditions that take longer than a fifth of a second are checked less often, because some ask a server. */
const SOON = 60;

/** Resolves to true when `isSo` is true; rejects when it stays false. `what` describes the condition in that error. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string = isSo.toString()): Promise<true> {
  const end = Date.now() + HANG_MS;
  for (let turn = 0; !(await isSo()); turn++) {
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await (turn < TURNS ? nextTurn() : sleep(turn < SOON ? 5 : 20));
  }
  return true;
}
