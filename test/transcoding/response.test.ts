/** Rules 16 and 17: response bytes → JSON, response_body, `$fields`, the json options; through real sockets. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';

const shared = afterAll(test);
const BOOK = {
  name: 'shelves/1/books/2',
  title: 'Emma',
  author: { name: 'Jane Austen', born: 1775 },
  pages: '9007199254740993',
  tags: ['a', 'b'],
  labels: { x: 'y' },
  genre: 'NOVEL',
  cover: Buffer.from([251, 255]),
};
const LIST = {
  books: [BOOK, { title: 'Poems' }],
  titles: ['Emma', 'Poems'],
  total: '2',
  by_title: { Emma: { title: 'Emma' } },
};
const started = startGateway(shared, LIBRARY, { GetBook: { message: BOOK }, ListBooks: { message: LIST } });

test('16: 64-bit numbers are strings, bytes base64, enums names, fields camelCase', async (t) => {
  const { send } = await started;
  const { json, headers } = await send('GET', '/v1/shelves/1/books/2');
  t.deepEqual(json, { ...BOOK, cover: '+/8=' });
  t.is(headers['content-type'], 'application/json');
});

test('17: an empty message is {}', async (t) => {
  const { send } = await started;
  t.is((await send('DELETE', '/v1/shelves/1/books/2')).text, '{}');
});

for (const [path, expected] of [
  ['titles', ['Emma', 'Poems']],
  ['count', '2'],
  ['index', { Emma: { title: 'Emma' } }],
] as const) {
  test(`17: response_body of ${path} answers the field alone`, async (t) => {
    const { send } = await started;
    t.deepEqual((await send('GET', `/v1/shelves/1/${path}`)).json, expected);
  });
}

test('17: response_body of an unset repeated field is []', async (t) => {
  const { send } = await startGateway(t, LIBRARY);
  t.is((await send('GET', '/v1/shelves/1/titles')).text, '[]');
  t.is((await send('GET', '/v1/shelves/1/index')).text, '{}');
  t.is((await send('GET', '/v1/shelves/1/count')).text, '"0"');
});

test('16: an upstream that splits a message has it merged', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY);
  const halves = [
    { author: { name: 'Jane' }, tags: ['a'] },
    { author: { born: 1775 }, tags: ['b'] },
  ];
  upstream.script('GetBook', {
    message: Buffer.concat(halves.map((half) => upstream.encode('library.v1.Book', half))),
  });
  t.deepEqual((await send('GET', '/v1/books/x')).json, { author: { name: 'Jane', born: 1775 }, tags: ['a', 'b'] });
});

test('16: an unknown enum number stays a number, unknown fields are left out', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY);
  upstream.script('GetBook', { message: Uint8Array.of(0x38, 0x63, 0xf8, 0x07, 0x01) });
  t.deepEqual((await send('GET', '/v1/books/x')).json, { genre: 99 });
});

for (const [fact, bytes] of [
  ['truncated', [0x0a, 0x05, 0x61]],
  ['of an unknown wire type', [0x0f]],
  ['with field number 0', [0x00, 0x01]],
  ['with an overlong varint', [0x20, ...Array.from({ length: 11 }, () => 0xff)]],
  ['with text that is not UTF-8', [0x0a, 0x01, 0xff]],
] as const) {
  test(`16: a message ${fact} is 502 and says nothing of the inside`, async (t) => {
    const { send, upstream } = await startGateway(t, LIBRARY);
    upstream.script('GetBook', { message: Uint8Array.from(bytes) });
    const { status, json } = await send('GET', '/v1/books/x');
    t.is(status, 502);
    t.is(json.code, 13);
    t.regex(json.message, /^the service failed \(request id [\w-]+\)$/);
  });
}

test.serial('$fields leaves out what it does not name, in either name, and the call is the same', async (t) => {
  const { send, upstream } = await started;
  const { json } = await send('GET', '/v1/shelves/1/books/2?$fields=title,author.born');
  t.deepEqual(json, { title: 'Emma', author: { born: 1775 } });
  t.deepEqual(upstream.last().request, { name: 'shelves/1/books/2' });
});

test('$fields goes through lists', async (t) => {
  const { send } = await started;
  const { json } = await send('GET', '/v1/shelves/1/books?$fields=books.title');
  t.deepEqual(json, { books: [{ title: 'Emma' }, { title: 'Poems' }] });
});

test('fields is reserved where the request has no such field', async (t) => {
  const { send } = await started;
  t.deepEqual((await send('GET', '/v1/books/x?fields=title')).json, { title: 'Emma' });
});

test('$fields that names no field is 400', async (t) => {
  const { send } = await started;
  const { status, json } = await send('GET', '/v1/books/x?$fields=titel');
  t.is(status, 400);
  t.is(json.details[0].fieldViolations[0].field, '$fields');
  t.regex(json.message, /titel/);
});

test('json.emitDefaults writes what has no presence', async (t) => {
  const { send } = await startGateway(t, LIBRARY, {}, { json: { emitDefaults: true } });
  t.deepEqual((await send('GET', '/v1/shelves/1')).json, { name: '', theme: '', bookCount: '0' });
});

test('json.enumsAsInts and json.protoNames', async (t) => {
  const { send } = await startGateway(
    t,
    LIBRARY,
    { GetBook: { message: { genre: 'POETRY' } }, GetShelf: { message: { book_count: '1' } } },
    { json: { enumsAsInts: true, protoNames: true } },
  );
  t.deepEqual((await send('GET', '/v1/books/x')).json, { genre: 2 });
  t.deepEqual((await send('GET', '/v1/shelves/1')).json, { book_count: '1' });
});

test('json.unknownFields: ignore drops unknown fields of a body', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY, {}, { json: { unknownFields: 'ignore' } });
  t.is((await send('POST', '/v1/books:create', { body: { bookId: 'x', titel: { deep: [1] } } })).status, 200);
  t.deepEqual(upstream.last().request, { book_id: 'x' });
});
