/** All tests of a file run at once. Tests that measure time take turns, so that they do not slow each other down. */
import type { Teardown } from './gateway.js';

/** Returns a function that resolves when fewer than `most` tests have a turn. The turn ends with the test. */
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
