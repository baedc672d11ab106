/** Claims by name and by path, in tokens with the expected claims and in tokens with others. */
import test from 'ava';
import { claimPathOf, claimText, compileClaim, parseClaimPath } from '../../src/paths/claim-path.js';
import { ExpressionError } from '../../src/paths/expression.js';

const read = (text: string, claims: unknown) => compileClaim(parseClaimPath(text))(claims);

test('a claim is its name, a path, or a name in quotes; exactly that name wins', (t) => {
  const rows: readonly [text: string, claims: object, found: unknown][] = [
    ['scope', { scope: 'a b' }, 'a b'],
    ['cognito:groups', { 'cognito:groups': ['a'] }, ['a']],
    ['realm_access.roles', { realm_access: { roles: ['a'] } }, ['a']],
    ['realm_access.roles', { 'realm_access.roles': 'x', realm_access: { roles: ['a'] } }, 'x'],
    ['realm_access.roles', { 'realm_access.roles': null, realm_access: { roles: ['a'] } }, null],
    ['a.b.c', { a: { b: { c: 1 } } }, 1],
    ['a.b.c', { 'a.b': { c: 1 } }, undefined],
    ['"a.b".c', { 'a.b': { c: 1 } }, 1],
    ['a."b.c"', { a: { 'b.c': 1 } }, 1],
    ['"a.b"', { a: { b: 1 } }, undefined],
    ['"a"."b"', { 'a.b': 1, a: { b: 2 } }, 2],
    ['https://x.example/roles', { 'https://x.example/roles': ['a'] }, ['a']],
    ['https://x.example/roles', { 'https://x': { 'example/roles': ['a'] } }, undefined],
    ['"https://x.example/roles"', { 'https://x.example/roles': ['a'] }, ['a']],
    ['"https://x.example/jwt".roles', { 'https://x.example/jwt': { roles: ['a'] } }, ['a']],
    ['resource_access.my-app.roles', { resource_access: { 'my-app': { roles: ['a'] } } }, ['a']],
    ['a.0', { a: ['x'] }, undefined],
    ['a.length', { a: ['x'] }, undefined],
    ['a.length', { a: 'text' }, undefined],
    ['a.b', { a: null }, undefined],
    ['a.b', {}, undefined],
  ];
  for (const [text, claims, found] of rows) t.deepEqual(read(text, claims), found, text);
});

test('nothing that an object inherits is a claim', (t) => {
  for (const text of [
    'constructor',
    'constructor.name',
    '__proto__',
    '__proto__.a',
    'a.__proto__',
    'a.toString',
    'a.constructor.name',
  ]) {
    t.is(read(text, { a: {} }), undefined, text);
  }
  t.is(read('__proto__.a', JSON.parse('{"__proto__":{"a":"own"}}')), 'own', 'an own one of that name is data');
  for (const claims of [undefined, null, 'text', 7, ['a']]) t.is(read('a', claims), undefined);
});

test('what is no path is refused with its column', (t) => {
  for (const [text, message] of [
    ['', 'column 1: expected a name, got the end'],
    ['.a', "column 1: expected a name, got '.'"],
    ['a.', 'column 3: expected a name, got the end'],
    ['a..b', "column 3: expected a name, got '.'"],
    ['a."', 'column 3: expected a name and a closing quote'],
    ['""', 'column 1: expected a name and a closing quote'],
    ['"a', 'column 1: expected a name and a closing quote'],
    ['"a"b', "column 4: expected '.' or the end, got 'b'"],
    ['a"b"', "column 2: expected '.' or the end, got '\"'"],
  ] as const) {
    t.throws(() => parseClaimPath(text), { instanceOf: ExpressionError, message }, text);
  }
});

test('a path of rules finds what the config finds; a name in brackets is that name', (t) => {
  const roles = { 'realm_access.roles': 'flat', realm_access: { roles: 'deep' } };
  const of = (names: readonly string[], claims: object) => compileClaim(claimPathOf(names))(claims);
  t.is(of(['realm_access', 'roles'], roles), 'flat');
  t.is(of(['realm_access', 'roles'], { realm_access: { roles: 'deep' } }), 'deep');
  t.is(of(['realm_access.roles'], roles), 'flat');
  t.is(of(['realm_access.roles'], { realm_access: { roles: 'deep' } }), undefined);
  t.is(of(['https://x.example/jwt', 'roles'], { 'https://x.example/jwt': { roles: 'a' } }), 'a');
});

test('a claim as text is what can be compared without a doubt', (t) => {
  for (const [claim, text] of [
    ['a', 'a'],
    ['', undefined],
    [7, '7'],
    [1.5, '1.5'],
    [2 ** 53, undefined],
    [true, 'true'],
    [false, 'false'],
    [null, undefined],
    [['a'], undefined],
    [{}, undefined],
  ] as const) {
    t.is(claimText(claim), text, JSON.stringify(claim));
  }
});
