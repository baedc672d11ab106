/** A gateway that npx has started ends with it, because npx passes no signal on. */
import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { afterNpx } from '../../src/process/npx-parent.js';
import { handClock } from '../support/clock.js';
import { protoFolder } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { protogateProcess } from '../support/run.js';

const NPX = { npm_lifecycle_event: 'npx', npm_lifecycle_script: "'protogate'" };

function look(env: NodeJS.ProcessEnv) {
  const clock = handClock();
  const seen = { parent: 7, gone: 0 };
  const stop = afterNpx(clock, () => seen.gone++, { env, parentId: () => seen.parent }, 7);
  return { clock, seen, stop };
}

test('the end of the shell of npx is noticed once', (t) => {
  const { clock, seen } = look(NPX);
  clock.advance(10_000);
  t.is(seen.gone, 0);
  seen.parent = 1;
  clock.advance(10_000);
  t.is(seen.gone, 1);
});

test('a process that drains, or that was not started by npx protogate, may outlive its parent', (t) => {
  const draining = look(NPX);
  draining.clock.advance(600);
  draining.stop();
  draining.seen.parent = 1;
  draining.clock.advance(10_000);
  t.is(draining.seen.gone, 0);
  const others: NodeJS.ProcessEnv[] = [
    {},
    { ...NPX, npm_lifecycle_event: 'start' },
    { ...NPX, npm_lifecycle_script: 'ava' },
    { ...NPX, npm_lifecycle_script: 'protogate-tools' },
  ];
  for (const env of others) {
    const { clock, seen } = look(env);
    seen.parent = 1;
    clock.advance(10_000);
    t.is(seen.gone, 0, JSON.stringify(env));
    t.is(clock.pending, 0);
  }
});

test('a gateway drains when the shell in which npx has started it is killed', async (t) => {
  const folder = await protoFolder(t, LIBRARY);
  const config = join(await mkdtemp(join(tmpdir(), 'protogate-')), 'c.yaml');
  await writeFile(config, 'version: 1\ndrain: { grace: 0s, timeout: 0s }\nlog: { format: json }\n');
  const flags = ['-c', config, '--protos', folder, '--upstream', '127.0.0.1:1', '--port', '0', '--admin-port', '0'];
  const [command, args] = protogateProcess(['serve', ...flags]);
  const shell = spawn('sh', ['-c', '"$0" "$@" 2>&1; exit 1', command, ...args], { env: { ...process.env, ...NPX } });
  const all = text(shell.stdout);
  shell.stdout.on('data', (line) => void (String(line).includes('listening on') && shell.kill('SIGTERM')));
  // The output ends when the gateway has ended, because the shell ends before it.
  t.regex(await all, /"signal":"SIGTERM","msg":"draining"}\n.*"durationMs":\d+,"msg":"stopped"}\n$/);
});
