/**
 * Lets only some tests of a process run at the same time. ava would start all of them at once, and those that depend on
 * time would wait for all others.
 */
import test from 'ava';

const MOST = 4;
let running = 0;
let isAlone = false;
const waiting: { readonly alone: boolean; readonly begin: () => void }[] = [];

test.beforeEach(() => turn(false));

test.afterEach.always(() => {
  running--;
  isAlone = false;
  admit();
});

/**
 * Resolves when no other test of this process runs. None begins before the one that calls this has ended. So a test can
 * measure what the process as a whole does, for example its memory.
 */
export function runAlone(): Promise<void> {
  if (isAlone) return Promise.resolve();
  // It gives its place back first: two tests that wait for each other's end would wait forever.
  running--;
  const alone = turn(true);
  admit();
  return alone;
}

function turn(alone: boolean): Promise<void> {
  const begun = new Promise<void>((begin) => void waiting.push({ alone, begin }));
  admit();
  return begun;
}

function admit(): void {
  for (let next = waiting[0]; next !== undefined && mayRun(next.alone); next = waiting[0]) {
    waiting.shift();
    running++;
    isAlone = next.alone;
    next.begin();
  }
}

function mayRun(alone: boolean): boolean {
  return alone ? running === 0 : running < MOST && !isAlone;
}
