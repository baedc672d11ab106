/** The list of error reasons holds what the code raises, and nothing else. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Code } from '../../src/status/code.js';
import { REASONS } from '../../src/status/reasons.js';
import { AUDITED_REASONS } from '../../src/telemetry/log-entries.js';

/** Reads the files in which errors are raised. The demo's services have reasons of their own. */
async function sources(): Promise<string> {
  const entries = await readdir('src', { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.startsWith(join('src', 'demo')) && path !== join('src', 'status', 'reasons.ts'));
  return (await Promise.all(files.map((path) => readFile(path, 'utf8')))).join('\n');
}

test('the code raises each reason of the list', async (t) => {
  const text = await sources();
  const unused = Object.keys(REASONS).filter((reason) => !text.includes(`'${reason}'`));
  t.deepEqual(unused, []);
});

test('the audit file gets each refusal of a caller', (t) => {
  const ofCallers = Object.entries(REASONS)
    .filter(([, { code }]) => code === Code.UNAUTHENTICATED || code === Code.PERMISSION_DENIED)
    .map(([reason]) => reason);
  // The reload that has removed the route is in the file itself.
  t.deepEqual([...AUDITED_REASONS, 'ROUTE_WITHDRAWN'].toSorted(), ofCallers.toSorted());
});
