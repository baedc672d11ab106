/**
 * A worker process: a gateway for the connections that the primary hands over, with the schema that the primary has parsed.
 * Only `worker-start.ts` loads it. It ends when the primary sends `drain` or has ended.
 */
import cluster from 'node:cluster';
import type { Socket } from 'node:net';
import { systemClock } from '../base/clock.js';
import { atOnce, inSlices } from '../base/slices.js';
import { type PreparedSnapshot, type RunningGateway, startGateway } from '../gateway/gateway.js';
import { type Plan, plan } from '../gateway/plan.js';
import { type Drain, prepareDrain } from '../server/listener/drain.js';
import type { Listener, ListenSettings } from '../server/listener/listen.js';
import { RemoteCounters } from '../store/remote-counters.js';
import { valuesOf } from '../telemetry/exposition.js';
import { createLog, type Log } from '../telemetry/log.js';
import { collectProcessMetrics } from '../telemetry/process-metrics.js';
import { endOnUncaught } from './last-resort.js';
import type { ToPrimary, ToWorker } from './messages.js';
import { startPulse } from './pulse.js';
import { listenSettings, servePublic } from './run-server.js';
import { type Received, receive } from './schema-parcel.js';
import { logUpstreams, reportUpstreams } from './upstream-status.js';
import { letYoungGenerationGrow } from './young-generation.js';

type Start = Extract<ToWorker, { kind: 'start' }>;

type Prepare = Extract<ToWorker, { kind: 'prepare' }>;

interface Running {
  readonly gateway: RunningGateway;
  readonly drain: Drain;
  readonly log: Log;
  readonly listener: Listener;
  readonly serve: (socket: Socket) => void;
}

interface Next {
  readonly plan: Plan;
  readonly received: Received;
  readonly settings: ListenSettings;
  readonly prepared: PreparedSnapshot;
}

function send(message: ToPrimary): void {
  // When the primary has ended, the listener for `disconnect` below ends this process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

const counters = new RemoteCounters((question) => send({ kind: 'count', question }));
let running: Running | undefined;
/** The plan that is served. */
let served: Plan;
/** The schema that is served, and its files. */
let received: Received;
/** The snapshot that was prepared last, until the primary says `swap` or `discard`. Undefined when there is none. */
let next: Next | undefined;

async function start({ config, files }: Start): Promise<void> {
  letYoungGenerationGrow();
  received = atOnce(receive(files, undefined));
  served = await plan(config, { schema: received.schema });
  const log = createLog(config.log);
  endOnUncaught(log);
  const gateway = startGateway(served, log, { counters });
  collectProcessMetrics(gateway.metrics.registry);
  await gateway.prepared;
  const { listener, serve } = servePublic(() => served, gateway, log);
  running = { gateway, drain: prepareDrain(listener, systemClock), log, listener, serve };
  // One worker is enough to log which upstreams answer.
  if (cluster.worker?.id === 1) void logUpstreams(gateway, log);
  startPulse();
  send({ kind: 'ready' });
}

/** Builds a snapshot while the present one still serves, and tells the primary whether that has worked. */
async function prepare({ config, files }: Prepare): Promise<void> {
  let problem: string | undefined;
  try {
    const now = await inSlices(receive(files, received));
    const planned = await plan(config, { schema: now.schema, previous: served });
    const { gateway, log } = running!;
    const settings = listenSettings(config, log, gateway.metrics);
    next = { plan: planned, received: now, settings, prepared: await gateway.prepare(planned) };
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  send({ kind: 'prepared', problem });
}

function swap(): void {
  if (next === undefined || running === undefined) return;
  next.prepared.swap();
  served = next.plan;
  received = next.received;
  running.listener.update(next.settings);
  next = undefined;
}

function discard(): void {
  void next?.prepared.discard();
  next = undefined;
}

/** Tells the primary to hand over no more connections. It answers with `drain`. */
function leave(): void {
  if (running === undefined) process.exit(0);
  running.drain.leave();
  send({ kind: 'leaving' });
}

async function end(): Promise<void> {
  if (running !== undefined) {
    const { drain, gateway } = running;
    await drain.finish(served.config.drain.timeoutMs);
    await gateway.close();
  }
  process.exit(0);
}

async function report(id: number): Promise<void> {
  if (running === undefined) return;
  const { snapshots, metrics } = running.gateway;
  const upstreams = await reportUpstreams({ snapshots }, served.config.admin?.readiness.upstreams ?? []);
  send({ kind: 'reported', id, report: { upstreams, metrics: await valuesOf(metrics.registry) } });
}

process.on('message', (message: ToWorker, socket?: Socket) => {
  switch (message.kind) {
    case 'start':
      start(message).catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        process.send?.({ kind: 'failed', message: text } satisfies ToPrimary, () => process.exit(1));
      });
      break;
    case 'prepare':
      void prepare(message);
      break;
    case 'swap':
      swap();
      break;
    case 'discard':
      discard();
      break;
    case 'connection':
      // The client may have closed the connection: then there is no socket.
      if (socket !== undefined) running?.serve(socket);
      send({ kind: 'taken' });
      break;
    case 'leave':
      running?.drain.leave();
      break;
    case 'drain':
      void end();
      break;
    case 'report':
      void report(message.id);
      break;
    case 'counted':
      counters.receive(message.answer);
      break;
  }
});
process.once('SIGTERM', leave);
// Ctrl-C and a closed terminal signal every process of the terminal; workers wait for the primary's `leave` and `drain`.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
process.on('disconnect', () => process.exit(0));
send({ kind: 'here' });
