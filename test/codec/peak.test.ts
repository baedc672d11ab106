/** The memory that writing an answer needs at its peak. Each shape has a process of its own, because the peak is that of a process. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const MiB = 1 << 20;
/** The memory that the process needs for compiled code and for garbage that V8 has not collected yet. */
const HEAP = 24 * MiB;

const FLAGS = ['--max-semi-space-size=8'];

/** Each shape: 8 MiB of wire, or without TEST_ALL 4 MiB, whose JSON is larger than the limit, or about as large. */
for (const shape of [
  'packed enums with long names',
  'empty messages, defaults written',
  'two lists in turn',
  'wrappers',
  'a map of texts',
  'a map of numbers, each key twice',
  'a Struct',
]) {
  test(`${shape}: memory for at most four times the JSON, and for what came`, async (t) => {
    const program = fileURLToPath(new URL('./peak-of-shape.js', import.meta.url));
    const { stdout: answer } = await promisify(execFile)(process.execPath, [...FLAGS, program, shape]);
    const { grown, wire, written, limit, status } = JSON.parse(answer) as Record<string, number>;
    const most = 4 * Math.min(limit!, written || limit!) + wire! + HEAP;
    t.true(status === 200 || status === 502);
    t.true(grown! < most, `${Math.round(grown! / MiB)} of ${Math.round(most / MiB)} MiB, HTTP ${status}`);
  });
}
