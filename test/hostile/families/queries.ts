/** The query: names, nesting, repeats, encodings, and values of every kind. */
import type { TestGateway } from '../../support/gateway.js';
import { sharedApi } from '../api.js';
import { type Case, type Family, shown } from '../family.js';
import { http1Case, type Sees } from '../http1.js';
import { integers, scalars, times, type Value } from './values.js';

export const queries: Family = {
  name: 'names and encodings in the query',
  async cases(t) {
    return [...nameCases(await sharedApi(t))];
  },
};

export const queryValues: Family = {
  name: 'values in the query',
  async cases(t) {
    const gateway = await sharedApi(t);
    return [...integers(), ...scalars(), ...times()].map((value) => valueCase(gateway, value));
  },
};

function query(gateway: TestGateway, text: string, status: number, sees?: Sees): Case {
  return http1Case(gateway, {
    fact: shown(text),
    bytes: `GET /v1/find?${text} HTTP/1.1\r\nHost: a\r\n\r\n`,
    status,
    ends: false,
    ...(sees === undefined ? { reason: 'INVALID_QUERY' } : { sees }),
  });
}

function valueCase(gateway: TestGateway, { field, text, sees }: Value): Case {
  const part = `${field}=${encodeURIComponent(text)}`;
  return query(gateway, part, sees === undefined ? 400 : 200,
    sees === undefined ? undefined : sees === null ? {} : { [field]: sees });
}

function* nameCases(gateway: TestGateway): Generator<Case> {
  for (const [text, sees] of [
    ['', {}], ['&', {}], ['&&&', {}], ['i32=1&', { i32: 1 }], ['&i32=1', { i32: 1 }], ['i32=%31', { i32: 1 }],
      ['%69%33%32=1', { i32: 1 }], ['text=a+b', { text: 'a b' }], ['text=a%2Bb', { text: 'a+b' }],
    ['text=a=b', { text: 'a=b' }], ['text==', { text: '=' }], ['text', {}], ['text=', {}], ['text=a%26b=c',
      { text: 'a&b=c' }], ['text=%2541', { text: '%41' }], ['text=?', { text: '?' }], ['text=/', { text: '/' }],
    ['named.text=a&named.name=b', { named: { text: 'a', name: 'b' } }], ['$prettyPrint=1', {}],
      ['numbers=1&numbers=2', { numbers: [1, 2] }], ['words=&words=', { words: ['', ''] }], ['kinds=SMALL&kinds=2',
      { kinds: ['SMALL', 'LARGE'] }],
    ['labels[a]=b', { labels: { a: 'b' } }], ['labels[a.b]=c', { labels: { 'a.b': 'c' } }], ['labels[]=b',
      { labels: { '': 'b' } }], ['labels[__proto__]=b', { labels: JSON.parse('{"__proto__":"b"}') }],
      ['labels[constructor]=b', { labels: { constructor: 'b' } }], ['by_number[5]=a', { by_number: { 5: 'a' } }],
      ['by_flag[true]=a', { by_flag: { true: 'a' } }],
    ['renamed=a', { other: 'a' }], ['other=a', { other: 'a' }], ['word=a', { word: 'a' }], ['named.name=a',
      { named: { name: 'a' } }], ['utm_source=x', {}], ['utm_=%zz'.replace('%zz', 'x'), {}], ['$fields=name', {}],
      ['$prettyPrint=true', {}], ['$alt=json', {}],
    ['at.seconds=1', { at: { seconds: '1' } }], ['mask.paths=a', { mask: { paths: ['a'] } }], ['byNumber[5]=a',
      { by_number: { 5: 'a' } }],
  ] as const)
    yield query(gateway, text, 200, text.includes('__proto__') ? 'anything' : sees);
  for (const text of [
    'nope=1', 'I32=1', 'i32 =1'.replace(' ', '+'), '+i32=1', 'i32.=1', '.i32=1', 'inner=1', 'inner.=1',
      'inner..i32=1', 'inner.nope=1', 'inner.i32=1', 'inner.inner.i32=1', 'inner.inner.inner.inner.i32=1', 'parts=1',
      'parts.i32=1', 'free=1', 'free.a=1', 'value=1', 'value.number_value=1', 'list=1', 'list.values=1', 'any=1',
      'any.type_url=x', 'nothing=1',
    'i32=1&i32=1', 'i32=1&i32=2', 'text=a&text=a', 'flag=true&flag=true', 'word=a&number=1', 'word=a&word=a',
      'word=a&named.name=b', 'renamed=a&other=a', 'by_number[5]=a&byNumber[5]=b', 'labels[a]=b&labels[a]=c',
      'at=1970-01-01T00:00:00Z&at.seconds=1', 'wait=1s&wait=1s',
    'labels=1', 'labels[a=b', 'labelsa]=b', 'labels[a]b=c', 'i32[a]=1', 'numbers[0]=1', 'numbers[]=1',
      'by_number[a]=b', 'by_number[2147483648]=b', 'by_number[]=b', 'by_number[1.5]=b', 'by_flag[yes]=b',
      'by_wide[-1]=b', 'by_wide[18446744073709551616]=b', 'by_name[a]=b', 'by_name[a].i32=1', 'inner[i32]=1',
      `${'labels[a][b]=c'.replace('][', ']%5B')}&x=1`,
    '=1', '=', '==', '%=1', 'i32=%', 'i32=%4', 'i32=%zz', 'text=%ff', 'text=%c0%af', 'text=%ed%a0%80', '%ff=1',
      '%00=1', 'i32%00=1', 'i32=1%00', 'i32=1;u32=1', 'i32=1%26u32=1', '__proto__=1', '__proto__.i32=1',
      'constructor=1', 'constructor.prototype.x=1', 'prototype=1', 'toString=1', 'hasOwnProperty=1',
      'inner.__proto__=1', 'inner.constructor=1',
    '$nope=1', '$httpMethod=DELETE', '$key=x', '$=1', '$fields=nope', '$fields=name&$fields=name', '$alt=proto',
      '$alt=', '$prettyPrint=yes', '$prettyPrint=', 'access_token=x', 'callback=x', '$callback=x', '$alt=media',
      '$alt=json&$alt=json', 'hostile.v1.All.i32=1', '1=1', '@type=x', 'i32=1&nope=1',
  ])
    yield query(gateway, text, 400);
  const many = (count: number) => Array.from({ length: count }, (_, i) => `numbers=${i % 10}`).join('&');
  yield query(gateway, many(700), 200, { numbers: Array.from({ length: 700 }, (_, i) => i % 10) });
  yield query(gateway, Array.from({ length: 1000 }, (_, i) => `a${i}=`).join('&'), 400);
  yield query(gateway, `${'inner.'.repeat(1000)}i32=1`, 400);
  yield query(gateway, `labels[${'a'.repeat(6000)}]=b`, 200, { labels: { ['a'.repeat(6000)]: 'b' } });
  yield query(gateway, `${'['.repeat(3000)}=1`, 400);
  // A field that the path or the body sets cannot come from the query, under none of its names.
  for (const [method, target] of [['GET', '/v1/things/1?name=things/2'], ['GET', '/v1/things/1?n%61me=things/2'],
    ['POST', '/v1/groups/a/things?parent=groups/b'], ['POST', '/v1/groups/a/things?thing.i32=1'], ['PATCH',
    '/v1/things/1?thing.name=things/2'], ['POST', '/v1/all?i32=1'], ['POST', '/v1/all?name=x'], ['GET',
    '/v1/numbers/1?id=2']] as const)
    yield http1Case(gateway, { fact: `${method} ${target}`,
      bytes: `${method} ${target} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      status: 400, reason: 'INVALID_QUERY', ends: false });
}
