/**
 * Measures what surfaces cost: the CPU time of a request on a gateway with ten surfaces beside one with one; the memory that further surfaces take for a large schema; and whether the time of a 404
 * distinguishes a path that the surface excludes from one that no surface has (10,000 requests each in turns, and a rank test).
 *
 *     npm run bench -- surfaces [--waves 6] [--turns 150] [--protos DIR] [--only cost|memory|time]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../test/support/run.js';
import { flag } from './flag.js';
import { startUpstream } from './load/start-upstream.js';
import { SMALL_PATH, SOURCES } from './peers/shop.js';
import { GATEWAY } from './process-cost.js';
import { median } from './rounds.js';
import { compareServed, type ServedRow, sizeOf } from './served-cost.js';

/** Ten surfaces: by host, by a name below a host, by base path and by a header. */
const TEN = [
  { name: 'www', hosts: ['www.example.com', '*.www.example.com'] },
  ...['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, hosts: [`${name}.example.com`] })),
  { name: 'mobile', basePath: '/mobile' },
  { name: 'partner', basePath: '/partner/v2', exclude: ['shop.v1.Orders.Watch'] },
  { name: 'gold', headers: { 'x-tier': 'gold' } },
  { name: 'rest', exclude: ['shop.v1.Orders.Watch'] },
];

/** Compares each row with the one that it names, process by process. The second row shows the noise. */
async function cost(upstream: string): Promise<void> {
  const row = (name: string, surfaces: readonly object[], [host, path]: readonly [string, string], than?: string) => {
    return { name, than, config: surfaces.length === 0 ? {} : { surfaces }, path, headers: { host } };
  };
  const [one, below] = ['one surface', 'one surface with a base path'];
  const named = ['c.example.com', SMALL_PATH] as const;
  const mobile = ['c.example.org', `/mobile${SMALL_PATH}`] as const;
  const rows: readonly ServedRow[] = [
    row(one, [], named),
    row('one surface, once more', [], named, one),
    row('ten surfaces, by host', TEN, named, one),
    row('ten surfaces, the last one', TEN, ['c.example.org', SMALL_PATH], one),
    row(below, [{ name: 'mobile', basePath: '/mobile' }], mobile, one),
    row('ten surfaces, by base path', TEN, mobile, below),
  ];
  await compareServed(rows, upstream, sizeOf({ waves: 6, turns: 150 }));
}

/** The script that plans and compiles a schema with some surfaces, and reports the heap that is then in use. */
const MEMORY = `
const [root, protos, surfaces] = process.argv.slice(2);
const { parseConfig } = await import(root + 'dist/src/config/parse.js');
const { plan } = await import(root + 'dist/src/gateway/plan.js');
const { startGateway } = await import(root + 'dist/src/gateway/gateway.js');
const { createLog } = await import(root + 'dist/src/telemetry/log.js');
const { config } = parseConfig({ version: 1, schema: { protos: [protos] }, upstreams: { all: { target: '127.0.0.1:1' } }, surfaces: JSON.parse(surfaces) });
const startedAt = process.cpuUsage();
const planned = await plan(config);
const gateway = startGateway(planned, createLog({ destination: { write() {} } }));
const { user, system } = process.cpuUsage(startedAt);
globalThis.gc();
process.send({ routes: planned.routes.length, heap: process.memoryUsage().heapUsed, cpuMs: (user + system) / 1000 });
globalThis.keep = [planned, gateway];
process.exit();
`;

interface Measured {
  readonly routes: number;
  readonly heap: number;
  readonly cpuMs: number;
}

async function memory(folder: string, protos: string): Promise<void> {
  const script = join(folder, 'memory.mjs');
  await writeFile(script, MEMORY);
  const measure = async (surfaces: readonly object[]): Promise<Measured> => {
    const options = { execArgv: ['--expose-gc', '--max-old-space-size=6000'] };
    const child = fork(script, [ROOT, protos, JSON.stringify(surfaces)], options);
    const [measured] = (await once(child, 'message')) as [Measured];
    return measured;
  };
  const [web, app] = [{ name: 'web' }, { name: 'app', basePath: '/app' }];
  const omitFields = ['google.type.Money.nanos', 'google.rpc.Status.message'];
  const rows: readonly (readonly [string, readonly object[]])[] = [
    ['no surfaces', []],
    ['two with everything', [web, app]],
    ['three with everything', [web, app, { name: 'more', basePath: '/more' }]],
    ['a second one with pubsub alone', [web, { ...app, include: ['google.pubsub.*'] }]],
    ['a second one that omits fields', [web, { ...app, omitFields }]],
  ];
  let first: Measured | undefined;
  for (const [name, surfaces] of rows) {
    const found = await measure(surfaces);
    first ??= found;
    const more = (found.heap - first.heap) / 2 ** 20;
    process.stdout.write(
      `${name.padEnd(32)} ${String(found.routes).padStart(6)} routes  ${(found.heap / 2 ** 20).toFixed(0).padStart(5)} MiB  +${more.toFixed(0)} MiB  ${(found.cpuMs / 1000).toFixed(1)} s CPU\n`,
    );
  }
}

/** Asks for two paths in turns, one of which an excluded method would have. Prints the rank test of the times. */
async function time(script: string, config: object): Promise<void> {
  const args = [`${ROOT}dist/src/index.js`, JSON.stringify({ ...config, surfaces: TEN })];
  const child = fork(script, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string) =>
    new Promise<number>((done, reject) => {
      const startedAt = process.hrtime.bigint();
      const sent = request({ host: '127.0.0.1', port, path, agent }, (res) => {
        if (res.statusCode !== 404) reject(new Error(`expected 404, got ${res.statusCode}`));
        res.resume().on('end', () => done(Number(process.hrtime.bigint() - startedAt)));
      });
      sent.on('error', reject).end();
    });
  const paths = ['/v1/watch', '/v1/wetch'];
  for (let i = 0; i < 4000; i++) await ask(paths[i % 2]!);
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < 10_000; i++) {
    // The one that comes first changes, so that neither always follows the other.
    for (const which of i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      times[which].push(await ask(paths[which]!));
  }
  agent.destroy();
  child.kill();
  const [excluded, absent] = times.map((all) => median(all) / 1000);
  const z = rankTest(...times);
  process.stdout.write(
    `404 of an excluded route: median ${excluded!.toFixed(1)} µs, of no route: ${absent!.toFixed(1)} µs; rank test z = ${z.toFixed(2)} (a difference would be beyond ±2.58)\n`,
  );
}

/** Returns the z of the Mann-Whitney test. */
function rankTest(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((value) => ({ value, isFirst: true })), ...b.map((value) => ({ value, isFirst: false }))];
  all.sort((x, y) => x.value - y.value);
  let ranks = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]!.value === all[start]!.value) end++;
    // Equal values share the mean of their ranks.
    for (let i = start; i < end; i++) if (all[i]!.isFirst) ranks += (start + end + 1) / 2;
    start = end;
  }
  const u = ranks - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  return (u - mean) / Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12);
}

const folder = await mkdtemp(join(tmpdir(), 'protogate-bench-'));
const upstream = await startUpstream();
const script = join(folder, 'gateway.mjs');
await writeFile(script, GATEWAY);
const config = {
  version: 1,
  schema: { protos: [SOURCES] },
  upstreams: { bench: { target: upstream.target } },
  log: { sample: 0, level: 'error' },
};
const only = flag('--only');
const protos = flag('--protos');
if (only === undefined || only === 'cost') await cost(upstream.target);
if (only === undefined || only === 'time') await time(script, config);
if (protos !== undefined && (only === undefined || only === 'memory')) await memory(folder, protos);
await upstream.stop();
await rm(folder, { recursive: true });
