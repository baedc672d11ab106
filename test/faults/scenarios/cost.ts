/** Compares the CPU time of a request over three servers with all protections with that over one server without any. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { costOf, GATEWAY, median } from '../../../bench/process-cost.js';
import { PROTO } from '../notes.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

const LOAD = { path: '/v1/notes/1', headers: {}, warmUp: 6000, requests: 6000, connections: 16 };
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
  const costWith = (upstream: object) => {
    const config = { version: 1, schema: { protos: [folder] }, upstreams: { a: upstream }, log: { sample: 0 } };
    return costOf(join(folder, 'gateway.mjs'), [entry, JSON.stringify(config)], LOAD);
  };
  const [bare, full]: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round < rounds; round++) {
      bare.push(await costWith({ target: targets[0] }));
      full.push(await costWith({ targets, ...PROTECTED }));
    }
  } finally {
    for (const { stop } of services) await stop();
    await rm(folder, { recursive: true });
  }
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
