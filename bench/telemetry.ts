/**
 * Measures what metrics, log and traces add to the CPU time of a request. The first row has none of them: its gateway is a
 * copy without the stage that logs and counts requests, and its histograms count nothing. The log goes to a file, the traces
 * go to a receiver in this process.
 *
 *     npm run bench -- telemetry [--waves 6] [--turns 120] [--warm-up 25000]
 */
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ROOT } from '../test/support/run.js';
import { startUpstream } from './load/start-upstream.js';
import { SMALL_PATH } from './peers/shop.js';
import { compareServed, type ServedRow, sizeOf } from './served-cost.js';

/** Modules that log and count nothing. They replace those that log requests and count durations. */
const WITHOUT = {
  'server/stages/access-log.js':
    'export const accessLog = () => function accessLog(_, next) { return next(); }; export const tellRefusal = () => {};',
  'telemetry/histogram.js':
    'export const REQUEST_BUCKETS = []; export const OVERHEAD_BUCKETS = []; export class Histogram { observe() {} }',
};

async function main(): Promise<void> {
  const cleanup: (() => void | Promise<void>)[] = [];
  const t = { teardown: (task: () => void | Promise<void>) => void cleanup.push(task) };
  try {
    // The copy finds the libraries, because it is inside of this checkout.
    const without = await mkdtemp(join(ROOT, 'dist/without-telemetry-'));
    t.teardown(() => rm(without, { recursive: true }));
    for (const path of ['dist/src', 'bin', 'protos', 'package.json'])
      await cp(join(ROOT, path), join(without, path), { recursive: true });
    for (const [path, source] of Object.entries(WITHOUT)) await writeFile(join(without, 'dist/src', path), source);
    const upstream = await startUpstream();
    t.teardown(async () => void (await upstream.stop()));
    const receiver = await startReceiver();
    t.teardown(() => receiver.closeAllConnections());
    const otlp = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    const row = (name: string, config: object, than?: string, root = ROOT): ServedRow => {
      return { name, than, root, config, path: SMALL_PATH, headers: {} };
    };
    const [off, on] = [{ log: { format: 'json', sample: 0 } }, { log: { format: 'json', sample: 1 } }];
    const traced = (percent: number) =>
      row(`… and traces of ${percent} %`, { ...on, tracing: { otlp, sample: percent / 100 } }, 'metrics and log');
    const rows = [
      row('neither', off, undefined, without),
      row('neither, once more', off, 'neither', without),
      row('metrics and log', on, 'neither'),
      row('metrics and log, once more', on, 'metrics and log'),
      ...[0, 1, 100].map(traced),
    ];
    await compareServed(rows, upstream.target, sizeOf({ waves: 6, turns: 120 }));
  } finally {
    for (const task of cleanup.reverse()) await task();
  }
}

/** Starts a receiver that takes all traces and keeps none. */
async function startReceiver(): Promise<Server> {
  const server = createServer((req, res) => {
    req.resume().on('end', () => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
  });
  await once(server.listen(0, '127.0.0.1').unref(), 'listening');
  return server;
}

await main();
