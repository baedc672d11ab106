/** `npm run docs`: writes the generated parts of the reference pages. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../support/run.js';
import { DASHBOARD_FILE, dashboardText } from './dashboard.js';
import { fillParts, PARTS } from './parts.js';

for (const page of Object.keys(PARTS)) {
  const file = join(ROOT, page);
  const text = await readFile(file, 'utf8');
  const filled = fillParts(page, text);
  if (filled === text) continue;
  await writeFile(file, filled);
  process.stdout.write(`${page}\n`);
}

await writeFile(join(ROOT, DASHBOARD_FILE), dashboardText());
