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

export const cost: Scenario = {
  name: 'cost',
  promise: `three servers with health, ejection, breaker and retries cost at most ${MOST_PERCENT} % more CPU time than one`,
  isShort: false,
  async *run() {
    yield await measured(10);
  },
};

async function measured(rounds: number): Promise<Row> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-faults-'));
  await writeFile(join(folder, 'a.proto'), `syntax = "proto3";\n${PROTO}`);
  await writeFile(join(folder, 'gateway.mjs'), GATEWAY);
  const services = await Promise.all([0, 1, 2].map(() => startService({ kind: 'answer' })));
  const targets = services.map(({ target }) => target);
  const entry = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
  const row = (name: string, upstream: object): CostRow => {
    const config = { version: 1, schema: { protos: [folder] }, upstreams: { a: upstream }, log: { sample: 0 } };
    return { ...LOAD, name, script: join(folder, 'gateway.mjs'), args: [entry, JSON.stringify(config)] };
  };
  const rows = [row('one server', { target: targets[0] }), row('three servers', { targets, ...PROTECTED })];
  let costs: Awaited<ReturnType<typeof measureCosts>>;
  try {
    costs = await measureCosts(rows, rounds);
  } finally {
    for (const { stop } of services) await stop();
    await rm(folder, { recursive: true });
  }
  const [bare, full] = rows.map(({ name }) => costs.get(name)!) as [readonly number[], readonly number[]];
  const ratios = full.map((one, round) => one / bare[round]!);
  const percent = (median(ratios) - 1) * 100;
  return {
    what: `${rounds} rounds in turn, ${LOAD.connections} connections`,
    figures: {
      'one server µs': median(bare).toFixed(0),
      'three servers µs': median(full).toFixed(0),
      'more %': percent.toFixed(1),
      'ratios from': Math.min(...ratios).toFixed(2),
      to: Math.max(...ratios).toFixed(2),
    },
    wrong: wrongOf({ [`expected at most ${MOST_PERCENT} %`]: percent > MOST_PERCENT }),
  };
}
