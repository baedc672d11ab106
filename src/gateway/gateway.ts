/**
 * This module is the gateway as a library, which the command line also uses. It plans config and schema, compiles the
 * plan into a snapshot, and serves snapshots.
 */

import type { ChangedPaths } from '../base/changed-paths.js';
import { type Clock, systemClock } from '../base/clock.js';
import type { Diagnostic } from '../base/diagnostic.js';
import { errorAt, formatDiagnostic } from '../base/diagnostic.js';
import { type MemoryUse, MemoryWatch } from '../base/memory.js';
import { isRecord } from '../base/record.js';
import { Resources } from '../base/resources.js';
import { inSlices } from '../base/slices.js';
import type { Interceptor } from '../call/call.js';
import type { Config, ConfigInput } from '../config/config.js';
import { fileIssues } from '../config/files.js';
import { parseConfig } from '../config/parse.js';
import { restartProblems } from '../config/restart.js';
import type { Middleware } from '../exchange/request-state.js';
import { hintsFor } from '../report/hints.js';
import { createApp } from '../server/app.js';
import { OpenStreams } from '../server/connection/open-streams.js';
import type { RequestListener } from '../server/connection/watched.js';
import { Snapshots } from '../server/snapshots.js';
import type { Counters } from '../store/counters.js';
import { createLog, type Log } from '../telemetry/log.js';
import { createMetrics, type Metrics } from '../telemetry/metrics.js';
import { type Lookup, systemLookup } from '../upstream/balance/lookup.js';
import { compileSnapshot, snapshotSteps } from './compile.js';
import { followFiles } from './follow-files.js';
import { type Plan, type PlanOptions, plan } from './plan.js';
import { UsedRoutes } from './used-routes.js';

/** The options of {@link createGateway}: the shape of the config file, and own code at its three places. */
export interface GatewayOptions extends ConfigInput {
  /** The embedder's own Koa middleware, at its two places: before a route is matched, and after the caller is known. */
  readonly middleware?: { readonly beforeMatch?: readonly Middleware[]; readonly afterAuth?: readonly Middleware[] };
  /** Functions around each upstream call. The first one is the outermost. */
  readonly interceptors?: readonly Interceptor[];
}

/** A gateway without a listener. */
export interface Gateway {
  /**
   * Returns a listener for `http.createServer`. Set `maxHeadersCount = 0` on that server: otherwise Node silently drops
   * all headers after the first thousand, for example the address that a proxy appends. In a Koa app, set `ctx.respond
   * = false` and call the listener with `ctx.req` and `ctx.res`.
   */
  callback(): RequestListener;
  /**
   * Builds a new snapshot from the given config, or from the current one, and replaces the old snapshot. The files of the
   * config are read again. If that fails, it rejects with a {@link GatewayError} and the old snapshot stays in use.
   * Reloads run one after the other, in the order of the calls.
   */
  reload(config?: ConfigInput): Promise<void>;
  /** Closes all connections. Requests that still run are cancelled. */
  close(): Promise<void>;
}

/** The error for a config or schema that cannot be served. Each of `diagnostics` is an error. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super([...diagnostics.map(formatDiagnostic), ...hintsFor(diagnostics)].join('\n'));
  }
}

/**
 * Creates a gateway without a listener. Rejects with a {@link GatewayError} if the config or the schema has an error.
 */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  if (!isRecord(options)) throw refused('expected an object such as { version: 1, schema, upstreams }');
  const { middleware, interceptors, ...input } = options;
  const readAtMs = Date.now();
  const first = await planWithFiles(configOrThrow(input));
  const log = createLog(first.config.log);
  const gateway = startGateway(first, log, {
    ...(middleware === undefined ? {} : { middleware }),
    ...(interceptors === undefined ? {} : { interceptors }),
  });
  await gateway.prepared;
  const { callback, close } = gateway;
  const files = followFiles(gateway, log, readAtMs);
  return {
    callback,
    reload: files.reload,
    close() {
      files.close();
      return close();
    },
  };
}

export interface RunningGateway extends Gateway {
  /** Resolves when the first snapshot can serve. */
  readonly prepared: Promise<void>;
  readonly snapshots: Snapshots;
  readonly metrics: Metrics;
  /** The config that is served. */
  readonly config: Config;
  /** Reloads like {@link Gateway.reload}. If `changed` is given, only the files with these real paths are looked at. */
  reload(config?: ConfigInput, changed?: ChangedPaths): Promise<void>;
  /** Builds the snapshot of a plan without errors, beside the one that serves. Rejects if a resource cannot be made. */
  prepare(plan: Plan): Promise<PreparedSnapshot>;
}

/** A snapshot that can serve and does not yet. One of the two functions must be called, once. */
export interface PreparedSnapshot {
  /** New requests get this snapshot from now on. */
  swap(): void;
  /** Releases what the snapshot holds. */
  discard(): Promise<void>;
}

export interface StartOptions extends Pick<GatewayOptions, 'middleware' | 'interceptors'> {
  /** The counters of a process that counts for several processes. Undefined when this process counts for itself. */
  readonly counters?: Counters;
  /** The clock of the gateway. The default is the system's clock; tests pass their own. */
  readonly clock?: Clock;
  /** Looks up the names of upstreams. The default asks the system; tests pass their own. */
  readonly lookup?: Lookup;
  /** Returns how much memory is used. The default asks V8 and the container; tests pass their own. */
  readonly readMemory?: () => readonly MemoryUse[];
}

/** Serves a plan that has no errors. */
export function startGateway(
  first: Plan,
  log: Log,
  { middleware, interceptors, counters, clock = systemClock, lookup = systemLookup, readMemory }: StartOptions = {},
): RunningGateway {
  const options = {
    resources: new Resources(),
    clock,
    log,
    metrics: createMetrics(),
    counters,
    lookup,
    openStreams: new OpenStreams(clock),
    used: new UsedRoutes(),
    afterAuth: middleware?.afterAuth ?? [],
    interceptors: interceptors ?? [],
  };
  const { metrics, openStreams } = options;
  const snapshot = compileSnapshot(first, options);
  const snapshots = new Snapshots(snapshot);
  const memory = new MemoryWatch((isShort) => tellMemory(log, isShort), readMemory);
  const shedding = { isShortOfMemory: (now: number) => memory.isShort(now), counter: metrics.shed };
  const telling = { log, requests: metrics.requests };
  const handle = createApp({ snapshots, telling, clock, shedding, custom: middleware?.beforeMatch ?? [] });
  let current = first;
  let isClosed = false;
  let lastReload = Promise.resolve();

  async function prepare(next: Plan): Promise<PreparedSnapshot> {
    const compiled = await inSlices(snapshotSteps(next, options));
    try {
      await compiled.prepared;
      if (isClosed) throw new Error('the gateway is closed');
    } catch (error) {
      await compiled.release();
      throw error;
    }
    return {
      swap() {
        // A gateway that was closed during the build has no snapshot that a later request would release.
        if (isClosed) return void compiled.release();
        // Requests may have used more routes since the new snapshot was compiled. It compiles these before they are needed.
        for (const surface of compiled.surfaces) surface.compileUsed();
        snapshots.swap(compiled);
        log.setLevel(next.config.log.level);
        log.reopen();
        current = next;
        void openStreams.judge(compiled);
      },
      discard: compiled.release,
    };
  }

  async function reload(input: ConfigInput | undefined, changed: ChangedPaths): Promise<void> {
    const config = input === undefined ? current.config : configOrThrow(input);
    const problems = restartProblems(current.config, config, () => ({ file: 'options' }));
    if (problems.length > 0) throw new GatewayError(problems);
    (await prepare(await planWithFiles(config, { previous: current, changed }))).swap();
  }

  return {
    snapshots,
    metrics,
    get config() {
      return current.config;
    },
    prepared: snapshot.prepared,
    callback: () => handle,
    prepare,
    reload(input, changed) {
      const done = lastReload.then(() => reload(input, changed));
      lastReload = done.catch(() => {});
      return done;
    },
    close() {
      isClosed = true;
      openStreams.close();
      return snapshots.close();
    },
  };
}

function tellMemory(log: Log, isShort: boolean): void {
  if (isShort) log.warn({}, 'memory is nearly used up: new requests are refused');
  else log.info({}, 'memory is available again: new requests are served');
}

function configOrThrow(input: ConfigInput): Config {
  const { config, diagnostics } = parseConfig(input);
  if (config === undefined) throw new GatewayError(diagnostics);
  const { protos, descriptorSets } = config.schema;
  // A new config without any schema is treated as a mistake.
  if (protos.length + descriptorSets.length === 0) throw refused('schema: expected protos or descriptorSets, got none');
  return config;
}

function refused(text: string): GatewayError {
  return new GatewayError([errorAt({ file: 'options' }, 'config-value', text)]);
}

/** Checks the files that a config names, and plans. The files may have changed even if the config has not. */
async function planWithFiles(config: Config, options: PlanOptions = {}): Promise<Plan> {
  const issues = await fileIssues(config);
  if (issues.length > 0)
    throw new GatewayError(issues.map(({ rule, text }) => errorAt({ file: 'options' }, rule, text)));
  return checked(await plan(config, options));
}

function checked(planned: Plan): Plan {
  const errors = planned.diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new GatewayError(errors);
  return planned;
}
