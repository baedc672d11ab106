/**
 * `npm run codec-fuzz -- [--schemas 500] [--messages 200] [--seed 1]`: draws schemas, and messages of each, and compares the
 * JSON that the codec writes with that of the reference writer. Then it reads this JSON back, as it is and changed, and
 * compares the results with those of the previous reader. Exits with 1 if anything differs, or if an error is not the client's.
 */
import { parseArgs } from 'node:util';
import { compareReaders, compareWriters, readBack } from './differential.js';

const { values } = parseArgs({
  options: {
    schemas: { type: 'string', default: '500' },
    messages: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
  },
});
const { same, refused, differences } = await compareWriters(
  Number(values.seed),
  Number(values.schemas),
  Number(values.messages),
);
process.stdout.write(
  `writing: ${same} equal texts, ${refused} messages that both refuse, ${differences.length} differences\n`,
);
const back = readBack(Number(values.seed), Number(values.schemas), Number(values.messages));
process.stdout.write(
  `reading: ${back.same} texts came back, ${back.refused} changed ones were refused, ${back.problems.length} problems\n`,
);
const readers = compareReaders(Number(values.seed), Number(values.schemas), Number(values.messages));
process.stdout.write(
  `reading as before: ${readers.same} equal messages, ${readers.refused} equal errors, ${readers.differences.length} differences\n`,
);
for (const difference of [...differences, ...back.problems, ...readers.differences].slice(0, 5))
  process.stdout.write(`${difference}\n`);
process.exitCode = differences.length + back.problems.length + readers.differences.length > 0 ? 1 : 0;
