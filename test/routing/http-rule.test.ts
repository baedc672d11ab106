import test from 'ava';
import { errorAt, formatDiagnostic } from '../../src/base/diagnostic.js';
import { bindingsOf } from '../../src/routing/http-rule.js';
import type { HttpRule } from '../../src/schema/annotations.js';
import { type FieldType, LinkError, type MessageDescriptor } from '../../src/schema/descriptor.js';
import { ENUM, messageOf, methodOf, ruleOf, STRING } from './descriptors.js';

const unlinked = new LinkError(errorAt({ file: 'other.proto', line: 3, column: 4 }, 'unknown-type', 'expected a type'));
const ofBook = (): FieldType => ({ kind: 'message', message: book, delimited: false });
const book: MessageDescriptor = messageOf('test.Book', [
  ['name', { type: STRING }],
  ['display_name', { type: STRING, jsonName: 'displayName' }],
  ['parent', { type: ofBook }],
  ['kind', { type: ENUM }],
  ['authors', { type: STRING, cardinality: 'repeated' }],
  ['chapters', { type: ofBook, cardinality: 'repeated' }],
  ['labels', { type: STRING, cardinality: 'map' }],
  ['__proto__', { type: STRING }],
  ['ext', { type: STRING, extension: true }],
  [
    'lost',
    {
      type: () => {
        throw unlinked;
      },
    },
  ],
]);
const request = messageOf('test.Request', [
  ['id', { type: STRING }],
  ['book', { type: ofBook }],
  ['books', { type: ofBook, cardinality: 'repeated' }],
]);
const method = methodOf(request, book);

const REFUSED: readonly (readonly [fact: string, rule: HttpRule, ...diagnostics: string[]])[] = [
  [
    'the column inside the template is added to where the path begins',
    ruleOf('GET /v1/{id/books}'),
    "test.proto:11:17: error: path template: expected '}', got '/' [path-template]",
  ],
  [
    'an empty path',
    ruleOf('GET '),
    "test.proto:11:10: error: path template: expected '/', got the end [path-template]",
  ],
  [
    'an unknown field, at the segment that is wrong',
    ruleOf('GET /v1/{book.title}'),
    "test.proto:11:20: error: path variable {book.title}: expected a field of test.Book, got 'title' [path-variable]",
  ],
  [
    'a JSON name is no field name',
    ruleOf('GET /v1/{book.displayName}'),
    "test.proto:11:20: error: path variable {book.displayName}: expected a field of test.Book, got 'displayName', did you mean 'display_name'? [path-variable]",
  ],
  [
    'an extension is no field of a path',
    ruleOf('GET /v1/{book.ext}'),
    "test.proto:11:20: error: path variable {book.ext}: expected a field of test.Book, got 'ext' [path-variable]",
  ],
  [
    'a name that says more than the field',
    ruleOf('GET /v1/{book_id}'),
    "test.proto:11:15: error: path variable {book_id}: expected a field of test.Request, got 'book_id', did you mean 'id'? [path-variable]",
  ],
  [
    'misspelt body fields',
    ruleOf('POST /v1/x', { body: 'bok', responseBody: 'display_nam' }),
    "test.proto:12:10: error: body: expected '*' or a top-level field of test.Request, got 'bok', did you mean 'book'? [body-field]",
    "test.proto:13:10: error: response_body: expected a top-level field of test.Book, got 'display_nam', did you mean 'display_name'? [response-body]",
  ],
  [
    'a name from objects is no field',
    ruleOf('GET /v1/{constructor}'),
    "test.proto:11:15: error: path variable {constructor}: expected a field of test.Request, got 'constructor' [path-variable]",
  ],
  [
    'a message, a repeated and a map field, all told at once',
    ruleOf('GET /v1/{book}/{book.authors}/{book.labels}/{book.parent}'),
    "test.proto:11:15: error: path variable {book}: expected a singular scalar or enum field, or one whose JSON is a string, such as a Timestamp, got a test.Book field 'book' [path-variable]",
    "test.proto:11:27: error: path variable {book.authors}: expected a singular scalar or enum field, or one whose JSON is a string, such as a Timestamp, got a repeated field 'authors' [path-variable]",
    "test.proto:11:42: error: path variable {book.labels}: expected a singular scalar or enum field, or one whose JSON is a string, such as a Timestamp, got a map field 'labels' [path-variable]",
    "test.proto:11:56: error: path variable {book.parent}: expected a singular scalar or enum field, or one whose JSON is a string, such as a Timestamp, got a test.Book field 'parent' [path-variable]",
  ],
  [
    'a path through a repeated or scalar field',
    ruleOf('GET /v1/{books.name}/{id.name}'),
    "test.proto:11:15: error: path variable {books.name}: expected a singular message field 'books' before '.name', got a repeated field [path-variable]",
    "test.proto:11:28: error: path variable {id.name}: expected a singular message field 'id' before '.name', got a string field [path-variable]",
  ],
  [
    'a type that is declared nowhere',
    ruleOf('GET /v1/{book.lost}'),
    'other.proto:3:4: error: expected a type [unknown-type]',
  ],
  [
    'a body and a response body that are no top-level fields',
    ruleOf('POST /v1/x', { body: 'book.name', responseBody: '*' }),
    "test.proto:12:10: error: body: expected '*' or a top-level field of test.Request, got 'book.name' [body-field]",
    "test.proto:13:10: error: response_body: expected a top-level field of test.Book, got '*' [response-body]",
  ],
  [
    'a body that the path binds',
    ruleOf('POST /v1/{id}', { body: 'id' }),
    "test.proto:12:10: error: body: expected a field that is not a variable of the path, got 'id' [body-field]",
  ],
  [
    "a kind that Node's parser does not know",
    ruleOf('FETCH /v1/x'),
    "test.proto:10:5: error: custom kind: expected an HTTP method or '*', got 'FETCH' [custom-kind]",
  ],
  [
    'a kind in small letters',
    ruleOf('head /v1/x'),
    "test.proto:10:5: error: custom kind: expected an HTTP method or '*', got 'head' (write 'HEAD') [custom-kind]",
  ],
  [
    'CONNECT, which no request handler sees',
    ruleOf('CONNECT /v1/x'),
    "test.proto:10:5: error: custom kind: expected an HTTP method or '*', got 'CONNECT' [custom-kind]",
  ],
  [
    'no pattern',
    ruleOf(' '),
    'test.proto:10:5: error: http rule: expected get, put, post, delete, patch or custom, got none [http-rule]',
  ],
];

for (const [fact, rule, ...expected] of REFUSED) {
  test(`refused: ${fact}`, (t) => {
    const { bindings, diagnostics } = bindingsOf(method, rule);
    t.deepEqual(diagnostics.map(formatDiagnostic), expected);
    t.deepEqual(bindings, []);
  });
}

test('additional bindings nest one level; a refused one does not take the others with it', (t) => {
  const nested = ruleOf('GET /v1/nested', { additionalBindings: [ruleOf('GET /v1/deeper')] });
  const additionalBindings = [nested, ruleOf('GET /v1/{nothing}'), ruleOf('POST /v1/c/{id}', { body: '*' })];
  const { bindings, diagnostics } = bindingsOf(method, ruleOf('GET /v1/a/{id}', { additionalBindings }));
  t.deepEqual(
    bindings.map(({ index, httpMethod, template, body }) => [index, httpMethod, template.text, body.kind]),
    [
      [0, 'GET', '/v1/a/{id}', 'none'],
      [3, 'POST', '/v1/c/{id}', 'whole'],
    ],
  );
  t.deepEqual(
    diagnostics.map(({ rule }) => rule),
    ['additional-bindings', 'path-variable'],
  );
});

test('a rule that has additional bindings alone serves these', (t) => {
  const additionalBindings = [ruleOf('GET /v1/a/{id}'), ruleOf('POST /v1/b/{id}', { body: '*' })];
  const { bindings, diagnostics } = bindingsOf(method, ruleOf(' ', { additionalBindings }));
  t.deepEqual(diagnostics, []);
  t.deepEqual(
    bindings.map(({ index, httpMethod, template }) => [index, httpMethod, template.text]),
    [
      [1, 'GET', '/v1/a/{id}'],
      [2, 'POST', '/v1/b/{id}'],
    ],
  );
});

test('a body without a pattern belongs to no additional binding, and is a warning', (t) => {
  const rule = ruleOf(' ', { body: '*', responseBody: 'name', additionalBindings: [ruleOf('DELETE /v1/a')] });
  const { bindings, diagnostics } = bindingsOf(method, rule);
  t.is(bindings[0]?.body.kind, 'none');
  t.deepEqual(diagnostics.map(formatDiagnostic), [
    'test.proto:12:10: warning: body: expected a pattern such as get or post in the same rule, got none; each additional binding has a body of its own [http-rule]',
    'test.proto:13:10: warning: response_body: expected a pattern such as get or post in the same rule, got none; each additional binding has a response_body of its own [http-rule]',
  ]);
});

const WITHOUT_PATTERN: readonly (readonly [fact: string, rule: HttpRule])[] = [
  ['an additional binding', ruleOf('GET /v1/a', { additionalBindings: [ruleOf(' ')] })],
  ['the only additional binding', ruleOf(' ', { additionalBindings: [ruleOf(' ')] })],
  ['a custom kind', ruleOf(' /v1/x', { additionalBindings: [ruleOf('GET /v1/a')] })],
];
for (const [fact, rule] of WITHOUT_PATTERN) {
  test(`${fact} has to have its own pattern`, (t) => {
    t.deepEqual(bindingsOf(method, rule).diagnostics.map(formatDiagnostic), [
      'test.proto:10:5: error: http rule: expected get, put, post, delete, patch or custom, got none [http-rule]',
    ]);
  });
}

test('a body on GET or HEAD is served with a warning', (t) => {
  for (const kind of ['GET', 'HEAD']) {
    const { bindings, diagnostics } = bindingsOf(method, ruleOf(`${kind} /v1/x`, { body: '*' }));
    t.is(bindings.length, 1);
    t.deepEqual(diagnostics.map(formatDiagnostic), [
      `test.proto:12:10: warning: body: expected none with ${kind}, got '*' [body-method]`,
    ]);
  }
  t.deepEqual(bindingsOf(method, ruleOf('DELETE /v1/x', { body: 'book' })).diagnostics, []);
});

test('POST, PUT and PATCH without a body have a warning if the path does not bind all fields', (t) => {
  const found = (rule: HttpRule, of = method) => bindingsOf(of, rule).diagnostics.map(formatDiagnostic);
  for (const kind of ['POST', 'PUT', 'PATCH']) {
    t.deepEqual(found(ruleOf(`${kind} /v1/{book.name}`)), [
      `test.proto:11:10: warning: body: expected '*' or a field, got none, so clients must send id, book, books in the query of this ${kind} [body-missing]`,
    ]);
  }
  for (const kind of ['GET', 'DELETE', '*']) t.deepEqual(found(ruleOf(`${kind} /v1/x`)), []);
  t.deepEqual(found(ruleOf('POST /v1/x', { body: 'book' })), []);
  const byId = methodOf(messageOf('test.ById', [['id', { type: STRING }]]), book);
  t.deepEqual(found(ruleOf('POST /v1/{id}:close'), byId), []);
  t.deepEqual(found(ruleOf('POST /v1/x'), { ...byId, clientStreaming: true }), []);
});

test('a binding has the fields of its variables, body and response body', (t) => {
  const rule = ruleOf('* /v1/{book.name=books/*}/{book.kind}/{book.__proto__}/{book.parent.parent.name}', {
    body: 'book',
    responseBody: 'authors',
  });
  const { bindings, diagnostics } = bindingsOf(method, rule);
  t.deepEqual(diagnostics, []);
  const [binding] = bindings;
  t.is(binding?.httpMethod, '*');
  t.deepEqual(
    binding?.variables.map(({ name, fieldPath }) => [name, fieldPath.map((field) => field.name).join('.')]),
    ['book.name', 'book.kind', 'book.__proto__', 'book.parent.parent.name'].map((name) => [name, name]),
  );
  t.deepEqual(binding?.body.kind === 'field' && binding.body.field.name, 'book');
  t.is(binding?.responseBody?.name, 'authors');
  t.deepEqual(binding?.position, { file: 'test.proto', line: 11, column: 10 });
});
