/**
 * `npm run codec-fuzz -- [--schemas 500] [--messages 200] [--seed 1]`: draws schemas, and messages of each, and compares the
 * JSON that the codec writes with that of the reference writer. Exits with 1 if they differ.
 */
import { parseArgs } from 'node:util';
import { compareWriters } from './differential.js';

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
for (const difference of differences.slice(0, 5)) process.stdout.write(`${difference}\n`);
process.exitCode = differences.length > 0 ? 1 : 0;
