/**
 * Fails when a request costs more than before, or the start needs more memory. It compares the CPU time of protogate with that of
 * bare Koa in the same rounds, and the ratio with the one in `gate.json`. Other work on the machine only adds to a figure, so
 * each round counts the cheapest of several short loads; the median of the rounds is compared, and what fails is measured once
 * more. On a busy machine with two cores the median itself varies by a third, so `gate.json` has ratios that are a little
 * above the largest round of a quiet run. It needs Linux, and nothing but Node.
 *
 *     npm run bench -- gate
 *     npm run bench -- gate --write     writes the ratios into gate.json, after a change that is meant to cost more or less
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../test/support/run.js';
import { type Generator, startGenerator } from './load/load.js';
import { startUpstream } from './load/start-upstream.js';
import { type Gateway, KOA, protogateFrom } from './peers/gateways.js';
import { check, serve } from './peers/measure.js';
import { pinThis, residentBytes, runNanos } from './peers/pinned.js';
import { CASES, type Case } from './peers/shop.js';
import { megabytes, short, table } from './peers/table.js';
import { median } from './rounds.js';

const FILE = join(ROOT, 'bench/gate.json');
/** The largest factor by which a ratio may grow. */
const MOST_GROWTH = 1.15;
const ROUNDS = 3;
/**
 * The number of requests that warm a process up, and the number of each short load. These are not times, because the
 * compiler is done after so much work.
 */
const LOADS: ReadonlyMap<string, { readonly warmUp: number; readonly requests: number }> = new Map([
  ['small-32', { warmUp: 6000, requests: 1500 }],
  ['big-8', { warmUp: 120, requests: 40 }],
  ['post-16', { warmUp: 1000, requests: 300 }],
  ['stream-1', { warmUp: 8, requests: 2 }],
]);
const SHORT_LOADS = 4;
/** The most resident memory of protogate after its start, with a small schema: it has 72 to 79 MB. */
const MOST_IDLE_BYTES = 90e6;

const isWriting = process.argv.includes('--write');
const cases = CASES.filter(({ name }) => LOADS.has(name));

/** The ratios of each case, one for each round. */
type Ratios = Map<string, number[]>;

/** The memory after each start of protogate. */
const idleBytes: number[] = [];

async function main(): Promise<void> {
  const committed = JSON.parse(readFileSync(FILE, 'utf8')) as Readonly<Record<string, number>>;
  pinThis();
  const generator = startGenerator();
  const upstream = await startUpstream();
  const measure = (some: readonly Case[]) => rounds(some, upstream.target, generator);

  const first = await measure(cases);
  print(first, committed);
  const failed = isWriting ? [] : cases.filter(({ name }) => hasGrown(first.get(name)!, committed[name]!));
  let stillFailed: readonly Case[] = [];
  if (failed.length > 0) {
    process.stdout.write(`\n${failed.map(({ name }) => name).join(', ')}: too much; once more\n\n`);
    const second = await measure(failed);
    print(second, committed);
    stillFailed = failed.filter(({ name }) => hasGrown(second.get(name)!, committed[name]!));
  }
  generator.stop();
  await upstream.stop();
  if (isWriting) {
    const ratios = Object.fromEntries([...first].map(([name, all]) => [name, Number(short(median(all)))]));
    writeFileSync(FILE, `${JSON.stringify(ratios, null, 2)}\n`);
  }
  for (const { name } of stillFailed) {
    const most = (committed[name]! * MOST_GROWTH).toFixed(2);
    process.stderr.write(`${name}: expected at most ${most} × Koa, got more in both attempts\n`);
  }
  const idle = median(idleBytes);
  process.stdout.write(`memory after the start: ${megabytes(idle)}, at most ${megabytes(MOST_IDLE_BYTES)}\n`);
  process.exitCode = stillFailed.length > 0 || idle > MOST_IDLE_BYTES ? 1 : 0;
}

function hasGrown(ratios: readonly number[], committed: number): boolean {
  return median(ratios) > committed * MOST_GROWTH;
}

async function rounds(some: readonly Case[], upstream: string, generator: Generator): Promise<Ratios> {
  const ratios: Ratios = new Map(some.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    const koa = await costs(KOA, some, upstream, generator);
    const protogate = await costs(protogateFrom('protogate'), some, upstream, generator);
    for (const { name } of some) ratios.get(name)!.push(protogate.get(name)! / koa.get(name)!);
    process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`);
  }
  return ratios;
}

/** Serves all cases in turn with one process. Returns the CPU time of a request or message of each, in microseconds. */
async function costs(gateway: Gateway, some: readonly Case[], upstream: string, generator: Generator) {
  const serving = await serve(gateway, { upstream });
  const found = new Map<string, number>();
  if (gateway !== KOA) idleBytes.push(residentBytes(serving.pid));
  try {
    for (const asked of some) {
      const { path, body, connections, messages = 1 } = asked;
      await check(gateway.name, serving.port, asked);
      const load = { port: serving.port, path, connections, ...(body === undefined ? {} : { body }) };
      const { warmUp, requests: count } = LOADS.get(asked.name)!;
      await generator.run({ ...load, requests: warmUp });
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < SHORT_LOADS; i++) {
        const before = runNanos(serving.pid);
        const { requests } = await generator.run({ ...load, requests: count });
        least = Math.min(least, (runNanos(serving.pid) - before) / (requests * messages * 1000));
      }
      found.set(asked.name, least);
    }
  } finally {
    await serving.stop();
  }
  return found;
}

function print(ratios: Ratios, committed: Readonly<Record<string, number>>): void {
  const rows = [...ratios].map(([name, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    const [before, now] = [committed[name]!, median(all)];
    const change = `${((now / before - 1) * 100).toFixed(0)} %`;
    return [
      name,
      now.toFixed(2),
      `${sorted[0]!.toFixed(2)} to ${sorted.at(-1)!.toFixed(2)}`,
      before.toFixed(2),
      change,
    ];
  });
  process.stdout.write(`${table(['case', '× Koa', 'rounds', 'gate.json', 'change'], rows)}\n`);
}

await main();
