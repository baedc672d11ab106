/** Waits for conditions that no event reports to a test. */
import { setTimeout as sleep } from 'node:timers/promises';

/** The limit is longer than any slow machine needs, and shorter than ava's own. */
const LIMIT_MS = 30_000;

/** Resolves to true when `isSo` is true; rejects when it stays false. `what` describes the condition in that error. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string = isSo.toString()): Promise<true> {
  for (const end = Date.now() + LIMIT_MS; !(await isSo()); await sleep(5))
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
  return true;
}
