/**
 * Loads a gateway for a long time with all kinds of requests at once, some of which fail or lose their client, and
 * checks that no stream is left over and, from two minutes on, that memory stays flat. Fails otherwise.
 *
 *     npm run bench -- soak --minutes 30
 *     npm run bench -- soak --minutes 30 --rate 100
 *
 * It sends as many requests as it can, or at most `--rate` of them in a second. It needs Linux.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { flag } from './flag.js';
import { type StartedUpstream, startUpstream } from './load/start-upstream.js';
import { protogateFrom } from './peers/gateways.js';
import { serve } from './peers/measure.js';
import { residentBytes } from './peers/pinned.js';
import { megabytes } from './peers/table.js';
import { median } from './rounds.js';
import { Requests } from './soak/requests.js';

/** The number of requests that run at once. */
const WORKERS = 24;
/** The most time that the last streams may take to end. */
const END_WITHIN_MS = 10_000;
/** The most growth of memory between the second and the last quarter of the time. A little is due to garbage. */
const MOST_GROWTH = { share: 0.1, bytes: 16e6 };
/** In a shorter time memory still grows to what the load needs, so its growth is no failure. */
const JUDGED_FROM_MINUTES = 2;
/** The gauges that must be zero at the end. */
const GAUGES = ['protogate_inflight_requests', 'protogate_open_streams', 'protogate_server_running_calls'];

async function main(): Promise<void> {
  const minutes = Number(flag('--minutes') ?? 30);
  if (!(minutes > 0)) throw new Error(`--minutes: expected a number above 0, got ${flag('--minutes')}`);
  const rate = Number(flag('--rate') ?? Number.POSITIVE_INFINITY);
  if (!(rate > 0)) throw new Error(`--rate: expected a number above 0, got ${flag('--rate')}`);
  const upstream = await startUpstream();
  const more = { listen: { h2c: true } };
  const gateway = await serve(protogateFrom('protogate'), { upstream: upstream.target, more });
  const metrics = async () => (await fetch(`http://127.0.0.1:${gateway.adminPort}/metrics`)).text();

  const requests = new Requests(gateway.port);
  const samples = await load(requests, gateway.pid, { ms: minutes * 60_000, rate });
  const left = await leftOver(metrics, upstream.child);
  const wrong = [...requests.wrong, ...left, ...(minutes < JUDGED_FROM_MINUTES ? [] : growth(samples))];
  for (const sentence of wrong) process.stderr.write(`${sentence}\n`);
  process.stdout.write(wrong.length === 0 ? 'all held\n' : `${wrong.length} wrong\n`);
  await gateway.stop();
  await upstream.stop();
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

/** Returns the resident memory, in samples over the time. */
async function load(
  requests: Requests,
  pid: number,
  { ms, rate }: { ms: number; rate: number },
): Promise<readonly number[]> {
  const until = performance.now() + ms;
  let nextAt = performance.now();
  const workers = Array.from({ length: WORKERS }, async () => {
    while (performance.now() < until) {
      const wait = nextAt - performance.now();
      nextAt = Math.max(nextAt, performance.now()) + 1000 / rate;
      if (wait > 0) await sleep(wait);
      await requests.next();
    }
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
async function leftOver(metrics: () => Promise<string>, upstream: StartedUpstream['child']) {
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

await main();
