/** Compares what a request costs the gateways: CPU time of the process, in rounds that take the gateways in turn. */
import { startIssuer } from '../../test/support/issuer.js';
import { inTurns, median, medianRatio } from '../rounds.js';
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

export async function compareCost(asked: Case, comparison: Comparison, load: LoadCase): Promise<string> {
  const { upstream, rounds, times } = comparison;
  const taking = comparison.gateways.filter(({ streams }) => streams !== false || asked.messages === undefined);
  const cleanup: (() => void | Promise<void>)[] = [];
  const guarded = asked.isGuarded ? await guard({ teardown: (task) => void cleanup.push(task) }) : {};
  const measure = async (gateway: Gateway): Promise<Used> => {
    const serving = await serve(gateway, { upstream, ...guarded });
    try {
      await check(gateway.name, serving.port, asked, guarded.headers);
      const scrapes = asked.isGuarded && gateway.hasMetrics ? scrape(serving) : undefined;
      const run = (seconds: number) => load(serving.port, asked, seconds, guarded.headers);
      return await used(serving, asked, run, times).finally(() => clearInterval(scrapes));
    } finally {
      await serving.stop();
    }
  };
  const shown = ({ cpuMicros }: Used) => `${asked.name} ${short(cpuMicros)} µs`;
  const results = await inTurns(taking, rounds, measure, shown);
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

function costTable({ unit }: Case, results: ReadonlyMap<string, readonly Used[]>): string {
  const scale = unit === 'ms' ? 1000 : 1;
  const cpuOf = (rounds: readonly Used[]) => rounds.map(({ cpuMicros }) => cpuMicros);
  const peers = ['Koa', 'Envoy', 'grpc-gateway'].filter((peer) => results.has(peer));
  const rows = [...results].map(([name, rounds]) => {
    const cpu = cpuOf(rounds)
      .map((micros) => micros / scale)
      .toSorted((a, b) => a - b);
    const middle = (key: keyof Used) => median(rounds.map((one) => one[key]));
    return [
      name,
      `${short(median(cpu))} ${unit}`,
      `${short(cpu[0]!)} to ${short(cpu.at(-1)!)}`,
      ...peers.map((peer) => medianRatio(cpuOf(rounds), cpuOf(results.get(peer)!)).toFixed(2)),
      middle('perSecond').toFixed(0),
      megabytes(middle('loadedBytes')),
    ];
  });
  return table(['', 'CPU', 'rounds', ...peers.map((peer) => `× ${peer}`), 'a second', 'RSS loaded'], rows);
}
