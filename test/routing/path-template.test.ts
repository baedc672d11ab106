import test from 'ava';
import { parsePathTemplate, TemplateError } from '../../src/routing/path-template.js';

const REFUSED: readonly (readonly [template: string, column: number, expected: string, found: string])[] = [
  ['', 1, "'/'", 'the end'],
  ['v1', 1, "'/'", "'v'"],
  ['*', 1, "'/'", "'*'"],
  ['//', 2, 'a segment', "'/'"],
  ['/v1//a', 5, 'a segment', "'/'"],
  ['/v1/', 5, 'a segment', 'the end'],
  ['/v1/{a}/', 9, 'a segment', 'the end'],
  ['/:verb', 2, 'a segment (write a variable as {name})', "':'"],
  ['/v1/:id/items', 5, 'a segment (write a variable as {name})', "':'"],
  ['/v1/:verb', 5, 'a segment (write a variable as {name})', "':'"],
  ['/v1/{name/books}', 10, "'}'", "'/'"],
  ['/v1/{name', 10, "'}'", 'the end'],
  ['/v1/{name=a', 12, "'}'", 'the end'],
  ['/v1/{name=}', 11, 'a segment', "'}'"],
  ['/v1/{name=/a}', 11, 'a segment', "'/'"],
  ['/v1/{name=a/}', 13, 'a segment', "'}'"],
  ['/v1/{}', 6, 'a field name', "'}'"],
  ['/v1/{=*}', 6, 'a field name', "'='"],
  ['/v1/{a..b}', 8, 'a field name', "'.'"],
  ['/v1/{a.}', 8, 'a field name', "'}'"],
  ['/v1/{.a}', 6, 'a field name', "'.'"],
  ['/v1/{1a}', 6, 'a field name', "'1'"],
  ['/v1/{a b}', 7, "'}'", "' '"],
  ['/v1/{[pkg.ext]}', 6, 'a field name', "'['"],
  ['/v1/{a={b}}', 8, 'a segment without a variable inside of {a}', "'{'"],
  ['/v1/{a=x/{b}}', 10, 'a segment without a variable inside of {a}', "'{'"],
  ['/v1/{a=x:y}', 9, "'/' or '}' (write a literal colon as %3A)", "':'"],
  ['/v1/{a}/{a}', 10, 'a variable that is not used yet', "'a' again"],
  ['/v1/{a.b}/{a.b=**}', 12, 'a variable that is not used yet', "'a.b' again"],
  ['/v1/{a}b', 8, "'/', ':' or the end", "'b'"],
  ['/v1/a{b}', 6, "'/', ':' or the end", "'{'"],
  ['/v1/a}', 6, "'/', ':' or the end", "'}'"],
  ['/v1/*a', 6, "'/', ':' or the end", "'a'"],
  ['/v1/a*', 6, "'/', ':' or the end", "'*'"],
  ['/v1/***', 7, "'/', ':' or the end", "'*'"],
  ['/v1/**/a/**', 10, 'at most one **', 'another **'],
  ['/v1/{a=**}/{b=**}', 15, 'at most one **', 'another **'],
  ['/v1/a:', 7, 'a verb', 'the end'],
  ['/v1/*:', 7, 'a verb', 'the end'],
  ['/v1/*:a:', 9, 'a verb', 'the end'],
  ['/v1/*::a', 7, 'a verb', "':'"],
  ['/v1/*:a::b', 9, 'a verb', "':'"],
  ['/v1/a:b:', 9, 'a verb', 'the end'],
  ['/v1/{a}:b/c', 10, 'the end', "'/'"],
  ['/v1/*:*', 7, 'a verb', "'*'"],
  ['/v1/*:{v}', 7, 'a verb', "'{'"],
  ['/v1/a?b=c', 6, "'/', ':' or the end", "'?'"],
  ['/v1/a#b', 6, "'/', ':' or the end", "'#'"],
  ['/v1/a b', 6, "'/', ':' or the end", "' '"],
  ['/v1/a\tb', 6, "'/', ':' or the end", "'\t'"],
  ['/v1/bücher', 6, "'/', ':' or the end", "'ü'"],
  ['/v1/😀', 5, 'a segment', "'😀'"],
  ['/v1/a%', 6, "two hex digits after '%'", "'%'"],
  ['/v1/a%4', 6, "two hex digits after '%'", "'%4'"],
  ['/v1/a%4g/b', 6, "two hex digits after '%'", "'%4g'"],
  ['/v1/%ff', 5, 'percent-encoded UTF-8', "'%ff'"],
  ['/v1/./a', 5, 'a segment', "the dot segment '.'"],
  ['/v1/../a', 5, 'a segment', "the dot segment '..'"],
  ['/v1/%2e%2E', 5, 'a segment', "the dot segment '%2e%2E'"],
  ['/v1/{a=..}', 8, 'a segment', "the dot segment '..'"],
];

for (const [template, column, expected, found] of REFUSED) {
  test(`refused: ${JSON.stringify(template)} at ${column}`, (t) => {
    const error = t.throws(() => parsePathTemplate(template), { instanceOf: TemplateError });
    t.deepEqual([error.column, error.expected, error.found], [column, expected, found]);
    t.is(error.message, `path template: expected ${expected}, got ${found}`);
  });
}

/**
 * Each row has the template, its shape, and its variables as `path@start-end`, with a `+` for a variable of several
 * segments.
 */
const ACCEPTED: readonly (readonly [template: string, shape: string, variables: string])[] = [
  ['/', '/', ''],
  ['/v1', '/v1', ''],
  ['/v1/*', '/v1/*', ''],
  ['/**', '/**', ''],
  ['/v1/{id}', '/v1/*', 'id@1-2'],
  ['/v1/{id=*}', '/v1/*', 'id@1-2'],
  ['/v1/{id=**}', '/v1/**', 'id@1-2+'],
  ['/v1/{id=fixed}', '/v1/fixed', 'id@1-2'],
  ['/v1/{a.b_c.d2=x/*/y/**}', '/v1/x/*/y/**', 'a.b_c.d2@1-5+'],
  ['/v1/{name=shelves/*}/books/{book}:read', '/v1/shelves/*/books/*:read', 'name@1-3+ book@4-5'],
  ['/v1/{parent=documents/**}/{collection_id}', '/v1/documents/**/*', 'parent@1-3+ collection_id@3-4'],
  ['/{name=**}/log:tail', '/**/log:tail', 'name@0-1+'],
  ['/v1/a:b', '/v1/a:b', ''],
  ['/v1/a:b:c', '/v1/a:b:c', ''],
  ['/v1/a%3Ab:c', '/v1/a%3Ab:c', ''],
  ['/v1/{id}:export:cancel', '/v1/*:export:cancel', 'id@1-2'],
  ['/v1/*:a%3Ab', '/v1/*:a:b', ''],
  ['/v1/a:b/c', '/v1/a%3Ab/c', ''],
  ['/v1/a%3ab', '/v1/a%3Ab', ''],
  ['/v1/*:%63ancel', '/v1/*:cancel', ''],
  ['/v1/%61%7e', '/v1/a~', ''],
  ['/v1/%2a', '/v1/%2A', ''],
  ['/v1/a%2fb', '/v1/a%2Fb', ''],
  ["/v1/$&'()+,;=@!", '/v1/%24%26%27%28%29%2B%2C%3B%3D%40%21', ''],
  ['/v1/b%c3%bccher', '/v1/b%C3%BCcher', ''],
  ['/v1/...', '/v1/...', ''],
  ['/v1/{__proto__}', '/v1/*', '__proto__@1-2'],
];

for (const [text, shape, variables] of ACCEPTED) {
  test(`accepted: '${text}'`, (t) => {
    const template = parsePathTemplate(text);
    t.is(template.shape, shape);
    const found = template.variables.map((v) => `${v.fieldPath}@${v.start}-${v.end}${v.severalSegments ? '+' : ''}`);
    t.is(found.join(' '), variables);
    t.is(template.text, text);
  });
}

test("a variable's column is that of its field path", (t) => {
  const template = parsePathTemplate('/v1/{a.b=x/*}/{c}');
  t.deepEqual(
    template.variables.map(({ column }) => column),
    [6, 16],
  );
});

test('a template has at most 1000 segments, because a deeper table of routes could not be built', (t) => {
  t.is(parsePathTemplate('/a'.repeat(1000)).segments.length, 1000);
  const { column, message } = t.throws(() => parsePathTemplate('/a'.repeat(1001)), { instanceOf: TemplateError });
  t.is(column, 2002);
  t.is(message, 'path template: expected at most 1000 segments, got more');
});
