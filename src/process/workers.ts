/**
 * Runs several processes for one port. The primary process parses the schema, accepts the connections and shares them out,
 * counts the rate limits for all workers and answers the admin port; the workers serve requests. A frozen worker is replaced at
 * once, and a worker that has ended after a delay, which grows with each failure.
 */
import cluster, { type Worker } from 'node:cluster';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { backOffMs } from '../base/back-off.js';
import { systemClock } from '../base/clock.js';
import { inSlices } from '../base/slices.js';
import type { Plan } from '../gateway/plan.js';
import { bind, urlOf } from '../server/listener/listen.js';
import { stopAccepting } from '../server/listener/stop-accepting.js';
import { MemoryCounters } from '../store/counters.js';
import { answerCounters } from '../store/remote-counters.js';
import { join, valuesOf } from '../telemetry/exposition.js';
import { createLog, type Log } from '../telemetry/log.js';
import type { LogFields } from '../telemetry/log-entries.js';
import { countDroppedLines, createReloadMetrics } from '../telemetry/metrics.js';
import { collectProcessMetrics } from '../telemetry/process-metrics.js';
import { Distribution } from './distribution.js';
import { type Frozen, Heartbeats } from './heartbeats.js';
import { endOnUncaught } from './last-resort.js';
import type { ToPrimary, ToWorker, WorkerReport } from './messages.js';
import { type ConfigSource, type Prepared, Reloads } from './reloads.js';
import { listenAdmin, listenError, type RunningServer } from './run-server.js';
import { Sender } from './schema-parcel.js';
import { serviceManager } from './service-manager.js';
import { stopOnSignal } from './signals.js';
import { joinReports, readinessOf } from './upstream-status.js';

const BACK_OFF = { firstMs: 100, longestMs: 30_000 };
/** If a worker ends that was started longer ago than this, the back-off begins with its first wait again. */
const FORGOTTEN_AFTER_MS = 60_000;
/** The time in milliseconds that the admin port waits for a worker's report. */
const REPORT_MS = 1000;
/** The time in milliseconds after the end of the drain time at which a worker that still runs is killed. */
const KILL_AFTER_MS = 1000;
/**
 * The time after a worker's SIGTERM within which the primary may get its own: systemd sends it to all processes of a service.
 */
const TOGETHER_MS = 250;
/** The time within which a frozen worker that was asked to end must show that it runs, in milliseconds, or is killed. */
const THAW_MS = 2000;

export async function runWorkers(plan: Plan, count: number, source: ConfigSource): Promise<RunningServer> {
  const log = createLog(plan.config.log);
  endOnUncaught(log);
  const workers = new Workers(plan, count, log);
  let state = 'starting';
  const readiness = async () => {
    const reports = await workers.reports();
    const counted = reloads.plan.config.admin?.readiness.upstreams ?? [];
    const { ready, ...rest } = readinessOf(state, joinReports(reports.map(({ upstreams }) => upstreams)), counted);
    return {
      ready: ready && workers.serving > 0,
      ...rest,
      workers: workers.serving,
      frozen: workers.frozen,
      reload: reloads.state,
    };
  };
  const own = new Registry();
  countDroppedLines(own);
  collectProcessMetrics(own);
  const prepare = (next: Plan) => workers.prepare(next);
  const reloads = new Reloads(plan, source, {
    prepare,
    log,
    clock: systemClock,
    metrics: createReloadMetrics(own),
    manager: serviceManager(log),
  });
  const metrics = async () => {
    const reports = (await workers.reports()).map((report) => report.metrics);
    return join([...reports, await valuesOf(own)]);
  };
  const admin = await listenAdmin(() => reloads.plan, { metrics, readiness }, log);
  const url = await workers.start().catch((error: unknown) => {
    admin?.close();
    throw error;
  });
  state = 'serving';
  reloads.begin();
  const reload = () => reloads.request('SIGHUP');
  const stopped = stopOnSignal({ reload, clock: systemClock, log, stop });
  return { url, adminUrl: admin === undefined ? undefined : urlOf(admin), stopped };

  async function stop(): Promise<void> {
    state = 'draining';
    reloads.drain();
    await workers.drain();
    admin?.close();
    admin?.closeAllConnections();
  }
}

class Workers {
  private readonly counters = new MemoryCounters(systemClock);
  private readonly sender = new Sender();
  private readonly distribution = new Distribution();
  private readonly heartbeats = new Heartbeats(systemClock, (worker, why) => this.onFrozen(worker, why));
  /** The public port. The primary reads nothing from its connections. */
  private readonly server = createServer({ pauseOnConnect: true }, (socket) => this.distribution.accept(socket));
  private readonly servingWorkers = new Set<Worker>();
  private readonly waiting = new Map<number, (report: WorkerReport) => void>();
  /** The workers that were asked to prepare a snapshot, each with the function that takes its answer. */
  private readonly preparing = new Map<Worker, (problem?: string) => void>();
  private draining = false;
  /** True while a frozen worker is being replaced. Only one is replaced at a time. */
  private replacing = false;
  private failures = 0;
  private lastReport = 0;

  constructor(
    private plan: Plan,
    private readonly count: number,
    private readonly log: Log,
  ) {
    this.server.maxConnections = plan.config.listen.maxConnections;
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('./worker-start.js', import.meta.url)),
      // Workers must not inherit the Node flags of the primary.
      execArgv: [],
      args: [],
      serialization: 'advanced',
      // The last descriptor is the pipe for the heartbeat.
      stdio: ['inherit', 'inherit', 'inherit', 'ipc', 'pipe'],
    });
  }

  get serving(): number {
    return this.servingWorkers.size;
  }

  get frozen(): number {
    return this.heartbeats.frozenCount;
  }

  /** Starts all workers, and listens. Resolves to the URL; rejects when a worker can't start or the port can't be bound. */
  async start(): Promise<string> {
    const { listen } = this.plan.config;
    try {
      await Promise.all(Array.from({ length: this.count }, () => this.fork()));
      await bind(this.server, listen).catch((error: unknown) => {
        throw listenError(error, listen, '--port');
      });
      return urlOf(this.server, listen.tls !== undefined);
    } catch (error) {
      this.draining = true;
      for (const worker of this.all()) worker.process.kill('SIGKILL');
      throw error;
    }
  }

  /**
   * Lets all workers prepare the snapshot of a plan. Rejects if one of them cannot; then none swaps. A worker that ends during
   * the preparation does not count: the worker that replaces it starts with the plan that is served at that time.
   */
  async prepare(next: Plan): Promise<Prepared> {
    const { config } = next;
    const files = await inSlices(this.sender.packChanges(next.schema.files, this.plan.schema.files));
    const asked = new Set(this.servingWorkers);
    const answers = await Promise.all(
      [...asked].map((worker) => this.prepareIn(worker, { kind: 'prepare', config, files })),
    );
    const discard = async () => {
      for (const worker of asked) send(worker, { kind: 'discard' });
    };
    const problem = answers.find((answer) => answer !== undefined);
    if (problem !== undefined) {
      await discard();
      throw new Error(problem);
    }
    const swap = () => {
      this.log.setLevel(config.log.level);
      this.log.reopen();
      this.plan = next;
      this.server.maxConnections = config.listen.maxConnections;
      for (const worker of asked) send(worker, { kind: 'swap' });
      // A worker that began to serve during the preparation has the old plan.
      for (const worker of this.servingWorkers) if (!asked.has(worker)) void this.succeed(worker);
    };
    return { swap, discard };
  }

  /** Resolves to undefined when the worker has prepared a snapshot or has ended, or to the reason why it cannot prepare it. */
  private prepareIn(worker: Worker, message: ToWorker): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.preparing.set(worker, resolve);
      send(worker, message);
    });
  }

  /** Drains all workers. Resolves when all have ended. */
  async drain(): Promise<void> {
    this.draining = true;
    const { graceMs, timeoutMs } = this.plan.config.drain;
    const all = this.all();
    const ended = Promise.all(
      all.map((worker) => worker.isDead() || new Promise<void>((resolve) => void worker.once('exit', () => resolve()))),
    );
    const cancel = systemClock.after(graceMs + timeoutMs + KILL_AFTER_MS, () => {
      for (const worker of all) worker.process.kill('SIGKILL');
    });
    for (const worker of all) send(worker, { kind: 'leave' });
    if (graceMs > 0) await sleep(graceMs);
    await stopAccepting(this.server);
    await Promise.race([this.distribution.whenEmpty(), ended]);
    for (const worker of all) send(worker, { kind: 'drain' });
    await ended;
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
          send(worker, { kind: 'report', id });
        }),
    );
    return (await Promise.all(asked)).filter((report) => report !== undefined);
  }

  private all(): Worker[] {
    return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  }

  /** Starts a worker. Resolves when it serves. */
  private fork(): Promise<void> {
    const startedAt = systemClock.monotonic();
    const worker = cluster.fork();
    let { plan } = this;
    return new Promise((resolve, reject) => {
      let refused: string | undefined;
      worker.on('message', (message: ToPrimary) => {
        if (message.kind === 'here') {
          // Messages that were sent before this one are lost, a `drain` too.
          plan = this.plan;
          void this.begin(worker, plan);
        } else if (message.kind === 'ready') {
          void this.catchUp(worker, plan).then(() => {
            this.enter(worker);
            resolve();
          });
        } else if (message.kind === 'failed') {
          refused = message.message;
        } else {
          this.answer(worker, message);
        }
      });
      worker.on('error', () => {});
      worker.once('exit', (code, signal) => {
        const served = this.servingWorkers.delete(worker);
        this.distribution.lose(worker);
        this.prepared(worker);
        reject(new Error(refused ?? `a worker process ended with ${signal ?? code} before it could serve`));
        if (served && !this.draining) this.replace(startedAt, { pid: worker.process.pid, how: signal ?? code });
      });
    });
  }

  /** Sends config and schema to a new worker, or `drain` if the gateway drains by now. */
  private async begin(worker: Worker, { config, schema }: Plan): Promise<void> {
    const packed = await inSlices(this.sender.pack(schema.files));
    if (this.draining) send(worker, { kind: 'drain' });
    else send(worker, { kind: 'start', config, files: packed });
  }

  /**
   * Sends the plan that is served to a worker that has just started, if the plan has changed since the worker got its
   * own.
   */
  private async catchUp(worker: Worker, started: Plan): Promise<void> {
    for (let has = started; has !== this.plan && worker.isConnected(); ) {
      const { plan } = this;
      const files = await inSlices(this.sender.pack(plan.schema.files));
      const problem = await this.prepareIn(worker, { kind: 'prepare', config: plan.config, files });
      if (problem !== undefined) worker.process.kill('SIGKILL');
      send(worker, { kind: 'swap' });
      has = plan;
    }
  }

  private prepared(worker: Worker, problem?: string): void {
    this.preparing.get(worker)?.(problem);
    this.preparing.delete(worker);
  }

  private enter(worker: Worker): void {
    if (worker.isDead()) return;
    this.servingWorkers.add(worker);
    this.heartbeats.follow(worker);
    this.distribution.add(worker);
    // This worker became ready after the others had got the message.
    if (this.draining) send(worker, { kind: 'leave' });
  }

  private answer(
    worker: Worker,
    message: Extract<ToPrimary, { kind: 'taken' | 'prepared' | 'leaving' | 'reported' | 'count' }>,
  ): void {
    if (message.kind === 'taken') {
      this.distribution.taken(worker);
    } else if (message.kind === 'prepared') {
      this.prepared(worker, message.problem);
    } else if (message.kind === 'leaving') {
      systemClock.after(TOGETHER_MS, () => {
        if (this.servingWorkers.has(worker) && !this.draining) void this.succeed(worker);
      });
    } else if (message.kind === 'reported') {
      this.waiting.get(message.id)?.(message.report);
    } else {
      const answer = answerCounters(this.counters, message.question);
      if (answer !== undefined) send(worker, { kind: 'counted', answer });
    }
  }

  private onFrozen(worker: Worker, { silentMs, busyMs }: Frozen): void {
    // This worker would delay the drain, so the primary no longer waits for it.
    if (this.draining) worker.process.kill('SIGKILL');
    if (this.draining || this.replacing || !this.servingWorkers.has(worker)) return;
    this.replacing = true;
    this.log.error({ pid: worker.process.pid, silentMs, busyMs }, 'a worker process is frozen and is replaced');
    void this.succeed(worker).finally(() => {
      this.replacing = false;
    });
    systemClock.after(THAW_MS, () => {
      if (this.heartbeats.frozen(worker) !== undefined) worker.process.kill('SIGKILL');
    });
  }

  /** Lets a worker finish its requests, and starts another one in its place. Resolves when the new one serves or has failed. */
  private async succeed(worker: Worker): Promise<void> {
    this.servingWorkers.delete(worker);
    this.distribution.remove(worker);
    send(worker, { kind: 'drain' });
    const cancel = systemClock.after(this.plan.config.drain.timeoutMs + THAW_MS + KILL_AFTER_MS, () =>
      worker.process.kill('SIGKILL'),
    );
    worker.once('exit', cancel);
    await this.tryFork();
  }

  private replace(startedAt: number, ended: LogFields): void {
    if (systemClock.monotonic() - startedAt > FORGOTTEN_AFTER_MS) this.failures = 0;
    const delayMs = backOffMs(BACK_OFF, this.failures++);
    this.log.error({ ...ended, delayMs }, 'a worker process has ended and is replaced');
    systemClock.after(delayMs, () => void this.tryFork());
  }

  private async tryFork(): Promise<void> {
    if (this.draining) return;
    const startedAt = systemClock.monotonic();
    await this.fork().catch((error: unknown) => {
      if (!this.draining) this.replace(startedAt, { err: error });
    });
  }
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {});
}
