import test from 'ava';
import { type EjectionSettings, mostEjected, Outlier } from '../../../src/upstream/balance/ejection.js';
import { handClock } from '../../support/clock.js';

const SETTINGS: EjectionSettings = { consecutiveFailures: 3, ejectForMs: 1000, maxEjectedPercent: 50 };

test('failures in a row eject; one answer between them does not let them count together', (t) => {
  const outlier = new Outlier(SETTINGS, handClock());
  t.false(outlier.note('failed'));
  t.false(outlier.note('failed'));
  t.false(outlier.note('answered'));
  t.false(outlier.note('failed'));
  t.false(outlier.note('failed'));
  t.true(outlier.note('failed'));
});

test('calls that tell nothing about the server change nothing', (t) => {
  const outlier = new Outlier(SETTINGS, handClock());
  for (let i = 0; i < 100; i++) t.false(outlier.note('unknown'));
  outlier.note('failed');
  outlier.note('failed');
  t.false(outlier.note('unknown'));
  t.true(outlier.note('failed'));
});

test('calls that ran when a connection was lost count once; later ones count again', (t) => {
  const outlier = new Outlier(SETTINGS, handClock());
  const first = outlier.losses;
  for (let i = 0; i < 10; i++) t.false(outlier.noteLoss(first));
  t.false(outlier.noteLoss(outlier.losses));
  t.false(outlier.noteLoss(first));
  t.true(outlier.noteLoss(outlier.losses));
});

test('an answer between two lost connections does not let them count together', (t) => {
  const outlier = new Outlier(SETTINGS, handClock());
  for (let i = 0; i < 10; i++) {
    t.false(outlier.noteLoss(outlier.losses));
    outlier.note('answered');
  }
});

test('an ejection that was not allowed is asked for again with the next failure', (t) => {
  const outlier = new Outlier(SETTINGS, handClock());
  for (let i = 0; i < 3; i++) outlier.note('failed');
  t.true(outlier.note('failed'));
  t.false(outlier.note('answered'));
});

test('each ejection in a row is longer, up to five minutes', (t) => {
  const outlier = new Outlier({ ...SETTINGS, ejectForMs: 60_000 }, handClock());
  const lengths = Array.from({ length: 7 }, () => {
    const ms = outlier.eject();
    outlier.end();
    return ms / 60_000;
  });
  t.deepEqual(lengths, [1, 2, 3, 4, 5, 5, 5]);
  t.is(new Outlier({ ...SETTINGS, ejectForMs: 600_000 }, handClock()).eject(), 600_000);
});

test('a server that works is forgiven one ejection for each time that an ejection takes', (t) => {
  const clock = handClock();
  const outlier = new Outlier(SETTINGS, clock);
  const eject = () => {
    const ms = outlier.eject();
    clock.advance(ms);
    outlier.end();
    return ms;
  };
  t.deepEqual([eject(), eject(), eject()], [1000, 2000, 3000]);
  clock.advance(2000);
  t.is(eject(), 2000);
  clock.advance(3_600_000);
  t.is(eject(), 1000);
});

test('after an ejection a server must fail as often as before', (t) => {
  const outlier = new Outlier(SETTINGS, handClock());
  for (let i = 0; i < 3; i++) outlier.note('failed');
  outlier.eject();
  outlier.end();
  t.false(outlier.note('failed'));
});

test('half of the servers may be ejected, of several always one, and never the only one', (t) => {
  t.deepEqual(
    [0, 1, 2, 3, 4, 10].map((count) => mostEjected(count, SETTINGS)),
    [0, 0, 1, 1, 2, 5],
  );
  t.deepEqual(
    [1, 2, 10].map((count) => mostEjected(count, { ...SETTINGS, maxEjectedPercent: 0 })),
    [0, 1, 1],
  );
  t.is(mostEjected(3, { ...SETTINGS, maxEjectedPercent: 100 }), 3);
});
