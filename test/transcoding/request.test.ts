/** Rules 9, 11 and 12: one message from path, query and body, through a real socket to a real gRPC server. */
import test from 'ava';
import { afterAll, type SendOptions, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';

const shared = afterAll(test);
const started = startGateway(shared, LIBRARY, {}, { limits: { bodyBytes: '2KiB' } });

const BOOK = '/v1/shelves/1/books/2';
const NAME = 'shelves/1/books/2';
const json = (text: string): SendOptions => ({ body: text, headers: { 'content-type': 'application/json' } });

const accepted: readonly { fact: string; request: readonly [string, string, SendOptions?]; sent: object }[] = [
  {
    fact: '9: body *: a value that is absent yields to the path',
    request: ['PUT', BOOK, json('{"book":{"title":"Emma"}}')],
    sent: { book: { name: NAME, title: 'Emma' } },
  },
  {
    fact: '9: body *: null yields to the path',
    request: ['PUT', BOOK, json('{"book":{"name":null}}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: '9: body *: a null message around the field yields to the path',
    request: ['PUT', BOOK, json('{"book":null}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: '9: body *: the default yields to the path',
    request: ['PUT', BOOK, json('{"book":{"name":""}}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: '9: body *: an equal value is accepted',
    request: ['PUT', BOOK, json(`{"book":{"name":"${NAME}"}}`)],
    sent: { book: { name: NAME } },
  },
  {
    fact: '9: an equal value may be escaped differently',
    request: ['PUT', BOOK, json('{"book":{"name":"shelves\\/1/books/\\u0032"}}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: '9: a body field that holds a path variable: absent yields',
    request: ['PATCH', BOOK, json('{"title":"Emma"}')],
    sent: { book: { name: NAME, title: 'Emma' }, update_mask: { paths: ['title'] } },
  },
  {
    fact: '9: a body field that holds a path variable: equal is accepted',
    request: ['PATCH', BOOK, json(`{"name":"${NAME}","pages":"7"}`)],
    sent: { book: { name: NAME, pages: '7' }, update_mask: { paths: ['pages'] } },
  },
  {
    fact: '14: PATCH without a mask gets one from the JSON keys: nested paths, maps and lists whole, null counts',
    request: ['PATCH', BOOK, json('{"author":{"born":1},"labels":{"a":"b"},"tags":["x"],"cover":null}')],
    sent: {
      book: { name: NAME, author: { born: 1 }, labels: { a: 'b' }, tags: ['x'] },
      update_mask: { paths: ['author.born', 'labels', 'tags', 'cover'] },
    },
  },
  {
    fact: '14: a mask that the client sent stays',
    request: ['PATCH', `${BOOK}?updateMask=title`, json('{"pages":"7"}')],
    sent: { book: { name: NAME, pages: '7' }, update_mask: { paths: ['title'] } },
  },
  {
    fact: '14: only PATCH fills a mask',
    request: ['PUT', BOOK, json('{"book":{"title":"x"}}')],
    sent: { book: { name: NAME, title: 'x' } },
  },
  {
    fact: '9: a path and a query fill different fields beside a body field',
    request: ['PATCH', `${BOOK}?update_mask=title,author.born&allowMissing=true`, json('{"title":"Emma"}')],
    sent: {
      book: { name: NAME, title: 'Emma' },
      update_mask: { paths: ['title', 'author.born'] },
      allow_missing: true,
    },
  },
  {
    fact: '12: an empty body with a body rule is the default message',
    request: ['POST', '/v1/books:create'],
    sent: {},
  },
  {
    fact: '12: white space with a body rule is the default message',
    request: ['POST', '/v1/books:create', json(' \n')],
    sent: {},
  },
  {
    fact: '12: an empty body field leaves it unset',
    request: ['POST', '/v1/shelves/1/books'],
    sent: { parent: 'shelves/1' },
  },
  {
    fact: '12: without a body rule {} counts as empty',
    request: ['POST', `${BOOK}:burn`, json('{}')],
    sent: { name: NAME },
  },
  {
    fact: '12: without a body rule { } with white space counts as empty',
    request: ['DELETE', BOOK, json(' { \n} ')],
    sent: { name: NAME },
  },
  {
    fact: '12: however much white space it is',
    request: ['DELETE', BOOK, json(`${' '.repeat(200)}{${'\n'.repeat(200)}}\t`)],
    sent: { name: NAME },
  },
  {
    fact: '12: a body field may be repeated',
    request: ['POST', '/v1/shelves/1/tags', json('["a","b"]')],
    sent: { parent: 'shelves/1', tags: ['a', 'b'] },
  },
  {
    fact: '12: a body field may be a map',
    request: ['POST', '/v1/shelves/1/labels', json('{"a":1,"b":"2"}')],
    sent: { parent: 'shelves/1', labels: { a: 1, b: 2 } },
  },
  {
    fact: '12: a body field may be a scalar',
    request: ['PUT', '/v1/shelves/1/copies', json('12')],
    sent: { parent: 'shelves/1', copies: 12 },
  },
  {
    fact: '12: a +json content type is JSON',
    request: [
      'POST',
      '/v1/books:create',
      { body: '{"bookId":"x"}', headers: { 'content-type': 'application/merge-patch+json; charset=UTF-8' } },
    ],
    sent: { book_id: 'x' },
  },
  {
    fact: '12: an absent content type counts as JSON',
    request: ['POST', '/v1/books:create', { body: '{"book_id":"x"}' }],
    sent: { book_id: 'x' },
  },
  {
    fact: '12: a chunked body is read',
    request: ['POST', '/v1/books:create', { body: '{"book_id":"x"}', headers: { 'transfer-encoding': 'chunked' } }],
    sent: { book_id: 'x' },
  },
  {
    fact: '11: 1e3 and 1.0 are integers',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":1e3,"author":{"born":1775.0}}}')],
    sent: { book: { pages: '1000', author: { born: 1775 } } },
  },
  {
    fact: '11: a 64-bit JSON number does not pass through a double',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":9007199254740993}}')],
    sent: { book: { pages: '9007199254740993' } },
  },
  {
    fact: '11: the least int64',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":"-9223372036854775808"}}')],
    sent: { book: { pages: '-9223372036854775808' } },
  },
  {
    fact: 'a __proto__ key in a map is data',
    request: ['POST', '/v1/books:create', json('{"book":{"labels":{"constructor":"y"}}}')],
    sent: { book: { labels: { constructor: 'y' } } },
  },
];

for (const {
  fact,
  request: [method, target, options],
  sent,
} of accepted) {
  test.serial(fact, async (t) => {
    const { send, upstream } = await started;
    const answer = await send(method, target, options);
    t.is(answer.status, 200, answer.text);
    t.deepEqual(JSON.parse(JSON.stringify(upstream.last().request)), sent);
  });
}

const refused: readonly {
  fact: string;
  request: readonly [string, string, SendOptions?];
  status?: number;
  says: RegExp;
  field?: string;
}[] = [
  {
    fact: '9: a path variable cannot also come from the query',
    request: ['GET', '/v1/shelves/1?name=shelves/2'],
    says: /name: already given by the path/,
    field: 'name',
  },
  {
    fact: '9: nor a nested one by its JSON name',
    request: ['PATCH', `${BOOK}?book.name=x`, json('{}')],
    says: /book\.name: already given by the path/,
    field: 'book.name',
  },
  {
    fact: '9: a field inside the body field cannot come from the query',
    request: ['PATCH', `${BOOK}?book.title=x`, json('{}')],
    says: /book\.title: already given by the body/,
    field: 'book.title',
  },
  {
    fact: '9: with body * there are no query parameters',
    request: ['PUT', `${BOOK}?allow_missing=true`, json('{}')],
    says: /allow_missing: .*the body takes every field/,
    field: 'allow_missing',
  },
  {
    fact: '9: another value in the body than in the path is refused',
    request: ['PUT', BOOK, json('{"book":{"name":"shelves/9/books/9"}}')],
    says: /book\.name/,
    field: 'book.name',
  },
  {
    fact: '9: another value in a body field than in the path is refused',
    request: ['PATCH', BOOK, json('{"name":"other"}')],
    says: /name/,
    field: 'name',
  },
  {
    fact: '11: 1.5 is no integer',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":1.5}}')],
    says: /expected int64/,
    field: 'book.pages',
  },
  {
    fact: '11: 1e400 is no integer',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":1e400}}')],
    says: /expected int64/,
    field: 'book.pages',
  },
  {
    fact: '11: text is no integer',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":"a"}}')],
    says: /expected int64, got "a"/,
    field: 'book.pages',
  },
  {
    fact: '11: out of range is no int64',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":"9223372036854775808"}}')],
    says: /expected int64/,
    field: 'book.pages',
  },
  {
    fact: '11: out of range is no int32',
    request: ['PUT', '/v1/shelves/1/copies', json('2147483648')],
    says: /expected int32/,
  },
  {
    fact: '12: without a body rule anything but {} is refused',
    request: ['DELETE', BOOK, json('{"name":"x"}')],
    says: /body: expected none/,
  },
  {
    fact: '12: trailing text after the JSON value is refused',
    request: ['POST', '/v1/books:create', json('{} {}')],
    says: /body|JSON/,
  },
  { fact: '12: a body that is no JSON is refused', request: ['POST', '/v1/books:create', json('{book')], says: /./ },
  {
    fact: '12: another content type is 415 with a hint',
    request: [
      'POST',
      '/v1/books:create',
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    status: 415,
    says: /expected application\/json.*curl: use --json/,
  },
  {
    fact: '12: another charset is 415',
    request: [
      'POST',
      '/v1/books:create',
      { body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
    ],
    status: 415,
    says: /charset utf-8/,
  },
  {
    fact: '12: an unknown Content-Encoding is 415',
    request: ['POST', '/v1/books:create', { body: '{}', headers: { 'content-encoding': 'zstd' } }],
    status: 415,
    says: /content-encoding/,
  },
  {
    fact: '12: a duplicate key is refused',
    request: ['POST', '/v1/books:create', json('{"book_id":"a","book_id":"b"}')],
    says: /book_id/,
    field: 'book_id',
  },
  {
    fact: '12: the two names of one field are a duplicate',
    request: ['POST', '/v1/books:create', json('{"book_id":"a","bookId":"b"}')],
    says: /bookId/,
    field: 'bookId',
  },
  {
    fact: '12: depth over jsonDepth is refused',
    request: ['POST', '/v1/books:create', json('['.repeat(1000))],
    says: /./,
  },
  {
    fact: '13: an unknown field is refused by name',
    request: ['POST', '/v1/books:create', json('{"book":{"titel":"x"}}')],
    says: /book\.titel/,
    field: 'book.titel',
  },
  {
    fact: '13: __proto__ is an unknown field',
    request: ['POST', '/v1/books:create', json('{"__proto__":{"book_id":"x"}}')],
    says: /__proto__/,
    field: '__proto__',
  },
  {
    fact: 'a body over limits.bodyBytes is 413',
    request: ['POST', '/v1/books:create', json(`{"bookId":"${'x'.repeat(3000)}"}`)],
    status: 413,
    says: /at most 2048 bytes/,
  },
  {
    fact: 'a chunked body over limits.bodyBytes is 413',
    request: [
      'POST',
      '/v1/books:create',
      { body: `{"bookId":"${'x'.repeat(3000)}"}`, headers: { 'transfer-encoding': 'chunked' } },
    ],
    status: 413,
    says: /at most 2048 bytes/,
  },
];

for (const {
  fact,
  request: [method, target, options],
  status = 400,
  says,
  field,
} of refused) {
  test.serial(fact, async (t) => {
    const { send, upstream } = await started;
    const before = upstream.calls.length;
    const answer = await send(method, target, options);
    t.is(answer.status, status, answer.text);
    t.regex(answer.json.message, says);
    if (field !== undefined) {
      const violations = answer.json.details.find((detail: { '@type': string }) =>
        detail['@type'].endsWith('BadRequest'),
      );
      t.is(violations?.fieldViolations[0].field, field);
    }
    t.is(upstream.calls.length, before, 'no call reached the upstream');
  });
}
