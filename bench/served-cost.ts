/**
 * Measures small differences in what a request costs. Its figure is the CPU time of a gateway as it ships (`protogate serve`, one
 * process on a core of its own) for each GET over connections that stay open.
 *
 * The speed of a shared machine changes by half from one second to the next, and two processes that do the same differ, because
 * their heap and compiled code do. So the measurement has several waves. Each one starts a new process for each row, in drawn
 * order, warms it up, and takes many short bursts of requests from each in turns, in drawn order too. Only bursts of the same
 * turn are compared. A row that is in the list twice shows how far the figures can be trusted.
 *
 * The turns of the first seconds are not counted. What a process does only now and then, such as an export of traces, uses the
 * same code of Node as requests do, but with other objects. So the first two exports make V8 throw away the compiled code of
 * about forty functions, and compile it anew: some 250 ms of CPU time for each process, which is no cost of a request.
 */
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/support/ports.js';
import { flag } from './flag.js';
import { type Generator, startGenerator } from './load/load.js';
import { protogateFrom } from './peers/gateways.js';
import { pinThis, runNanos, type Started, startOn } from './peers/pinned.js';
import { median } from './rounds.js';

/** A row of a comparison: a config of the gateway, and the request that it gets. */
export interface ServedRow {
  readonly name: string;
  /** The name of the row that it is compared with. Undefined for a row that is compared with none. */
  readonly than?: string | undefined;
  /** The root of another built checkout. Undefined for this one. */
  readonly root?: string | undefined;
  /** The blocks that the config has besides the schema and the upstream, which are those of `peers/shop.ts`. */
  readonly config: object;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Size {
  /** The number of waves, each of which has one process for each row. */
  readonly waves: number;
  /** The number of bursts of each process. */
  readonly turns: number;
  /** The number of requests that each process answers before it is measured. The default is 25,000. */
  readonly warmUp?: number | undefined;
}

/** Returns the size that the flags of the command set, with these as the defaults. */
export function sizeOf({ waves, turns }: Size): Size {
  const warmUp = flag('--warm-up');
  return {
    waves: Number(flag('--waves') ?? waves),
    turns: Number(flag('--turns') ?? turns),
    warmUp: warmUp === undefined ? undefined : Number(warmUp),
  };
}

const CONNECTIONS = 32;
const BURST_REQUESTS = 300;
const WARM_UP_REQUESTS = 25_000;
/** The time of turns that are not counted. Traces are exported every five seconds. */
const SETTLING_MS = 16_000;
const READY_WITHIN_MS = 20_000;

/**
 * The CPU time per request of one process in microseconds, one figure for each turn. It is counted from one burst to the next,
 * with what the process does after the burst, such as an export of traces.
 */
type Turns = readonly number[];

/** Returns the turns of each row by its name, one list for each wave. */
async function measureServed(
  rows: readonly ServedRow[],
  upstream: string,
  size: Size,
): Promise<ReadonlyMap<string, readonly Turns[]>> {
  const { waves } = size;
  pinThis();
  const generator = startGenerator();
  const costs = new Map<string, Turns[]>(rows.map(({ name }) => [name, []]));
  try {
    for (let wave = 0; wave < waves; wave++) {
      for (const [name, cost] of await runWave(drawn(rows), upstream, size, generator)) costs.get(name)!.push(cost);
      const shown = rows.map(({ name }) => `${name} ${median(costs.get(name)!.at(-1)!).toFixed(1)}`);
      process.stderr.write(`wave ${wave + 1} of ${waves}, µs CPU: ${shown.join(', ')}\n`);
    }
    return costs;
  } finally {
    generator.stop();
  }
}

async function runWave(
  rows: readonly ServedRow[],
  upstream: string,
  { turns, warmUp = WARM_UP_REQUESTS }: Size,
  generator: Generator,
): Promise<ReadonlyMap<string, Turns>> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-bench-'));
  const all: Measured[] = [];
  try {
    for (const row of rows) {
      const measured = await Measured.start(row, { upstream, folder: await mkdtemp(join(folder, 'row-')), generator });
      all.push(measured);
      await measured.ask(warmUp);
    }
    for (const end = performance.now() + SETTLING_MS; performance.now() < end; )
      for (const measured of drawn(all)) await measured.ask(BURST_REQUESTS);
    // The last burst ends the turn before it.
    for (let i = 0; i <= turns; i++) for (const measured of drawn(all)) await measured.burst();
    return new Map(all.map(({ row, turns }) => [row.name, turns]));
  } finally {
    for (const { started } of all) await started.stop();
    await rm(folder, { recursive: true });
  }
}

interface Place {
  readonly upstream: string;
  readonly folder: string;
  readonly generator: Generator;
}

/** A process of a row. */
class Measured {
  readonly turns: number[] = [];
  /** The CPU time at the begin of the last burst, in nanoseconds. Undefined before the first one. */
  private before: number | undefined;

  private constructor(
    readonly row: ServedRow,
    readonly started: Started,
    private readonly port: number,
    private readonly generator: Generator,
  ) {}

  /** Starts a gateway whose log goes to a file. Resolves when it answers. */
  static async start(row: ServedRow, { upstream, folder, generator }: Place): Promise<Measured> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const gateway = protogateFrom(row.name, row.root);
    const command = gateway.command({ folder, port, adminPort, upstream, more: row.config });
    const log = openSync(join(folder, 'log'), 'a');
    const started = startOn('gateway', command, { stdio: ['ignore', log, log] });
    closeSync(log);
    const measured = new Measured(row, started, port, generator);
    try {
      await measured.ready();
    } catch (error) {
      await started.stop();
      throw error;
    }
    return measured;
  }

  private async ready(): Promise<void> {
    const { path, headers } = this.row;
    const options = { host: '127.0.0.1', port: this.port, path, headers, agent: false };
    for (const end = performance.now() + READY_WITHIN_MS; ; ) {
      const sent = request(options).end();
      const [res] = await once(sent, 'response').catch(() => [undefined]);
      res?.resume();
      if (res?.statusCode === 200) return;
      if (performance.now() > end || this.started.child.exitCode !== null)
        throw new Error(`${this.row.name}: expected an answer of 200, got ${res?.statusCode ?? 'none'}`);
      await sleep(10);
    }
  }

  async ask(requests: number): Promise<void> {
    const { path, headers } = this.row;
    await this.generator.run({ port: this.port, connections: CONNECTIONS, keepsOpen: true, path, headers, requests });
  }

  async burst(): Promise<void> {
    const now = runNanos(this.started.pid);
    if (this.before !== undefined) this.turns.push((now - this.before) / 1000 / BURST_REQUESTS);
    this.before = now;
    await this.ask(BURST_REQUESTS);
  }
}

/** Returns the items in an order that is drawn. */
function drawn<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** A row beside the one that it is compared with. Each list has one figure for each wave. */
interface Compared {
  /** The CPU time per request in microseconds. */
  readonly micros: readonly number[];
  /** The median of the ratios of bursts of the same turn. */
  readonly ratios: readonly number[];
  /** The difference of all CPU time in microseconds per request. It has what is done once for many requests too. */
  readonly more: readonly number[];
}

function compareTurns(own: readonly Turns[], base: readonly Turns[]): Compared {
  return {
    micros: own.map(median),
    ratios: base.map((others, wave) => median(own[wave]!.map((value, turn) => value / others[turn]!))),
    more: base.map((others, wave) => mean(own[wave]!) - mean(others)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Returns a median with its quartiles as text, such as `1.3 (0.9 to 2.0)`. */
function spread(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  // The median of few values is the mean of the two in the middle.
  const middle = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  return `${middle.toFixed(digits)} (${at(0.25).toFixed(digits)} to ${at(0.75).toFixed(digits)})`;
}

/** Prints a row: its CPU time, and its ratio and difference to the other row. Each is the median of the waves with its quartiles. */
function printCompared({ name, than }: ServedRow, { micros, ratios, more }: Compared): void {
  const compared = than === undefined ? '' : `  ${spread(ratios, 3)}, ${spread(more, 1)} µs more than ${than}`;
  process.stdout.write(`${name.padEnd(30)} ${spread(micros, 1).padStart(20)} µs CPU${compared}\n`);
}

/** Measures the rows, prints them, and says how much was measured. */
export async function compareServed(rows: readonly ServedRow[], upstream: string, size: Size): Promise<void> {
  const costs = await measureServed(rows, upstream, size);
  for (const row of rows) {
    const base = row.than === undefined ? [] : costs.get(row.than)!;
    printCompared(row, compareTurns(costs.get(row.name)!, base));
  }
  process.stdout.write(
    `medians and quartiles of ${size.waves} processes a row, each with ${size.turns} bursts of ${BURST_REQUESTS} requests\n`,
  );
}
