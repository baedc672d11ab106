/**
 * `npm run faults [-- NAMES] [--short] [--only=TEXT]`: what the gateway does when processes, disks and readers fail. Real processes,
 * clients at fixed rates, a table with a line for each case. Exit 1 if something did not hold. With `--only`, scenarios with long
 * rows run only those whose name contains the text, for example `reloads --only='watch, 2 workers'`.
 */
import { cpus, loadavg } from 'node:os';
import type { Scenario } from './scenario.js';
import { breaker } from './scenarios/breaker.js';
import { certificate } from './scenarios/certificate.js';
import { cost } from './scenarios/cost.js';
import { drain, drainClosedLoop } from './scenarios/drain.js';
import { frozenWorker } from './scenarios/frozen-worker.js';
import { hedging } from './scenarios/hedging.js';
import { log } from './scenarios/log.js';
import { oneOfThree } from './scenarios/one-of-three.js';
import { reloads } from './scenarios/reloads.js';
import { replacedServers } from './scenarios/replaced-servers.js';
import { replacedWorker } from './scenarios/replaced-worker.js';
import { retryStorm } from './scenarios/retry-storm.js';
import { shares } from './scenarios/shares.js';
import { slowNeighbour } from './scenarios/slow-neighbour.js';

const SCENARIOS: readonly Scenario[] = [
  drain,
  drainClosedLoop,
  reloads,
  replacedWorker,
  frozenWorker,
  log,
  oneOfThree,
  replacedServers,
  shares,
  breaker,
  retryStorm,
  hedging,
  slowNeighbour,
  certificate,
  cost,
];

const args = process.argv.slice(2);
const isShort = args.includes('--short');
const only = args.find((arg) => arg.startsWith('--only='))?.slice('--only='.length) ?? '';
const names = args.filter((arg) => arg !== '--short' && !arg.startsWith('--only='));
const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  const known = SCENARIOS.map(({ name }) => name).join(', ');
  process.stderr.write(`unknown scenario ${unknown.join(', ')}: expected ${known} or --short\n`);
  process.exit(2);
}

let wrong = 0;
for (const scenario of SCENARIOS) {
  if (names.length > 0 ? !names.includes(scenario.name) : isShort && !scenario.isShort) continue;
  process.stdout.write(`\n${scenario.name}: ${scenario.promise}\n`);
  for await (const row of scenario.run(isShort, only)) {
    const figures = Object.entries(row.figures).map(([name, value]) => `${name} ${value}`);
    const verdict = row.wrong === undefined ? 'ok   ' : 'WRONG';
    process.stdout.write(`  ${verdict} ${row.what.padEnd(50)} ${figures.join(' · ')}\n`);
    if (row.wrong === undefined) continue;
    wrong++;
    process.stdout.write(`        ${row.wrong}\n`);
  }
}
const [load = 0] = loadavg();
process.stdout.write(
  `\nmachine: ${cpus()[0]?.model}, ${cpus().length} cores, load ${load.toFixed(1)}, Node ${process.version}\n`,
);
process.stdout.write(wrong === 0 ? '\nall held\n' : `\n${wrong} did not hold\n`);
process.exit(wrong === 0 ? 0 : 1);
