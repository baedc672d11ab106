/** Compares latencies at a rate that all gateways can serve: requests are sent when they are due, whatever is answered. */
import { startGenerator } from '../load/load.js';
import { inTurns, median } from '../rounds.js';
import type { Comparison } from './cost.js';
import type { Gateway } from './gateways.js';
import { serve } from './measure.js';
import { SMALL_PATH } from './shop.js';
import { table } from './table.js';

const CONNECTIONS = 32;
const PERCENTILES = [50, 90, 99, 99.9];

export async function compareLatency(
  { gateways, upstream, rounds, times }: Comparison,
  perSecond: number,
): Promise<string> {
  const generator = startGenerator();
  const measure = async (gateway: Gateway): Promise<readonly number[]> => {
    const serving = await serve(gateway, { upstream });
    try {
      const load = { port: serving.port, path: SMALL_PATH, connections: CONNECTIONS };
      await generator.run({ ...load, seconds: times.warmUp });
      const { latencies } = await generator.run({ ...load, seconds: times.seconds, perSecond });
      return PERCENTILES.map((percent) => percentile(latencies, percent));
    } finally {
      await serving.stop();
    }
  };
  const shown = ([middle]: readonly number[]) => `latency ${middle!.toFixed(2)} ms`;
  const results = await inTurns(gateways, rounds, measure, shown);
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
