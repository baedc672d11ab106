/** Tests which surface a request belongs to: by host, base path and headers, the most exact first. */
import test from 'ava';
import {
  type Claim,
  compileChoice,
  decidingHeaders,
  pathBelow,
  pickByHeaders,
} from '../../src/server/surface-choice.js';
import { draws } from '../support/draws.js';

const claim = (some: Partial<Claim>): Claim => ({ hosts: [], basePath: '', headers: {}, ...some });

const CLAIMS: Readonly<Record<string, Claim>> = {
  any: claim({}),
  anyApp: claim({ basePath: '/app' }),
  anyAppV2: claim({ basePath: '/app/v2' }),
  anyMobile: claim({ headers: { 'x-client': 'mobile' } }),
  anyMobileGold: claim({ headers: { 'x-client': 'mobile', 'x-tier': 'gold' } }),
  wide: claim({ hosts: ['*.example.com'] }),
  wider: claim({ hosts: ['*.eu.example.com'], basePath: '/app' }),
  host: claim({ hosts: ['m.example.com', '[::1]', '10.0.0.1'] }),
  hostApp: claim({ hosts: ['m.example.com'], basePath: '/app' }),
};

const choose = compileChoice(Object.entries(CLAIMS).map(([value, one]) => ({ claim: one, value })));

const CASES: readonly (readonly [
  authority: string,
  path: string,
  headers: Record<string, string>,
  expected: string,
])[] = [
  ['other.com', '/v1/x', {}, 'any'],
  ['other.com', '/app/v1/x', {}, 'anyApp'],
  ['other.com', '/app', {}, 'anyApp'],
  ['other.com', '/app/', {}, 'anyApp'],
  ['other.com', '/app/v2', {}, 'anyAppV2'],
  ['other.com', '/app/v2/x', {}, 'anyAppV2'],
  ['other.com', '/app/v22', {}, 'anyApp'],
  // A base path is compared segment by segment, as it was sent.
  ['other.com', '/application', {}, 'any'],
  ['other.com', '/App/v1', {}, 'any'],
  ['other.com', '/ap%70/v1', {}, 'any'],
  ['other.com', '/app%2Fv2/x', {}, 'any'],
  ['other.com', '/app/v2%2Fx', {}, 'anyApp'],
  ['other.com', '//app/v1', {}, 'any'],
  ['other.com', '/./app/v1', {}, 'any'],
  ['other.com', '/x/../app/v1', {}, 'any'],
  ['other.com', '*', {}, 'any'],
  ['other.com', '/v1/x', { 'x-client': 'mobile' }, 'anyMobile'],
  ['other.com', '/v1/x', { 'x-client': 'mobile', 'x-tier': 'gold' }, 'anyMobileGold'],
  ['other.com', '/v1/x', { 'x-client': 'Mobile' }, 'any'],
  ['other.com', '/v1/x', { 'x-client': 'mobile, mobile' }, 'any'],
  ['other.com', '/v1/x', { 'x-forwarded-host': 'm.example.com' }, 'any'],
  // The base path comes before headers, and the host before both.
  ['other.com', '/app/x', { 'x-client': 'mobile' }, 'anyApp'],
  ['m.example.com', '/v1/x', { 'x-client': 'mobile' }, 'host'],
  ['m.example.com', '/app/v2/x', {}, 'hostApp'],
  ['M.Example.COM', '/v1/x', {}, 'host'],
  ['m.example.com:8443', '/v1/x', {}, 'host'],
  ['m.example.com.', '/v1/x', {}, 'host'],
  ['m.example.com.:443', '/v1/x', {}, 'host'],
  ['m.example.com..', '/v1/x', {}, 'any'],
  ['m.example.com:', '/v1/x', {}, 'host'],
  ['[::1]:80', '/v1/x', {}, 'host'],
  ['[::1]', '/v1/x', {}, 'host'],
  ['[0:0:0:0:0:0:0:1]:80', '/v1/x', {}, 'host'],
  ['[::1%25lo]', '/v1/x', {}, 'any'],
  ['[v1.x]', '/v1/x', {}, 'any'],
  ['10.0.0.1:80', '/v1/x', {}, 'host'],
  ['example.com', '/v1/x', {}, 'any'],
  ['.example.com', '/v1/x', {}, 'any'],
  ['xexample.com', '/v1/x', {}, 'any'],
  ['a.example.com', '/v1/x', {}, 'wide'],
  ['a.b.example.com', '/app/x', {}, 'wide'],
  ['a.eu.example.com', '/app/x', {}, 'wider'],
  // The more exact host has no such base path.
  ['a.eu.example.com', '/v1/x', {}, 'wide'],
  ['', '/v1/x', {}, 'any'],
];

for (const [authority, path, headers, expected] of CASES) {
  test(`${JSON.stringify(authority)} ${path} ${JSON.stringify(headers)} belongs to ${expected}`, (t) => {
    t.is(choose(authority, path, headers, pickByHeaders), expected);
  });
}

test('a request that matches no surface belongs to none', (t) => {
  const one = compileChoice([
    { claim: claim({ hosts: ['a.com'], basePath: '/x', headers: { h: '1' } }), value: 'one' },
  ]);
  t.is(one('a.com', '/x/y', { h: '1' }, pickByHeaders), 'one');
  t.is(one('a.com', '/x/y', { h: '2' }, pickByHeaders), undefined);
  t.is(one('a.com', '/y', { h: '1' }, pickByHeaders), undefined);
  t.is(one('b.com', '/x/y', { h: '1' }, pickByHeaders), undefined);
});

test('the rest of a path below a base path is a path', (t) => {
  t.deepEqual(
    [pathBelow('', '/v1'), pathBelow('/app', '/app'), pathBelow('/app', '/app/'), pathBelow('/app', '/app/../x')],
    ['/v1', '/', '/', '/../x'],
  );
});

test('the headers that decide are those of the surface, and of those that come before it', (t) => {
  const claims = [
    claim({ hosts: ['*.a.com'] }),
    claim({ hosts: ['x.a.com'], headers: { one: '1' } }),
    claim({ hosts: ['b.com'], headers: { two: '1' } }),
    claim({ basePath: '/app', headers: { three: '1' } }),
    claim({ basePath: '/apple' }),
    claim({ hosts: ['b.com', 'c.com'] }),
    claim({}),
  ];
  t.deepEqual(decidingHeaders(claims), [
    ['one'],
    ['one'],
    ['two'],
    ['three', 'one', 'two'],
    ['one', 'two'],
    ['two'],
    ['one', 'two', 'three'],
  ]);
});

test('no other header than those that decide changes the surface of a request', (t) => {
  const below = draws(7);
  const one = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const hosts = [[], [], ['a.com'], ['*.a.com'], ['b.a.com'], ['a.com', '*.b.a.com'], ['[::1]']];
  const paths = ['', '', '/x', '/x/y', '/z'];
  const headers = [{}, {}, { h: '1' }, { i: '1' }, { h: '1', i: '1' }, { h: '2' }];
  const sent = [undefined, '1', '2'].flatMap((h) => [undefined, '1'].map((i) => ({ h, i })));
  const wrong: unknown[] = [];
  let compared = 0;
  for (let round = 0; round < 200; round++) {
    const claims = Array.from({ length: 2 + below(5) }, () => {
      return claim({ hosts: one(hosts), basePath: one(paths), headers: one(headers) });
    });
    const deciding = decidingHeaders(claims);
    const of = compileChoice(claims.map((each, index) => ({ claim: each, value: index })));
    for (const authority of ['a.com', 'b.a.com', 'c.b.a.com', '[0::1]', 'd.com']) {
      for (const path of ['/v1', '/x', '/x/y/v1', '/z/v1']) {
        const found = sent.map((some) => of(authority, path, some, pickByHeaders));
        for (const [at, surface] of found.entries()) {
          if (surface === undefined) continue;
          const isSame = (other: number) =>
            deciding[surface]!.every((name) => sent[at]![name as 'h'] === sent[other]![name as 'h']);
          const others = found.filter((_, other) => isSame(other));
          compared += others.length - 1;
          if (others.some((other) => other !== surface)) wrong.push([claims, authority, path, sent[at], found]);
        }
      }
    }
  }
  t.deepEqual(wrong, []);
  t.true(compared > 10_000);
});

test('an authority is found again whatever others were asked for between', (t) => {
  for (let i = 0; i < 2500; i++) {
    t.is(choose(`h${i}.example.com`, '/v1/x', {}, pickByHeaders), 'wide');
    t.is(choose('M.example.com:8443', '/app/x', {}, pickByHeaders), 'hostApp');
    t.is(choose(`h${i}.example.org`, '/app/x', {}, pickByHeaders), 'anyApp');
  }
});
