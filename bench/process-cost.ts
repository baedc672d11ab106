/**
 * Measures what a request costs a server: the CPU time that its process reports (user and system) per GET, over a
 * number of connections. Each measurement gets a process of its own, because the compiler's result differs from process to process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { startGenerator } from './load/load.js';
import { inTurns, median, medianRatio } from './rounds.js';

/** The script of the gateway's process. It uses the public API alone, so that any version can be measured. */
export const GATEWAY = `
import { createServer } from 'node:http';
const [root, config] = process.argv.slice(2);
const { createGateway } = await import(root);
const gateway = await createGateway(JSON.parse(config));
const server = createServer(gateway.callback()).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send({ cpu: process.cpuUsage(), rss: process.memoryUsage().rss }));
`;

/** A row of a comparison: what serves, and the requests that it gets. */
export interface CostRow {
  readonly name: string;
  /** The script of the process. It must report its port and, when asked, its CPU time. */
  readonly script: string;
  readonly args: readonly string[];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly warmUp: number;
  readonly requests: number;
  /** The number of connections, each with one request after the other. */
  readonly connections: number;
}

/** The CPU time per request in microseconds of each row by its name, one for each round. */
type Costs = ReadonlyMap<string, readonly number[]>;

/** Measures rows in rounds. */
export function measureCosts(rows: readonly CostRow[], rounds: number): Promise<Costs> {
  return inTurns(rows, rounds, costOf, (micros) => `${micros.toFixed(1)} µs CPU`);
}

/** Measures rows in rounds. Prints the median of each, and the median of its ratios to the first row. Returns all figures. */
export async function compareCosts(rows: readonly CostRow[], rounds: number): Promise<Costs> {
  const results = await measureCosts(rows, rounds);
  const { name: first } = rows[0]!;
  for (const [name, costs] of results) {
    const ratio = medianRatio(costs, results.get(first)!).toFixed(3);
    process.stdout.write(
      `${name.padEnd(34)} ${median(costs).toFixed(1).padStart(7)} µs CPU  ${ratio} × ${first} (median of rounds)\n`,
    );
  }
  return results;
}

/** Returns the CPU time per request in microseconds. */
async function costOf({ script, args, path, headers, connections, warmUp, requests }: CostRow): Promise<number> {
  const child = fork(script, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const generator = startGenerator();
  const load = { port, path, headers, connections };
  try {
    await generator.run({ ...load, requests: warmUp });
    const before = await cpuOf(child);
    await generator.run({ ...load, requests });
    return ((await cpuOf(child)) - before) / requests;
  } finally {
    generator.stop();
    child.kill();
  }
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send({});
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: { user: number; system: number } }];
  return cpu.user + cpu.system;
}
