/** Waiting for what a test cannot be told of. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Beyond any machine's slowness, and within what ava waits. */
const LIMIT_MS = 30_000;

/** Resolves to true; rejects when it does not come true. `what`: for that error. */
export async function until(isSo: () => boolean | Promise<boolean>, what: string = isSo.toString()): Promise<true> {
  for (const end = Date.now() + LIMIT_MS; !(await isSo()); await sleep(5))
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
  return true;
}
