/**
 * Loads a gateway for a long time with all kinds of requests at once, some of which fail or lose their client, and
 * checks that no stream and no connection is left over and, from two minutes on, that memory stays flat. Fails otherwise.
 *
 *     npm run bench -- soak --minutes 30
 *     npm run bench -- soak --minutes 30 --rate 100
 *
 * It sends as many requests as it can, or at most `--rate` of them in a second. Its processes are not pinned to cores, so that
 * a machine with some other work can run it. SIGINT and SIGTERM end it early, with its report. It needs Linux.
 */
import { getPriority, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseMetrics, type Sample } from '../test/support/metrics.js';
import { flag } from './flag.js';
import { type StartedUpstream, startUpstream } from './load/start-upstream.js';
import type { Open } from './load/upstream.js';
import { protogateFrom } from './peers/gateways.js';
import { type Serving, serve } from './peers/measure.js';
import { pinNothing, residentBytes } from './peers/pinned.js';
import { megabytes } from './peers/table.js';
import { type Finding, type LeftOver, ofLeftOver, ofMemory, ofRequests } from './soak/report.js';
import { Requests } from './soak/requests.js';
import { before, LIMIT_MS } from './soak/wait.js';

/** The number of requests that run at once. */
const WORKERS = 24;
/** The load ends at this number of wrong answers. */
const MOST_WRONG = 100;
/** The most time that the last streams may take to end. */
const END_WITHIN_MS = 10_000;
const SAY_EACH_SECONDS = 30;
/** The gauges that must be zero at the end. */
const GAUGES = ['protogate_inflight_requests', 'protogate_open_streams', 'protogate_server_running_calls'];

async function main(): Promise<void> {
  const minutes = Number(flag('--minutes') ?? 30);
  if (!(minutes > 0)) throw new Error(`--minutes: expected a number above 0, got ${flag('--minutes')}`);
  const rate = Number(flag('--rate') ?? Number.POSITIVE_INFINITY);
  if (!(rate > 0)) throw new Error(`--rate: expected a number above 0, got ${flag('--rate')}`);
  takeNormalPriority();
  pinNothing();
  const upstream = await startUpstream();
  const gateway = await serve(protogateFrom('protogate'), {
    upstream: upstream.target,
    more: { listen: { h2c: true } },
  });
  const requests = new Requests(gateway.port);
  const begun = performance.now();
  const samples = await load(requests, gateway, { ms: minutes * 60_000, rate });
  const seconds = (performance.now() - begun) / 1000;
  requests.close();
  const findings = [
    ofRequests(requests, seconds),
    ...(samples.length < 4 ? [] : [ofMemory(samples)]),
    await leftOver(gateway, upstream.child).then(ofLeftOver, (error: Error): Finding => {
      return { lines: [], wrong: [`what is left over cannot be read: ${error.message}`] };
    }),
  ];
  const wrong = findings.flatMap((one) => one.wrong);
  const lines = findings.flatMap((one) => one.lines);
  const verdict = wrong.length === 0 ? 'all held' : `${wrong.length} wrong`;
  process.stdout.write(`${[...lines, ...wrong.map((text) => `WRONG: ${text}`), verdict].join('\n')}\n`);
  await gateway.stop();
  await upstream.stop();
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

/** A process of low priority answers too late while others run, and the gateway rightly takes it for dead. */
function takeNormalPriority(): void {
  if (getPriority() <= 0) return;
  try {
    setPriority(0);
  } catch {
    process.stderr.write(`!!! this runs at low priority (${getPriority()}): answers may fail because others run\n`);
  }
}

/** Returns the resident memory of each second. */
async function load(
  requests: Requests,
  { pid, child }: Serving,
  { ms, rate }: { ms: number; rate: number },
): Promise<readonly number[]> {
  const until = performance.now() + ms;
  let isStopped = false;
  const stop = () => {
    isStopped = true;
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const isOver = () =>
    isStopped || performance.now() > until || requests.totalWrong >= MOST_WRONG || child.exitCode !== null;
  let nextAt = performance.now();
  const workers = Array.from({ length: WORKERS }, async () => {
    while (!isOver()) {
      const wait = nextAt - performance.now();
      nextAt = Math.max(nextAt, performance.now()) + 1000 / rate;
      if (wait > 0) await sleep(wait);
      await requests.next();
    }
  });
  const samples: number[] = [];
  for (;;) {
    await sleep(1000);
    if (isOver()) break;
    samples.push(residentBytes(pid));
    if (samples.length % SAY_EACH_SECONDS !== 0) continue;
    const seconds = Math.round((until - performance.now()) / 1000);
    const said = [`${requests.total} requests`, `${requests.totalWrong} wrong`, megabytes(samples.at(-1)!)];
    process.stderr.write(`${said.join(', ')}, ${seconds} s to go\n`);
  }
  await Promise.all(workers);
  process.off('SIGINT', stop).off('SIGTERM', stop);
  return samples;
}

/** Returns what is left over as soon as nothing is, or some seconds after the last request. */
async function leftOver({ adminPort }: Serving, upstream: StartedUpstream['child']): Promise<LeftOver> {
  for (const deadline = performance.now() + END_WITHIN_MS; ; await sleep(200)) {
    // The request has a connection of its own, which is one of the sockets that the answer counts.
    const headers = { connection: 'close' };
    const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`, { headers });
    const metrics = parseMetrics(await response.text());
    const open = before<Open>(upstream, 'message', LIMIT_MS);
    upstream.send('open');
    const { connections, streams } = await open;
    const left = {
      gauges: new Map(GAUGES.map((name) => [name, sum(metrics, name)])),
      clients: sum(metrics, 'nodejs_active_resources', 'TCPSocketWrap') - connections - 1,
      upstreamStreams: streams,
      upstreamConnections: connections,
    };
    if (ofLeftOver(left).wrong.length === 0 || performance.now() > deadline) return left;
  }
}

function sum(metrics: readonly Sample[], name: string, type?: string): number {
  return metrics
    .filter((sample) => sample.name === name && (type === undefined || sample.labels.type === type))
    .reduce((total, { value }) => total + value, 0);
}

await main();
