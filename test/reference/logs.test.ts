/** docs/logs.md and the lists that it is written from. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { LOG_ENTRIES, LOG_FIELDS } from '../../src/telemetry/log-entries.js';
import { ROOT } from '../support/run.js';

/** Reads the files that write to the log. */
async function writers(): Promise<string> {
  const entries = await readdir('src', { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  const texts = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')));
  return texts.filter((text) => /(?:telemetry|\.)\/(?:log(?:-entries)?|request-line)\.js'/.test(text)).join('\n');
}

test('the code writes each entry of the list', async (t) => {
  const text = await writers();
  t.deepEqual(
    Object.keys(LOG_ENTRIES).filter((entry) => !text.includes(`'${entry}'`)),
    [],
  );
});

test('the code writes each field of the list', async (t) => {
  const text = await writers();
  t.deepEqual(
    Object.keys(LOG_FIELDS).filter((field) => !new RegExp(`[{,\\s]${field}[:,\\s]`).test(text)),
    [],
  );
});

/** The line of a request is text, so that the compiler does not see its fields. */
test('the list has each field of the line of a request', async (t) => {
  const text = await readFile('src/telemetry/request-line.ts', 'utf8');
  const [, body = ''] = /export function requestLine[^{]*\{([\s\S]*?)\n\}/.exec(text) ?? [];
  const written = [...body.matchAll(/"(\w+)":/g)].map(([, field = '']) => field);
  t.true(written.length > 20, `only ${written}`);
  t.deepEqual(
    written.filter((field) => !Object.hasOwn(LOG_FIELDS, field)),
    ['level', 'time', 'msg'],
  );
});

test('the sample of docs/logs.md has fields of the list only', async (t) => {
  const page = await readFile(join(ROOT, 'docs/logs.md'), 'utf8');
  const [, sample = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  const { level, time, msg, ...fields } = JSON.parse(sample) as Record<string, unknown>;
  t.is(level, LOG_ENTRIES[msg as keyof typeof LOG_ENTRIES].level);
  t.regex(String(time), /^\d{4}-\d\d-\d\dT/);
  t.deepEqual(
    Object.keys(fields).filter((field) => !Object.hasOwn(LOG_FIELDS, field)),
    [],
  );
});
