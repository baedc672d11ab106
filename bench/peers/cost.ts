/** Compares what a request costs the gateways: CPU time of the process, in rounds that take the gateways in turn. */
import { startIssuer } from '../../test/support/issuer.js';
import { median } from '../process-cost.js';
import type { Gateway } from './gateways.js';
import { check, type Options, type Serving, serve, type Times, type Used, used } from './measure.js';
import type { Case } from './shop.js';
import { megabytes, short, table } from './table.js';

export interface Comparison {
  readonly gateways: readonly Gateway[];
  /** `HOST:PORT` of the gRPC server. */
  readonly upstream: string;
  readonly rounds: number;
  readonly times: Times;
}

/** Loads a gateway, and resolves to the number of requests. */
export type LoadCase = (port: number, asked: Case, seconds: number, headers: Options['headers']) => Promise<number>;

interface Measured extends Used {
  readonly readyMs: number;
}

export async function compareCost(asked: Case, comparison: Comparison, load: LoadCase): Promise<string> {
  const { upstream, rounds, times } = comparison;
  const taking = comparison.gateways.filter(({ streams }) => streams !== false || asked.messages === undefined);
  const results = new Map<string, Measured[]>(taking.map(({ name }) => [name, []]));
  const cleanup: (() => void | Promise<void>)[] = [];
  const guarded = asked.isGuarded ? await guard({ teardown: (task) => void cleanup.push(task) }) : {};
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < taking.length; i++) {
      // Each round begins with another gateway, so that none always comes first.
      const gateway = taking[(i + round) % taking.length]!;
      const serving = await serve(gateway, '/v1/orders/1234567', { upstream, ...guarded });
      const { name } = gateway;
      try {
        await check(name, serving.port, asked, guarded.headers);
        const scrapes = asked.isGuarded && gateway.hasMetrics ? scrape(serving) : undefined;
        const run = (seconds: number) => load(serving.port, asked, seconds, guarded.headers);
        const found = await used(serving, asked, run, times);
        clearInterval(scrapes);
        results.get(name)!.push({ ...found, readyMs: serving.readyMs });
        process.stderr.write(`${asked.name} ${round + 1}/${rounds} ${name}: ${short(found.cpuMicros)} µs\n`);
      } finally {
        await serving.stop();
      }
    }
  }
  for (const task of cleanup) await task();
  return `### \`${asked.name}\`: ${asked.what}\n\n${costTable(asked, results)}\n`;
}

/** Returns the config and the headers of requests that are checked. */
async function guard(t: { teardown(task: () => void | Promise<void>): void }): Promise<Omit<Options, 'upstream'>> {
  const issuer = await startIssuer(t, 'bench');
  const jwt = [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri, audiences: ['api'], algorithms: ['RS256'] }];
  const rateLimits = [{ limit: 1_000_000_000, period: '1h', per: ['ip', 'consumer'] }];
  const exp = Math.floor(Date.now() / 1000) + 3600;
  return {
    more: { auth: { jwt }, policies: [{ selector: '*', rateLimits }] },
    headers: { authorization: `Bearer ${issuer.sign({ sub: 'ada', exp })}` },
  };
}

/** Asks for the metrics once a second. */
function scrape({ adminPort }: Serving): NodeJS.Timeout {
  const ask = () => fetch(`http://127.0.0.1:${adminPort}/metrics`).then((response) => response.text());
  return setInterval(() => void ask(), 1000);
}

function costTable({ unit }: Case, results: ReadonlyMap<string, readonly Measured[]>): string {
  const scale = unit === 'ms' ? 1000 : 1;
  const peers = ['Koa', 'Envoy', 'grpc-gateway'].filter((peer) => results.has(peer));
  const rows = [...results].map(([name, rounds]) => {
    const cpu = rounds.map(({ cpuMicros }) => cpuMicros / scale).toSorted((a, b) => a - b);
    const middle = (key: keyof Measured) => median(rounds.map((one) => one[key]));
    // The two figures of one round are compared, because the machine may be slower in the next one.
    const ratio = (peer: string) => median(rounds.map((one, i) => one.cpuMicros / results.get(peer)![i]!.cpuMicros));
    return [
      name,
      `${short(median(cpu))} ${unit}`,
      `${short(cpu[0]!)} to ${short(cpu.at(-1)!)}`,
      ...peers.map((peer) => ratio(peer).toFixed(2)),
      middle('perSecond').toFixed(0),
      megabytes(middle('loadedBytes')),
    ];
  });
  return table(['', 'CPU', 'rounds', ...peers.map((peer) => `× ${peer}`), 'a second', 'RSS loaded'], rows);
}
