/** The budget of calls that are sent in addition, on a clock that the test moves. */
import test from 'ava';
import { RetryBudget } from '../../src/upstream/retry-budget.js';
import { handClock } from '../support/clock.js';

/** Counts `perSecond` calls in each second, each of which would be sent again twice. Returns how many were. */
function storm(perSecond: number, seconds: number): number {
  const clock = handClock();
  const budget = new RetryBudget(clock);
  let extra = 0;
  for (let i = 0; i < perSecond * seconds; i++) {
    budget.count();
    for (let again = 0; again < 2; again++) if (budget.take()) extra++;
    clock.advance(1000 / perSecond);
  }
  return extra;
}

for (const perSecond of [20, 1000]) {
  test(`at ${perSecond} calls a second at most a fifth more are sent, and one a second`, (t) => {
    for (const seconds of [1, 5, 10, 30]) {
      const extra = storm(perSecond, seconds);
      t.true(extra <= 0.2 * perSecond * seconds + Math.max(10, seconds), `${extra} in ${seconds} s`);
    }
    t.true(storm(perSecond, 30) >= 0.19 * perSecond * 30);
  });
}

test('one retry in a second is always allowed', (t) => {
  const extra = storm(1, 100);
  t.true(extra >= 99 && extra <= 110, String(extra));
});

test('old calls add nothing to the retry budget', (t) => {
  const clock = handClock();
  const budget = new RetryBudget(clock);
  for (let i = 0; i < 1000; i++) budget.count();
  clock.advance(10_000);
  let extra = 0;
  while (budget.take()) extra++;
  t.is(extra, 10);
});
