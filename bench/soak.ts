/**
 * Loads a gateway for a long time with all kinds of requests at once, also such that fail or whose client goes away, and
 * checks that no stream is left over and, from two minutes on, that memory stays flat. Fails otherwise.
 *
 *     npm run bench -- soak --minutes 30
 *
 * It needs Linux.
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/support/ports.js';
import { protogateProcess } from '../test/support/run.js';
import { residentBytes, startOn } from './peers/pinned.js';
import { PROTO } from './peers/shop.js';
import { median } from './process-cost.js';
import { Requests } from './soak/requests.js';

/** How many requests run at once. */
const WORKERS = 24;
/** How long the last streams may take to end. */
const END_WITHIN_MS = 10_000;
/** By how much memory may differ between the second and the last quarter of the time: garbage comes and goes. */
const MOST_GROWTH = { share: 0.1, bytes: 16e6 };
/** In a shorter time memory still grows to what the load needs, and is not judged. */
const JUDGED_FROM_MINUTES = 2;
/** What must be zero in the end. */
const GAUGES = ['protogate_inflight_requests', 'protogate_open_streams', 'protogate_server_running_calls'];

async function main(): Promise<void> {
  const minutes = Number(process.argv[process.argv.indexOf('--minutes') + 1] || 30);
  if (!(minutes > 0)) throw new Error(`--minutes: expected a number above 0, got ${process.argv.at(-1)}`);
  const folder = await mkdtemp(join(tmpdir(), 'protogate-soak-'));
  const server = [process.execPath, fileURLToPath(new URL('./load/upstream.js', import.meta.url))];
  const upstream = startOn('others', server, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [line] = (await once(createInterface({ input: upstream.child.stdout! }), 'line')) as [string];
  writeFileSync(join(folder, 'shop.proto'), PROTO);
  const config = {
    version: 1,
    listen: { h2c: true },
    schema: { protos: ['.'] },
    upstreams: { shop: { target: line.replace('listening on ', '') } },
  };
  writeFileSync(join(folder, 'protogate.yaml'), JSON.stringify(config));
  const [port, adminPort] = [await freePort(), await freePort()];
  const flags = ['-c', join(folder, 'protogate.yaml'), '--port', String(port), '--admin-port', String(adminPort)];
  const [node, args] = protogateProcess(['serve', ...flags]);
  const gateway = startOn('gateway', [node, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  gateway.child.stdout!.resume();
  gateway.child.stderr!.resume();
  const metrics = async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  while ((await metrics().catch(() => '')) === '' || !(await isReady(adminPort))) await sleep(50);

  const samples = await load(port, gateway.pid, minutes * 60_000);
  const left = await leftOver(metrics, upstream.child);
  const wrong = [...left, ...(minutes < JUDGED_FROM_MINUTES ? [] : growth(samples))];
  for (const sentence of wrong) process.stderr.write(`${sentence}\n`);
  process.stdout.write(wrong.length === 0 ? 'all held\n' : `${wrong.length} wrong\n`);
  await gateway.stop();
  await upstream.stop();
  await rm(folder, { recursive: true });
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

async function isReady(adminPort: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
  await response.text();
  return response.status === 200;
}

/** Returns the resident memory, in samples over the time. */
async function load(port: number, pid: number, ms: number): Promise<readonly number[]> {
  const requests = new Requests(port);
  const until = performance.now() + ms;
  const workers = Array.from({ length: WORKERS }, async () => {
    while (performance.now() < until) await requests.next();
  });
  const samples: number[] = [];
  const sampleMs = Math.min(1000, ms / 100);
  let saidAt = performance.now();
  while (performance.now() < until) {
    await sleep(sampleMs);
    samples.push(residentBytes(pid));
    if (performance.now() - saidAt < 30_000) continue;
    saidAt = performance.now();
    const seconds = Math.round((until - saidAt) / 1000);
    process.stderr.write(`${requests.total} requests, ${megabytes(samples.at(-1)!)}, ${seconds} s to go\n`);
  }
  await Promise.all(workers);
  requests.close();
  for (const [name, count] of requests.counts) process.stdout.write(`${String(count).padStart(8)} ${name}\n`);
  return samples;
}

/** Returns a sentence for each gauge that is not zero some seconds after the last request. */
async function leftOver(metrics: () => Promise<string>, upstream: ReturnType<typeof startOn>['child']) {
  for (const deadline = performance.now() + END_WITHIN_MS; ; await sleep(200)) {
    const text = await metrics();
    const lines = text
      .split('\n')
      .filter((line) => GAUGES.some((name) => line.startsWith(name)) && !line.endsWith(' 0'));
    upstream.send('streams');
    const [open] = (await once(upstream, 'message')) as [number];
    if (open > 0) lines.push(`${open} streams are open at the upstream`);
    if (lines.length === 0 || performance.now() > deadline) return lines;
  }
}

function growth(samples: readonly number[]): readonly string[] {
  const quarter = Math.floor(samples.length / 4);
  const [before, after] = [median(samples.slice(quarter, 2 * quarter)), median(samples.slice(-quarter))];
  const text = `resident memory: ${megabytes(before)} in the second quarter, ${megabytes(after)} in the last one`;
  process.stdout.write(`${text}, at most ${megabytes(Math.max(...samples))}\n`);
  return after > before * (1 + MOST_GROWTH.share) + MOST_GROWTH.bytes ? [`expected flat memory, got ${text}`] : [];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

await main();
