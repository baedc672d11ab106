/**
 * The generated parts of the reference pages. A page has the text around them:
 *
 *     <!-- begin: reasons -->
 *     …the table, written by `npm run docs`…
 *     <!-- end: reasons -->
 */
import { configBlocks } from './config-parts.js';
import { diffAndBufTable, diffChangeTable, versionPairTable } from './diff-parts.js';
import { codeTable, reasonTable } from './errors-parts.js';
import { logEntryTable, logFieldTable } from './logs-parts.js';
import { metricTable } from './metrics-parts.js';

/** Functions by page and by the name of a part. Each returns the text between the comments. */
export const PARTS: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/configuration.md': { blocks: configBlocks },
  'docs/diff.md': { pairs: versionPairTable, changes: diffChangeTable, buf: diffAndBufTable },
  'docs/errors.md': { codes: codeTable, reasons: reasonTable },
  'docs/logs.md': { entries: logEntryTable, fields: logFieldTable },
  'docs/metrics.md': { metrics: metricTable },
};

/** The first line of each page that has generated parts. */
export const FIRST_LINE = '<!-- `npm run docs` writes the parts between "begin" and "end" from lists in the code. -->';

const PART = /(<!-- begin: (\S+) -->\n)([\s\S]*?)(<!-- end: \2 -->)/g;

/** Returns the page with its parts written anew. Throws for a part that the page has and the list does not, or vice versa. */
export function fillParts(page: string, text: string): string {
  const parts = PARTS[page] ?? {};
  const found = [...text.matchAll(PART)].map(([, , name = '']) => name);
  const names = Object.keys(parts);
  if (found.join() !== names.join()) throw new Error(`${page}: expected the parts ${names}, got ${found}`);
  return text.replace(PART, (_, begin: string, name: string, _before: string, end: string) => {
    return `${begin}\n${parts[name]!()}\n${end}`;
  });
}
