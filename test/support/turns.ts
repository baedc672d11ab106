/** Tests of one file run all at once; those that time something take turns, so that what they time is not each other. */
import type { Teardown } from './gateway.js';

/** Resolves when fewer than `most` tests have a turn; the turn ends with the test. */
export function turns(most: number): (t: Teardown) => Promise<void> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async function turn(t) {
    if (running >= most) await new Promise<void>((resolve) => void waiting.push(resolve));
    else running++;
    t.teardown(() => {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    });
  };
}
