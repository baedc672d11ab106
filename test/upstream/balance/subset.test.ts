import test from 'ava';
import type { Principal } from '../../../src/call/principal.js';
import { type Chooser, compileSubsets, type When } from '../../../src/upstream/balance/subset.js';

const HEADER: When = { header: 'x-canary', value: '1' };

function from(clientAddress: string, headers: Chooser['headers'] = {}, principal?: Partial<Principal>): Chooser {
  return { clientAddress, headers, ...(principal === undefined ? {} : { principal: principal as Principal }) };
}

/** Returns how many of 10,000 addresses each subset gets; `-` for none. */
function shares(whens: readonly When[], upstream = 'a') {
  const choose = compileSubsets(upstream, whens)!;
  const counts: Record<string, number> = {};
  for (let i = 0; i < 10_000; i++) {
    const name = choose(from(`10.0.${i >> 8}.${i & 255}`)) ?? '-';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test('without a condition there is nothing to choose', (t) => {
  t.is(compileSubsets('a', []), undefined);
});

test('a header chooses by its whole value', (t) => {
  const choose = compileSubsets('a', [HEADER])!;
  t.is(choose(from('::1', { 'x-canary': '1' })), 'x-canary=1');
  for (const value of ['', '0', '11', '1, 1', ' 1', 'true'])
    t.is(choose(from('::1', { 'x-canary': value })), undefined, value);
  t.is(choose(from('::1')), undefined);
});

test('the first condition that holds decides', (t) => {
  const choose = compileSubsets('a', [HEADER, { percent: 100 }])!;
  t.is(choose(from('::1', { 'x-canary': '1' })), 'x-canary=1');
  t.is(choose(from('::1')), '100%');
  t.is(compileSubsets('a', [{ percent: 100 }, HEADER])!(from('::1', { 'x-canary': '1' })), '100%');
});

test('5 percent are 500 of 10,000 callers, give or take 100', (t) => {
  const { '5%': five = 0 } = shares([{ percent: 5 }]);
  t.true(Math.abs(five - 500) < 100, String(five));
});

test('two percentages choose different callers', (t) => {
  const {
    '5%': five = 0,
    '20%': twenty = 0,
    '-': rest = 0,
  } = shares([{ percent: 5 }, { percent: 20 }, { percent: 5 }]);
  t.true(Math.abs(five - 500) < 100 && Math.abs(twenty - 2000) < 200, `${five} ${twenty} ${rest}`);
  t.is(five + twenty + rest, 10_000);
});

test('100 percent are all, and a thousandth is hardly anybody', (t) => {
  t.deepEqual(shares([{ percent: 100 }]), { '100%': 10_000 });
  t.true((shares([{ percent: 0.1 }])['0.1%'] ?? 0) < 50);
});

test('a caller is always chosen alike: by identity where it is known, by address otherwise', (t) => {
  const choose = compileSubsets('a', [{ percent: 50 }])!;
  const ada = { issuer: 'https://i', subject: 'ada', consumer: 'ada' };
  const results = new Set(Array.from({ length: 100 }, (_, i) => choose(from(`10.0.0.${i}`, {}, ada))));
  t.is(results.size, 1);
  const others = Array.from({ length: 100 }, (_, i) => choose(from('10.0.0.1', {}, { ...ada, subject: `user ${i}` })));
  t.is(new Set(others).size, 2);
  t.is(choose(from('10.0.0.7')), choose(from('10.0.0.7')));
});

test('the callers of one upstream’s percentage are not those of another', (t) => {
  const [a, b] = ['a', 'b'].map((upstream) => compileSubsets(upstream, [{ percent: 50 }])!);
  const same = Array.from({ length: 1000 }, (_, i) => from(`10.1.${i >> 8}.${i & 255}`)).filter(
    (caller) => a!(caller) === b!(caller),
  );
  t.true(Math.abs(same.length - 500) < 100, String(same.length));
});
