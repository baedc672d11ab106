/**
 * Compares protogate with other gateways that translate JSON to gRPC (Envoy, grpc-gateway and vanguard), and with bare Koa,
 * whose cost is the least that a gateway on Koa can have. All have the same gRPC server behind them and one core each; protogate runs as it
 * ships, with its access log on. The figure is the CPU time of the gateway's process for one request (user and system).
 * Rounds take the gateways in turn, each in a new process, and medians are compared.
 *
 *     npm run bench -- peers --case small-32,idle --rounds 5 --seconds 4
 *     npm run bench -- peers --build                           builds the peers, and nothing else
 *     npm run bench -- peers --against ../protogate-before     has a row for another built checkout
 *     npm run bench -- peers --only Koa,Envoy,protogate        leaves the others out
 *
 * It needs Linux. Programs are built into `.cache/peers`, or into the folder that `--dir` names. `wrk` makes the load if it is
 * installed, a load generator in Node otherwise.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { ROOT } from '../test/support/run.js';
import { flag } from './flag.js';
import { type Generator, startGenerator } from './load/load.js';
import { startUpstream } from './load/start-upstream.js';
import { type Comparison, compareCost, type LoadCase } from './peers/cost.js';
import { gateways } from './peers/gateways.js';
import { compareIdle } from './peers/idle.js';
import { compareLatency } from './peers/latency.js';
import { isPinned, pinThis } from './peers/pinned.js';
import { CASES } from './peers/shop.js';
import { build, type Programs } from './peers/toolchain.js';
import { wrk } from './peers/wrk.js';

const OTHERS = ['latency', 'idle'];

async function main(): Promise<void> {
  if (!existsSync('/proc/self/stat')) throw new Error('expected Linux, because CPU time is read from /proc');
  const folder = resolve(flag('--dir') ?? join(ROOT, '.cache/peers'));
  const programs = build(folder);
  const missing = [...programs.missing];
  if (process.argv.includes('--build')) return say(missing);
  const generator = spawnSync('wrk').error === undefined ? undefined : startGenerator();
  if (generator !== undefined) missing.push('wrk is not installed: a load generator in Node makes the load');
  if (!isPinned) missing.push('taskset is not installed or there is one core: the processes share all cores');
  say(missing);
  pinThis();
  // Without Go, the server of this folder takes the place of gRPC's server in Go.
  const upstream = await startUpstream(
    programs.upstream === undefined ? undefined : [programs.upstream, '127.0.0.1:0'],
  );
  const comparison = { ...chosen(programs), upstream: upstream.target };
  const load = loadBy(generator, folder);
  const [before = 0] = loadavg();
  for (const name of flag('--case')?.split(',') ?? [...CASES.map((one) => one.name), ...OTHERS])
    process.stdout.write(`\n${await measure(name, comparison, load)}`);
  const [after = 0] = loadavg();
  const machine = `${cpus()[0]?.model}, ${cpus().length} cores, load ${before.toFixed(1)} to ${after.toFixed(1)}`;
  const { rounds, times } = comparison;
  process.stdout.write(
    `\n${new Date().toISOString().slice(0, 10)}: ${machine}, Node ${process.version}, ${rounds} rounds of ${times.seconds} s\n`,
  );
  say(missing);
  generator?.stop();
  await upstream.stop();
}

function say(missing: readonly string[]): void {
  for (const sentence of missing) process.stderr.write(`!!! ${sentence}\n`);
}

function chosen(programs: Programs): Omit<Comparison, 'upstream'> {
  const against = flag('--against');
  const before = against === undefined ? [] : [{ name: basename(resolve(against)), root: resolve(against) }];
  const wanted = flag('--only')?.split(',');
  const all = gateways(programs, [...before, { name: 'protogate' }]);
  return {
    gateways: all.filter(({ name }) => wanted === undefined || wanted.includes(name)),
    rounds: Number(flag('--rounds') ?? 5),
    times: { warmUp: Number(flag('--warm-up') ?? 2), seconds: Number(flag('--seconds') ?? 3) },
  };
}

async function measure(name: string, comparison: Comparison, load: LoadCase): Promise<string> {
  if (name === 'idle') return compareIdle(comparison);
  if (name === 'latency') return compareLatency(comparison, Number(flag('--rate') ?? 1000));
  const asked = CASES.find((one) => one.name === name);
  const known = [...CASES.map((one) => one.name), ...OTHERS].join(', ');
  if (asked === undefined) throw new Error(`unknown case ${name}: expected ${known}`);
  return compareCost(asked, comparison, load);
}

function loadBy(generator: Generator | undefined, folder: string): LoadCase {
  return async (port, asked, seconds, headers = {}) => {
    if (generator === undefined) return wrk(folder, port, asked, seconds, headers);
    const { path, body, connections } = asked;
    const load = { port, path, connections, seconds, headers, ...(body === undefined ? {} : { body }) };
    return (await generator.run(load)).requests;
  };
}

await main();
