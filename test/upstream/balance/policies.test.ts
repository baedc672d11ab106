import test from 'ava';
import { type Candidate, type Choose, compilePolicy, type PolicyName } from '../../../src/upstream/balance/policies.js';
import { draws } from '../../support/draws.js';

const ALL = () => true;

function weighted(weights: Readonly<Record<string, number>>): Candidate<string>[] {
  return Object.entries(weights).map(([of, weight]) => ({ of, weight }));
}

function policy(
  name: PolicyName,
  weights: Readonly<Record<string, number>>,
  running: Readonly<Record<string, number>> = {},
  random: () => number = seeded(),
): Choose<string> {
  return compilePolicy(name, weighted(weights), { running: (of) => running[of] ?? 0, random });
}

function seeded(): () => number {
  const draw = draws(1);
  return () => draw(1 << 16) / (1 << 16);
}

function counts(choose: Choose<string>, calls: number, isEligible: (of: string) => boolean = ALL) {
  const found: Record<string, number> = {};
  for (let i = 0; i < calls; i++) {
    const of = choose(isEligible);
    if (of !== undefined) found[of] = (found[of] ?? 0) + 1;
  }
  return found;
}

test('round_robin: each endpoint gets every third of three', (t) => {
  const choose = policy('round_robin', { a: 1, b: 1, c: 1 });
  for (let round = 0; round < 3; round++) t.deepEqual(counts(choose, 3), { a: 1, b: 1, c: 1 });
});

test('round_robin: gateways that start together begin with different endpoints', (t) => {
  const first = (random: number) => policy('round_robin', { a: 1, b: 1, c: 1 }, {}, () => random)(ALL);
  t.deepEqual([0, 0.4, 0.9].map(first), ['a', 'b', 'c']);
});

test('round_robin: the others share the calls of an endpoint that is not eligible, evenly', (t) => {
  const choose = policy('round_robin', { a: 1, b: 1, c: 1, d: 1 });
  t.deepEqual(
    counts(choose, 120, (of) => of !== 'b'),
    { a: 40, c: 40, d: 40 },
  );
});

test('weights: 5 to 1 is 50 to 10 of 60 calls, and never more than five in a row', (t) => {
  const choose = policy('round_robin', { a: 5, b: 1 });
  const row = Array.from({ length: 60 }, () => choose(ALL)).join('');
  t.deepEqual([row.replaceAll('b', '').length, row.replaceAll('a', '').length], [50, 10]);
  t.notRegex(row, /a{6}|bb/);
});

test('weights: they hold among those that are eligible', (t) => {
  const choose = policy('round_robin', { a: 5, b: 2, c: 1 });
  t.deepEqual(
    counts(choose, 300, (of) => of !== 'a'),
    { b: 200, c: 100 },
  );
});

test('least_request: the one of two with fewer running calls gets the call', (t) => {
  t.deepEqual(counts(policy('least_request', { a: 1, b: 1 }, { a: 3, b: 2 }), 10), { b: 10 });
});

test('least_request: of many servers only the busiest one gets no call', (t) => {
  const found = counts(policy('least_request', { a: 1, b: 1, c: 1, d: 1 }, { a: 4, b: 3, c: 2, d: 1 }), 1200);
  // Two of four are drawn: d is in half of the pairs and wins all of them.
  t.is(found.a, undefined);
  for (const [of, share] of [
    ['d', 1 / 2],
    ['c', 1 / 3],
    ['b', 1 / 6],
  ] as const) {
    t.true(Math.abs((found[of] ?? 0) / 1200 - share) < 0.05, JSON.stringify(found));
  }
});

test('least_request: an endpoint with twice the weight may run twice the calls', (t) => {
  t.is(policy('least_request', { a: 2, b: 1 }, { a: 4, b: 2 })(ALL), 'a');
  t.is(policy('least_request', { a: 2, b: 1 }, { a: 6, b: 2 })(ALL), 'b');
});

for (const name of ['round_robin', 'least_request'] as const) {
  test(`${name}: without an eligible endpoint there is none`, (t) => {
    t.is(policy(name, {})(ALL), undefined);
    t.is(
      policy(name, { a: 1 })(() => false),
      undefined,
    );
    t.is(
      policy(name, { a: 1, b: 2, c: 1 })(() => false),
      undefined,
    );
    t.is(
      policy(name, { a: 1, b: 2, c: 1 })((of) => of === 'c'),
      'c',
    );
  });
}
