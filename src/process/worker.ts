/**
 * A worker process: a gateway on the shared port, with the schema that the primary has parsed. Only `workers.ts` starts it.
 * It ends when the primary sends `drain` or is gone, and on SIGTERM.
 */
import { systemClock } from '../base/clock.js';
import { type RunningGateway, startGateway } from '../gateway/gateway.js';
import { plan } from '../gateway/plan.js';
import { unpackedSchema } from '../schema/source.js';
import { type Drain, prepareDrain } from '../server/listener/drain.js';
import { RemoteCounters } from '../store/remote-counters.js';
import { createLog } from '../telemetry/log.js';
import { endOnUncaught } from './last-resort.js';
import type { ToPrimary, ToWorker } from './messages.js';
import { listenPublic } from './run-server.js';

type Start = Extract<ToWorker, { kind: 'start' }>;

function tell(message: ToPrimary): void {
  // When the primary is gone, the listener for `disconnect` below ends this process.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

const counters = new RemoteCounters((question) => tell({ kind: 'count', question }));
let running: { readonly gateway: RunningGateway; readonly end: () => Promise<void> } | undefined;

async function start({ config, schema }: Start): Promise<void> {
  const planned = await plan(config, { schema: unpackedSchema(schema) });
  const log = createLog({ format: config.log.format });
  endOnUncaught(log);
  const gateway = startGateway(planned, log, { counters });
  await gateway.prepared;
  const listener = await listenPublic(config, gateway, log);
  const drain: Drain = prepareDrain(listener, systemClock);
  let ended: Promise<void> | undefined;
  running = {
    gateway,
    end: () => {
      ended ??= drain(config.drain).then(() => gateway.close());
      return ended;
    },
  };
  tell({ kind: 'listening', url: listener.url });
}

async function end(): Promise<void> {
  await running?.end();
  process.exit(0);
}

async function report(id: number): Promise<void> {
  if (running === undefined) return;
  const { snapshots, metrics } = running.gateway;
  const upstreams = new Map([...snapshots.current.upstreams].map(([name, upstream]) => [name, upstream.state()]));
  tell({ kind: 'reported', id, report: { upstreams, metrics: await metrics.registry.getMetricsAsJSON() } });
}

process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'start':
      start(message).catch((error: unknown) => {
        const text = error instanceof Error ? error.message : String(error);
        process.send?.({ kind: 'failed', message: text } satisfies ToPrimary, () => process.exit(1));
      });
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
process.on('SIGTERM', () => void end());
// Ctrl-C and a closed terminal signal every process of the terminal; workers wait for the primary's `drain`.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
process.on('disconnect', () => process.exit(0));
tell({ kind: 'here' });
