/**
 * `npm run codec-fuzz -- [--schemas 500] [--messages 200] [--seed 1]`: draws schemas, and messages of each, and compares the
 * JSON that the codec writes with that of the reference writer. Then it reads this JSON back, as it is and changed, and
 * compares the results with those of the previous reader. With `--oracles` it compares the codec with @bufbuild/protobuf and
 * `ext/protojson` instead, and with `--memory` it judges the memory that both directions need for inputs of up to 64 KiB. Exits with 1 if anything differs, or if an error is not the client's.
 */
import { parseArgs } from 'node:util';
import { compareReaders, compareWriters, readBack } from './differential.js';
import { judgeMemory } from './memory.js';
import { compareWithOracles } from './oracles.js';

const { values } = parseArgs({
  options: {
    schemas: { type: 'string', default: '500' },
    messages: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    oracles: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
  },
});
const [seed, schemas, messages] = [values.seed, values.schemas, values.messages].map(Number) as [
  number,
  number,
  number,
];
const differences = values.memory ? ofMemory() : values.oracles ? withOracles() : await withReferences();
for (const difference of differences.slice(0, 5)) process.stdout.write(`${difference.slice(0, 4000)}\n`);
process.exitCode = differences.length > 0 ? 1 : 0;

function ofMemory(): string[] {
  const { done, refused, mostPerByte, findings } = judgeMemory(seed, schemas, messages);
  process.stdout.write(
    `memory: ${done} inputs converted, ${refused} refused, at most ${mostPerByte.toFixed(1)} bytes for each byte ` +
      `besides the first MiB, ${findings.length} findings\n`,
  );
  return findings;
}

function withOracles(): string[] {
  const counts = Object.entries(compareWithOracles(seed, schemas, messages));
  for (const [name, { same, refused, oracleRefused, disputed, differences }] of counts) {
    process.stdout.write(
      `${name}: ${same} equal results, ${refused} that both refuse, ${oracleRefused} that only it refuses, ` +
        `${disputed} in which @bufbuild/protobuf agrees with the codec, ${differences.length} differences\n`,
    );
  }
  return counts.flatMap(([, { differences }]) => differences);
}

async function withReferences(): Promise<string[]> {
  const { same, refused, differences } = await compareWriters(seed, schemas, messages);
  process.stdout.write(
    `writing: ${same} equal texts, ${refused} messages that both refuse, ${differences.length} differences\n`,
  );
  const back = await readBack(seed, schemas, messages);
  process.stdout.write(
    `reading: ${back.same} texts came back, ${back.refused} changed ones were refused, ${back.problems.length} problems\n`,
  );
  const readers = await compareReaders(seed, schemas, messages);
  process.stdout.write(
    `reading as before: ${readers.same} equal messages, ${readers.refused} equal errors, ${readers.differences.length} differences\n`,
  );
  return [...differences, ...back.problems, ...readers.differences];
}
