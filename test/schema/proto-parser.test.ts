/** The syntax tree of `.proto` text: it accepts what protoc accepts, and refuses at the place where protoc does. */
import test from 'ava';
import { formatPosition } from '../../src/base/diagnostic.js';
import type { OptionValue } from '../../src/schema/option-tree.js';
import { ProtoSyntaxError } from '../../src/schema/proto-lexer.js';
import { parseProto } from '../../src/schema/proto-parser.js';
import { SourceText } from '../../src/schema/source-text.js';
import type { FileNode, OptionNode } from '../../src/schema/syntax-tree.js';
import { Words } from '../../src/schema/words.js';

const parse = (text: string): FileNode => parseProto(new SourceText('x.proto', text), new Words());

/** Returns the refusal as `3:14: what is wrong`; undefined when the text is accepted. */
function refusal(text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof ProtoSyntaxError)) throw error;
    return `${formatPosition(new SourceText('', text).at(error.offset)).slice(1)}: ${error.message}`;
  }
}

function plain({ value }: OptionValue): unknown {
  if (!(value instanceof Map)) return value;
  return Object.fromEntries([...value].map(([name, values]) => [name, values.map(plain)]));
}

const options = (nodes: readonly OptionNode[]) => nodes.map((one) => [one.name, one.path.join('/'), plain(one.value)]);

test('keywords are names wherever a name may stand', (t) => {
  const { messages, enums, services } = parse(`syntax = "proto3";
    message message { string message = 1; int32 enum = 2; int32 option = 3; map map = 4; map < string , rpc > to = 5;
      optional optional repeated = 6; returns stream = 7; oneof oneof { int32 group = 8; map max = 9; } repeated syntax reserved = 10; }
    enum enum { rpc = 0; service = 1; import = 2; }
    service service { rpc rpc(message) returns (stream returns); rpc returns(stream .stream) returns (message) {} }`);
  const fields = messages[0]?.fields.map(({ type, name }) => `${type} ${name}`);
  t.deepEqual(fields, [
    'string message',
    'int32 enum',
    'int32 option',
    'map map',
    'rpc to',
    'optional repeated',
    'returns stream',
    'int32 group',
    'map max',
    'syntax reserved',
  ]);
  t.is(messages[0]?.fields[4]?.mapKey, 'string');
  t.deepEqual(
    enums[0]?.values.map(({ name }) => name),
    ['rpc', 'service', 'import'],
  );
  t.like(services[0]?.rpcs[0], { input: 'message', output: 'returns', clientStreaming: false, serverStreaming: true });
  t.like(services[0]?.rpcs[1], { input: '.stream', clientStreaming: true, serverStreaming: false });
});

test('blanks and comments may stand around the dots of a name', (t) => {
  const {
    package: name,
    messages,
    options: ofFile,
  } = parse(`package a . b/**/.c ;
    option ( . x . y ) . z . ( p . q ) = 1; message M { optional . a . b // c
    . M m = 1; }`);
  t.is(name, 'a.b.c');
  t.is(messages[0]?.fields[0]?.type, '.a.b.M');
  t.deepEqual(options(ofFile), [['(.x.y)', 'z/[p.q]', 1]]);
});

test('options are read in every form of the text format', (t) => {
  const { options: ofFile } =
    parse(`option a = "x" 'y' /* c */ "\\x41"; option b.c.d = -0x10; option (e).f = -inf; option (.g) = {
    s: 'a', l: [1, 2.5, -3]; l: 4 e: [] m { n: true } m < n: false; > ms [ { a: X }, <> ] ms: { b: nan },
    [p.q]: "ext" [type.googleapis.com/p.Q] { r: 18446744073709551615 } __proto__: 1; constructor: "c" };
    option h = inf; option i = true; option j = TRUE;`);
  t.deepEqual(options(ofFile).slice(0, 3), [
    ['a', '', 'xyA'],
    ['b', 'c/d', -16],
    ['(e)', 'f', '-inf'],
  ]);
  const value = ofFile[3]?.value.value as ReadonlyMap<string, readonly OptionValue[]>;
  t.deepEqual(
    [...value].map(([name, values]) => [name, values.map(plain)]),
    [
      ['s', ['a']],
      ['l', [1, 2.5, -3, 4]],
      ['e', []],
      ['m', [{ n: [true] }, { n: [false] }]],
      ['ms', [{ a: ['X'] }, {}, { b: ['nan'] }]],
      ['[p.q]', ['ext']],
      ['[type.googleapis.com/p.Q]', [{ r: ['18446744073709551615'] }]],
      ['__proto__', [1]],
      ['constructor', ['c']],
    ],
  );
  t.deepEqual(options(ofFile).slice(4), [
    ['h', '', 'inf'],
    ['i', '', true],
    ['j', '', 'TRUE'],
  ]);
});

test('a string that is no UTF-8 keeps its bytes', (t) => {
  const [option] = parse('option a = "\\377" "é";').options;
  t.is(option?.value.bytes?.toString('hex'), 'ffc3a9');
});

test('each value of an option knows its place, of a string that of its first character', (t) => {
  const [option] = parse('option (a) = {\n  b: "x" c: [1,\n  -2] d <\n> };').options;
  const tree = option?.value.value as ReadonlyMap<string, readonly OptionValue[]>;
  const places = [...tree.values()].flat().map(({ position }) => formatPosition(position));
  t.deepEqual(places, ['x.proto:2:7', 'x.proto:2:14', 'x.proto:3:3', 'x.proto:3:9']);
  t.is(formatPosition(option!.value.position), 'x.proto:1:14');
});

test('a group is a field and a message beside it, in a oneof and an extension too', (t) => {
  const { messages, extensions } =
    parse(`message M { optional group TwoWords = 1 [deprecated = true] { optional int32 a = 1; }
    oneof o { group In = 2 { oneof p { group Deep = 1 {} } } } extensions 5; }
    extend M { repeated group Ext = 5 {} }`);
  const [message, ext] = messages;
  t.deepEqual(
    message?.fields.map(({ name, type, group, oneof }) => [name, type, group, oneof]),
    [
      ['twowords', 'TwoWords', true, undefined],
      ['in', 'In', true, 'o'],
    ],
  );
  t.deepEqual(
    message?.messages.map(({ name }) => name),
    ['TwoWords', 'In'],
  );
  t.is(ext?.name, 'Ext');
  t.like(extensions[0], { name: 'ext', type: 'Ext', extendee: 'M', label: 'repeated' });
});

test('edition 2024: what is exported or local, and imports for options', (t) => {
  const { messages, enums, imports } = parse(`edition = "2024"; import option "nowhere.proto"; import "a.proto";
    export message A { local enum B { C = 0; } A export = 1; local local = 2; } local enum D { E = 0; }`);
  t.deepEqual(
    imports.map(({ path }) => path),
    ['a.proto'],
  );
  t.deepEqual(
    messages[0]?.fields.map(({ type }) => type),
    ['A', 'local'],
  );
  t.like(messages[0]?.enums[0], { name: 'B' });
  t.like(enums[0], { name: 'D' });
  // The order is that of `start` and `at`: comments come before `export`.
  t.is(messages[0]!.at - messages[0]!.start, 'export '.length);
});

test('before edition 2024 export and local are types', (t) => {
  const { messages } = parse('edition = "2023"; message M { export message = 1; local enum = 2; }');
  t.deepEqual(
    messages[0]?.fields.map(({ type, name }) => `${type} ${name}`),
    ['export message', 'local enum'],
  );
});

test('a package may stand anywhere', (t) => {
  t.is(parse('message M {} package a.b;').package, 'a.b');
});

for (const [fact, text] of [
  ['a byte order mark is no part of the first line', '\ufeffoption a = x y;'],
  ['lines may end with CRLF', 'option a = x\ty;'],
] as const) {
  test(fact, (t) => t.is(refusal(text), "1:14: expected ';', got 'y'"));
}

test('places count lines that end with CRLF', (t) => {
  t.is(refusal('syntax = "proto3";\r\n/* a\r\n */\r\n  messag'), refusal('syntax = "proto3";\n/* a\n */\n  messag'));
});

const FORMS = 'expected a declaration such as message, enum or service';
const refused: readonly (readonly [text: string, says: string])[] = [
  ['message M { optional int32 a = 1; }}', `1:36: ${FORMS}, got '}'`],
  ['message M {\0}', '1:12: expected optional, required or repeated, got U+0000'],
  ['message Mä {}', "1:10: expected '{', got U+00E4"],
  [Buffer.from([0x6d, 0xff]).toString(), `1:1: ${FORMS}, got 'm'`],
  ['syntax = proto3;', "1:10: expected a string, got 'proto3'"],
  ['message M {} syntax = "proto3";', `1:14: ${FORMS}, got 'syntax'`],
  ['package a; package b;', "1:12: expected one package, got 'package'"],
  ['package .a;', "1:9: expected a name, got '.a'"],
  ['message "é" {}', '1:9: expected a name, got U+00E9'],
  ['message a.b {}', "1:9: expected a name, got 'a.b'"],
  ['message "a" {}', `1:9: expected a name, got '"a"'`],
  ['message M { int32 a = 1; }', "1:13: expected optional, required or repeated, got 'int32'"],
  ['syntax = "proto3"; message M { required int32 a = 1; }', "1:32: expected a type, got 'required'"],
  ['edition = "2023"; message M { optional int32 a = 1; }', "1:31: expected a type, got 'optional'"],
  ['syntax = "proto3"; message M { group A = 1 {} }', "1:32: expected a type, got 'group'"],
  ['message M { optional group a = 1 {} }', "1:28: expected a name with a capital letter, got 'a'"],
  ['message M { repeated map<string, int32> a = 1; }', "1:25: expected a name, got '<'"],
  ['message M { oneof o { map<string, int32> a = 1; } }', "1:26: expected a name, got '<'"],
  ['message M { oneof o { optional int32 a = 1; } }', "1:38: expected '=', got 'a'"],
  ['message M { map<bytes, int32> a = 1; }', "1:17: expected the type of a key, got 'bytes'"],
  ['message M { map<string, map<string, int32>> a = 1; }', "1:28: expected '>', got '<'"],
  ['message M { optional int32 a = -1; }', "1:32: expected a number, got '-'"],
  ['message M { optional int32 a = 08; }', "1:32: expected a number, got '08'"],
  ['message M { optional int32 a = 1.5; }', "1:32: expected a number, got '1.5'"],
  ['message M { optional int32 a = 99999999999999999999; }', "1:32: expected a number, got '99999999999999999999'"],
  ['message M { optional int32 a = 0; }', "1:32: expected a number from 1 to 536870911, got '0'"],
  ['message M { optional int32 a = 536870912; }', "1:32: expected a number from 1 to 536870911, got '536870912'"],
  ['extend M { optional int32 a = 2147483647; }', "1:31: expected a number from 1 to 2147483646, got '2147483647'"],
  ['message M { optional int32 a = 1 [deprecated]; }', "1:45: expected '=', got ']'"],
  ['message M { optional int32 a = 1 []; }', "1:35: expected the name of an option, got ']'"],
  ['message M { extensions 5 to; }', "1:28: expected a number, got ';'"],
  ['message M { reserved a; }', "1:22: expected a string, got 'a'"],
  ['edition = "2023"; message M { reserved "a"; }', `1:40: expected a name, got '"a"'`],
  ['message M { optional int32 a = 7; reserved 1, 5 to 8, 6; }', '1:28: id 7 is reserved in message M'],
  ['message M { reserved 100 to max; optional int32 a = 536870911; }', '1:49: id 536870911 is reserved in message M'],
  ['enum E { A = -5; reserved -7 to -3; }', '1:10: id -5 is reserved in enum E'],
  ['enum E { A = 2147483648; }', '1:14: expected a number of 32 bits, got 2147483648'],
  ['enum E { A = -2147483649; }', '1:14: expected a number of 32 bits, got -2147483649'],
  ['service S { message M {} }', "1:13: expected rpc or option, got 'message'"],
  ['service S { rpc A(stream) returns (M); }', "1:25: expected a message, got ')'"],
  ['service S { rpc A(M) returns M; }', "1:30: expected '(', got 'M'"],
  ['service S { rpc A(M) returns (M) }', "1:34: expected ';', got '}'"],
  ['option a = ;', "1:12: expected a value, got ';'"],
  ['option a = +1;', "1:12: expected a value, got '+'"],
  ['option a = -x;', "1:13: expected a value, got 'x'"],
  ['option a = [1];', "1:12: expected a value, got '['"],
  ['option (a = 1;', "1:11: expected ')', got '='"],
  ['option a..b = 1;', "1:10: expected the name of an option, got '.b'"],
  ['option a = { b 1 };', "1:16: expected ':', got '1'"],
  ['option a = { b: [[1]] };', "1:18: expected a value, got '['"],
  ['option a = { b: [1 2] };', "1:20: expected ',', got '2'"],
  ['option a = { b < > };;option c = { d { > };', "1:40: expected a name, got '>'"],
  ['option a = { [b };', "1:17: expected ']', got '}'"],
  ['option a = { b: 1', '1:18: expected a name, got the end of the file'],
  [`message ${'a'.repeat(100)}! {}`, `1:109: expected '{', got '!'`],
  [`message M { optional int32 a = ${'x'.repeat(100)}; }`, `1:32: expected a number, got '${'x'.repeat(60)}…'`],
];
for (const [text, says] of refused) {
  test(`refused: ${JSON.stringify(text).slice(0, 90)}`, (t) => t.is(refusal(text), says));
}

const nested = (depth: number): readonly (readonly [what: string, text: string])[] => [
  ['messages', 'message M {'.repeat(depth) + '}'.repeat(depth)],
  ['groups', `message M {${'optional group G = 1 {'.repeat(depth - 1)}${'}'.repeat(depth)}`],
  ['values', `option a = ${'{ b '.repeat(depth - 1)}{ ${'}'.repeat(depth)};`],
  ['values in lists', `option a = { b: ${'[ < b: '.repeat(depth - 1)}1 ${'> ]'.repeat(depth - 1)}};`],
  ['names of options', `option a${'.a'.repeat(depth - 1)} = 1;`],
  ['packages', `package a${'.a'.repeat(depth - 1)};`],
];
for (const [i, [what, text]] of nested(100).entries()) {
  test(`a hundred levels of ${what} are read, more are refused, however many`, (t) => {
    t.is(refusal(text), undefined);
    for (const depth of [101, 200_000]) {
      t.regex(refusal(nested(depth)[i]![1]) ?? '', /^1:\d+: expected at most 100 levels, got more$/);
    }
  });
}

const MANY = 50_000;
const many = (one: (i: number) => string) => Array.from({ length: MANY }, (_, i) => one(i)).join('');
for (const [what, text] of [
  ['fields', `message M { ${many((i) => `optional int32 f${i} = ${i + 1};`)} }`],
  [
    'fields and reserved numbers',
    `message M { ${many((i) => `optional int32 f${i} = ${2 * i + 1}; reserved ${2 * i + 2}; reserved "g${i}";`)} }`,
  ],
  ['fields of oneofs', `message M { ${many((i) => `oneof o${i} { int32 f${i} = ${i + 1}; }`)} }`],
  ['messages', many((i) => `message M${i} {}`)],
  ['enum values', `enum E { ${many((i) => `V${i} = ${i};`)} }`],
  ['rpcs', `service S { ${many((i) => `rpc R${i}(M) returns (M);`)} }`],
  ['values of an option', `option a = { ${many((i) => `b${i}: [1, 2] c: ${i},`)} };`],
  ['adjacent strings', `option a = ${many(() => '"\\n" "b"')};`],
  ['parts of a name', `message M { optional a${many((i) => `. b${i} `)} c = 1; }`],
  ['parts of a bracketed name', `option a = { [${many((i) => `b${i} /`)} c]: 1 };`],
  ['options of a field', `message M { optional int32 a = 1 [${many((i) => `b${i} = 1,`)} c = 1]; }`],
] as const) {
  test(`fifty thousand ${what} take no more time than their number`, (t) => {
    const before = process.cpuUsage();
    t.is(refusal(text), undefined);
    const { user } = process.cpuUsage(before);
    t.true(user < 3_000_000, `${user / 1000} ms`);
  });
}
