/** Output that is not read or cannot be written: no command ends in a stack trace because of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import test from 'ava';
import { saySkipped } from '../support/commands.js';
import { protoFolder, sendTo } from '../support/gateway.js';
import { freePort } from '../support/ports.js';
import { protogateProcess } from '../support/run.js';
import { until } from '../support/until.js';

/** The output is longer than a pipe can hold. */
const BIG = `syntax = "proto3"; package a.v1; import "google/api/annotations.proto"; message Q {}
service S {${Array.from(
  { length: 3000 },
  (_, i) => `
  rpc M${i}(Q) returns (Q) { option (google.api.http) = { get: "/v1/a/long/way/to/nowhere/m${i}" }; }`,
).join('')} }`;

async function ended(child: ReturnType<typeof spawn>) {
  let stderr = '';
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stderr };
}

test('a reader that has read enough ends a command quietly', async (t) => {
  const folder = await protoFolder(t, BIG);
  for (const args of [['-h'], ['routes', '--protos', folder]]) {
    const child = spawn(...protogateProcess(args), { stdio: ['ignore', 'pipe', 'pipe'] });
    // The pipe breaks before anything is written, or after the first bytes.
    if (args[0] === '-h') child.stdout!.destroy();
    else child.stdout!.once('data', () => child.stdout!.destroy());
    t.deepEqual(await ended(child), { exitCode: 0, stderr: '' }, args[0]);
  }
});

const hasFull = existsSync('/dev/full');
if (!hasFull) saySkipped('there is no /dev/full: the tests of a full disk are SKIPPED');

(hasFull ? test : test.skip)('a full disk is one line and exit 1', async (t) => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(...protogateProcess(['config-schema']), { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  t.deepEqual(await ended(child), { exitCode: 1, stderr: 'error: standard output cannot be written: ENOSPC\n' });
});

(hasFull ? test : test.skip)(
  'a gateway serves with a full disk behind its output, and counts the lost lines',
  async (t) => {
    const folder = await protoFolder(t, BIG);
    const [port, adminPort] = [await freePort(), await freePort()];
    const full = openSync('/dev/full', 'w');
    const flags = ['--upstream', '127.0.0.1:1', '--port', String(port), '--admin-port', String(adminPort)];
    const child = spawn(...protogateProcess(['serve', '--protos', folder, ...flags]), {
      stdio: ['ignore', full, full],
    });
    closeSync(full);
    t.teardown(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    const ask = (on: number, path: string) =>
      sendTo(`http://127.0.0.1:${on}`, 'GET', path).catch(() => ({ status: 0, text: '' }));
    await until(async () => (await ask(adminPort, '/readyz')).status === 200, 'the gateway serves');
    t.is((await ask(port, '/nowhere')).status, 404);
    await until(async () => /^protogate_log_dropped_total [2-9]/m.test((await ask(adminPort, '/metrics')).text));
    child.kill('SIGTERM');
    t.deepEqual(await exited, [0, null]);
  },
);
