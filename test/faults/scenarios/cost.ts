/**
 * Measures what a request costs the gateway over three servers with all protections, and over one server without any: the
 * CPU time of the gateway's process alone. Generator and servers are processes of their own. The gateway that is measured has
 * a core for itself, and no core sleeps.
 *
 * All rows are upstreams of the same gateway. Two processes that do the same differ by up to a tenth, because V8 compiles each a
 * little differently, and that is more than what is looked for here.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Generator, startGenerator } from '../../../bench/load/load.js';
import { keepCoresAwake, pinGateway, pinThis } from '../../../bench/peers/pinned.js';
import { GATEWAY } from '../../../bench/process-cost.js';
import { median } from '../../../bench/rounds.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { type Service, startService } from '../service.js';

const MOST_PERCENT = 5;
const PROTECTED = {
  healthCheck: {},
  outlierDetection: {},
  circuitBreaker: {},
  retry: { maxAttempts: 3, codes: ['UNAVAILABLE'] },
};
/** The turns in which the rows are measured. They are many and short, because the machine changes its speed from second to second. */
const TURNS = 100;
/** The gateways. Each of them has all rows. */
const PROCESSES = 2;
/** The requests of each row that come before the measurement, in several bursts. */
const WARM_UP = { connections: 32, requests: 1000, bursts: 6 };

interface Load {
  readonly name: string;
  readonly connections: number;
  /** The number of requests a second. Without it, each connection sends its next request when it has its answer. */
  readonly perSecond?: number;
  /** The number of requests in a burst. */
  readonly requests: number;
  /** True if the limits of the rows hold for this load. */
  readonly hasLimit: boolean;
}

/**
 * The promise is about fixed rates. The other loads only show how the cost depends on the number of requests at once: with
 * one, nothing is sent together; with 64, all connections have enough calls to send several with one write.
 */
const LOADS: readonly Load[] = [
  { name: '2000 a second', connections: 32, perSecond: 2000, requests: 200, hasLimit: true },
  { name: '1000 a second', connections: 32, perSecond: 1000, requests: 100, hasLimit: true },
  { name: '1 at once', connections: 1, requests: 200, hasLimit: false },
  { name: '16 at once', connections: 16, requests: 800, hasLimit: false },
  { name: '64 at once', connections: 64, requests: 800, hasLimit: false },
];

interface Kind {
  readonly name: string;
  /** The servers: one, three of the same process, or three processes. */
  readonly servers: 'one' | 'three' | 'apart';
  readonly settings: object;
  /** The most that the row may cost, in percent more than the first two rows. */
  readonly most: number;
}

/**
 * The first two rows are the same, so that they show how exact the figures are. The others show what each part
 * costs. Three processes on the cores of one machine answer later than one process, for which the gateway pays.
 */
const KINDS: readonly Kind[] = [
  { name: 'one server', servers: 'one', settings: {}, most: Number.POSITIVE_INFINITY },
  { name: 'one server, measured again', servers: 'one', settings: {}, most: Number.POSITIVE_INFINITY },
  { name: 'one server, protected', servers: 'one', settings: PROTECTED, most: MOST_PERCENT },
  { name: 'three servers', servers: 'three', settings: {}, most: Number.POSITIVE_INFINITY },
  { name: 'three servers, protected', servers: 'three', settings: PROTECTED, most: MOST_PERCENT },
  { name: 'three processes, protected', servers: 'apart', settings: PROTECTED, most: MOST_PERCENT },
];

interface Gateway {
  readonly child: ChildProcess;
  readonly port: number;
}

/** The cost of a request: CPU time in microseconds, and reads and writes of sockets and files. */
interface Cost {
  readonly micros: number;
  readonly systemCalls: number;
}

export const cost: Scenario = {
  name: 'cost',
  promise: `three servers with health, ejection, breaker and retries cost at most ${MOST_PERCENT} % more CPU time than one`,
  isShort: false,
  async *run(_, only) {
    const folder = await mkdtemp(join(tmpdir(), 'protogate-faults-'));
    const services: Service[] = [];
    const gateways: Gateway[] = [];
    let generator: Generator | undefined;
    pinThis();
    const letCoresSleep = keepCoresAwake();
    try {
      for (const [i] of KINDS.entries()) await writeFile(join(folder, `${i}.proto`), protoOf(i));
      await writeFile(join(folder, 'gateway.mjs'), GATEWAY);
      for (let i = 0; i < 3; i++) services.push(await startService({ kind: 'answer' }));
      const [{ target, another }] = services as [Service, ...Service[]];
      const three = [target, await another(), await another()];
      const targets = { one: [target], three, apart: services.map((service) => service.target) };
      for (let i = 0; i < PROCESSES; i++) gateways.push(await startOne(folder, targets));
      generator = startGenerator();
      for (let burst = 0; burst < WARM_UP.bursts; burst++)
        for (const gateway of gateways) for (const kind of KINDS) await generator.run(taskOf(WARM_UP, gateway, kind));
      for (const load of LOADS) if (load.name.includes(only)) yield* rowsOf(load, gateways, generator);
    } finally {
      letCoresSleep();
      generator?.stop();
      for (const { child } of gateways) child.kill();
      for (const { stop } of services) await stop();
      await rm(folder, { recursive: true });
    }
  },
};

/** Returns the service of a row. Each row has a package of its own, so that it has an upstream of its own. */
function protoOf(row: number): string {
  return `syntax = "proto3";
package row${row}.v1;
import "google/api/annotations.proto";
message Ask { string id = 1; }
message Reply { string text = 1; }
service Notes { rpc Get(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/${row}/{id}" }; } }`;
}

/** Connections stay open, so that no burst pays for new ones. */
function taskOf(
  { connections, requests, perSecond }: Omit<Load, 'name' | 'hasLimit'>,
  { port }: Gateway,
  kind: Kind,
): Parameters<Generator['run']>[0] {
  const path = `/v1/${KINDS.indexOf(kind)}/${connections}`;
  return { port, connections, requests, path, keepsOpen: true, ...(perSecond === undefined ? {} : { perSecond }) };
}

async function startOne(
  folder: string,
  targets: Readonly<Record<Kind['servers'], readonly string[]>>,
): Promise<Gateway> {
  const entry = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
  const upstreams = Object.fromEntries(
    KINDS.map(({ servers, settings }, i) => [
      `row${i}`,
      { targets: targets[servers], services: [`row${i}.v1.*`], ...settings },
    ]),
  );
  const config = { version: 1, schema: { protos: [folder] }, upstreams, log: { sample: 0 } };
  const args = [entry, JSON.stringify(config)];
  const child = fork(join(folder, 'gateway.mjs'), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  pinGateway(child.pid!);
  return { child, port };
}

async function* rowsOf(load: Load, gateways: readonly Gateway[], generator: Generator): AsyncGenerator<Row> {
  const turns: ReadonlyMap<Kind, Cost>[] = [];
  for (let i = 0; i < TURNS; i++) turns.push(await measureTurn(load, gateways[i % gateways.length]!, generator, i));
  for (const kind of KINDS) {
    const costs = turns.map((turn) => turn.get(kind)!);
    const ratios = turns.flatMap((turn) => ratiosOf(kind, turn)).toSorted((a, b) => a - b);
    const percent = (median(ratios) - 1) * 100;
    yield {
      what: `${load.name}, ${kind.name}`,
      figures: {
        'µs CPU': median(costs.map(({ micros }) => micros)).toFixed(1),
        'more %': percent.toFixed(1),
        'middle half of the ratios from': ratios[Math.floor(ratios.length / 4)]!.toFixed(2),
        to: ratios[Math.floor((ratios.length * 3) / 4)]!.toFixed(2),
        'reads and writes': median(costs.map(({ systemCalls }) => systemCalls)).toFixed(2),
      },
      wrong: wrongOf({ [`expected at most ${kind.most} %`]: load.hasLimit && percent > kind.most }),
    };
  }
}

/** Returns the ratios of a row to the first two rows; of one of these to the other one. */
function ratiosOf(kind: Kind, turn: ReadonlyMap<Kind, Cost>): readonly number[] {
  const bases = KINDS.slice(0, 2).filter((base) => base !== kind);
  return bases.map((base) => turn.get(kind)!.micros / turn.get(base)!.micros);
}

/** Measures a burst of each row in a gateway. Only bursts of the same turn are compared. */
async function measureTurn(
  load: Load,
  gateway: Gateway,
  generator: Generator,
  turn: number,
): Promise<ReadonlyMap<Kind, Cost>> {
  const costs = new Map<Kind, Cost>();
  // Each turn begins with another row, so that none always comes first, and every second turn goes backwards.
  const order = turn % 4 < 2 ? KINDS : KINDS.toReversed();
  for (let i = 0; i < order.length; i++) {
    const kind = order[(i + turn) % order.length]!;
    costs.set(kind, await costOf(gateway, kind, load, generator));
  }
  return costs;
}

/** A row that has rested for a while is slow at first, which is not measured. */
async function costOf(gateway: Gateway, kind: Kind, load: Load, generator: Generator): Promise<Cost> {
  const { child } = gateway;
  const task = taskOf(load, gateway, kind);
  await generator.run({ ...task, requests: Math.ceil(load.requests / 4) });
  const [cpu, calls] = [await cpuOf(child), await systemCallsOf(child)];
  // At a fixed rate there may be a few requests more than the load has.
  const { requests } = await generator.run(task);
  return {
    micros: ((await cpuOf(child)) - cpu) / requests,
    systemCalls: ((await systemCallsOf(child)) - calls) / requests,
  };
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send({});
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: { user: number; system: number } }];
  return cpu.user + cpu.system;
}

/** Returns how often the process has read and written (proc(5)); 0 on other systems than Linux. */
async function systemCallsOf({ pid }: ChildProcess): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, 'utf8').catch(() => '');
  return [...text.matchAll(/^sysc[rw]: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}
