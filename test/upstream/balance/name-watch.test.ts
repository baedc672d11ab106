import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { LookedUp } from '../../../src/upstream/balance/lookup.js';
import { NameWatch } from '../../../src/upstream/balance/name-watch.js';
import { handClock } from '../../support/clock.js';

type Answer = LookedUp | Error | 'never';

/** A watch on a clock that the test moves. Its times have no jitter. */
async function watched(first: Answer) {
  const clock = handClock();
  let answer = first;
  let asked = 0;
  const lookup = async (): Promise<LookedUp> => {
    asked++;
    if (answer === 'never') return new Promise(() => {});
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const heard: string[] = [];
  const watcher = {
    found: (addresses: readonly string[]) => void heard.push(addresses.join()),
    failed: (error: unknown) => void heard.push(String(error)),
  };
  const watch = new NameWatch('orders', lookup, clock, () => 0);
  watch.watch(watcher);
  await turn();
  return {
    watch,
    watcher,
    clock,
    heard,
    asked: () => asked,
    set(next: Answer) {
      answer = next;
    },
    /** Moves the clock and returns how many lookups began. */
    async pass(ms: number) {
      const before = asked;
      clock.advance(ms);
      await turn();
      return asked - before;
    },
  };
}

const A = { addresses: ['10.0.0.1'] };

test('a name is looked up again after 30 s, and unchanged addresses are not reported again', async (t) => {
  const { pass, heard, set } = await watched({ addresses: ['10.0.0.2', '10.0.0.1'] });
  t.is(await pass(29_999), 0);
  set({ addresses: ['10.0.0.1', '10.0.0.2'] });
  t.is(await pass(1), 1);
  t.deepEqual(heard, ['10.0.0.1,10.0.0.2']);
  set(A);
  await pass(30_000);
  t.deepEqual(heard, ['10.0.0.1,10.0.0.2', '10.0.0.1']);
});

test('a name is looked up again when its answer ends, but not more than once a second', async (t) => {
  const { pass, set } = await watched({ ...A, ttlMs: Promise.resolve(5000) });
  t.is(await pass(4999), 0);
  set({ ...A, ttlMs: Promise.resolve(0) });
  t.is(await pass(1), 1);
  t.is(await pass(999), 0);
  set({ ...A, ttlMs: Promise.resolve(3_600_000) });
  t.is(await pass(1), 1);
  t.is(await pass(29_999), 0);
  t.is(await pass(1), 1);
});

test('a failed lookup is reported once, and repeated after 1, 2, 4 … 30 s', async (t) => {
  const { pass, heard, set } = await watched(A);
  set(new Error('down'));
  await pass(30_000);
  for (const ms of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    t.is(await pass(ms - 1), 0);
    t.is(await pass(1), 1);
  }
  t.deepEqual(heard, ['10.0.0.1', 'Error: down']);
  // The same addresses as before are reported, because the failure is over.
  set(A);
  await pass(30_000);
  t.deepEqual(heard, ['10.0.0.1', 'Error: down', '10.0.0.1']);
  set(new Error('down'));
  await pass(30_000);
  t.is(await pass(1000), 1);
});

test('a lookup without an answer has failed after 10 s; what comes later counts no more', async (t) => {
  const { pass, heard, set } = await watched('never');
  t.is(await pass(9999), 0);
  await pass(1);
  t.deepEqual(heard, ['Error: the name was not looked up within 10 s']);
  set({ addresses: [] });
  await pass(1000);
  t.is(heard.length, 1);
});

test('a doubt makes the next lookup early, a second after the last one', async (t) => {
  const { pass, watch } = await watched(A);
  await pass(400);
  watch.doubt();
  watch.doubt();
  t.is(await pass(599), 0);
  t.is(await pass(1), 1);
  await pass(5000);
  watch.doubt();
  t.is(await pass(0), 1);
  t.is(await pass(29_999), 0);
});

test('doubts do not hasten the lookups of a name that cannot be looked up', async (t) => {
  const { pass, watch } = await watched(new Error('down'));
  await pass(1000);
  await pass(2000);
  watch.doubt();
  t.is(await pass(3999), 0);
  t.is(await pass(1), 1);
});

test('a late follower gets the known addresses; one that has left, or whose watch is closed, gets nothing', async (t) => {
  const { watch, pass, set, heard, clock } = await watched(A);
  set(new Error('down'));
  await pass(30_000);
  const late: string[] = [];
  const leave = watch.watch({
    found: (addresses) => void late.push(addresses.join()),
    failed: (error) => void late.push(String(error)),
  });
  t.deepEqual(late, ['10.0.0.1', 'Error: down']);
  leave();
  set({ addresses: ['10.0.0.9'] });
  await pass(1000);
  t.is(late.length, 2);
  t.is(heard.at(-1), '10.0.0.9');
  await watch.close();
  t.is(clock.pending, 0);
});
