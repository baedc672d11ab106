/** Compares latencies at a rate that all gateways can serve: requests are sent when they are due, whatever is answered. */
import { startGenerator } from '../load/load.js';
import { median } from '../process-cost.js';
import type { Comparison } from './cost.js';
import { serve } from './measure.js';
import { table } from './table.js';

const PATH = '/v1/orders/1234567';
const CONNECTIONS = 32;
const PERCENTILES = [50, 90, 99, 99.9];

export async function compareLatency(
  { gateways, upstream, rounds, times }: Comparison,
  perSecond: number,
): Promise<string> {
  const results = new Map<string, number[][]>(gateways.map(({ name }) => [name, []]));
  const generator = startGenerator();
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < gateways.length; i++) {
      const gateway = gateways[(i + round) % gateways.length]!;
      const serving = await serve(gateway, PATH, { upstream });
      try {
        const load = { port: serving.port, path: PATH, connections: CONNECTIONS };
        await generator.run({ ...load, seconds: times.warmUp });
        const { latencies } = await generator.run({ ...load, seconds: times.seconds, perSecond });
        results.get(gateway.name)!.push(PERCENTILES.map((percent) => percentile(latencies, percent)));
        process.stderr.write(`latency ${round + 1}/${rounds} ${gateway.name}\n`);
      } finally {
        await serving.stop();
      }
    }
  }
  generator.stop();
  const rows = [...results].map(([name, all]) => {
    return [name, ...PERCENTILES.map((_, i) => `${median(all.map((one) => one[i]!)).toFixed(2)} ms`)];
  });
  const heads = ['', ...PERCENTILES.map((percent) => `p${percent}`)];
  return `### \`latency\`: GET of 689 B, ${perSecond} requests a second\n\n${table(heads, rows)}\n`;
}

/** Returns the value below which `percent` of the sorted values are. */
function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
}
