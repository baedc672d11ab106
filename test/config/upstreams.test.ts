import test from 'ava';
import { parseConfig } from '../../src/config/parse.js';

function problemOf(upstream: object): string | undefined {
  return parseConfig({ version: 1, upstreams: { a: upstream as never } }).diagnostics[0]?.text;
}

const STABLE = '10.0.0.1:1';
const CANARY = { address: '10.0.0.2:1', when: { header: 'X-Canary', value: '1' } };

test('targets are addresses, as text or with a weight and a condition', (t) => {
  const targets = [STABLE, { address: 'dns:///b:1', weight: 5 }, CANARY, { address: 'c:1', when: { percent: 0.5 } }];
  const { config, diagnostics } = parseConfig({ version: 1, upstreams: { a: { targets } } });
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.upstreams.get('a')?.targets, [
    { address: STABLE, weight: 1 },
    { address: 'dns:///b:1', weight: 5 },
    { address: '10.0.0.2:1', weight: 1, when: { header: 'x-canary', value: '1' } },
    { address: 'c:1', weight: 1, when: { percent: 0.5 } },
  ]);
});

for (const [what, upstream, text] of [
  ['both target and targets', { target: STABLE, targets: [STABLE] }, /expected target or targets, got both/],
  ['neither', {}, /expected target or targets, got neither/],
  ['no target', { targets: [] }, /targets/],
  ['a target that is none', { targets: ['orders'] }, /expected an address such as/],
  ['only canaries', { targets: [CANARY] }, /expected a target without when/],
  ['too many percent', { targets: [STABLE, part(60), part(50)] }, /expected at most 100 percent in all/],
  ['no weight', { targets: [{ address: STABLE, weight: 0 }] }, /weight/],
  ['a condition with both', { targets: [STABLE, { address: STABLE, when: { ...CANARY.when, percent: 1 } }] }, /when/],
  ['a header with a space', { targets: [STABLE, { address: STABLE, when: { header: 'x y', value: '' } }] }, /header/],
] as const) {
  test(`an upstream with ${what} is refused`, (t) => {
    t.regex(problemOf(upstream) ?? '', text);
  });
}

test('two targets with the same percentage are one subset, so it counts once', (t) => {
  t.is(problemOf({ targets: [STABLE, part(60), part(60)] }), undefined);
});

function part(percent: number) {
  return { address: STABLE, when: { percent } };
}
