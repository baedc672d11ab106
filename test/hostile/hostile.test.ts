/** A small part of the hostile table: every so many cases of each family. `npm run hostile` tries all of them. */
import test from 'ava';
import { startedHere } from '../support/started-here.js';
import { patience } from './family.js';
import { FAMILIES, tryTable } from './table.js';

/** Another prime than the lengths of the tables have, so that each kind of neighbour is among them. */
const EACH = 47;

test('a part of the hostile table: each case gets its answer, and nothing that is refused reaches an upstream', async (t) => {
  t.timeout(120_000);
  patience.ms = 20_000;
  const { teardown, end } = startedHere();
  t.teardown(end);
  const { counts, wrong } = await tryTable({ teardown }, { families: FAMILIES, each: EACH });
  t.log(`${[...counts.values()].reduce((sum, count) => sum + count, 0)} cases of ${counts.size} families`);
  t.deepEqual(wrong, []);
  for (const [family, count] of counts) t.true(count > 0, family);
});
