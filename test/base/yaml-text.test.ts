/** `parseYaml`: each mistake gives one problem at its place, in a text that says what was expected. */
import test from 'ava';
import { parseYaml } from '../../src/base/yaml-text.js';

function problemsOf(text: string): readonly string[] {
  const { problems, lines } = parseYaml(text);
  return problems.map((problem) => {
    const { line, col } = lines.linePos(problem.offset);
    return `${line}:${col} ${problem.text}`;
  });
}

const mistakes: readonly (readonly [fact: string, text: string, ...problems: string[]])[] = [
  ['a bracket without its end', 'a: 1\nb: { c: [d }\n', '2:9 expected ] for this [, got none'],
  ['a brace without its end', 'a: { b: 1\nc: 2\nd: {}\n', '1:4 expected } for this {, got none'],
  ['JSON without its last brace', '{"a": {"b": [1]}, "c": 2', '1:1 expected } for this {, got none'],
  ['a bracket in a text', 'a: "{[" \nb: x{y\nc: [1\n', '3:4 expected ] for this [, got none'],
  ['a quote without its end', 'a: 1\nb: { c: "x:1 }\nd: "e"\nf: g\n', '2:9 expected another " for this ", got none'],
  ['the last quote without its end', 'a: "b"\nc: "d\ne: f\n', '2:4 expected another " for this ", got none'],
  ['an apostrophe in apostrophes', "a: 'it's'\n", '1:8 expected no more text behind this value, got some'],
  ['a closing bracket too many', 'a: [b]]\n', "1:7 expected no ']' here, because no '[' is open"],
  ['a missing comma', 'a: ["b" "c"]\n', "1:9 expected ',' or ':' before this value, got none"],
  ['a comma too many', 'a: [b,,c]\n', "1:7 expected a value, got ','"],
  ['a tab as indentation', 'a:\n\tb: 1\n', '2:1 expected spaces at the beginning of the line, got a tab'],
  [
    'two colons in a line',
    'a: b: c\n',
    "1:4 expected one value, got a second ': ' in the line; a text that contains ': ' needs quotes",
  ],
  [
    'two colons in braces',
    'a: { b: c: d }\n',
    "1:9 expected ',' or the closing bracket after this value, got more; a text that contains ': ' needs quotes",
  ],
  ['a key without a colon', 'a: 1\nb\nc: 2\n', "2:1 expected ': ' and a value after this key, got none"],
  ['a colon without a space', 'a:1\nb: 2\n', "1:1 expected 'key: value' in one line, got no ': ' in this line"],
  [
    'an indentation of its own',
    'a:\n  b: 1\n c: 2\n',
    '3:1 expected the same indentation as the keys before, got another one',
  ],
  ['items beside keys', 'a:\n  - b\nc: 1\n- d\n', "4:1 expected 'key: value' in one line, got no ': ' in this line"],
  [
    'a lonely star',
    'a: *\n',
    '1:4 expected a name after * or &, got none; a text that begins with * or & needs quotes',
  ],
  ['an @', 'a: @b\n', '1:4 expected quotes around a text that begins with this character, got none'],
  [
    'a path of Windows in quotes',
    'a: "C:\\logs"\n',
    "1:7 expected an escape such as \\n, got another one; write \\\\ for a backslash, or use ''",
  ],
  ['a tag', 'a: !b c\n', "1:4 expected no such tag; a text that begins with '!' needs quotes"],
  ['a second document', 'a: 1\n---\nb: 2\n', '2:1 expected one document, got a second one'],
  [
    'keys twice, which are told one by one',
    'a: 1\na: 2\nb: { c: 1, c: 2 }\n',
    '2:1 expected each key once, got this key again',
    '3:12 expected each key once, got this key again',
  ],
  [
    'keys twice before a syntax error',
    'a: 1\na: 2\nb: @\n',
    '3:4 expected quotes around a text that begins with this character, got none',
  ],
  [
    'bytes of Latin-1',
    `a: 1\nb: caf${Buffer.from([0xe9]).toString()}\n`,
    '2:7 expected text in UTF-8, got other bytes',
  ],
  ['UTF-16', Buffer.from([0xff, 0xfe, 0x61, 0, 0x3a, 0]).toString(), '1:1 expected text in UTF-8, got other bytes'],
  [
    'a web page',
    '<!DOCTYPE html>\n<html><head><title>404: Not Found</title></head>\n<p class="a">Not: here</p>\n</html>\n',
    "1:1 expected 'key: value' in one line, got no ': ' in this line",
  ],
  [
    'a page in Markdown',
    '# Title\n\nSome *text* with `code`: and more.\n\n- a list: of things\n\n> quote\n',
    '4:1 expected keys or a list, got both at the same indentation',
  ],
];

for (const [fact, text, ...problems] of mistakes) {
  test(`${fact}: ${problems.length === 1 ? 'one problem' : 'a problem for each'} at its place`, (t) => {
    t.deepEqual(problemsOf(text), problems);
  });
}

for (const [fact, text] of [
  ['a byte order mark', '\uFEFFa: 1\n'],
  ['lines that end as on Windows', 'a: 1\r\nb: [c]\r\n'],
  ['JSON', '{"a": {"b": [1, "}"]}}'],
  ['nothing', ''],
] as const) {
  test(`${fact}: no problem`, (t) => t.deepEqual(problemsOf(text), []));
}
