/** Measures what a request costs the gateway over three servers with all protections, and over one server without any. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CostRow, GATEWAY, measureCosts } from '../../../bench/process-cost.js';
import { median } from '../../../bench/rounds.js';
import { PROTO } from '../notes.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

const LOAD = { path: '/v1/notes/1', headers: {}, requests: 6000, connections: 16 };
const MOST_PERCENT = 5;
const PROTECTED = {
  healthCheck: {},
  outlierDetection: {},
  circuitBreaker: {},
  retry: { maxAttempts: 3, codes: ['UNAVAILABLE'] },
};

const BARE = 'one server';
/** The rows between the first and the last one show which part of the cost is that of more connections. */
const ROWS = [
  { name: BARE, servers: 1, settings: {}, most: Number.POSITIVE_INFINITY },
  { name: 'one server, protected', servers: 1, settings: PROTECTED, most: MOST_PERCENT },
  { name: 'three servers', servers: 3, settings: {}, most: Number.POSITIVE_INFINITY },
  { name: 'three servers, protected', servers: 3, settings: PROTECTED, most: MOST_PERCENT },
];

export const cost: Scenario = {
  name: 'cost',
  promise: `three servers with health, ejection, breaker and retries cost at most ${MOST_PERCENT} % more CPU time than one`,
  isShort: false,
  async *run() {
    yield* measured(10);
  },
};

async function* measured(rounds: number): AsyncGenerator<Row> {
  const costs = await costsOf(rounds);
  const bare = costs.get(BARE)!;
  for (const { name, most } of ROWS) {
    const mine = costs.get(name)!;
    const ratios = mine.map((one, round) => one / bare[round]!);
    const percent = (median(ratios) - 1) * 100;
    yield {
      what: name,
      figures: {
        'µs CPU': median(mine).toFixed(1),
        'more %': percent.toFixed(1),
        'ratios from': Math.min(...ratios).toFixed(2),
        to: Math.max(...ratios).toFixed(2),
      },
      wrong: wrongOf({ [`expected at most ${most} %`]: percent > most }),
    };
  }
}

async function costsOf(rounds: number): ReturnType<typeof measureCosts> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-faults-'));
  await writeFile(join(folder, 'a.proto'), `syntax = "proto3";\n${PROTO}`);
  await writeFile(join(folder, 'gateway.mjs'), GATEWAY);
  const services = await Promise.all([0, 1, 2].map(() => startService({ kind: 'answer' })));
  const targets = services.map(({ target }) => target);
  const entry = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
  const rows = ROWS.map(({ name, servers, settings }): CostRow => {
    const upstreams = { a: { targets: targets.slice(0, servers), ...settings } };
    const config = { version: 1, schema: { protos: [folder] }, upstreams, log: { sample: 0 } };
    return { ...LOAD, name, script: join(folder, 'gateway.mjs'), args: [entry, JSON.stringify(config)] };
  });
  try {
    return await measureCosts(rows, rounds);
  } finally {
    for (const { stop } of services) await stop();
    await rm(folder, { recursive: true });
  }
}
