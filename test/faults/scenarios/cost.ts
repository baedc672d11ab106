/**
 * Measures what a request costs the gateway over three servers with all protections, and over one server without any: the
 * CPU time of the gateway's process alone. Generator and servers are processes of their own. The gateway that is measured has
 * a core for itself, and no core sleeps.
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
import { PROTO } from '../notes.js';
import { type Row, type Scenario, wrongOf } from '../scenario.js';
import { type Service, startService } from '../service.js';

const MOST_PERCENT = 5;
const PROTECTED = {
  healthCheck: {},
  outlierDetection: {},
  circuitBreaker: {},
  retry: { maxAttempts: 3, codes: ['UNAVAILABLE'] },
};
const ROUNDS = 10;
/** The gateways of each row. V8 compiles each of them a little differently. */
const PROCESSES = 3;
/** The bursts of each gateway in a round. */
const BURSTS = 2;
const WARM_UP = { connections: 32, requests: 30_000 };
/**
 * The number of requests at once. With 64, all connections have enough calls to send several with one write; with one,
 * nothing is sent together. It comes last, because the processes still become faster for a while.
 */
const LOADS = [
  { connections: 64, requests: 1000 },
  { connections: 16, requests: 1000 },
  { connections: 1, requests: 300 },
];

interface Kind {
  readonly name: string;
  /** The servers: one, three of the same process, or three processes. */
  readonly servers: 'one' | 'three' | 'apart';
  readonly settings: object;
  /** The most that the row may cost, in percent more than the first row. */
  readonly most: number;
}

/**
 * The first row is measured twice, so that the second one shows how exact the figures are. The others show what each part
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
  readonly kind: Kind;
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
  async *run() {
    const folder = await mkdtemp(join(tmpdir(), 'protogate-faults-'));
    const services: Service[] = [];
    const gateways: Gateway[] = [];
    let generator: Generator | undefined;
    pinThis();
    const letCoresSleep = keepCoresAwake();
    try {
      await writeFile(join(folder, 'a.proto'), `syntax = "proto3";\n${PROTO}`);
      await writeFile(join(folder, 'gateway.mjs'), GATEWAY);
      for (let i = 0; i < 3; i++) services.push(await startService({ kind: 'answer' }));
      const [{ target, another }] = services as [Service, ...Service[]];
      const three = [target, await another(), await another()];
      const targets = { one: [target], three, apart: services.map((service) => service.target) };
      for (let i = 0; i < PROCESSES; i++)
        for (const kind of KINDS) gateways.push(await startOne(kind, folder, targets[kind.servers]));
      generator = startGenerator();
      for (const { port } of gateways) await generator.run(taskOf(WARM_UP, port));
      for (const load of LOADS) yield* rowsOf(load, gateways, generator);
    } finally {
      letCoresSleep();
      generator?.stop();
      for (const { child } of gateways) child.kill();
      for (const { stop } of services) await stop();
      await rm(folder, { recursive: true });
    }
  },
};

/** Each load has connections of its own, which stay open, so that no burst pays for new ones. */
function taskOf({ connections, requests }: Load, port: number) {
  return { port, connections, requests, path: `/v1/notes/${connections}`, keepsOpen: true };
}

async function startOne(kind: Kind, folder: string, targets: readonly string[]): Promise<Gateway> {
  const entry = fileURLToPath(new URL('../../../src/index.js', import.meta.url));
  const upstreams = { a: { targets, ...kind.settings } };
  const config = { version: 1, schema: { protos: [folder] }, upstreams, log: { sample: 0 } };
  const args = [entry, JSON.stringify(config)];
  const child = fork(join(folder, 'gateway.mjs'), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  pinGateway(child.pid!);
  return { kind, child, port };
}

type Load = (typeof LOADS)[number];

async function* rowsOf(load: Load, gateways: readonly Gateway[], generator: Generator): AsyncGenerator<Row> {
  const rounds: ReadonlyMap<Kind, Cost>[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measureRound(load, gateways, generator, round));
  for (const kind of KINDS) {
    const costs = rounds.map((round) => round.get(kind)!);
    const ratios = rounds.map((round, i) => costs[i]!.micros / round.get(KINDS[0]!)!.micros).toSorted((a, b) => a - b);
    const percent = (median(ratios) - 1) * 100;
    yield {
      what: `${load.connections} at once, ${kind.name}`,
      figures: {
        'µs CPU': median(costs.map(({ micros }) => micros)).toFixed(1),
        'more %': percent.toFixed(1),
        'middle half of the ratios from': ratios[Math.floor(ROUNDS / 4)]!.toFixed(2),
        to: ratios[Math.floor((ROUNDS * 3) / 4)]!.toFixed(2),
        'reads and writes': median(costs.map(({ systemCalls }) => systemCalls)).toFixed(2),
      },
      wrong: wrongOf({ [`expected at most ${kind.most} %`]: percent > kind.most }),
    };
  }
}

/** Measures each gateway in turn, several times. Returns the median of the bursts of each kind. */
async function measureRound(
  load: Load,
  gateways: readonly Gateway[],
  generator: Generator,
  round: number,
): Promise<ReadonlyMap<Kind, Cost>> {
  const bursts = new Map<Kind, Cost[]>(KINDS.map((kind) => [kind, []]));
  for (let burst = 0; burst < BURSTS; burst++) {
    // Each turn begins with another gateway, so that none always comes first.
    for (let i = 0; i < gateways.length; i++) {
      const gateway = gateways[(i + round * BURSTS + burst) % gateways.length]!;
      bursts.get(gateway.kind)!.push(await costOf(gateway, load, generator));
    }
  }
  const middle = (costs: readonly Cost[], pick: (one: Cost) => number) => median(costs.map(pick));
  return new Map(
    [...bursts].map(([kind, costs]) => [
      kind,
      {
        micros: middle(costs, ({ micros }) => micros),
        systemCalls: middle(costs, ({ systemCalls }) => systemCalls),
      },
    ]),
  );
}

/** A process that did nothing for a while is slow at first, which is not measured. */
async function costOf({ child, port }: Gateway, load: Load, generator: Generator): Promise<Cost> {
  const task = taskOf(load, port);
  await generator.run({ ...task, requests: Math.ceil(load.requests / 4) });
  const [cpu, calls] = [await cpuOf(child), await systemCallsOf(child)];
  await generator.run(task);
  return {
    micros: ((await cpuOf(child)) - cpu) / load.requests,
    systemCalls: ((await systemCallsOf(child)) - calls) / load.requests,
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
