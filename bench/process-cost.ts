/**
 * Measures what a request costs a server: the CPU time that its process reports (user and system) per GET, over a
 * number of connections. The result of V8's compiler differs from process to process and changes for some ten thousand
 * requests, so each row has several processes. They are warmed up, live as long as the comparison and take turns in its rounds.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Generator, startGenerator } from './load/load.js';
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
  readonly requests: number;
  /** The number of connections, each with one request after the other. */
  readonly connections: number;
}

/** The CPU time per request in microseconds of each row by its name, one for each round. */
type Costs = ReadonlyMap<string, readonly number[]>;

const PROCESSES = 3;
const WARM_UP_SECONDS = 5;

/** Measures rows in rounds. */
export async function measureCosts(rows: readonly CostRow[], rounds: number): Promise<Costs> {
  const generator = startGenerator();
  const servers = new Map<CostRow, Server[]>();
  try {
    for (let i = 0; i < Math.min(PROCESSES, rounds); i++) {
      for (const row of rows) {
        const server = await startServer(row);
        servers.set(row, [...(servers.get(row) ?? []), server]);
        await generator.run({ ...loadOf(row, server), seconds: WARM_UP_SECONDS });
      }
    }
    const measure = (row: CostRow, round: number) => {
      const all = servers.get(row)!;
      return costOf(row, all[round % all.length]!, generator);
    };
    return await inTurns(rows, rounds, measure, (micros) => `${micros.toFixed(1)} µs CPU`);
  } finally {
    generator.stop();
    for (const { child } of [...servers.values()].flat()) child.kill();
  }
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

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
}

async function startServer({ script, args }: CostRow): Promise<Server> {
  const child = fork(script, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port };
}

function loadOf({ path, headers, connections }: CostRow, { port }: Server) {
  return { port, path, headers, connections };
}

/** Returns the CPU time per request in microseconds. A process that did nothing for seconds is slow at first, which is not measured. */
async function costOf(row: CostRow, server: Server, generator: Generator): Promise<number> {
  const load = { ...loadOf(row, server), requests: row.requests };
  await generator.run(load);
  const before = await cpuOf(server.child);
  await generator.run(load);
  return ((await cpuOf(server.child)) - before) / row.requests;
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send({});
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: { user: number; system: number } }];
  return cpu.user + cpu.system;
}
