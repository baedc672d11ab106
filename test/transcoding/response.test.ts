/** Response bytes become JSON: `response_body`, `$fields`, and the json options, through real sockets. */
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
  first: { title: 'Emma' },
};
const started = startGateway(shared, LIBRARY, {
  GetBook: { message: BOOK },
  GetShelf: { message: { book_count: '7' } },
  ListBooks: { message: LIST },
});

const ANSWERS = `package answers.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/timestamp.proto";
import "protogate/v1/annotations.proto";
enum Color { NONE = 0; RED = 1; }
message Ask { string id = 1; }
message Answer { Color color = 1; bool yes = 2; bytes raw = 3; google.protobuf.Timestamp at = 4; }
service Answers {
  rpc Get(Ask) returns (Answer) {
    option (google.api.http) = {
      get: "/color" response_body: "color"
      additional_bindings { get: "/yes" response_body: "yes" }
      additional_bindings { get: "/raw" response_body: "raw" }
      additional_bindings { get: "/at" response_body: "at" }
    };
  }
  rpc Done(Ask) returns (Answer) {
    option (google.api.http) = { post: "/done" };
    option (protogate.v1.policy) = { success_status: 204 };
  }
  rpc Download(Ask) returns (google.api.HttpBody) { option (google.api.http) = { get: "/download" }; }
}`;
const answers = startGateway(shared, ANSWERS);

test('fields are camelCase', async (t) => {
  const { send } = await started;
  t.is((await send('GET', '/v1/shelves/1')).text, '{"bookCount":"7"}');
});

test('64-bit numbers are strings, bytes are base64, and enums are names', async (t) => {
  const { send } = await started;
  const { json, headers } = await send('GET', '/v1/shelves/1/books/2');
  t.deepEqual(json, { ...BOOK, cover: '+/8=' });
  t.is(headers['content-type'], 'application/json');
});

test('an empty message is {}', async (t) => {
  const { send } = await started;
  t.is((await send('DELETE', '/v1/shelves/1/books/2')).text, '{}');
});

for (const [path, expected] of [
  ['titles', ['Emma', 'Poems']],
  ['count', '2'],
  ['index', { Emma: { title: 'Emma' } }],
  ['first', { title: 'Emma' }],
] as const) {
  test(`response_body of ${path} answers only the field`, async (t) => {
    const { send } = await started;
    t.deepEqual((await send('GET', `/v1/shelves/1/${path}`)).json, expected);
  });
}

test('response_body of an unset repeated field is []', async (t) => {
  const { send } = await startGateway(t, LIBRARY);
  t.is((await send('GET', '/v1/shelves/1/titles')).text, '[]');
  t.is((await send('GET', '/v1/shelves/1/index')).text, '{}');
  t.is((await send('GET', '/v1/shelves/1/count')).text, '"0"');
  t.is((await send('GET', '/v1/shelves/1/first')).text, '{}');
});

test.serial('response_body of an enum, a bool, bytes and a timestamp, set and unset', async (t) => {
  const { send, upstream } = await answers;
  const texts = async () => {
    const found: string[] = [];
    for (const path of ['/color', '/yes', '/raw', '/at']) found.push((await send('GET', path)).text);
    return found;
  };
  upstream.script('Get', { message: { color: 'RED', yes: true, raw: Buffer.from([251]), at: { seconds: '1' } } });
  t.deepEqual(await texts(), ['"RED"', 'true', '"+w=="', '"1970-01-01T00:00:01Z"']);
  upstream.script('Get', {});
  t.deepEqual(await texts(), ['"NONE"', 'false', '""', 'null']);
});

test.serial('success_status 204 sends no body and no content type', async (t) => {
  const { send, upstream } = await answers;
  upstream.script('Done', { message: { yes: true } });
  const { status, headers, text } = await send('POST', '/done');
  t.deepEqual([status, headers['content-type'], headers['content-length'], text], [204, undefined, undefined, '']);
});

test.serial('an HttpBody is its content type and its bytes', async (t) => {
  const { send, upstream } = await answers;
  for (const [content_type, expected] of [
    ['text/csv; charset=utf-8', 'text/csv; charset=utf-8'],
    ['', 'application/octet-stream'],
  ]) {
    upstream.script('Download', { message: { content_type, data: Buffer.from('é,{"\n') } });
    const { status, headers, text } = await send('GET', '/download');
    t.deepEqual([status, headers['content-type'], headers['content-length'], text], [200, expected, '6', 'é,{"\n']);
  }
});

test('a unary answer is JSON, whatever Accept says', async (t) => {
  const { send } = await started;
  for (const accept of ['text/html', 'application/json;q=0', 'text/event-stream']) {
    const { status, headers } = await send('GET', '/v1/shelves/1', { headers: { accept } });
    t.deepEqual([status, headers['content-type']], [200, 'application/json'], accept);
  }
});

test('a message that the upstream splits is merged', async (t) => {
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

// Some writers reserve bytes for a length and fill them in later; protobuf's encoding allows any length of a varint.
test('a length may be a longer varint than necessary', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY);
  const [name, tag, cover, label] = [
    [0x0a, 0x83, 0x80, 0x80, 0x00, 0x61, 0x62, 0x63],
    [0x2a, 0x81, 0x00, 0x74, 0x2a, 0x80, 0x00],
    [0x42, 0x82, 0x80, 0x00, 0xfb, 0xff],
    [0x32, 0x88, 0x00, 0x0a, 0x81, 0x00, 0x6b, 0x12, 0x81, 0x00, 0x76],
  ];
  upstream.script('GetBook', { message: Uint8Array.from([...name, ...tag, ...cover, ...label]) });
  t.deepEqual((await send('GET', '/v1/books/x')).json, {
    name: 'abc',
    tags: ['t', ''],
    labels: { k: 'v' },
    cover: '+/8=',
  });
});

test('an unknown enum number stays a number, unknown fields are left out', async (t) => {
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
  test(`a message ${fact} is 502 and reveals nothing internal`, async (t) => {
    const { send, upstream } = await startGateway(t, LIBRARY);
    upstream.script('GetBook', { message: Uint8Array.from(bytes) });
    const { status, json } = await send('GET', '/v1/books/x');
    t.is(status, 502);
    t.is(json.code, 13);
    t.regex(json.message, /^the service failed \(request id [\w-]+\)$/);
    t.is(json.details[0].reason, 'UPSTREAM_BROKEN_ANSWER');
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

test('$fields=* is all of it (AIP-157), beside another path it is no field', async (t) => {
  const { send } = await started;
  t.deepEqual((await send('GET', '/v1/books/x?$fields=*')).json, (await send('GET', '/v1/books/x')).json);
  t.is((await send('GET', '/v1/books/x?$fields=*,title')).status, 400);
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

// protobuf's conformance suite recommends it: IgnoreUnknownEnumStringValueIn… (MapValue, OptionalField, RepeatedField).
test('json.unknownFields: ignore drops names that an enum does not have, and nothing beside them', async (t) => {
  const PAINT = `package paint.v1;
    import "google/api/annotations.proto";
    enum Color { NONE = 0; RED = 1; }
    message Paint { Color one = 1; optional Color may = 2; repeated Color all = 3; map<string, Color> by_name = 4; int32 n = 5; }
    service Paints {
      rpc Put(Paint) returns (Paint) { option (google.api.http) = { put: "/paint/{one}" body: "*" additional_bindings { put: "/all" body: "all" } }; }
    }`;
  const { send, upstream } = await startGateway(t, PAINT, {}, { json: { unknownFields: 'ignore' } });
  const body = { one: 'PINK', may: 'PINK', all: ['RED', 'PINK', 7], byName: { a: 'PINK', b: 'RED' }, n: 1 };
  t.is((await send('PUT', '/paint/RED', { body })).status, 200);
  t.deepEqual(upstream.last().request, { one: 'RED', all: ['RED', 7], by_name: { b: 'RED' }, n: 1 });
  t.is((await send('PUT', '/all', { body: ['PINK', 'RED'] })).status, 200);
  t.deepEqual(upstream.last().request, { all: ['RED'] });
  t.is((await send('PUT', '/paint/PINK', { body: {} })).status, 400);
  t.is((await send('PUT', '/paint/RED', { body: { may: true } })).status, 400);
});
