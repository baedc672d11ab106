/**
 * Runs several processes on one port (node:cluster). The primary has parsed the schema, counts the limits for all workers
 * and answers the admin port; the workers serve. A worker that ends is replaced, after a delay that grows with each failure.
 */
import cluster, { type Worker } from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { AggregatorRegistry } from 'prom-client';
import { backOffMs } from '../base/back-off.js';
import { systemClock } from '../base/clock.js';
import type { Plan } from '../gateway/plan.js';
import { packFiles } from '../schema/packed.js';
import { urlOf } from '../server/listener/listen.js';
import { MemoryCounters } from '../store/counters.js';
import { answerCounters } from '../store/remote-counters.js';
import { createLog, type Log } from '../telemetry/log.js';
import type { LogFields } from '../telemetry/log-entries.js';
import { endOnUncaught } from './last-resort.js';
import type { ToPrimary, ToWorker, WorkerReport } from './messages.js';
import { endWithTerminal, firstSignal, listenAdmin, type RunningServer } from './run-server.js';

const BACK_OFF = { firstMs: 100, longestMs: 30_000 };
/** When a worker ends that was started longer ago than this, the back-off begins anew. */
const FORGOTTEN_AFTER_MS = 60_000;
/** The time in milliseconds that the admin port waits for a worker's report. */
const REPORT_MS = 1000;
/** The time in milliseconds after the end of the drain time at which a worker that still runs is killed. */
const KILL_AFTER_MS = 1000;

export async function runWorkers(plan: Plan, count: number): Promise<RunningServer> {
  const log = createLog({ format: plan.config.log.format });
  endOnUncaught(log);
  const workers = new Workers(plan, count, log);
  let state = 'starting';
  const readiness = async () => {
    const reports = await workers.reports();
    return {
      ready: state === 'serving' && workers.serving > 0,
      state,
      upstreams: statesOf(reports),
      workers: workers.serving,
    };
  };
  const metrics = async () => {
    const reports = await workers.reports();
    return AggregatorRegistry.aggregate(reports.map((report) => report.metrics)).metrics();
  };
  const admin = await listenAdmin(plan, { metrics, readiness }, log);
  const url = await workers.start().catch((error: unknown) => {
    admin?.close();
    throw error;
  });
  state = 'serving';
  const stopped = firstSignal().then(async (signal) => {
    state = 'draining';
    log.info({ signal }, 'draining');
    await workers.drain();
    admin?.close();
    admin?.closeAllConnections();
    endWithTerminal(signal);
  });
  return { url, adminUrl: admin === undefined ? undefined : urlOf(admin), stopped };
}

class Workers {
  private readonly counters = new MemoryCounters(systemClock);
  private readonly schema: Uint8Array;
  private readonly servingWorkers = new Set<Worker>();
  private readonly waiting = new Map<number, (report: WorkerReport) => void>();
  private draining = false;
  private failures = 0;
  private lastReport = 0;

  constructor(
    private readonly plan: Plan,
    private readonly count: number,
    private readonly log: Log,
  ) {
    this.schema = packFiles(plan.files);
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('./worker.js', import.meta.url)),
      // Workers must not inherit the Node flags of the primary.
      execArgv: [],
      args: [],
      serialization: 'advanced',
    });
  }

  get serving(): number {
    return this.servingWorkers.size;
  }

  /** Starts all workers. Resolves to the URL when all of them listen; rejects when one of them can't. */
  async start(): Promise<string> {
    try {
      const urls = await Promise.all(Array.from({ length: this.count }, () => this.fork()));
      return urls[0]!;
    } catch (error) {
      this.draining = true;
      for (const worker of this.all()) worker.process.kill('SIGKILL');
      throw error;
    }
  }

  /** Drains all workers. Resolves when all have ended. */
  async drain(): Promise<void> {
    this.draining = true;
    const { graceMs, timeoutMs } = this.plan.config.drain;
    const all = this.all();
    const ended = all.map(
      (worker) => worker.isDead() || new Promise<void>((resolve) => void worker.once('exit', () => resolve())),
    );
    for (const worker of all) tell(worker, { kind: 'drain' });
    const cancel = systemClock.after(graceMs + timeoutMs + KILL_AFTER_MS, () => {
      for (const worker of all) worker.process.kill('SIGKILL');
    });
    await Promise.all(ended);
    cancel();
  }

  /** Returns the reports of the serving workers, without those that do not answer in time. */
  async reports(): Promise<WorkerReport[]> {
    const asked = [...this.servingWorkers].map(
      (worker) =>
        new Promise<WorkerReport | undefined>((resolve) => {
          const id = ++this.lastReport;
          const answer = (report: WorkerReport | undefined) => {
            this.waiting.delete(id);
            cancel();
            resolve(report);
          };
          const cancel = systemClock.after(REPORT_MS, () => answer(undefined));
          this.waiting.set(id, answer);
          tell(worker, { kind: 'report', id });
        }),
    );
    return (await Promise.all(asked)).filter((report) => report !== undefined);
  }

  private all(): Worker[] {
    return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  }

  private fork(): Promise<string> {
    const startedAt = systemClock.monotonic();
    const worker = cluster.fork();
    return new Promise((resolve, reject) => {
      let refused: string | undefined;
      worker.on('message', (message: ToPrimary) => {
        if (message.kind === 'here') {
          // Messages that were sent before this one are lost, a `drain` too.
          if (this.draining) tell(worker, { kind: 'drain' });
          else tell(worker, { kind: 'start', config: this.plan.config, schema: this.schema });
        } else if (message.kind === 'listening') {
          this.servingWorkers.add(worker);
          resolve(message.url);
        } else if (message.kind === 'failed') {
          refused = message.message;
        } else {
          this.answer(worker, message);
        }
      });
      worker.on('error', () => {});
      worker.once('exit', (code, signal) => {
        const served = this.servingWorkers.delete(worker);
        if (!served)
          reject(new Error(refused ?? `a worker process ended with ${signal ?? code} before it could serve`));
        if (served && !this.draining) this.replace(startedAt, { pid: worker.process.pid, how: signal ?? code });
      });
    });
  }

  private answer(worker: Worker, message: Extract<ToPrimary, { kind: 'reported' | 'count' }>): void {
    if (message.kind === 'reported') {
      this.waiting.get(message.id)?.(message.report);
      return;
    }
    const answer = answerCounters(this.counters, message.question);
    if (answer !== undefined) tell(worker, { kind: 'counted', answer });
  }

  private replace(startedAt: number, ended: LogFields): void {
    if (systemClock.monotonic() - startedAt > FORGOTTEN_AFTER_MS) this.failures = 0;
    const delayMs = backOffMs(BACK_OFF, this.failures++);
    this.log.error({ ...ended, delayMs }, 'a worker process has ended and is replaced');
    systemClock.after(delayMs, () => this.tryFork());
  }

  private tryFork(): void {
    if (this.draining) return;
    const startedAt = systemClock.monotonic();
    this.fork().catch((error: unknown) => {
      if (!this.draining) this.replace(startedAt, { err: error });
    });
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {});
}

/** Returns for each upstream the states that it has in the workers, each state once. */
function statesOf(reports: readonly WorkerReport[]): ReadonlyMap<string, string> {
  const states = new Map<string, Set<string>>();
  for (const { upstreams } of reports) {
    for (const [name, state] of upstreams) states.set(name, (states.get(name) ?? new Set()).add(state));
  }
  return new Map([...states].map(([name, all]) => [name, [...all].sort().join(', ')]));
}
