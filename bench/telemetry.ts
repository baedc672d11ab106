/**
 * Measures what metrics, log and traces add to the CPU time of a request, in rounds that take the rows in turn. The first row
 * has none of them: its gateway is a copy without the stage that tells of requests, and its histograms count nothing. The log
 * goes to a file, the traces to a receiver in this process.
 *
 *     npm run bench -- telemetry [--rounds 10]
 */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startReceiver } from '../test/support/otlp.js';
import { ROOT } from '../test/support/run.js';
import { flag } from './flag.js';
import { startUpstream } from './load/start-upstream.js';
import { SMALL_PATH, SOURCES } from './peers/shop.js';
import { type CostRow, GATEWAY, measureCosts } from './process-cost.js';
import { median } from './rounds.js';

const LOAD = { requests: 2500, connections: 32, path: SMALL_PATH, headers: {} };

/** Modules that tell nothing of requests, and count no durations, in the places of those that do. */
const WITHOUT = {
  'server/stages/access-log.js':
    'export const accessLog = () => function accessLog(_, next) { return next(); }; export const tellRefusal = () => {};',
  'telemetry/histogram.js':
    'export const REQUEST_BUCKETS = []; export const OVERHEAD_BUCKETS = []; export class Histogram { observe() {} }',
};

/** Standard error becomes a file: the lowest descriptor that is free is the one that was closed before. */
const TO_FILE = `
import { closeSync, openSync } from 'node:fs';
closeSync(2);
openSync(process.argv[4], 'a');
`;

/** A row, with the name of the one that it is compared with. */
interface Row extends CostRow {
  readonly than: string | undefined;
}

async function main(): Promise<void> {
  const cleanup: (() => void | Promise<void>)[] = [];
  const t = { teardown: (task: () => void | Promise<void>) => void cleanup.push(task) };
  const folder = await mkdtemp(join(tmpdir(), 'protogate-bench-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const script = join(folder, 'gateway.mjs');
  // It is as deep below the root of the package as the original, which finds its protos from there.
  const without = join(ROOT, 'dist/without-telemetry');
  t.teardown(() => rm(without, { recursive: true }));
  await cp(join(ROOT, 'dist/src'), without, { recursive: true });
  for (const [path, source] of Object.entries(WITHOUT)) await writeFile(join(without, path), source);
  await writeFile(script, `${TO_FILE}${GATEWAY}`);
  const upstream = await startUpstream();
  t.teardown(async () => void (await upstream.stop()));
  const { url: otlp } = await startReceiver(t);
  const config = { version: 1, schema: { protos: [SOURCES] }, upstreams: { bench: { target: upstream.target } } };
  const off = { log: { format: 'json', sample: 0 } };
  const on = { log: { format: 'json', sample: 1 } };
  const row = (name: string, extra: object, than?: string, root = join(ROOT, 'dist/src')): Row => {
    const log = join(folder, `${name.replaceAll(/\W+/g, '-')}.log`);
    const args = [join(root, 'index.js'), JSON.stringify({ ...config, ...extra }), log];
    return { ...LOAD, name, script, args, than };
  };
  const rows = [
    row('neither', off, undefined, without),
    row('metrics', off, 'neither'),
    row('metrics and log', on, 'neither'),
    row('… and tracing of 0 %', { ...on, tracing: { otlp, sample: 0 } }, 'metrics and log'),
    row('… and tracing of 1 %', { ...on, tracing: { otlp, sample: 0.01 } }, 'metrics and log'),
  ];
  try {
    print(rows, await measureCosts(rows, Number(flag('--rounds') ?? 10)));
  } finally {
    for (const task of cleanup.reverse()) await task();
  }
}

/** Prints the median of each row, and the median and the quartiles of its differences to the other row in the same rounds. */
function print(rows: readonly Row[], costs: ReadonlyMap<string, readonly number[]>): void {
  for (const { name, than } of rows) {
    const own = costs.get(name)!;
    const more = than === undefined ? [] : own.map((cost, round) => cost - costs.get(than)![round]!);
    const sorted = more.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(1);
    const compared = than === undefined ? '' : `  +${median(more).toFixed(1)} (${at(0.25)} to ${at(0.75)}) to ${than}`;
    process.stdout.write(`${name.padEnd(24)} ${median(own).toFixed(1).padStart(7)} µs CPU${compared}\n`);
  }
}

await main();
