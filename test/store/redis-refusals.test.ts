/** A Redis that answers with errors: it is full, a replica, has lost its scripts, or holds values of other programs. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { freePort } from '../support/ports.js';
import { startRedis, withoutOwnRedis } from '../support/redis.js';
import { connected, hit, take } from '../support/store.js';
import { until } from '../support/until.js';

const withRedis = withoutOwnRedis === undefined ? test.serial : test.skip;

for (const [what, refuse, allow] of [
  ['full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
  ['a replica that nobody may write to', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
] as const) {
  withRedis(`${what}: it answers PING and is down all the same, with one line each way`, async (t) => {
    const server = await startRedis(t);
    const gateway = await connected(t, { url: server.url }, 'open');
    await take(gateway);
    server.cli(...refuse);
    for (let i = 0; i < 125; i++) {
      t.true((await take(gateway)).admitted);
      await sleep(20);
    }
    t.true(gateway.guard.down);
    t.is(gateway.lines.length, 1, gateway.lines.join(''));
    server.cli(...allow);
    t.true(await until(() => !gateway.guard.down));
    t.is((await take(gateway)).limitStates.length, 1);
    t.is(gateway.lines.length, 2);
  });
}

withRedis('a master that was demoted is left: the next connection may find another behind the name', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'open');
  const connections = () => Number(/total_connections_received:(\d+)/.exec(server.cli('INFO', 'stats'))?.[1]);
  await take(gateway);
  server.cli('REPLICAOF', '127.0.0.1', '1');
  const before = connections();
  await take(gateway);
  // Each check uses a connection of its own.
  let looks = 1;
  t.true(await until(() => connections() - before > looks++));
});

withRedis('a key of another type counts as none, and is no answer', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'closed');
  await take(gateway);
  const key = server.cli('KEYS', '*').trim();
  for (let i = 0; i < 4; i++) {
    server.cli('DEL', key);
    server.cli('LPUSH', key, 'x');
    t.is((await take(gateway)).limitStates[0]?.remaining, 99);
  }
  server.cli('LPUSH', 'protogate:answer:key', 'x');
  for (let i = 0; i < 4; i++) t.is(await gateway.entries.get('key'), undefined);
  t.false(gateway.guard.down);
});

withRedis('numbers that no counter reaches count as none', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'closed');
  await take(gateway);
  const key = server.cli('KEYS', '*').trim();
  const many = '9'.repeat(400);
  for (const value of [
    `${Date.now()} ${many} 0`,
    `${Date.now()} 0 ${many}`,
    `${many} 1 1`,
    `${Date.now()} 99999999999999999999 0`,
    `${Date.now()} -5 0`,
    `${Date.now()} 1e5 0`,
  ]) {
    server.cli('SET', key, value);
    t.is((await take(gateway)).limitStates[0]?.remaining, 99, value.slice(0, 40));
  }
});

withRedis('a period may be any fraction of a millisecond', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'closed');
  const odd = hit({ periodMs: 300.3, limit: 3 });
  const end = Date.now() + 1000;
  while (Date.now() < end) {
    t.is((await take(gateway, [odd])).limitStates.length, 1);
    await sleep(50);
  }
});

withRedis('scripts that Redis has forgotten are sent anew on the same connection', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'closed');
  await take(gateway);
  server.cli('SCRIPT', 'FLUSH');
  t.is((await take(gateway)).limitStates[0]?.remaining, 98);
});

withRedis('while it counts as down nothing is sent', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'open');
  await take(gateway);
  server.cli('CONFIG', 'RESETSTAT');
  server.freeze();
  for (let i = 0; i < 500; i++) await take(gateway);
  gateway.entries.set('key', { storedAt: 1, headers: [], message: Buffer.alloc(1), trailers: [] }, 1000);
  t.is(await gateway.entries.get('key'), 'unavailable');
  server.thaw();
  await sleep(100);
  const stats = server.cli('INFO', 'commandstats');
  t.regex(stats, /cmdstat_evalsha:calls=3,/, 'the three that were not answered');
  // Each script runs SET once.
  t.regex(stats, /cmdstat_set:calls=3,/);
  t.notRegex(stats, /cmdstat_get:calls=[^3]/);
});

withRedis('a Cluster that is killed: decided at once, found again by itself', async (t) => {
  const server = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']);
  server.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  t.true(await server.untilCli(['CLUSTER', 'INFO'], 'cluster_state:ok'));
  const gateway = await connected(t, { cluster: [{ host: '127.0.0.1', port: server.port }] }, 'open');
  t.true(await until(async () => (await take(gateway)).limitStates.length === 1));
  await server.kill();
  for (let i = 0; i < 3; i++) t.deepEqual((await take(gateway)).limitStates, []);
  t.true(gateway.guard.down);
  await server.restart();
  t.true(await until(() => !gateway.guard.down));
  t.is((await take(gateway)).limitStates.length, 1);
});

withRedis('Sentinels name another master when the first is gone', async (t) => {
  const first = await startRedis(t);
  const second = await startRedis(t, ['--replicaof', `127.0.0.1 ${first.port}`]);
  t.true(await second.untilCli(['INFO', 'replication'], 'master_link_status:up'));
  const folder = await mkdtemp(join(tmpdir(), 'protogate-sentinel-'));
  const port = await freePort();
  const file = join(folder, 'sentinel.conf');
  const monitor = [`monitor main 127.0.0.1 ${first.port} 1`, 'down-after-milliseconds main 500'];
  const lines = monitor.map((line) => `sentinel ${line}\n`).join('');
  await writeFile(file, `port ${port}\nbind 127.0.0.1\ndir ${folder}\n${lines}`);
  const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  t.teardown(async () => {
    sentinel.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });
  const gateway = await connected(t, { sentinels: [{ host: '127.0.0.1', port }], name: 'main' }, 'open');
  t.true(await until(async () => (await take(gateway)).limitStates.length === 1));
  // A sentinel asks the master for its replicas every ten seconds.
  await sleep(1500);
  await first.kill();
  for (let i = 0; i < 3; i++) t.true((await take(gateway)).admitted);
  t.true(await until(async () => (await take(gateway)).limitStates.length === 1));
  t.is(second.cli('ROLE').split('\n')[0], 'master');
});
