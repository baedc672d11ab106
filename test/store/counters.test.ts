import test from 'ava';
import { type Hit, MAX_KEYS, MemoryCounters } from '../../src/store/counters.js';
import type { LimitRule } from '../../src/store/window.js';
import { handClock } from '../support/clock.js';
import { heldBytes } from '../support/memory.js';

const MINUTE = 60_000;
const rule = (over: Partial<LimitRule> = {}): LimitRule => ({
  id: 'policies.0',
  limit: 10,
  periodMs: MINUTE,
  enforce: true,
  ...over,
});
const hit = (over: Partial<LimitRule> = {}, key = 'acme'): Hit => ({ rule: rule(over), key, open: false });

test('exactly the limit passes in a window, whenever it began', (t) => {
  const clock = handClock();
  const counters = new MemoryCounters(clock);
  clock.advance(17_123);
  const admitted = Array.from({ length: 50 }, () => {
    clock.advance(100);
    return counters.take([hit()], 1).admitted;
  });
  t.is(admitted.filter(Boolean).length, 10);
  t.deepEqual(admitted.slice(0, 10), Array(10).fill(true));
});

test('the count of a window decreases during the next one, and is 0 after it', (t) => {
  const clock = handClock();
  const counters = new MemoryCounters(clock);
  for (let i = 0; i < 10; i++) counters.take([hit()], 1);
  clock.advance(MINUTE);
  t.false(counters.take([hit()], 1).admitted, 'ten of the window before still count');
  clock.advance(MINUTE / 2);
  t.deepEqual(
    Array.from({ length: 6 }, () => counters.take([hit()], 1).admitted),
    [true, true, true, true, true, false],
  );
  clock.advance(2 * MINUTE);
  t.is(counters.take([hit()], 1).limitStates[0]?.remaining, 9);
});

test('resetMs is when the next request passes: not a millisecond earlier', (t) => {
  for (const [limit, first, later] of [
    [10, 10, 0],
    [10, 10, 45_000],
    [1, 1, 0],
    [3, 2, 30_000],
    [7, 7, 59_999],
  ] as const) {
    const clock = handClock();
    const counters = new MemoryCounters(clock);
    const ask = () => counters.take([hit({ limit })], 1);
    for (let i = 0; i < first; i++) ask();
    clock.advance(later);
    while (ask().admitted);
    const { resetMs } = ask().limitStates[0]!;
    t.true(resetMs > 0 && resetMs <= 2 * MINUTE, `${resetMs}`);
    clock.advance(resetMs - 1);
    t.false(ask().admitted, `${limit}/${first}/${later}: 1 ms before`);
    clock.advance(1);
    t.true(ask().admitted, `${limit}/${first}/${later}: then`);
  }
});

test('a request that one limit refuses counts for none', (t) => {
  const counters = new MemoryCounters(handClock());
  const wide = hit({ id: 'wide', limit: 100 });
  const narrow = hit({ id: 'narrow', limit: 2 });
  const decisions = Array.from({ length: 5 }, () => counters.take([wide, narrow], 1));
  t.deepEqual(
    decisions.map(({ admitted }) => admitted),
    [true, true, false, false, false],
  );
  t.deepEqual(
    decisions.map(({ limitStates }) => limitStates[0]?.remaining),
    [99, 98, 98, 98, 98],
  );
});

test('a limit that is not enforced counts and refuses no request', (t) => {
  const counters = new MemoryCounters(handClock());
  const decisions = Array.from({ length: 4 }, () => counters.take([hit({ limit: 2, enforce: false })], 1));
  t.true(decisions.every(({ admitted }) => admitted));
  t.deepEqual(
    decisions.map(({ limitStates }) => limitStates[0]?.passed),
    [true, true, false, false],
  );
});

test('a request may cost more than one, and what was taken can be given back', (t) => {
  const counters = new MemoryCounters(handClock());
  const first = counters.take([hit()], 7);
  t.true(first.admitted);
  t.false(counters.take([hit()], 4).admitted);
  first.undo();
  t.is(counters.take([hit()], 4).limitStates[0]?.remaining, 6);
});

test('keys, rules and kinds of keys do not meet', (t) => {
  const counters = new MemoryCounters(handClock());
  const one = (over: Partial<LimitRule>, key: string, open: boolean) =>
    counters.take([{ ...hit({ limit: 1, ...over }, key), open }], 1).admitted;
  t.true(one({}, 'a', false));
  t.true(one({}, 'b', false));
  t.true(one({}, 'a', true));
  t.true(one({ id: 'other' }, 'a', false));
  t.false(one({}, 'a', false));
});

test('300,000 addresses take no more memory than the bound, and forget no consumer', (t) => {
  const counters = new MemoryCounters(handClock());
  const consumer = hit({ id: 'consumer', limit: 1 });
  t.true(counters.take([consumer], 1).admitted);
  const address = rule({ id: 'address' });
  const before = heldBytes();
  for (let i = 0; i < 3 * MAX_KEYS; i++) {
    counters.take([{ rule: address, key: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, open: true }], 1);
  }
  const grown = heldBytes() - before;
  t.log(`${(grown / 2 ** 20).toFixed(1)} MiB for ${MAX_KEYS} keys`);
  t.true(grown < 40 * 2 ** 20, `${grown} bytes`);
  t.false(counters.take([consumer], 1).admitted);
});
