/**
 * What health checks, circuit breakers, retries and balancing cost: the CPU time of the gateway's process per request, over
 * one server without them and over three servers with all of them, in rounds that take the two in turn.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { costOf, GATEWAY, median } from '../../../bench/process-cost.js';
import { PROTO } from '../notes.js';
import { type Scenario, wrongOf } from '../scenario.js';
import { startService } from '../service.js';

const LOAD = { path: '/v1/notes/1', headers: {}, connections: 32, warmUp: 3000, requests: 6000 };
const MOST = 1.05;

export const cost: Scenario = {
  name: 'cost',
  promise: 'a request over three servers with health checks, breaker and retries costs at most 5 % more CPU time',
  isShort: false,
  async *run() {
    const rounds = 10;
    const folder = mkdtempSync(join(tmpdir(), 'protogate-faults-cost-'));
    writeFileSync(join(folder, 'notes.proto'), `syntax = "proto3";\n${PROTO}`);
    const script = join(folder, 'gateway.mjs');
    writeFileSync(script, GATEWAY);
    const services = await Promise.all([1, 2, 3].map(() => startService({ kind: 'answer' })));
    const targets = services.map(({ target }) => target);
    const config = (upstream: object) =>
      JSON.stringify({
        version: 1,
        schema: { protos: [folder] },
        upstreams: { a: upstream },
        log: { sample: 0 },
      });
    const plain = config({ target: targets[0] });
    const guarded = config({
      targets,
      healthCheck: { interval: '1s' },
      outlierDetection: {},
      circuitBreaker: {},
      retry: { maxAttempts: 3, codes: ['UNAVAILABLE'] },
    });
    const root = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
    const costs: { plain: number[]; guarded: number[] } = { plain: [], guarded: [] };
    try {
      for (let round = 0; round < rounds; round++) {
        costs.plain.push(await costOf(script, [root, plain], LOAD));
        costs.guarded.push(await costOf(script, [root, guarded], LOAD));
      }
      const ratio = median(costs.plain.map((value, round) => costs.guarded[round]! / value));
      yield {
        what: `32 connections, ${rounds} rounds, medians`,
        figures: {
          'µs plain': Math.round(median(costs.plain)),
          'µs guarded': Math.round(median(costs.guarded)),
          ratio: ratio.toFixed(3),
        },
        wrong: wrongOf({ 'it costs too much': ratio > MOST }),
      };
    } finally {
      await Promise.all(services.map(({ stop }) => stop()));
      rmSync(folder, { recursive: true });
    }
  },
};
