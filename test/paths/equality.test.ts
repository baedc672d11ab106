/** The path language: the texts that parse, the types that may be compared, and the values that are equal. */
import test from 'ava';
import { BoundMessage } from '../../src/codec/bound.js';
import { createCodecs } from '../../src/codec/codec.js';
import type { PathCaller } from '../../src/paths/caller.js';
import { compileEquality } from '../../src/paths/equality.js';
import { ExpressionError, parseEquality } from '../../src/paths/expression.js';
import { JSON_OPTIONS } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const { registry } = schemaOf({
  'a.proto': `syntax = "proto3";
package t;
import "google/protobuf/wrappers.proto";
enum Color { NONE = 0; RED = 1; }
message Book { string author = 1; int64 id = 2; Book inner = 3; }
message Request {
  string customer = 1; Book book = 2; repeated string names = 3; bool flag = 4; Color color = 5; optional string maybe = 6;
  int32 i32 = 7; uint32 u32 = 8; sint32 s32 = 9; fixed32 f32 = 10; sfixed32 sf32 = 11; int64 i64 = 12; uint64 u64 = 13;
  sint64 s64 = 14; fixed64 f64 = 15; sfixed64 sf64 = 16; float real32 = 17; double real = 18; bytes data = 19;
  map<string, string> labels = 20; google.protobuf.StringValue tenant = 21;
  oneof target { string team = 22; string person = 23; }
}`,
  'b.proto': `syntax = "proto2";
package t;
message Old { optional group Part = 2 { optional string author = 3; } }`,
});
const request = registry.message('t.Request')!;
const codecs = createCodecs(registry, JSON_OPTIONS);

function holds(text: string, json: object, caller?: PathCaller, message = request): boolean {
  const bytes = codecs.of(message).read(Buffer.from(JSON.stringify(json)), new BoundMessage());
  return compileEquality(text, message).holds(bytes, caller);
}

function callerWith(claims: Record<string, unknown>): PathCaller {
  return { subject: 'ada', issuer: 'https://one.test', claims };
}

test('what does not parse is refused with its column', (t) => {
  for (const [text, problem] of [
    ['', 'column 1: expected a value, got the end'],
    ['request.customer', "column 17: expected '=', got the end"],
    ['request.customer = ', 'column 20: expected a value, got the end'],
    ['request.customer == caller.subject', "column 19: expected a value, got '='"],
    ['request.customer = caller.subject x', "column 35: expected the end, got 'x'"],
    ['request..customer = 1', "column 9: expected a name, got '.'"],
    ["request.customer = 'ada", "column 24: expected a closing ', got the end"],
    ["request.customer = '{'", "column 22: expected a name, got '''"],
    ["request.customer = '{caller.subject'", "column 36: expected '}', got '''"],
    ["request.customer = caller.claims['x", "column 33: expected ']' at the end of a quoted name"],
    ['request.i32 = -', "column 15: expected a number, got '-'"],
    ['request.customer = caller.subject && true', "column 35: expected the end, got '&'"],
  ] as const) {
    t.is(t.throws(() => parseEquality(text), { instanceOf: ExpressionError }, text)?.message, problem);
  }
});

test('a root, field or literal that does not fit is refused with its column', (t) => {
  for (const [text, problem] of [
    ['request.nothing = caller.subject', "column 9: expected a field of t.Request, got 'nothing'"],
    ['request.book.writer = caller.subject', "column 14: expected a field of t.Book, got 'writer'"],
    ['request.book = caller.subject', "column 9: expected a singular scalar or enum field, got a t.Book field 'book'"],
    [
      'request.names = caller.subject',
      "column 9: expected a singular scalar or enum field, got a repeated field 'names'",
    ],
    ['request.labels = caller.subject', "column 9: expected a singular scalar or enum field, got a map field 'labels'"],
    ['request = caller.subject', "column 1: expected a path, a text in '…', a number, true or false, got 'request'"],
    ['body.customer = caller.subject', "column 1: expected a path from request or caller, got 'body'"],
    ['request.customer = caller.name', 'column 20: expected caller.subject, caller.issuer or caller.claims.NAME'],
    ['request.customer = caller.claims', 'column 20: expected caller.subject, caller.issuer or caller.claims.NAME'],
    ['request.customer = ada', "column 20: expected a string in '…', got 'ada'"],
    ['request.customer = 7', "column 20: expected a string in '…', got '7'"],
    ['request.i32 = seven', "column 15: expected a int32, got 'seven'"],
    ['request.flag = 1', "column 16: expected a bool, got '1'"],
    ['request.color = BLUE', "column 17: expected a value of t.Color, got 'BLUE'"],
    ['true = true', "column 1: expected a path on one side, got 'true'"],
  ] as const) {
    t.is(t.throws(() => compileEquality(text, request), { instanceOf: ExpressionError }, text)?.message, problem);
  }
});

test('a claim equals a field by its text', (t) => {
  for (const [claim, json, equal] of [
    ['ada', { customer: 'ada' }, true],
    ['ada', { customer: 'Ada' }, false],
    ['ada', { customer: 'ada ' }, false],
    ['ada', {}, false],
    ['7', { customer: '7' }, true],
    [7, { customer: '7' }, true],
  ] as const) {
    t.is(holds('request.customer = caller.claims.id', json, callerWith({ id: claim })), equal, JSON.stringify(claim));
  }
  t.true(holds('caller.subject = request.customer', { customer: 'ada' }, callerWith({})));
});

test('a claim inside of others is reached by its path; the issuer is who vouches for the subject', (t) => {
  const nested = callerWith({ realm_access: { tenant: 'ada' }, 'https://x.example/jwt': { id: 'ben' } });
  t.true(holds('request.customer = caller.claims.realm_access.tenant', { customer: 'ada' }, nested));
  t.true(holds("request.customer = caller.claims['https://x.example/jwt'].id", { customer: 'ben' }, nested));
  const both = callerWith({ 'realm_access.tenant': 'eve', realm_access: { tenant: 'ada' } });
  t.true(holds('request.customer = caller.claims.realm_access.tenant', { customer: 'eve' }, both), 'that name wins');
  t.true(holds('request.customer = caller.issuer', { customer: 'https://one.test' }, nested));
  t.true(holds("caller.issuer = 'https://one.test'", {}, nested));
  t.false(holds("caller.issuer = 'https://one.test'", {}, undefined));
});

test('an absent value equals nothing, not even another absent value', (t) => {
  for (const claims of [{}, { id: '' }, { id: null }, { id: ['ada'] }, { id: { ada: 1 } }]) {
    t.false(holds('request.customer = caller.claims.id', {}, callerWith(claims)), JSON.stringify(claims));
    t.false(holds('request.customer = caller.claims.id', { customer: 'ada' }, callerWith(claims)));
    t.false(holds("request.customer = 'x{caller.claims.id}'", { customer: 'x' }, callerWith(claims)));
    t.false(holds('caller.claims.id = caller.claims.id', {}, callerWith(claims)));
  }
  t.false(holds('request.customer = caller.subject', {}, undefined), 'no caller');
  t.false(holds("request.maybe = ''", {}), 'unset with presence');
  t.true(holds("request.maybe = ''", { maybe: '' }));
  t.true(holds("request.customer = ''", {}), 'without presence its default is its value');
});

test('a claim that was rounded when it was read equals nothing: it may be another’s', (t) => {
  const { id } = JSON.parse('{"id":1234567890123456789}') as { id: number };
  t.false(holds('request.customer = caller.claims.id', { customer: '1234567890123456800' }, callerWith({ id })));
  t.false(holds('request.customer = caller.claims.id', { customer: String(2 ** 53) }, callerWith({ id: 2 ** 53 })));
  t.true(
    holds('request.customer = caller.claims.id', { customer: '9007199254740991' }, callerWith({ id: 2 ** 53 - 1 })),
  );
});

test('claims are own properties, whatever they are called', (t) => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    t.false(holds(`request.customer = caller.claims.${name}`, { customer: 'x' }, callerWith({})), name);
    const claims = JSON.parse(`{"${name}": "x"}`) as Record<string, unknown>;
    t.true(holds(`request.customer = caller.claims.${name}`, { customer: 'x' }, callerWith(claims)), name);
  }
  t.false(holds('request.customer = caller.claims.id.length', { customer: '3' }, callerWith({ id: 'ada' })));
});

test('claims nest, and a name with any characters is quoted', (t) => {
  const caller = callerWith({ org: { id: 'o1' }, 'https://example.com/tenant': 't1' });
  t.true(holds('request.customer = caller.claims.org.id', { customer: 'o1' }, caller));
  t.true(holds("request.customer = caller.claims['https://example.com/tenant']", { customer: 't1' }, caller));
  t.true(
    holds(
      "request.customer = 'tenants/{caller.claims['https://example.com/tenant']}'",
      { customer: 'tenants/t1' },
      caller,
    ),
  );
});

test('a text takes paths in braces, and escapes', (t) => {
  const caller = callerWith({ id: 'ada' });
  t.true(holds("request.customer = 'customers/{caller.claims.id}'", { customer: 'customers/ada' }, caller));
  t.true(holds("request.customer = '{caller.claims.id}-{request.i32}'", { customer: 'ada-7', i32: 7 }, caller));
  t.true(holds(String.raw`request.customer = 'it\'s \{a\\b}'`, { customer: "it's {a\\b}" }));
});

test('every scalar is compared exactly', (t) => {
  for (const [literal, json] of [
    ['request.i32 = -2147483648', { i32: -2147483648 }],
    ['request.u32 = 4294967295', { u32: 4294967295 }],
    ['request.s32 = -7', { s32: -7 }],
    ['request.f32 = 4294967295', { f32: 4294967295 }],
    ['request.sf32 = -7', { sf32: -7 }],
    ['request.i64 = -9223372036854775808', { i64: '-9223372036854775808' }],
    ['request.i64 = 9007199254740993', { i64: '9007199254740993' }],
    ['request.u64 = 18446744073709551615', { u64: '18446744073709551615' }],
    ['request.s64 = -9223372036854775808', { s64: '-9223372036854775808' }],
    ['request.f64 = 18446744073709551615', { f64: '18446744073709551615' }],
    ['request.sf64 = -1', { sf64: '-1' }],
    ['request.i64 = 1e3', { i64: '1000' }],
    ['request.i64 = 0', {}],
    ['request.real = 1.50', { real: 1.5 }],
    ['request.real32 = 0.5', { real32: 0.5 }],
    ['request.real32 = 0.1', { real32: 0.1 }],
    ['request.real32 = 1e-45', { real32: 1e-45 }],
    ['request.real32 = 16777217', { real32: 16777217 }],
    ['request.real32 = 3.4028235e38', { real32: 3.4028235e38 }],
    ['request.real = 0.1', { real: 0.1 }],
    ["request.data = 'AQI='", { data: 'AQI=' }],
    ['request.flag = true', { flag: true }],
    ['request.flag = false', {}],
    ['request.color = RED', { color: 1 }],
    ['request.color = NONE', {}],
    ['request.book.id = 5', { book: { id: 5 } }],
    ["request.book.inner.author = 'x'", { book: { inner: { author: 'x' } } }],
    ["request.tenant.value = 't'", { tenant: 't' }],
  ] as const) {
    t.true(holds(literal, json), literal);
    t.false(
      holds(literal, {
        i32: 1,
        u32: 1,
        s32: 1,
        f32: 1,
        sf32: 1,
        i64: 7,
        u64: 1,
        s64: 1,
        f64: 1,
        sf64: 1,
        real: 7,
        real32: 7,
        data: 'AAAA',
        flag: literal.includes('false'),
        color: literal.includes('NONE') ? 1 : 0,
        book: {},
        tenant: '',
      }),
      `not ${literal}`,
    );
  }
});

test('if a field is twice on the wire, the last one counts, also in messages and groups', (t) => {
  const equality = compileEquality("request.book.author = 'b'", request);
  const book = (author: string) => [0x12, 2 + author.length, 0x0a, author.length, ...Buffer.from(author)];
  t.true(equality.holds(Uint8Array.from([...book('a'), ...book('b')]), undefined));
  t.false(equality.holds(Uint8Array.from([...book('b'), ...book('a')]), undefined));
  t.true(equality.holds(Uint8Array.from([...book('b'), 0x12, 0]), undefined), 'messages are merged');
  t.true(holds("request.part.author = 'x'", { part: { author: 'x' } }, undefined, registry.message('t.Old')!));
});

test('a message behind the first of its stream is asked unless it says nothing of the fields', (t) => {
  const behind = (text: string, json: object, head: object = {}) => {
    const [message, said] = [json, head].map((one) => codecs.of(request).read(Buffer.from(JSON.stringify(one))));
    return compileEquality(text, request).holdsBehind(message!, callerWith({ id: 'ada' }), said!);
  };
  for (const [text, json, head, holds] of [
    ["request.customer = 'a'", {}, {}, true],
    ["request.customer = 'a'", { customer: 'b' }, {}, false],
    ['request.customer = caller.claims.id', { customer: 'ada' }, {}, true],
    ["request.maybe = 'a'", { maybe: '' }, {}, false],
    ['request.flag = true', {}, {}, false],
    ['request.color = RED', {}, {}, false],
    ['request.i32 = 7', {}, {}, false],
    ['request.i32 = 0', {}, {}, true],
    ["request.data = 'AQI='", {}, {}, true],
    ["request.tenant.value = 't'", {}, {}, true],
    ["request.tenant.value = 't'", { tenant: '' }, {}, false],
    ["request.book.author = 'a'", {}, {}, true],
    ["request.book.author = 'a'", { book: { id: '7' } }, {}, false],
    ["request.team = 'a'", { person: 'a' }, {}, false],
    ["request.team = 'a'", { flag: true }, {}, true],
    // The value of path and query counts if the message leaves the field out.
    ["request.book.author = 'a'", { book: { id: '7' } }, { book: { author: 'a' } }, true],
    ["request.book.author = 'a'", { book: { author: 'b' } }, { book: { author: 'a' } }, false],
    ['request.customer = request.book.author', { book: { author: 'a' } }, { customer: 'a' }, true],
    ['request.customer = request.book.author', { book: { author: 'b' } }, { customer: 'a' }, false],
    ["request.team = 'a'", { person: 'a' }, { team: 'a' }, false],
    ['caller.claims.id = caller.claims.id', {}, {}, true],
  ] as const) {
    t.is(behind(text, json, head), holds, `${text} over ${JSON.stringify(json)} behind ${JSON.stringify(head)}`);
  }
});

test('broken bytes throw', (t) => {
  const equality = compileEquality("request.book.author = 'b'", request);
  for (const bytes of [[0x12], [0x12, 5, 0x0a], [0x12, 2, 0x0a, 9], [0x10, 1]]) {
    t.throws(() => equality.holds(Uint8Array.from(bytes), undefined), { name: 'BrokenWire' });
  }
});
