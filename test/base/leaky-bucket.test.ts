import test from 'ava';
import { LeakyBucket } from '../../src/base/leaky-bucket.js';
import { handClock } from '../support/clock.js';

test('so many at once are few enough, one more is too many, a second makes room', (t) => {
  const clock = handClock();
  const bucket = new LeakyBucket({ atOnce: 3, perSecond: 2 }, clock);
  const times = (count: number) => Array.from({ length: count }, () => bucket.overflows());
  t.deepEqual(times(4), [false, false, false, true]);
  clock.advance(1000);
  t.deepEqual(times(2), [false, true]);
  clock.advance(3_600_000);
  t.deepEqual(times(4), [false, false, false, true]);
});

test('a refused request is not counted', (t) => {
  const clock = handClock();
  const bucket = new LeakyBucket({ atOnce: 2, perSecond: 1 }, clock);
  const times = (count: number) => Array.from({ length: count }, () => bucket.admits());
  t.deepEqual(times(5), [true, true, false, false, false]);
  clock.advance(1000);
  t.deepEqual(times(2), [true, false]);
});
