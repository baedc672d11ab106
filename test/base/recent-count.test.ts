/** Counts of the last seconds. */
import test from 'ava';
import { RecentCount } from '../../src/base/recent-count.js';
import { handClock } from '../support/clock.js';

test('an event counts until the window has passed it', (t) => {
  const clock = handClock();
  const count = new RecentCount(10_000, clock);
  count.add();
  clock.advance(4000);
  count.add();
  count.add();
  t.is(count.get(), 3);
  clock.advance(5400);
  t.is(count.get(), 3);
  clock.advance(600);
  t.is(count.get(), 2);
  clock.advance(4000);
  t.is(count.get(), 0);
});

test('a pause of any length forgets everything', (t) => {
  for (const ms of [10_000, 10_500, 1_000_000]) {
    const clock = handClock();
    const count = new RecentCount(10_000, clock);
    for (let i = 0; i < 40; i++) {
      count.add();
      clock.advance(500);
    }
    t.is(count.get(), 19);
    clock.advance(ms);
    t.is(count.get(), 0, String(ms));
  }
});
