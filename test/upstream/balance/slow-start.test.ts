import test from 'ava';
import { nextStepMs, warmth } from '../../../src/upstream/balance/slow-start.js';

test('a server begins with a tenth of its share and has all of it at the end', (t) => {
  t.is(warmth(0, 10_000), 0.1);
  t.is(warmth(999, 10_000), 0.1);
  t.is(warmth(1000, 10_000).toFixed(2), '0.19');
  t.is(warmth(5000, 10_000).toFixed(2), '0.55');
  t.is(warmth(10_000, 10_000), 1);
  t.is(warmth(1_000_000, 10_000), 1);
});

test('the share grows in ten steps', (t) => {
  const steps: number[] = [];
  let ageMs = 0;
  for (let ms = nextStepMs(ageMs, 5000); ms !== undefined; ms = nextStepMs(ageMs, 5000)) {
    ageMs += ms;
    steps.push(ageMs);
  }
  t.deepEqual(steps, [500, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000]);
  t.is(nextStepMs(250, 5000), 250);
});
