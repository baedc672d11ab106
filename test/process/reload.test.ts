/** SIGHUP reloads a running gateway, with one process and with workers. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import test from 'ava';
import { afterAll, protoFolder, sendTo, type Teardown } from '../support/gateway.js';
import { freePort } from '../support/ports.js';
import { childrenOf } from '../support/processes.js';
import { protogateProcess, ROOT, serving } from '../support/run.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

const proto = (path: string) => `syntax = "proto3";
package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; }
message Reply { string text = 1; }
service Notes {
  rpc Get(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/${path}/{id}" }; }
  rpc Limited(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/limited/{id}" };
    option (protogate.v1.policy) = { rate_limits: { limit: 5 period: { seconds: 3600 } } };
  }
}`;

const CONFIG = `version: 1
schema: { protos: [protos] }
listen: { port: 0 }
`;

async function start(t: Teardown, workers: string, more: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const upstream = await startUpstream(proto('notes'), { Get: { message: { text: 'yes' } } });
  const folder = await protoFolder(t, { 'protos/notes.proto': proto('notes') });
  const adminPort = await freePort();
  const config = join(folder, 'protogate.yaml');
  const writeConfig = (extra = '', drain = 'drain: { grace: 0s, timeout: 2s }') =>
    writeFile(config, `${CONFIG}${drain}\nupstreams: { notes: { target: "${upstream.target}" } }\n${extra}`);
  await writeConfig();
  const flags = ['--admin-port', String(adminPort), '--workers', workers, ...more];
  const server = await serving(['serve', '--config', config, ...flags], { env });
  t.teardown(async () => {
    await server.stop();
    await upstream.close();
  });
  const admin = (path: string) => sendTo(`http://127.0.0.1:${adminPort}`, 'GET', path);
  const status = async (path: string) => (await sendTo(server.url, 'GET', path)).status;
  const count = (text: string) => server.stderr().split(`"msg":"${text}`).length - 1;
  /** Sends SIGHUP and waits until the log says that the reload was taken or refused. */
  const reload = async (outcome: 'reloaded' | 'reload refused') => {
    const before = count(outcome);
    process.kill(server.pid, 'SIGHUP');
    if (!(await until(() => count(outcome) > before))) throw new Error(`not ${outcome}: ${server.stderr()}`);
  };
  return { ...server, upstream, folder, config, writeConfig, admin, status, reload, count };
}

const all = afterAll(test);
const shared = new Map<string, ReturnType<typeof start>>();

/** Returns the gateway that the tests share which only reload it. Its protos and config are the first ones when they begin. */
async function started(workers: string): ReturnType<typeof start> {
  const before = shared.get(workers);
  if (before === undefined) {
    shared.set(workers, start(all, workers));
    return shared.get(workers)!;
  }
  const server = await before;
  await server.writeConfig();
  await writeFile(join(server.folder, 'protos/notes.proto'), proto('notes'));
  await server.reload('reloaded');
  return server;
}

for (const workers of ['1', '2']) {
  // The first one of those that share the gateway: it counts what has happened so far.
  test.serial(
    `SIGHUP takes new protos and a new config, and keeps connections and counts: workers ${workers}`,
    async (t) => {
      const { folder, admin, status, reload, writeConfig, upstream, url } = await started(workers);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.teardown(() => agent.destroy());
      for (let i = 0; i < 5; i++) t.is(await status('/v1/limited/1'), 200);
      const { total } = upstream.connections();
      await writeFile(join(folder, 'protos/notes.proto'), proto('renamed'));
      await writeConfig('errors: { format: problem }\n');
      await reload('reloaded');
      for (let i = 0; i < 4; i++) t.is(await status('/v1/renamed/1'), 200);
      t.is(await status('/v1/notes/1'), 404);
      t.is(await status('/v1/limited/1'), 429);
      t.is((await sendTo(url, 'GET', '/nowhere')).headers['content-type'], 'application/problem+json');
      t.true(upstream.connections().total - total <= 1);
      t.is(upstream.connections().open, upstream.connections().total);
      const paths = (await admin('/routes')).json.map((route: { path: string }) => route.path);
      t.deepEqual(paths, ['/v1/renamed/{id}', '/v1/limited/{id}']);
      t.like((await admin('/readyz')).json, { ready: true, reload: { success: true } });
      const metrics = (await admin('/metrics')).text;
      t.regex(metrics, /^protogate_reload_success 1$/m);
      t.regex(metrics, /^protogate_reloads_total\{outcome="taken"\} 1$/m);
      t.regex(metrics, /^protogate_reload_success_timestamp_seconds 1\d{9}/m);
      const named = (text: string, name: RegExp) => [...text.matchAll(name)].map(([, found = '']) => found);
      const listed = named(await readFile(join(ROOT, 'docs/metrics.md'), 'utf8'), /^\| `(\w+)` /gm);
      // The time of a start means nothing for several processes.
      const expected = listed.filter((name) => workers === '1' || name !== 'process_start_time_seconds');
      t.deepEqual(named(metrics, /^# TYPE (\w+)/gm).toSorted(), expected.toSorted(), 'docs/metrics.md has them all');
    },
  );

  test.serial(
    `broken files of every kind are refused and told, and the next good ones are taken: workers ${workers}`,
    async (t) => {
      const { folder, config, admin, status, reload, writeConfig } = await started(workers);
      const file = join(folder, 'protos/notes.proto');
      const conflict = proto('notes').replace('/v1/limited/{id}', '/v1/notes/{text}').replace('{text}', '{id}');
      const breakages: readonly [name: string, how: () => Promise<void>, problem: RegExp][] = [
        ['YAML', () => writeFile(config, 'version: [1\n'), /protogate\.yaml:\d+:\d+: error: .*\[yaml\]/],
        ['an unknown key', () => writeConfig('lisen: {}\n'), /protogate\.yaml:6:1: error: lisen: unknown key/],
        ['a variable', () => writeConfig('cors: { origins: ["${NOT_SET_X}"] }\n'), /NOT_SET_X.*\[substitution\]/],
        [
          'a port',
          () => writeConfig('workers: 3\nlog: { format: text }\n'),
          /:7:\d+: error: log\.format: .*\[needs-restart\]/,
        ],
        [
          'a file of keys',
          () => writeConfig('auth: { apiKeys: { file: no.yaml } }\n'),
          /no\.yaml: error: .*\[keys-file\]/,
        ],
        ['no config', () => rm(config), /protogate\.yaml: error: expected a file, found none \[config-file\]/],
        [
          'a proto',
          () => writeFile(file, 'syntax = "proto3"; message {'),
          /notes\.proto:1:\d+: error: .*\[proto-syntax\]/,
        ],
        ['a type', () => writeFile(file, proto('notes').replace('message Ask', 'message X')), /\[unknown-type\]/],
        ['a conflict', () => writeFile(file, conflict), /\[binding-conflict\]/],
        [
          'an empty folder',
          () => rm(file),
          /protos: error: expected \.proto files below it, found none \[schema-root\]/,
        ],
      ];
      for (const [name, breakIt, problem] of breakages) {
        await breakIt();
        await reload('reload refused');
        const { json } = await admin('/readyz');
        t.like(json, { ready: true, reload: { success: false } }, name);
        t.regex(json.reload.problems.join('\n'), problem, name);
        t.is(await status('/v1/notes/1'), 200, name);
        await writeConfig();
        await writeFile(file, proto('notes'));
      }
      t.regex((await admin('/metrics')).text, /^protogate_reload_success 0$/m);
      await writeFile(file, proto('good'));
      await reload('reloaded');
      t.is(await status('/v1/good/1'), 200);
      t.regex((await admin('/metrics')).text, /^protogate_reload_success 1$/m);
    },
  );
}

for (const workers of ['1', '2']) {
  test.serial(`--watch takes changed protos and configs without a signal: workers ${workers}`, async (t) => {
    const { folder, status, count, writeConfig, admin } = await start(t, workers, ['--watch']);
    const file = join(folder, 'protos/notes.proto');
    await writeFile(file, proto('changed'));
    t.true(await until(async () => (await status('/v1/changed/1')) === 200));
    await writeFile(file, 'syntax = "proto3"; message {');
    t.true(await until(async () => (await admin('/readyz')).json.reload.success === false));
    t.is(await status('/v1/changed/1'), 200);
    await writeFile(`${file}.tmp`, proto('renamed'));
    await rename(`${file}.tmp`, file);
    t.true(await until(async () => (await status('/v1/renamed/1')) === 200));
    await writeConfig('schema: { protos: [protos], watch: false }\n', 'drain: { grace: 0s }');
    t.true(await until(() => count('reload refused') === 2));
    t.is(count('reloaded'), 2);
  });
}

test.serial('schema.watch is turned on and off by a reload', async (t) => {
  const { config, folder, status, count, reload } = await started('1');
  const before = count('reloaded');
  const text = await readFile(config, 'utf8');
  const file = join(folder, 'protos/notes.proto');
  await writeFile(config, text.replace('protos: [protos]', 'protos: [protos], watch: true'));
  await reload('reloaded');
  await writeFile(file, proto('watched'));
  t.true(await until(async () => (await status('/v1/watched/1')) === 200));
  await writeFile(config, text);
  t.true(await until(() => count('reloaded') === before + 3));
  await writeFile(file, proto('unwatched'));
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.is(await status('/v1/watched/1'), 200);
});

test.serial('a SIGHUP during the drain does nothing and says so', async (t) => {
  // The last one of those that share the gateway: it ends it.
  const { writeConfig, reload, pid, count, ended } = await started('1');
  await writeConfig('', GRACE);
  await reload('reloaded');
  process.kill(pid, 'SIGTERM');
  t.true(await until(() => count('draining') > 0));
  process.kill(pid, 'SIGHUP');
  t.true(await until(() => count('reload ignored: the gateway is draining') === 1));
  t.is(await ended, 0);
});

test.serial('a SIGHUP before the gateway listens is a reload afterwards', async (t) => {
  if (process.platform !== 'linux') return t.pass('the handlers of another process are seen only on Linux');
  const folder = await protoFolder(t, proto('notes'));
  const flags = ['--protos', folder, '--upstream', '127.0.0.1:1', '--port', '0', '--admin-port', '0'];
  const child = spawn(...protogateProcess(['serve', ...flags]), { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  while (!hearsHangups(child.pid!)) await new Promise(setImmediate);
  child.kill('SIGHUP');
  t.is(stdout, '');
  t.true(await until(() => stderr.includes('"msg":"reloaded"')), stderr);
  t.regex(stdout, /^listening on /);
});

test.serial('SIGHUP drains a gateway whose terminal is gone, and reloads one whose terminal is there', async (t) => {
  if (spawnSync('script', ['--version']).status !== 0) return t.pass('there is no script(1) to make a terminal');
  const folder = await protoFolder(t, proto('notes'));
  const flags = ['--protos', folder, '--upstream', '127.0.0.1:1', '--port', '0', '--admin-port', '0'];
  const log = join(folder, 'log.txt');
  const [node, args] = protogateProcess(['serve', ...flags]);
  // The shell ignores SIGHUP, so that only this test reports the end of the terminal to the gateway.
  const command = `exec ${[node, ...args].map((text) => `'${text}'`).join(' ')} 2>'${log}' </dev/tty`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.teardown(() => void terminal.kill('SIGKILL'));
  const read = () => readFileSync(log, 'utf8');
  let stdout = '';
  terminal.stdout.on('data', (chunk) => (stdout += chunk));
  t.true(await until(() => stdout.includes('listening on ')), stdout);
  const [pid] = childrenOf(terminal.pid!) as [number];
  t.teardown(() => ifAlive(() => process.kill(pid, 'SIGKILL')));
  process.kill(pid, 'SIGHUP');
  t.true(await until(() => read().includes('reloaded')));
  terminal.kill('SIGKILL');
  t.true(await until(() => read().includes('draining')), read());
  t.true(await until(() => !isAlive(pid)));
});

const GRACE = 'drain: { grace: 1s, timeout: 2s }';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function ifAlive(task: () => void): void {
  try {
    task();
  } catch {}
}

/** True if the process has a handler for SIGHUP. */
function hearsHangups(pid: number): boolean {
  const mask = /^SigCgt:\s+([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & 1n) === 1n;
}

/** Receives datagrams of a unix socket, which Node cannot. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().replace("\\n", " "), flush=True)
`;

test.serial('systemd is notified when the gateway is ready, reloads and stops', async (t) => {
  if (['python3', 'systemd-notify'].some((name) => spawnSync(name, ['--version']).status !== 0))
    return t.pass('there is no python3 or no systemd-notify');
  const socket = join(await protoFolder(t, {}), 'notify');
  const receiver = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => void receiver.kill());
  let received = '';
  receiver.stdout.on('data', (chunk) => (received += chunk));
  t.true(await until(() => received.includes('bound')));
  const { reload, writeConfig, stop } = await start(t, '1', [], { NOTIFY_SOCKET: socket });
  await reload('reloaded');
  await writeConfig('no: 1\n');
  await reload('reload refused');
  await stop();
  t.true(await until(() => received.includes('STOPPING')));
  t.deepEqual(
    received
      .trim()
      .replace(/USEC=\d+/g, 'USEC=…')
      .split('\n')
      .slice(1)
      // systemd-notify itself sends a barrier after each message.
      .filter((message) => message !== 'BARRIER=1'),
    [
      'READY=1 STATUS=serving',
      'RELOADING=1 MONOTONIC_USEC=…',
      'READY=1 STATUS=serving',
      'RELOADING=1 MONOTONIC_USEC=…',
      'READY=1 STATUS=serving; the last reload was refused',
      'STOPPING=1',
    ],
  );
});
