/** Counters and entries in a real Redis: exact over several gateways, and harmless when it cannot be reached. */
import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Decision } from '../../src/store/counters.js';
import type { Entry } from '../../src/store/entries.js';
import { handClock } from '../support/clock.js';
import { freePort } from '../support/ports.js';
import { anyRedis, startRedis, withoutOwnRedis, withoutRedis } from '../support/redis.js';
import { connected, HOUR, hit, RUN, take } from '../support/store.js';
import { until } from '../support/until.js';

const withRedis = withoutRedis === undefined ? test.serial : test.skip;
const withOwnRedis = withoutOwnRedis === undefined ? test.serial : test.skip;
const KEY = `key-${RUN}`;

withRedis('of 500 parallel requests over four gateways exactly the limit passes', async (t) => {
  const { url } = await anyRedis(t);
  const gateways = await Promise.all([1, 2, 3, 4].map(() => connected(t, { url }, 'closed', handClock())));
  const decisions = await Promise.all(Array.from({ length: 500 }, (_, i) => take(gateways[i % 4]!)));
  t.is(decisions.filter(({ admitted }) => admitted).length, 100);
  const { limitStates } = await take(gateways[0]!);
  t.is(limitStates[0]?.remaining, 0);
  t.true(limitStates[0]!.resetMs > HOUR / 2);
});

withRedis('all or nothing, costs above one, undo, and what fades: as in memory', async (t) => {
  const { url } = await anyRedis(t);
  const gateway = await connected(t, { url }, 'closed');
  const wide = hit({ id: 'wide' });
  const narrow = hit({ id: 'narrow', limit: 2 });
  const counting = hit({ id: 'counting', limit: 1, enforce: false });
  const decisions: Decision[] = [];
  for (let i = 0; i < 4; i++) decisions.push(await take(gateway, [wide, narrow, counting]));
  t.deepEqual(
    decisions.map(({ admitted, limitStates }) => [admitted, ...limitStates.map(({ remaining }) => remaining)]),
    [
      [true, 99, 1, 0],
      [true, 98, 0, 0],
      [false, 98, 0, 0],
      [false, 98, 0, 0],
    ],
  );
  t.false(decisions[1]?.limitStates[2]?.passed, 'a limit that only counts');
  decisions[0]?.undo();
  t.true(
    await until(
      async () => (await take(gateway, [hit({ id: 'wide', limit: 100 })], 0)).limitStates[0]?.remaining === 99,
    ),
  );
  t.false((await take(gateway, [hit({ id: 'dear', limit: 5 })], 6)).admitted);

  // Redis counts real time: where the machine is busy, the two windows may be over too early, and it is tried again.
  for (let attempt = 0; ; attempt++) {
    const brief = hit({ id: `brief ${attempt}`, limit: 4, periodMs: 400 });
    const begunAt = performance.now();
    const first = [];
    for (let i = 0; i < 5; i++) first.push((await take(gateway, [brief])).admitted);
    await sleep(650);
    const half = (await take(gateway, [brief])).admitted;
    const all = (await take(gateway, [brief], 4)).admitted;
    if (performance.now() - begunAt > 780 && attempt < 20) continue;
    t.deepEqual(first, [true, true, true, true, false]);
    t.true(half, 'half of the window before has faded');
    t.false(all, 'but not all of it');
    break;
  }
});

withOwnRedis('Redis learns neither who calls nor from where, and forgets after two periods', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url });
  await take(gateway, [hit({ id: 'method x', periodMs: 60_000 }, '192.0.2.77 acme')]);
  const [key = ''] = server.cli('KEYS', '*').trim().split('\n');
  t.regex(key, /^protogate:limit:[\w-]{43}$/);
  const left = Number(server.cli('PTTL', key));
  t.true(left > 110_000 && left <= 120_000, String(left));
});

withOwnRedis('a value that is no counter counts as none', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'closed');
  await take(gateway);
  const key = server.cli('KEYS', '*').trim();
  server.cli('SET', key, 'garbage');
  t.is((await take(gateway)).limitStates[0]?.remaining, 99);
  server.cli('SET', key, '99999999999999 50 0');
  t.is((await take(gateway)).limitStates[0]?.remaining, 99, 'of a clock that ran ahead');
});

for (const [onFailure, expected] of [
  ['local', [true, true, false]],
  ['open', [true, true, true]],
  ['closed', [503, 503, 503]],
] as const) {
  withOwnRedis(`killed: ${onFailure}; back by itself when Redis is`, async (t) => {
    const server = await startRedis(t);
    const gateway = await connected(t, { url: server.url }, onFailure);
    t.is((await take(gateway, [hit({ limit: 2 })])).limitStates[0]?.remaining, 1);
    await server.kill();
    const found: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      found.push(
        await take(gateway, [hit({ limit: 2 })]).then(
          ({ admitted }) => admitted,
          (error: { httpStatus: number; headers: object }) => {
            t.is(error.httpStatus, 503);
            return error.httpStatus;
          },
        ),
      );
    }
    t.deepEqual(found, [...expected]);
    t.true(gateway.guard.down);
    await server.restart();
    t.true(await until(() => !gateway.guard.down), 'it is found again');
    t.is((await take(gateway, [hit({ limit: 2 })])).limitStates[0]?.remaining, 1, 'the scripts are sent anew');
    const said = gateway.lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
    t.is(said.length, 2, said.join('\n'));
    t.regex(said[0]!, /does not answer/);
    t.regex(said[1]!, /answers again/);
  });
}

withOwnRedis('frozen: 50 ms each for the first three, then nothing until a probe is answered', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'open');
  await take(gateway);
  server.freeze();
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    // A timer beside it comes as late as that of the gateway, if the process is busy.
    const beside = sleep(50).then(() => performance.now() - start);
    t.true((await take(gateway)).admitted);
    const waited = performance.now() - start;
    t.true(waited >= 45 && waited < (await beside) + 350, `${waited} ms`);
  }
  t.true(gateway.guard.down);
  t.false(gateway.counters.take([hit()], 1) instanceof Promise, 'decided without waiting at all');
  const text = await gateway.metrics.registry.metrics();
  t.regex(text, /protogate_store_up\{store="redis"\} 0\n/);
  t.regex(text, /protogate_store_failures_total\{store="redis",reason="timeout"\} 3\n/);
  server.thaw();
  t.true(await until(() => !gateway.guard.down));
  t.regex(await gateway.metrics.registry.metrics(), /protogate_store_up\{store="redis"\} 1\n/);
  t.is((await take(gateway)).limitStates.length, 1);
  t.is(gateway.lines.length, 2);
});

withOwnRedis('slow: an answer after 50 ms is none', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'closed');
  await take(gateway);
  server.cli('CLIENT', 'PAUSE', '300', 'ALL');
  const error = await t.throwsAsync(take(gateway));
  t.regex(error!.message, /limits cannot be checked/);
});

withOwnRedis('restarted under load: every request is decided, none waits', async (t) => {
  const server = await startRedis(t);
  const gateway = await connected(t, { url: server.url }, 'local');
  let decided = 0;
  let late = 0;
  const end = Date.now() + 2500;
  const load = Array.from({ length: 20 }, async () => {
    while (Date.now() < end) {
      const second = sleep(1000, 'late', { ref: false });
      if ((await Promise.race([take(gateway, [hit({ limit: 1_000_000 })]), second])) === 'late') late++;
      decided++;
      await sleep(5);
    }
  });
  await sleep(500);
  await server.restart();
  await Promise.all(load);
  t.true(decided > 50, String(decided));
  t.is(late, 0, 'longer than a second');
  t.true(await until(() => !gateway.guard.down));
});

test.serial('a Redis that was never there: prepared within a second, decided all the same', async (t) => {
  const connecting = connected(t, { url: `redis://:hidden-password@127.0.0.1:${await freePort()}` }, 'local');
  t.not(await Promise.race([connecting, sleep(3000, 'late', { ref: false })]), 'late');
  const gateway = await connecting;
  for (let i = 0; i < 5; i++) t.true((await take(gateway)).admitted);
  t.true(gateway.guard.down);
  t.false(gateway.lines.join().includes('hidden-password'));
});

withOwnRedis('a Cluster counts as exactly, a counter at a time', async (t) => {
  const server = await startRedis(t, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']);
  server.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  t.true(await server.untilCli(['CLUSTER', 'INFO'], 'cluster_state:ok'));
  const gateway = await connected(t, { cluster: [{ host: '127.0.0.1', port: server.port }] }, 'closed', handClock());
  t.true(gateway.redis.sharded);
  const both = [hit({ id: 'wide', limit: 1000 }), hit({ id: 'narrow', limit: 40 })];
  const decisions = await Promise.all(Array.from({ length: 120 }, () => take(gateway, both)));
  t.is(decisions.filter(({ admitted }) => admitted).length, 40);
  t.true(
    await until(
      async () => (await take(gateway, [hit({ id: 'wide', limit: 1000 })], 0)).limitStates[0]?.remaining === 960,
    ),
    'what a refused request had taken elsewhere was given back',
  );
});

withOwnRedis('Sentinels tell where the server is', async (t) => {
  const server = await startRedis(t);
  const folder = await mkdtemp(join(tmpdir(), 'protogate-sentinel-'));
  const port = await freePort();
  const file = join(folder, 'sentinel.conf');
  await writeFile(
    file,
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor main 127.0.0.1 ${server.port} 1\n`,
  );
  const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  t.teardown(() => void sentinel.kill('SIGKILL'));
  const gateway = await connected(t, { sentinels: [{ host: '127.0.0.1', port }], name: 'main' }, 'closed');
  t.true(await until(async () => (await take(gateway).catch(() => undefined))?.admitted === true));
  t.is(server.cli('KEYS', '*').trim().split('\n').length, 1);
});

withRedis('kept answers come back as they were, and go in time', async (t) => {
  const server = await anyRedis(t);
  const { entries } = await connected(t, { url: server.url });
  const entry: Entry = {
    storedAt: 1_700_000_000_123,
    headers: [
      ['x-text', 'äöü'],
      ['x-bytes-bin', Buffer.from([0, 255, 10])],
    ],
    message: Buffer.from([0, 1, 2, 255, 13, 10]),
    trailers: [
      ['x-twice', 'a'],
      ['x-twice', 'b'],
    ],
  };
  t.is(await entries.get(KEY), undefined);
  entries.set(KEY, entry, 300);
  t.true(await until(async () => (await entries.get(KEY)) !== undefined));
  const found = (await entries.get(KEY)) as Entry;
  t.deepEqual({ ...found, message: Buffer.from(found.message) }, entry);
  t.true(await until(async () => (await entries.get(KEY)) === undefined));
});

withOwnRedis('a kept value that is anything else is a miss, and a store that is gone is unavailable', async (t) => {
  const server = await startRedis(t);
  const { entries } = await connected(t, { url: server.url });
  for (const garbage of [
    '',
    'abc',
    '\u0001\u0001\u0001\u0001',
    '\0\0\0\u0002{}',
    '\0\0\0\u0004null',
    '\0\0\0\u0001{',
  ]) {
    await (await connected(t, { url: server.url })).redis.set(`protogate:answer:${KEY}`, Buffer.from(garbage), 60_000);
    t.is(await entries.get(KEY), undefined, JSON.stringify(garbage));
  }
  await server.kill();
  t.is(await entries.get(KEY), 'unavailable');
});
