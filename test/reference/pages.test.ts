/** The reference pages say what the code says. `npm run docs` writes their generated parts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ROOT } from '../support/run.js';
import { FIRST_LINE, fillParts, PARTS } from './parts.js';

const MAX_CELL_CHARS = 200;

for (const page of Object.keys(PARTS)) {
  test(`the generated parts of ${page} are up to date`, async (t) => {
    const text = await readFile(join(ROOT, page), 'utf8');
    t.true(text.startsWith(`${FIRST_LINE}\n`), 'first line');
    t.true(fillParts(page, text) === text, `${page}: run npm run docs`);
  });

  test(`no cell of a table in ${page} is longer than ${MAX_CELL_CHARS} characters`, async (t) => {
    const text = await readFile(join(ROOT, page), 'utf8');
    const cells = text
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .flatMap((line) => line.split(/(?<!\\)\|/))
      .map((cell) => cell.trim());
    t.deepEqual(
      cells.filter((cell) => cell.length > MAX_CELL_CHARS),
      [],
    );
  });
}
