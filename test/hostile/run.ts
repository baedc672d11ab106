/**
 * `npm run hostile [-- FAMILY]`: sends every request of the hostile table to real gateways, and lets every bad upstream
 * answer. Prints how many cases each family has, and what is wrong. Exits with 1 if something is. FAMILY: a part of the name
 * of a family.
 */
import { startedHere } from '../support/started-here.js';
import { FAMILIES, tryTable } from './table.js';

const part = process.argv[2] ?? '';
const families = FAMILIES.filter(({ name }) => name.includes(part));
const { teardown, end } = startedHere();
const begunAt = performance.now();
const { counts, wrong } = await tryTable(
  { teardown },
  {
    families,
    each: 1,
    onFamily(name, count, bad, ms) {
      const verdict = bad === 0 ? 'ok   ' : 'WRONG';
      process.stdout.write(
        `${verdict} ${name.padEnd(44)} ${String(count).padStart(5)} cases  ${(ms / 1000).toFixed(1)} s\n`,
      );
    },
  },
);
for (const { family, fact, verdict } of wrong) process.stdout.write(`${family} · ${fact}: ${verdict}\n`);
const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
const seconds = ((performance.now() - begunAt) / 1000).toFixed(1);
process.stdout.write(`${all} cases, ${wrong.length} wrong, in ${seconds} s\n`);
await end();
process.exit(wrong.length > 0 || all === 0 ? 1 : 0);
