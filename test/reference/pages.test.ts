/** The reference pages say what the code says. `npm run docs` writes their generated parts. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createMetrics, createReloadMetrics } from '../../src/telemetry/metrics.js';
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

test('each metric that a page names exists', async (t) => {
  const { registry } = createMetrics();
  createReloadMetrics(registry);
  const metrics = new Set(registry.getMetricsAsArray().map((metric) => metric.name));
  const folder = join(ROOT, 'docs');
  for (const page of (await readdir(folder)).filter((name) => name.endsWith('.md'))) {
    const text = await readFile(join(folder, page), 'utf8');
    for (const [name] of text.matchAll(/\bprotogate_\w+/g))
      t.true(metrics.has(name.replace(/_(?:bucket|count)$/, '')) || metrics.has(name), `${page}: ${name}`);
  }
});
