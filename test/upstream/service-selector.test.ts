import test from 'ava';
import { isServiceSelector, selectUpstream } from '../../src/upstream/service-selector.js';

const select = (service: string, upstreams: Record<string, string[]>) => {
  const selection = selectUpstream(
    service,
    new Map(Object.entries(upstreams).map(([name, services]) => [name, { services }])),
  );
  return selection.kind === 'found' ? selection.name : selection.kind === 'none' ? 'none' : selection.names.join('|');
};

for (const [why, service, upstreams, expected] of [
  ['equally long selectors of two upstreams are ambiguous', 'a.b.C', { x: ['a.b.*'], y: ['a.b.*'] }, 'x|y'],
  [
    'so are two full names, and a shorter selector does not mend it',
    'a.b.C',
    { x: ['a.b.C'], y: ['a.b.C'], z: ['*'] },
    'x|y',
  ],
  ['ambiguity below the longest does not matter', 'a.b.C', { x: ['a.*'], y: ['a.*'], z: ['a.b.*'] }, 'z'],
  ['one upstream may say the same twice', 'a.b.C', { x: ['a.b.*', 'a.b.*', '*'] }, 'x'],
  ['a full name beats a package of the same length', 'a.b', { x: ['a.*'], y: ['a.b'] }, 'y'],
  ['a package covers its sub-packages', 'billing.v1.internal.Ledger', { x: ['billing.v1.*'] }, 'x'],
  ['a package ends at a dot', 'billing.v1beta.Invoices', { x: ['billing.v1.*'] }, 'none'],
  ['a service is no package', 'a.b.C', { x: ['a.b.C.*'] }, 'none'],
  ['the longest package wins', 'a.b.c.D', { x: ['a.*'], y: ['a.b.c.*'], z: ['a.b.*'] }, 'y'],
  ['* takes the rest', 'D', { x: ['a.*'], y: ['*'] }, 'y'],
  ['names are compared with their case', 'a.b.c', { x: ['a.b.C'] }, 'none'],
  ['an upstream without selectors serves nothing', 'a.b.C', { x: [] }, 'none'],
  ['no upstream, nothing found', 'a.b.C', {}, 'none'],
] as const satisfies readonly (readonly [string, string, Record<string, readonly string[]>, string])[]) {
  test(why, (t) => t.is(select(service, upstreams as Record<string, string[]>), expected));
}

test('a selector is *, a full name, or a package and .*', (t) => {
  for (const good of ['*', 'S', 'a.S', 'a.*', 'a_1.b.C', '_a.*']) t.true(isServiceSelector(good), good);
  for (const bad of ['', '.', '.a', 'a.', 'a..b', '*.a', 'a*', 'a.*.b', 'a.**', 'a.b/C', '1a', 'a b', 'a.*\n']) {
    t.false(isServiceSelector(bad), JSON.stringify(bad));
  }
});
