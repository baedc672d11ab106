/**
 * Lets only some tests of a process run at the same time. ava would start all of them at once, and those that depend on
 * time would wait for all others.
 */
import test from 'ava';

let free = 4;
const waiting: (() => void)[] = [];

test.beforeEach(async () => {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => void waiting.push(resolve));
});

test.afterEach.always(() => {
  const next = waiting.shift();
  if (next === undefined) free++;
  else next();
});
