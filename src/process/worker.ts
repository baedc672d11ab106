/**
 * A worker process: a gateway for the connections that the primary hands over, with the schema that the primary has parsed.
 * Only `workers.ts` starts it. It ends when the primary sends `drain` or is gone.
 */
import cluster from 'node:cluster';
import type { Socket } from 'node:net';
import { systemClock } from '../base/clock.js';
import { type RunningGateway, startGateway } from '../gateway/gateway.js';
import { plan } from '../gateway/plan.js';
import { unpackedSchema } from '../schema/source.js';
import { type Drain, prepareDrain } from '../server/listener/drain.js';
import { RemoteCounters } from '../store/remote-counters.js';
import { createLog } from '../telemetry/log.js';
import { endOnUncaught } from './last-resort.js';
import type { ToPrimary, ToWorker } from './messages.js';
import { startPulse } from './pulse.js';
import { servePublic } from './run-server.js';
import { reportUpstreams, tellUpstreams } from './upstream-status.js';

type Start = Extract<ToWorker, { kind: 'start' }>;

interface Running {
  readonly gateway: RunningGateway;
  readonly drain: Drain;
  readonly timeoutMs: number;
  readonly serve: (socket: Socket) => void;
  /** The upstreams that count for the readiness. */
  readonly counted: readonly string[];
}

function tell(message: ToPrimary): void {
  // When the primary is gone, the listener for `disconnect` below ends this process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

const counters = new RemoteCounters((question) => tell({ kind: 'count', question }));
let running: Running | undefined;

async function start({ config, schema }: Start): Promise<void> {
  const planned = await plan(config, { schema: unpackedSchema(schema) });
  const log = createLog({ format: config.log.format });
  endOnUncaught(log);
  const gateway = startGateway(planned, log, { counters });
  await gateway.prepared;
  const { listener, serve } = servePublic(config, gateway, log);
  const counted = config.admin?.readiness.upstreams ?? [];
  running = { gateway, drain: prepareDrain(listener, systemClock), timeoutMs: config.drain.timeoutMs, serve, counted };
  // One worker is enough to tell which upstreams answer.
  if (cluster.worker?.id === 1) void tellUpstreams(gateway, log);
  startPulse();
  tell({ kind: 'ready' });
}

/** Tells the primary to hand over no more connections. It answers with `drain`. */
function leave(): void {
  if (running === undefined) process.exit(0);
  running.drain.leave();
  tell({ kind: 'leaving' });
}

async function end(): Promise<void> {
  if (running !== undefined) {
    const { drain, timeoutMs, gateway } = running;
    await drain.finish(timeoutMs);
    await gateway.close();
  }
  process.exit(0);
}

async function report(id: number): Promise<void> {
  if (running === undefined) return;
  const { snapshots, metrics } = running.gateway;
  const upstreams = await reportUpstreams({ snapshots }, running.counted);
  tell({ kind: 'reported', id, report: { upstreams, metrics: await metrics.registry.getMetricsAsJSON() } });
}

process.on('message', (message: ToWorker, socket?: Socket) => {
  switch (message.kind) {
    case 'start':
      start(message).catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        process.send?.({ kind: 'failed', message: text } satisfies ToPrimary, () => process.exit(1));
      });
      break;
    case 'connection':
      // The client may have left meanwhile: then there is no socket.
      if (socket !== undefined) running?.serve(socket);
      tell({ kind: 'taken' });
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
tell({ kind: 'here' });
