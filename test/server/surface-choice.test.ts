/** Tests which surface a request belongs to: by host, base path and headers, the most exact first. */
import test from 'ava';
import {
  type Claim,
  compileChoice,
  decidingHeaders,
  pathBelow,
  pickByHeaders,
} from '../../src/server/surface-choice.js';

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
    t.is(choose(authority, path, pickByHeaders(headers)), expected);
  });
}

test('a request that matches no surface belongs to none', (t) => {
  const one = compileChoice([
    { claim: claim({ hosts: ['a.com'], basePath: '/x', headers: { h: '1' } }), value: 'one' },
  ]);
  t.is(one('a.com', '/x/y', pickByHeaders({ h: '1' })), 'one');
  t.is(one('a.com', '/x/y', pickByHeaders({ h: '2' })), undefined);
  t.is(one('a.com', '/y', pickByHeaders({ h: '1' })), undefined);
  t.is(one('b.com', '/x/y', pickByHeaders({ h: '1' })), undefined);
});

test('the rest of a path below a base path is a path', (t) => {
  t.deepEqual(
    [pathBelow('', '/v1'), pathBelow('/app', '/app'), pathBelow('/app', '/app/'), pathBelow('/app', '/app/../x')],
    ['/v1', '/', '/', '/../x'],
  );
});

test('the headers that decide are those of every surface that may take the same request', (t) => {
  const claims = [
    claim({ hosts: ['*.a.com'] }),
    claim({ hosts: ['x.a.com'], headers: { one: '1' } }),
    claim({ hosts: ['b.com'], headers: { two: '1' } }),
    claim({ basePath: '/app', headers: { three: '1' } }),
    claim({ basePath: '/apple' }),
  ];
  t.deepEqual(decidingHeaders(claims), [
    ['one', 'three'],
    ['one', 'three'],
    ['two', 'three'],
    ['one', 'two', 'three'],
    ['one', 'two'],
  ]);
});
