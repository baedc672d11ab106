/** The tables of docs/http-mapping.md say what the code does. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Code } from '../src/status/code.js';
import { codeToHttpStatus } from '../src/status/http.js';
import { tableOf } from './routing/route-lines.js';
import { ROOT } from './support/run.js';

const text = readFileSync(join(ROOT, 'docs/http-mapping.md'), 'utf8');

/** The rows of the table below a heading, without its first two lines; cells without backticks. */
function rowsBelow(heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}

/** `parent = documents/a/b, id = c` → the values. An empty value is written as `empty`. */
function valuesOf(gives: string): string[] {
  if (!gives.includes('=')) return [];
  return gives.split(/, (?=\w+ =)/).map((one) => one.slice(one.indexOf('=') + 2));
}

test('each path of the table of templates matches and gives what the table says', (t) => {
  const rows = rowsBelow('Path templates');
  t.true(rows.length >= 8);
  for (const [template = '', paths = '', gives = ''] of rows) {
    const { table } = tableOf([`GET ${template}`]);
    const all = paths.split(', ');
    for (const [index, path] of all.entries()) {
      const expected = all.length === 1 ? valuesOf(gives) : [valuesOf(gives)[0]!.split(', ')[index]!];
      const found = table.match('GET', path);
      t.deepEqual(
        found.kind === 'found' ? found.captures : found.kind,
        expected.map((value) => (value === 'empty' ? '' : value)),
        `${template} ${path}`,
      );
    }
  }
});

test('the table of errors has every gRPC code, with its HTTP status', (t) => {
  const rows = rowsBelow('Errors').flatMap(([codes = '', status = '']) =>
    codes.split(', ').map((code) => [code, Number(status)] as const),
  );
  const codes = Object.values(Code).filter((code) => typeof code === 'number');
  t.deepEqual(
    new Map(rows.toSorted()),
    new Map(codes.map((code) => [Code[code], codeToHttpStatus(code)] as const).toSorted()),
  );
});
