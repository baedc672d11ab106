/** The tokens of a `.proto` file in every form that protoc knows, the most difficult first. Each text is read once. */
import test from 'ava';
import { integerOf, numberOf, ProtoLexer, ProtoSyntaxError } from '../../src/schema/proto-lexer.js';

function tokensOf(text: string): string[] {
  const lexer = new ProtoLexer(text);
  const tokens: string[] = [];
  for (; lexer.kind !== 'end'; lexer.next()) tokens.push(`${lexer.kind} ${text.slice(lexer.start, lexer.end)}`);
  return tokens;
}

const stringOf = (literal: string) => new ProtoLexer(literal).content;

const kinds: readonly (readonly [fact: string, text: string, tokens: readonly string[]])[] = [
  ['nothing', '', []],
  ['blanks and comments alone', ' \t\v\f\r\n// a\n/* b\n * / */ // c', []],
  ['a comment that looks closed', '/*/ a */ b', ['word b']],
  ['an empty comment', 'a/**/b', ['word a', 'word b']],
  ['a string in a comment, a comment in a string', '// "\n"/*" \'//\'', [`string "/*"`, `string '//'`]],
  ['dots in a word', 'a.b.c', ['word a.b.c']],
  ['a dot before a word', '.a.b', ['word .a.b']],
  ['dots with blanks', 'a . b. c', ['word a', 'symbol .', 'word b', 'symbol .', 'word c']],
  ['two dots', 'a..b', ['word a', 'symbol .', 'word .b']],
  ['a dot before a digit', 'a.1 .5', ['word a', 'number .1', 'number .5']],
  [
    'numbers of all forms',
    '0 7 017 0x1F 1e5 1E-5 1.5e+3 1.',
    ['0', '7', '017', '0x1F', '1e5', '1E-5', '1.5e+3', '1.'].map((one) => `number ${one}`),
  ],
  ['a number that letters touch', '1a 0xG 5to', ['number 1a', 'number 0xG', 'number 5to']],
  ['a sign behind an e of a hex number', '0xE-1', ['number 0xE', 'symbol -', 'number 1']],
  ['what is no ASCII', 'aü\u00a0b', ['word a', 'symbol ü', 'symbol \u00a0', 'word b']],
  ['a character of two units', '😀a', ['symbol 😀', 'word a']],
  ['a NUL', 'a\0b', ['word a', 'symbol \0', 'word b']],
  ['invalid UTF-8, as it is read', Buffer.from([0x61, 0xff, 0x62]).toString(), ['word a', 'symbol \ufffd', 'word b']],
  ['adjacent strings', `"a"'b'"c"`, ['string "a"', "string 'b'", 'string "c"']],
  ['a quote of the other kind', `"'" '"'`, [`string "'"`, `string '"'`]],
];
for (const [fact, text, tokens] of kinds) {
  test(`${fact}: ${JSON.stringify(text)}`, (t) => t.deepEqual(tokensOf(text), tokens));
}

const strings: readonly (readonly [literal: string, bytes: string])[] = [
  ['\\a\\b\\f\\n\\r\\t\\v', '07080c0a0d090b'],
  ['\\\\\\?\\\'\\"', '5c3f2722'],
  ['\\0\\7\\77\\101\\1018', '00073f414138'],
  // A value beyond a byte keeps its low eight bits.
  ['\\377\\400\\777', 'ff00ff'],
  ['\\x4\\x41\\X4a\\x414', '04414a4134'],
  ['\\u0041\\u00e9\\u20ac', '41c3a9e282ac'],
  ['\\u00e9abcd\\U0001f600ab', 'c3a961626364f09f98806162'],
  // A pair of surrogates is one character.
  ['\\ud83d\\ude00', 'f09f9880'],
  ['\\u0041\\uD83D\\uDE00\\u0042', '41f09f988042'],
  ['\\U0001f600\\U0010ffff', 'f09f9880f48fbfbf'],
  ['é\\351', 'c3a9e9'],
  ['\\\\n\\\\x41', '5c6e5c783431'],
];
for (const [literal, bytes] of strings) {
  test(`the escapes of "${literal}"`, (t) => {
    const content = stringOf(`"${literal}"`);
    t.is(Buffer.from(content).toString('hex'), bytes);
  });
}

test('a string without escapes means what is written', (t) => {
  t.is(stringOf('"é /* x */"'), 'é /* x */');
});

const broken: readonly (readonly [text: string, offset: number, says: string])[] = [
  ['a /* b', 2, "expected a comment's end, found none"],
  ['/*/', 0, "expected a comment's end, found none"],
  ['a "b', 2, 'expected a closing quote, found none'],
  ['"b\n"', 0, 'expected a closing quote, found none'],
  ['"a\0"', 0, 'expected a closing quote, found none'],
  [`"b'`, 0, 'expected a closing quote, found none'],
  ['"a\\"', 0, 'expected a closing quote, found none'],
  ['"a\\', 2, "expected an escape such as \\n or \\x41, got '\\'"],
  ['"\\d"', 1, "expected an escape such as \\n or \\x41, got '\\d'"],
  ['"\\x"', 1, `expected an escape such as \\n or \\x41, got '\\x'`],
  ['"\\8"', 1, `expected an escape such as \\n or \\x41, got '\\8'`],
  ['"\\u12"', 1, `expected an escape such as \\n or \\x41, got '\\u'`],
  ['"\\U00110000"', 1, `expected an escape such as \\n or \\x41, got '\\U'`],
  ['"a\\\nb"', 2, 'expected an escape such as \\n or \\x41, got U+000A'],
  ['"\\é"', 1, 'expected an escape such as \\n or \\x41, got U+00E9'],
];
for (const [text, offset, says] of broken) {
  test(`${JSON.stringify(text)} is refused at ${offset}`, (t) => {
    const error = t.throws(() => tokensOf(text), { instanceOf: ProtoSyntaxError });
    t.deepEqual([error?.offset, error?.message], [offset, says]);
  });
}

const numbers: readonly (readonly [token: string, value: number | string | undefined])[] = [
  ['0', 0],
  ['00', 0],
  ['017', 15],
  ['0x1F', 31],
  ['0XfF', 255],
  ['9007199254740991', 9007199254740991],
  ['9007199254740993', '9007199254740993'],
  ['0xffffffffffffffff', '18446744073709551615'],
  ['01777777777777777777777', '18446744073709551615'],
  [`1${'0'.repeat(400)}`, Number.POSITIVE_INFINITY],
  ['08', undefined],
  ['0x', undefined],
  ['0xG', undefined],
  ['1a', undefined],
];
for (const [token, value] of numbers) {
  test(`${token.slice(0, 30)} is ${value} as a whole number`, (t) => t.is(integerOf(token), value));
}

const floats: readonly (readonly [token: string, value: number | undefined])[] = [
  ['.5', 0.5],
  ['1.', 1],
  ['1.5e-3', 0.0015],
  ['1E5', 100_000],
  ['08.5', 8.5],
  ['1e999', Number.POSITIVE_INFINITY],
  ['1.2.3', undefined],
  ['1e', undefined],
  ['1.5f', undefined],
  ['e5', undefined],
];
for (const [token, value] of floats) test(`${token} is ${value} as a number`, (t) => t.is(numberOf(token), value));

test('a look at the next token changes nothing', (t) => {
  const lexer = new ProtoLexer('a.b "\\n" 5');
  t.is(lexer.peek(), '"');
  t.like(lexer, { kind: 'word', token: 'a.b', dotted: true, start: 0, end: 3 });
  lexer.next();
  t.is(lexer.peek(), '5');
  t.deepEqual(lexer.content, Buffer.from('\n'));
});

test('the end stays the end, behind the last thing that is written', (t) => {
  const lexer = new ProtoLexer('a // b\n\n');
  lexer.next();
  lexer.next();
  t.like(lexer, { kind: 'end', token: '', start: 6 });
});

for (const [fact, text] of [
  ['digits', '1'.repeat(2_000_000)],
  ['dots', '.'.repeat(500_000)],
  ['escapes', `"${'\\x41'.repeat(500_000)}"`],
  ['code points', `"${'\\ud83d\\ude00\\u00e9'.repeat(100_000)}"`],
  ['letters', `${'a'.repeat(2_000_000)}!`],
  ['comments', '/**/'.repeat(500_000)],
  ['stars', `/*${'*'.repeat(2_000_000)}`],
] as const) {
  test(`many ${fact} take no more than their length`, (t) => {
    const begun = process.cpuUsage();
    try {
      for (const token of tokensOf(text)) numberOf(token.replace('number ', ''));
      if (text.startsWith('"')) t.true(stringOf(text).length > 0);
    } catch (error) {
      t.true(error instanceof ProtoSyntaxError);
    }
    const { user, system } = process.cpuUsage(begun);
    t.true(user + system < 3_000_000, `${user + system} µs of CPU`);
  });
}
