/** Runs a gateway with its public and its admin port in one process until it is drained. `serve` and `demo` share this code. */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { isatty } from 'node:tty';
import { type AdminSources, createAdmin } from '../admin/admin.js';
import { systemClock } from '../base/clock.js';
import { type RunningGateway, startGateway } from '../gateway/gateway.js';
import type { Plan } from '../gateway/plan.js';
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
import { createLog, type Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { endOnUncaught } from './last-resort.js';
import { readinessOf, reportUpstreams, tellUpstreams } from './upstream-status.js';

const ENDING = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Determined at the start, because a terminal that was closed is no longer recognised as one. */
const ON_TERMINAL = [0, 1, 2].some((fd) => isatty(fd));

export interface RunningServer {
  readonly url: string;
  readonly adminUrl: string | undefined;
  /** Resolves after a signal, when everything is drained and closed. */
  readonly stopped: Promise<void>;
}

export async function runServer(plan: Plan): Promise<RunningServer> {
  const { config } = plan;
  const log = createLog({ format: config.log.format });
  endOnUncaught(log);
  let state = 'starting';
  const gateway = startGateway(plan, log);
  const metrics = () => gateway.metrics.registry.metrics();
  let admin: Server | undefined;
  let listener: BoundListener;
  try {
    const counted = config.admin?.readiness.upstreams ?? [];
    const readiness = async () => readinessOf(state, await reportUpstreams(gateway, counted), counted);
    admin = await listenAdmin(plan, { metrics, readiness }, log);
    await gateway.prepared;
    listener = await listenPublic(config, gateway, log);
  } catch (error) {
    admin?.close();
    await gateway.close();
    throw error;
  }
  const drain = prepareDrain(listener, systemClock);
  state = 'serving';
  void tellUpstreams(gateway, log);

  const stopped = firstSignal().then(async (signal) => {
    state = 'draining';
    log.info({ signal }, 'draining');
    await drainListener(listener, drain, config.drain);
    await gateway.close();
    admin?.close();
    admin?.closeAllConnections();
    endWithTerminal(signal);
  });
  return { url: listener.url, adminUrl: admin === undefined ? undefined : urlOf(admin), stopped };
}

/** Listens on the public port. */
async function listenPublic(config: Plan['config'], gateway: RunningGateway, log: Log): Promise<BoundListener> {
  const settings = listenSettings(config, log, gateway.metrics);
  const listener = await listen(settings, gateway.callback(), systemClock).catch((error: unknown) => {
    throw inUse(error, settings, '--port');
  });
  follow(listener, settings, config, log);
  return listener;
}

/** Serves connections of the public port that the primary has accepted. */
export function servePublic(
  config: Plan['config'],
  gateway: RunningGateway,
  log: Log,
): ReturnType<typeof listenForOthers> {
  const settings = listenSettings(config, log, gateway.metrics);
  const served = listenForOthers(settings, gateway.callback(), systemClock);
  follow(served.listener, settings, config, log);
  return served;
}

/** Reads the certificates again when they change. */
function follow(listener: Listener, settings: ListenSettings, { listen: { tls } }: Plan['config'], log: Log): void {
  if (tls === undefined) return;
  followCertificates(listener.server, settings.tls, () => readTls(tls), { clock: systemClock, log });
}

export function listenSettings(
  { listen: { tls, maxConnectionsPerAddress: most, ...rest }, limits, errors, trustedProxies }: Plan['config'],
  log: Log,
  { shed }: Pick<Metrics, 'shed'>,
): ListenSettings {
  const perAddress =
    most === undefined ? {} : { perAddress: { most, trustedProxies, onRefused: () => shed.inc(BY_ADDRESS) } };
  const settings = { ...rest, ...perAddress, headerBytes: limits.headerBytes, errorFormat: errors.format, log };
  return tls === undefined ? settings : { ...settings, tls: readTls(tls) };
}

const BY_ADDRESS = { reason: 'address' };

function readTls({ cert, key, clientCa }: NonNullable<Plan['config']['listen']['tls']>): TlsSettings {
  const authorities = clientCa === undefined ? {} : { clientCa: readFileSync(clientCa) };
  return { cert: readFileSync(cert), key: readFileSync(key), ...authorities };
}

/** Listens on the admin port, with the public port's time-outs and error format. Returns undefined if the config has none. */
export async function listenAdmin(
  { config, routes }: Plan,
  { metrics, readiness }: Pick<AdminSources, 'metrics' | 'readiness'>,
  log: Log,
): Promise<Server | undefined> {
  const settings = config.admin;
  if (settings === undefined) return undefined;
  const rows = routeRows(routes);
  const admin = createAdmin(
    { readiness, metrics, routes: () => rows },
    {
      hosts: settings.hosts,
      authorityOf: (req) => parseTarget(req).authority,
      errors: { format: config.errors.format, exposed: NONE_EXPOSED },
      log,
    },
  );
  const { listen, limits, errors } = config;
  const { keepAliveTimeoutMs, headersTimeoutMs } = listen;
  const timeouts = { keepAliveTimeoutMs, headersTimeoutMs, headerBytes: limits.headerBytes };
  const handle = watched(
    admin,
    () => ({ stallTimeoutMs: limits.requestTimeoutMs, connectionBytes: limits.connectionBytes }),
    systemClock,
  );
  const server = createHttp1({ ...timeouts, errorFormat: errors.format, log }, handle, systemClock);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(inUse(error, settings, '--admin-port')));
    server.listen(settings.port, settings.host, () => resolve());
  });
  return server;
}

/** Returns an error that gives advice if the port is in use; returns any other error unchanged. */
export function inUse(error: unknown, { host, port }: { host: string; port: number }, flag: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return error;
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Error(`port ${address} is already in use; choose another one with ${flag} (0 takes a free one)`, {
    cause: error,
  });
}

/**
 * Resolves with the first signal that ends a gateway; a terminal that is closed sends SIGHUP. A second signal ends the
 * process at once, which is Node's default.
 */
export function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      for (const one of ENDING) process.off(one, onSignal);
      resolve(signal);
    };
    for (const one of ENDING) process.on(one, onSignal);
  });
}

/**
 * Kills the process after a SIGHUP if it was started on a terminal: Node 20 crashes or hangs on exit when it can't restore
 * a terminal that is gone. Everything is closed by now.
 */
export function endWithTerminal(signal: NodeJS.Signals): void {
  if (signal === 'SIGHUP' && ON_TERMINAL) process.kill(process.pid, 'SIGKILL');
}
