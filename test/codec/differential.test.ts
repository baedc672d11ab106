/**
 * The codec writes the same JSON as the reference writer, and reads the same bytes as the reference reader, for drawn schemas
 * and messages. `npm run codec-fuzz` compares more of them.
 */
import test from 'ava';
import { casesOf } from '../support/draws.js';
import { compareReaders, compareWriters, readBack } from './differential.js';
import { judgeMemory } from './memory.js';
import { compareWithOracles } from './oracles.js';

test('wire → JSON: drawn messages of drawn schemas, in order, out of order, split and broken, as the reference', async (t) => {
  const { same, refused, differences } = await compareWriters(1, casesOf(20), 60);
  t.deepEqual(differences, []);
  t.log(`${same} equal texts, ${refused} messages that both refuse`);
  t.true(same > casesOf(800) && refused > casesOf(50));
});

test('drawn messages come back as the same JSON, and changed JSON is read or refused with 400', async (t) => {
  const { same, refused, problems } = await readBack(1, casesOf(20), 30);
  t.deepEqual(problems, []);
  t.log(`${same} texts came back, ${refused} changed ones were refused`);
  t.true(same > casesOf(300) && refused > casesOf(150));
});

test('JSON → wire: drawn texts, whole, changed and reordered, come to the bytes and errors of the previous reader', async (t) => {
  const { same, refused, differences } = await compareReaders(1, casesOf(20), 30);
  t.deepEqual(differences, []);
  t.log(`${same} equal messages, ${refused} equal errors`);
  t.true(same > casesOf(500) && refused > casesOf(300));
});

test('both directions: drawn messages of drawn schemas, in order, out of order and split, as two independent codecs', (t) => {
  const counts = Object.values(compareWithOracles(1, casesOf(20), 12));
  t.is(counts.length, 2);
  for (const { same, differences } of counts) {
    t.deepEqual(differences, []);
    t.true(same > casesOf(300));
  }
});

test.serial('both directions need at most 1 MiB and 100 bytes for each byte of the input', (t) => {
  const { done, refused, findings } = judgeMemory(1, 10, 10);
  t.deepEqual(findings, []);
  t.log(`${done} inputs, ${refused} refused`);
  t.true(done > 50 && refused > 50);
});
