/** One request message from path, query and body, through a real socket to a real gRPC server. */
import test from 'ava';
import { afterAll, type SendOptions, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';

/** Fields of every kind that a path can set, and messages whose field names differ from their JSON names. */
const FIELDS = `package fields.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Color { NONE = 0; RED = 1; }
message Ask {
  int64 num = 1; Color color = 2; bool yes = 3; bytes raw = 4; optional int32 maybe = 5; string fields = 6;
  oneof kind { string a = 7; string b = 8; }
  google.protobuf.Value value = 9; google.api.HttpBody file = 10; google.protobuf.FieldMask mask = 11;
  google.protobuf.StringValue text = 12;
}
message Sub { string display_name = 1; google.protobuf.Timestamp at = 2; google.protobuf.Struct extra = 3; Sub sub_part = 4; }
message Save { Sub main_sub = 1; google.protobuf.FieldMask update_mask = 2; }
message SaveTwo { Sub sub = 1; google.protobuf.FieldMask update_mask = 2; google.protobuf.FieldMask read_mask = 3; }
service Fields {
  rpc Take(Ask) returns (Ask) {
    option (google.api.http) = {
      get: "/take" additional_bindings { post: "/take" body: "*" }
      additional_bindings { get: "/num/{num}" } additional_bindings { put: "/num/{num}" body: "*" }
      additional_bindings { get: "/color/{color}" } additional_bindings { put: "/color/{color}" body: "*" }
      additional_bindings { get: "/yes/{yes}" } additional_bindings { get: "/raw/{raw}" }
      additional_bindings { put: "/maybe/{maybe}" body: "*" }
      additional_bindings { get: "/a/{a}" } additional_bindings { put: "/a/{a}" body: "*" }
      additional_bindings { post: "/files/{num}" body: "file" } additional_bindings { put: "/text/{text.value}" body: "*" }
    };
  }
  rpc Patch(Save) returns (Ask) { option (google.api.http) = { patch: "/subs/{main_sub.display_name}" body: "main_sub" }; }
  rpc PatchTwo(SaveTwo) returns (Ask) { option (google.api.http) = { patch: "/two" body: "sub" }; }
  rpc Say(google.protobuf.StringValue) returns (Ask) { option (google.api.http) = { put: "/say/{value}" body: "*" }; }
  rpc Upload(google.api.HttpBody) returns (Ask) { option (google.api.http) = { post: "/upload" body: "*" }; }
}`;

const shared = afterAll(test);
const started = startGateway(
  shared,
  { 'library.proto': LIBRARY, 'fields.proto': FIELDS },
  {},
  { limits: { bodyBytes: '2KiB' } },
);

const BOOK = '/v1/shelves/1/books/2';
const NAME = 'shelves/1/books/2';
const json = (text: string): SendOptions => ({ body: text, headers: { 'content-type': 'application/json' } });
const PNG = { body: Uint8Array.of(0, 255), headers: { 'content-type': 'image/png' } };
const PNG_DATA = { type: 'Buffer', data: [0, 255] };

const accepted: readonly { fact: string; request: readonly [string, string, SendOptions?]; sent: object }[] = [
  {
    fact: 'body *: a value that is absent yields to the path',
    request: ['PUT', BOOK, json('{"book":{"title":"Emma"}}')],
    sent: { book: { name: NAME, title: 'Emma' } },
  },
  {
    fact: 'body *: null yields to the path',
    request: ['PUT', BOOK, json('{"book":{"name":null}}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'body *: a null message around the field yields to the path',
    request: ['PUT', BOOK, json('{"book":null}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'body *: the default yields to the path',
    request: ['PUT', BOOK, json('{"book":{"name":""}}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'body *: an equal value is accepted',
    request: ['PUT', BOOK, json(`{"book":{"name":"${NAME}"}}`)],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'an equal value may be escaped differently',
    request: ['PUT', BOOK, json('{"book":{"name":"shelves\\/1/books/\\u0032"}}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'a body field that holds a path variable: absent yields',
    request: ['PATCH', BOOK, json('{"title":"Emma"}')],
    sent: { book: { name: NAME, title: 'Emma' }, update_mask: { paths: ['title'] } },
  },
  {
    fact: 'a body field that holds a path variable: equal is accepted',
    request: ['PATCH', BOOK, json(`{"name":"${NAME}","pages":"7"}`)],
    sent: { book: { name: NAME, pages: '7' }, update_mask: { paths: ['pages'] } },
  },
  {
    fact: 'a body field that holds a path variable: null yields',
    request: ['PATCH', BOOK, json('{"name":null}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'a body field that holds a path variable: the default yields',
    request: ['PATCH', BOOK, json('{"name":""}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'a number is equal as a number',
    request: ['PUT', '/num/1000', json('{"num":1e3}')],
    sent: { num: '1000' },
  },
  ...(['', '""', '"a"'] as const).map((body) => ({
    fact: `a wrapper as the message, ${body || 'absent'}, is the path's`,
    request: ['PUT', '/say/a', json(body)] as const,
    sent: { value: 'a' },
  })),
  ...(['null', '""', '"a"'] as const).map((value) => ({
    fact: `a wrapper whose value is in the path: ${value} is the path's`,
    request: ['PUT', '/text/a', json(`{"text":${value}}`)] as const,
    sent: { text: { value: 'a' } },
  })),
  {
    fact: 'an enum is equal by name and by number',
    request: ['PUT', '/color/RED', json('{"color":1}')],
    sent: { color: 'RED' },
  },
  {
    fact: 'the default of an enum yields to the path',
    request: ['PUT', '/color/RED', json('{"color":"NONE"}')],
    sent: { color: 'RED' },
  },
  {
    fact: 'the default of an optional field yields to the path',
    request: ['PUT', '/maybe/5', json('{"maybe":0}')],
    sent: { maybe: 5 },
  },
  {
    fact: 'with body * $fields is still reserved',
    request: ['PUT', `${BOOK}?$fields=title`, json('{}')],
    sent: { book: { name: NAME } },
  },
  {
    fact: 'fields is a parameter where the request has such a field',
    request: ['GET', '/take?fields=abc'],
    sent: { fields: 'abc' },
  },
  {
    fact: 'a FieldMask in a body is in either name',
    request: ['POST', '/take', json('{"mask":"display_name,aB"}')],
    sent: { mask: { paths: ['display_name', 'a_b'] } },
  },
  {
    fact: 'PATCH without a mask gets one from the JSON keys: nested paths, maps and lists whole, null counts',
    request: ['PATCH', BOOK, json('{"author":{"born":1},"labels":{"a":"b"},"tags":["x"],"cover":null}')],
    sent: {
      book: { name: NAME, author: { born: 1 }, labels: { a: 'b' }, tags: ['x'] },
      update_mask: { paths: ['author.born', 'labels', 'tags', 'cover'] },
    },
  },
  {
    fact: 'in proto names; well-known types whole; the path variable is not in it',
    request: [
      'PATCH',
      '/subs/n',
      json(
        '{"displayName":"n","at":"2026-01-01T00:00:00Z","extra":{"a":true},"subPart":{"displayName":"x","at":null}}',
      ),
    ],
    sent: {
      main_sub: {
        display_name: 'n',
        at: { seconds: '1767225600' },
        extra: { fields: { a: { boolValue: true } } },
        sub_part: { display_name: 'x' },
      },
      update_mask: { paths: ['at', 'extra', 'sub_part.display_name', 'sub_part.at'] },
    },
  },
  {
    fact: 'of two FieldMask fields none is filled',
    request: ['PATCH', '/two', json('{"displayName":"x"}')],
    sent: { sub: { display_name: 'x' } },
  },
  {
    fact: 'a mask that the client sent stays',
    request: ['PATCH', `${BOOK}?updateMask=title`, json('{"pages":"7"}')],
    sent: { book: { name: NAME, pages: '7' }, update_mask: { paths: ['title'] } },
  },
  {
    fact: 'only PATCH fills a mask',
    request: ['PUT', BOOK, json('{"book":{"title":"x"}}')],
    sent: { book: { name: NAME, title: 'x' } },
  },
  {
    fact: 'a path and a query fill different fields beside a body field',
    request: ['PATCH', `${BOOK}?update_mask=title,author.born&allowMissing=true`, json('{"title":"Emma"}')],
    sent: {
      book: { name: NAME, title: 'Emma' },
      update_mask: { paths: ['title', 'author.born'] },
      allow_missing: true,
    },
  },
  {
    fact: 'an empty body with a body rule is the default message',
    request: ['POST', '/v1/books:create'],
    sent: {},
  },
  {
    fact: 'white space with a body rule is the default message',
    request: ['POST', '/v1/books:create', json(' \n')],
    sent: {},
  },
  {
    fact: 'an empty body is the default message of a body field',
    request: ['POST', '/v1/shelves/1/books'],
    sent: { parent: 'shelves/1', book: {} },
  },
  {
    fact: 'without a body rule {} counts as empty',
    request: ['POST', `${BOOK}:burn`, json('{}')],
    sent: { name: NAME },
  },
  {
    fact: 'without a body rule { } with white space counts as empty',
    request: ['DELETE', BOOK, json(' { \n} ')],
    sent: { name: NAME },
  },
  {
    fact: 'however much white space it is',
    request: ['DELETE', BOOK, json(`${' '.repeat(200)}{${'\n'.repeat(200)}}\t`)],
    sent: { name: NAME },
  },
  {
    fact: 'a body field may be repeated',
    request: ['POST', '/v1/shelves/1/tags', json('["a","b"]')],
    sent: { parent: 'shelves/1', tags: ['a', 'b'] },
  },
  {
    fact: 'a body field may be a map',
    request: ['POST', '/v1/shelves/1/labels', json('{"a":1,"b":"2"}')],
    sent: { parent: 'shelves/1', labels: { a: 1, b: 2 } },
  },
  {
    fact: 'a body field may be a scalar',
    request: ['PUT', '/v1/shelves/1/copies', json('12')],
    sent: { parent: 'shelves/1', copies: 12 },
  },
  {
    fact: 'a +json content type is JSON',
    request: [
      'POST',
      '/v1/books:create',
      { body: '{"bookId":"x"}', headers: { 'content-type': 'application/merge-patch+json; charset=UTF-8' } },
    ],
    sent: { book_id: 'x' },
  },
  {
    fact: 'an absent content type counts as JSON',
    request: ['POST', '/v1/books:create', { body: '{"book_id":"x"}' }],
    sent: { book_id: 'x' },
  },
  {
    fact: 'a chunked body is read',
    request: ['POST', '/v1/books:create', { body: '{"book_id":"x"}', headers: { 'transfer-encoding': 'chunked' } }],
    sent: { book_id: 'x' },
  },
  {
    fact: '1e3 and 1.0 are integers',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":1e3,"author":{"born":1775.0}}}')],
    sent: { book: { pages: '1000', author: { born: 1775 } } },
  },
  {
    fact: 'a 64-bit JSON number does not pass through a double',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":9007199254740993}}')],
    sent: { book: { pages: '9007199254740993' } },
  },
  {
    fact: 'the least int64',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":"-9223372036854775808"}}')],
    sent: { book: { pages: '-9223372036854775808' } },
  },
  {
    fact: 'an int64 in the path does not pass through a double',
    request: ['GET', '/num/9007199254740993'],
    sent: { num: '9007199254740993' },
  },
  { fact: '1e3 in the path is an integer', request: ['GET', '/num/1e3'], sent: { num: '1000' } },
  { fact: 'an enum in the path, by name', request: ['GET', '/color/RED'], sent: { color: 'RED' } },
  { fact: 'an enum in the path, by number', request: ['GET', '/color/1'], sent: { color: 'RED' } },
  { fact: 'a bool in the path', request: ['GET', '/yes/true'], sent: { yes: true } },
  {
    fact: 'bytes in the path, URL-safe',
    request: ['GET', '/raw/-_8'],
    sent: { raw: { type: 'Buffer', data: [251, 255] } },
  },
  {
    fact: 'a body that is an HttpBody goes in as it is',
    request: ['POST', '/upload', PNG],
    sent: { content_type: 'image/png', data: PNG_DATA },
  },
  {
    fact: 'without a content type too',
    request: ['POST', '/upload', { body: PNG.body }],
    sent: { data: PNG_DATA },
  },
  {
    fact: 'and into a body field, beside path and query',
    request: ['POST', '/files/7?yes=true', PNG],
    sent: { num: '7', yes: true, file: { content_type: 'image/png', data: PNG_DATA } },
  },
  {
    fact: 'a __proto__ key in a map is data',
    request: ['POST', '/v1/books:create', json('{"book":{"labels":{"__proto__":"x","constructor":"y"}}}')],
    sent: JSON.parse('{"book":{"labels":{"__proto__":"x","constructor":"y"}}}'),
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
  code?: number;
  says: RegExp;
  field?: string;
  reason?: string;
}[] = [
  {
    fact: 'a path variable cannot also come from the query',
    request: ['GET', '/v1/shelves/1?name=shelves/2'],
    says: /name: not a query parameter, because the path sets this field/,
    field: 'name',
  },
  {
    fact: 'nor a nested one by its proto name',
    request: ['PATCH', '/subs/n?main_sub.display_name=n', json('{}')],
    says: /main_sub\.display_name: not a query parameter, because the path sets this field/,
    field: 'main_sub.display_name',
  },
  {
    fact: 'nor by its JSON name',
    request: ['PATCH', '/subs/n?mainSub.displayName=n', json('{}')],
    says: /mainSub\.displayName: not a query parameter, because the path sets this field/,
    field: 'mainSub.displayName',
  },
  {
    fact: 'a field inside the body field cannot come from the query',
    request: ['PATCH', `${BOOK}?book.title=x`, json('{}')],
    says: /book\.title: not a query parameter, because the body sets this field/,
    field: 'book.title',
  },
  {
    fact: 'nor by its JSON name, when the body is empty',
    request: ['PATCH', '/subs/n?mainSub.at=2026-01-01T00:00:00Z'],
    says: /mainSub\.at: not a query parameter, because the body sets this field/,
    field: 'mainSub.at',
  },
  {
    fact: 'path and query cannot give two members of a oneof',
    request: ['GET', '/a/x?b=y'],
    says: /b: expected at most one member of oneof kind/,
    field: 'b',
  },
  {
    fact: 'nor can path and body',
    request: ['PUT', '/a/x', json('{"b":"y"}')],
    says: /b: expected at most one member of oneof kind/,
    field: 'b',
  },
  {
    fact: 'with body * there are no query parameters',
    request: ['PUT', `${BOOK}?allow_missing=true`, json('{}')],
    says: /allow_missing: .*the body of this route sets all fields/,
    field: 'allow_missing',
  },
  {
    fact: 'another value in the body than in the path is refused',
    request: ['PUT', BOOK, json('{"book":{"name":"shelves/9/books/9"}}')],
    says: /book\.name/,
    field: 'book.name',
  },
  {
    fact: 'another value in a wrapper than in the path is refused',
    request: ['PUT', '/text/a', json('{"text":"b"}')],
    says: /text: expected the value that the path has, got "b"/,
    field: 'text',
  },
  {
    fact: 'another value in a wrapper as the message than in the path is refused',
    request: ['PUT', '/say/a', json('"b"')],
    says: /body: expected the value that the path has, got "b"/,
    field: 'body',
  },
  {
    fact: 'another value in a body field than in the path is refused',
    request: ['PATCH', BOOK, json('{"name":"other"}')],
    says: /name/,
    field: 'name',
  },
  ...(
    [
      ['num', 'a', /expected int64, got "a"/],
      ['num', '9223372036854775808', /expected int64/],
      ['color', 'PINK', /expected a value of fields\.v1\.Color, got "PINK"/],
      ['yes', '1', /expected true or false, got "1"/],
      ['raw', '$', /expected base64/],
    ] as const
  ).map(([field, text, says]) => ({
    fact: `${text} is no ${field}, in the path`,
    request: ['GET', `/${field}/${text}`] as const,
    says,
    field,
    reason: 'INVALID_PATH',
  })),
  {
    fact: '1.5 is no integer',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":1.5}}')],
    says: /expected int64/,
    field: 'book.pages',
  },
  {
    fact: '1e400 is no integer',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":1e400}}')],
    says: /expected int64/,
    field: 'book.pages',
  },
  {
    fact: 'text is no integer',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":"a"}}')],
    says: /expected int64, got "a"/,
    field: 'book.pages',
  },
  {
    fact: 'out of range is no int64',
    request: ['POST', '/v1/books:create', json('{"book":{"pages":"9223372036854775808"}}')],
    says: /expected int64/,
    field: 'book.pages',
  },
  {
    fact: 'out of range is no int32',
    request: ['PUT', '/v1/shelves/1/copies', json('2147483648')],
    says: /expected int32/,
  },
  {
    fact: 'without a body rule anything but {} is refused',
    request: ['DELETE', BOOK, json('{"name":"x"}')],
    says: /body: expected none/,
  },
  {
    fact: 'trailing text after the JSON value is refused',
    request: ['POST', '/v1/books:create', json('{} {}')],
    says: /^body: line 1:4: expected the end of the text, got "\{"$/,
  },
  {
    fact: 'a body that is no JSON is refused',
    request: ['POST', '/v1/books:create', json('{book')],
    says: /^body: line 1:2: expected a key in double quotes, got "b"$/,
  },
  {
    fact: 'bytes that are not UTF-8 are refused by field',
    request: [
      'POST',
      '/v1/books:create',
      { body: Buffer.from('{"book":{"title":"\xff"}}', 'latin1'), headers: { 'content-type': 'application/json' } },
    ],
    says: /expected UTF-8/,
    field: 'book.title',
  },
  {
    fact: 'a lone surrogate is refused by field',
    request: ['POST', '/v1/books:create', json('{"book":{"title":"\\ud800"}}')],
    says: /lone surrogate/,
    field: 'book.title',
  },
  {
    fact: 'another content type is 415 with a hint',
    request: [
      'POST',
      '/v1/books:create',
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    ],
    status: 415,
    says: /expected application\/json.*curl: add -H 'content-type: application\/json'/,
  },
  ...['application/x-ndjson', 'application/jsonl'].map((type) => ({
    fact: `${type} for one message is 415`,
    request: ['POST', '/v1/books:create', { body: '{}', headers: { 'content-type': type } }] as const,
    status: 415,
    says: /expected application\/json, got "/,
  })),
  {
    fact: 'another charset is 415',
    request: [
      'POST',
      '/v1/books:create',
      { body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
    ],
    status: 415,
    says: /charset utf-8/,
  },
  {
    fact: 'an unknown Content-Encoding is 415',
    request: ['POST', '/v1/books:create', { body: '{}', headers: { 'content-encoding': 'zstd' } }],
    status: 415,
    says: /content-encoding/,
  },
  {
    fact: 'a duplicate key is refused',
    request: ['POST', '/v1/books:create', json('{"book_id":"a","book_id":"b"}')],
    says: /book_id/,
    field: 'book_id',
  },
  {
    fact: 'the two names of one field are a duplicate',
    request: ['POST', '/v1/books:create', json('{"book_id":"a","bookId":"b"}')],
    says: /bookId/,
    field: 'bookId',
  },
  {
    fact: 'depth over jsonDepth is refused',
    request: ['POST', '/take', json(`{"value":${'['.repeat(1000)}`)],
    says: /: expected at most 100 levels of nesting, got more$/,
  },
  {
    fact: 'an unknown field is refused by name',
    request: ['POST', '/v1/books:create', json('{"book":{"titel":"x"}}')],
    says: /^book\.titel: unknown field, did you mean 'title'\?$/,
    field: 'book.titel',
  },
  {
    fact: '__proto__ is an unknown field',
    request: ['POST', '/v1/books:create', json('{"__proto__":{"book_id":"x"}}')],
    says: /__proto__/,
    field: '__proto__',
  },
  {
    fact: 'a body over limits.bodyBytes is 413',
    request: ['POST', '/v1/books:create', json(`{"bookId":"${'x'.repeat(3000)}"}`)],
    status: 413,
    code: 8,
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
    code: 8,
    says: /at most 2048 bytes/,
  },
];

for (const {
  fact,
  request: [method, target, options],
  status = 400,
  code = 3,
  says,
  field,
  reason,
} of refused) {
  test.serial(fact, async (t) => {
    const { send, upstream } = await started;
    const before = upstream.calls.length;
    const answer = await send(method, target, options);
    t.is(answer.status, status, answer.text);
    t.is(answer.json.code, code);
    t.regex(answer.json.message, says);
    if (reason !== undefined) t.is(answer.json.details.at(-1).reason, reason);
    if (field !== undefined) {
      const violations = answer.json.details.find((detail: { '@type': string }) =>
        detail['@type'].endsWith('BadRequest'),
      );
      t.is(violations?.fieldViolations[0].field, field);
    }
    t.is(upstream.calls.length, before, 'no call reached the upstream');
  });
}

test('limits.jsonDepth counts every object and list, even ignored ones', async (t) => {
  const overrides = { limits: { jsonDepth: 3 }, json: { unknownFields: 'ignore' as const } };
  const { send, upstream } = await startGateway(t, FIELDS, {}, overrides);
  for (const name of ['value', 'unknown']) {
    t.is((await send('POST', '/take', json(`{"${name}":[[1]]}`))).status, 200);
    const { status, json: answer } = await send('POST', '/take', json(`{"${name}":[[[1]]]}`));
    t.is(status, 400);
    t.is(answer.message, `${name}[0][0]: expected at most 3 levels of nesting, got more`);
  }
  t.is(upstream.calls.length, 2);
});

test('an unknown key that is ignored is not in the mask', async (t) => {
  const { send, upstream } = await startGateway(t, FIELDS, {}, { json: { unknownFields: 'ignore' } });
  t.is((await send('PATCH', '/subs/n', json('{"unknown":1,"subPart":{"unknown":{},"at":null}}'))).status, 200);
  t.like(upstream.last().request, { update_mask: { paths: ['sub_part.at'] } });
});
