/** Runs a gateway with its public and its admin port in one process until it is drained. `serve` and `demo` share this code. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AdminSources, createAdmin } from '../admin/admin.js';
import { systemClock } from '../base/clock.js';
import { type RunningGateway, startGateway } from '../gateway/gateway.js';
import type { Plan } from '../gateway/plan.js';
import { apisOf, type ExamplesOf } from '../openapi/api.js';
import { routeRows } from '../report/route-map.js';
import { watched } from '../server/connection/watched.js';
import { followCertificates, type TlsSettings } from '../server/listener/certificates.js';
import { drainListener, prepareDrain } from '../server/listener/drain.js';
import { createHttp1 } from '../server/listener/http1.js';
import {
  type BoundListener,
  type Listener,
  type ListenSettings,
  listen,
  listenForOthers,
  urlOf,
} from '../server/listener/listen.js';
import { parseTarget } from '../server/request-target.js';
import { NONE_EXPOSED } from '../status/client-text.js';
import { valuesOf } from '../telemetry/exposition.js';
import { createLog, type Log } from '../telemetry/log.js';
import { createReloadMetrics, type Metrics } from '../telemetry/metrics.js';
import { collectProcessMetrics } from '../telemetry/process-metrics.js';
import { endOnUncaught } from './last-resort.js';
import { type ConfigSource, Reloads } from './reloads.js';
import { serviceManager } from './service-manager.js';
import { stopOnSignal } from './signals.js';
import { logUpstreams, readinessOf, reportUpstreams } from './upstream-status.js';

export interface RunningServer {
  readonly url: string;
  readonly adminUrl: string | undefined;
  /** Resolves after a signal, when everything is drained and closed. */
  readonly stopped: Promise<void>;
}

export interface RunOptions {
  /** The source of config and schema. Without it the gateway never reloads. */
  readonly source?: ConfigSource;
  /** Finds the examples in the API documents. */
  readonly examples?: ExamplesOf;
}

/** Runs a gateway. */
export async function runServer(plan: Plan, { source, examples }: RunOptions = {}): Promise<RunningServer> {
  const log = createLog(plan.config.log);
  endOnUncaught(log);
  let state = 'starting';
  const gateway = startGateway(plan, log);
  const { registry } = gateway.metrics;
  collectProcessMetrics(registry);
  const reloads = new Reloads(plan, source, {
    prepare: async (next) => {
      const settings = listenSettings(next.config, log, gateway.metrics);
      const { swap, discard } = await gateway.prepare(next);
      return {
        swap() {
          swap();
          listener.update(settings);
        },
        discard,
      };
    },
    log,
    clock: systemClock,
    metrics: createReloadMetrics(registry),
    manager: serviceManager(log),
  });
  const current = () => reloads.plan;
  let admin: Server | undefined;
  let listener: BoundListener;
  try {
    const readiness = async () => {
      const counted = current().config.admin?.readiness.upstreams ?? [];
      return { ...readinessOf(state, await reportUpstreams(gateway, counted), counted), reload: reloads.state };
    };
    const sources = { metrics: () => valuesOf(registry), readiness, examples };
    admin = await listenAdmin(current, sources, log);
    await gateway.prepared;
    listener = await listenPublic(current, gateway, log);
  } catch (error) {
    admin?.close();
    await gateway.close();
    throw error;
  }
  const drain = prepareDrain(listener, systemClock);
  state = 'serving';
  void logUpstreams(gateway, log);
  reloads.begin();

  const reload = source === undefined ? undefined : () => reloads.request('SIGHUP');
  const stopped = stopOnSignal({ reload, clock: systemClock, log, stop });
  return { url: listener.url, adminUrl: admin === undefined ? undefined : urlOf(admin), stopped };

  async function stop(): Promise<void> {
    state = 'draining';
    reloads.drain();
    await drainListener(listener, drain, current().config.drain);
    await gateway.close();
    admin?.close();
    admin?.closeAllConnections();
  }
}

/** Returns the plan that is served. */
export type CurrentPlan = () => Plan;

/** Listens on the public port. */
async function listenPublic(current: CurrentPlan, gateway: RunningGateway, log: Log): Promise<BoundListener> {
  const settings = listenSettings(current().config, log, gateway.metrics);
  const listener = await listen(settings, gateway.callback(), systemClock).catch((error: unknown) => {
    throw listenError(error, settings, '--port');
  });
  follow(listener, settings, current, log);
  return listener;
}

/** Serves connections of the public port that the primary has accepted. */
export function servePublic(
  current: CurrentPlan,
  gateway: RunningGateway,
  log: Log,
): ReturnType<typeof listenForOthers> {
  const settings = listenSettings(current().config, log, gateway.metrics);
  const served = listenForOthers(settings, gateway.callback(), systemClock);
  follow(served.listener, settings, current, log);
  return served;
}

/** Reads the certificates of the listener again when their files change. */
function follow(listener: Listener, settings: ListenSettings, current: CurrentPlan, log: Log): void {
  // A reload may name other files, but it cannot turn TLS off.
  followCertificates(listener.server, settings.tls, () => readTls(current().config.listen.tls!), {
    clock: systemClock,
    log,
  });
}

export function listenSettings(
  { listen: { tls, maxConnectionsPerAddress: most, ...rest }, limits, errors, trustedProxies }: Plan['config'],
  log: Log,
  { shed, requests }: Pick<Metrics, 'shed' | 'requests'>,
): ListenSettings {
  const perAddress =
    most === undefined ? {} : { perAddress: { most, trustedProxies, onRefused: () => shed.inc(BY_ADDRESS) } };
  const settings = {
    ...rest,
    ...perAddress,
    headerBytes: limits.headerBytes,
    errorFormat: errors.format,
    telling: { log, requests },
  };
  return tls === undefined ? settings : { ...settings, tls: readTls(tls) };
}

const BY_ADDRESS = { reason: 'address' };

function readTls({ cert, key, clientCa }: NonNullable<Plan['config']['listen']['tls']>): TlsSettings {
  const authorities = clientCa === undefined ? {} : { clientCa: readFileSync(clientCa) };
  return { cert: readFileSync(cert), key: readFileSync(key), ...authorities };
}

/** Listens on the admin port, with the public port's time-outs and error format. Returns undefined if the config has none. */
export async function listenAdmin(
  current: CurrentPlan,
  { metrics, readiness, examples }: Pick<AdminSources, 'metrics' | 'readiness'> & { examples?: ExamplesOf | undefined },
  log: Log,
): Promise<Server | undefined> {
  const { config } = current();
  const settings = config.admin;
  if (settings === undefined) return undefined;
  const admin = createAdmin(
    { readiness, metrics, routes: () => routeRows(current().routes), apis: () => apisOf(current(), examples) },
    {
      hosts: () => current().config.admin?.hosts ?? [],
      authorityOf: (req) => parseTarget(req).authority,
      errors: () => ({ format: current().config.errors.format, exposed: NONE_EXPOSED }),
      log,
    },
  );
  const { listen, limits, errors } = config;
  const { keepAliveTimeoutMs, headersTimeoutMs } = listen;
  const timeouts = { keepAliveTimeoutMs, headersTimeoutMs, headerBytes: limits.headerBytes };
  const limitsNow = () => {
    const { requestTimeoutMs: stallTimeoutMs, connectionBytes } = current().config.limits;
    return { stallTimeoutMs, connectionBytes };
  };
  const handle = watched(admin, limitsNow, systemClock);
  const server = createHttp1({ ...timeouts, errorFormat: errors.format, telling: { log } }, handle, systemClock);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, settings, '--admin-port')));
    server.listen(settings.port, settings.host, () => resolve());
  });
  return server;
}

/** The reasons why a server cannot listen on an address, by the code of the system. */
const NOT_LISTENING: ReadonlyMap<string | undefined, string> = new Map([
  ['EACCES', 'this process may not use the port; ports below 1024 need more rights'],
  ['EADDRNOTAVAIL', 'this machine does not have the address; 0.0.0.0 means all of its addresses'],
  ['ENOTFOUND', 'the name of the host has no address'],
  ['EAI_AGAIN', 'the name of the host cannot be looked up now'],
]);

/** Returns an error with the address and advice for the reasons that are known; returns any other error unchanged. */
export function listenError(error: unknown, { host, port }: { host: string; port: number }, flag: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const why = NOT_LISTENING.get(code);
  if (why !== undefined) return new Error(`cannot listen on ${address}: ${why} (${code})`, { cause: error });
  if (code !== 'EADDRINUSE') return error;
  return new Error(`port ${address} is already in use; choose another one with ${flag} (0 takes a free one)`, {
    cause: error,
  });
}
