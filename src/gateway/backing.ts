/**
 * This module opens what the routes of a snapshot (the compiled config) use: credentials, counters, caches and upstreams.
 * `protogate explain` replaces these by recorders, so that the same routes make no calls.
 */
import type { Clock } from '../base/clock.js';
import type { Lease, Resources } from '../base/resources.js';
import type { Call, Interceptor } from '../call/call.js';
import type { Config } from '../config/config.js';
import { servesPart } from '../config/surface-configs.js';
import type { Middleware } from '../exchange/exchange.js';
import type { Authenticator } from '../policy/access/credentials.js';
import { authentication } from '../policy/access/resource.js';
import { responseCache } from '../policy/cache/resource.js';
import { countersOf } from '../policy/rate-limit/resource.js';
import type { PlannedRoute } from '../route/planned-route.js';
import { ownSignal, type SignalOf, sharedSignal } from '../server/connection/gone-signal.js';
import type { OpenStreams } from '../server/connection/open-streams.js';
import type { Counters } from '../store/counters.js';
import { sharedStore } from '../store/shared-store.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { Lookup } from '../upstream/balance/lookup.js';
import type { Upstream } from '../upstream/upstream.js';
import { callCompiler } from './calls.js';
import type { Plan } from './plan.js';
import { openProtection } from './protection.js';
import { leasedSeries, type Series } from './series.js';
import { openTracing } from './tracing.js';
import { acquireUpstreams } from './upstreams.js';
import type { UsedRoutes } from './used-routes.js';

export interface Backing {
  readonly authenticator: Authenticator;
  readonly counters: Counters;
  /** Returns the call of a served route, with all layers around it. */
  readonly callOf: (route: PlannedRoute) => Call;
  readonly openStreams: OpenStreams;
  readonly afterAuth: readonly Middleware[];
  /** True if an embedder has added middleware or interceptors. Their code may throw when a route is compiled. */
  readonly isExtended: boolean;
  readonly metrics: Metrics;
  /** Returns the metrics of routes and limits. After a reload, those that exist already continue. */
  readonly seriesOf: Pick<Series, 'route' | 'exceeded'>;
  readonly clock: Clock;
  /** The routes for which there have been requests so far. */
  readonly used: UsedRoutes;
  /** Returns the AbortSignal that cancels the calls of a request. */
  readonly signalOf: SignalOf;
}

export interface BackingOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /**
   * The rate limit counters of the process that counts for all worker processes. Undefined when this process counts by itself.
   */
  readonly counters: Counters | undefined;
  /** The function that looks up the addresses of upstreams. */
  readonly lookup: Lookup;
  readonly openStreams: OpenStreams;
  readonly used: UsedRoutes;
  readonly afterAuth: readonly Middleware[];
  readonly interceptors: readonly Interceptor[];
}

export interface OpenedBacking {
  /** The resources that the routes of each surface use, by the name of the surface. */
  readonly of: ReadonlyMap<string, Backing>;
  readonly tracing: Tracing | undefined;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /**
   * Resolves when requests can be served, or when waiting longer would not help: for example, when the first attempt to fetch
   * the issuers' keys has ended.
   */
  readonly prepared: Promise<void>;
}

/**
 * Opens everything that the config names. Resources that another snapshot uses already are shared with it. All surfaces share
 * counters, caches, upstreams and their protection, and the keys of an issuer that several of them name.
 */
export function openBacking(
  { config, surfaces }: Pick<Plan, 'config' | 'surfaces'>,
  lease: Lease,
  options: BackingOptions,
): OpenedBacking {
  const { clock, metrics, interceptors, afterAuth, openStreams, used } = options;
  const { stores, rateLimiting } = config;
  const series = leasedSeries(metrics, lease);
  // All surfaces share the connections, so their limit is the largest limit of the surfaces. The codec of each surface also
  // checks its own limit.
  const responseBytes = Math.max(...surfaces.map((surface) => surface.config.limits.responseBytes));
  const upstreams = acquireUpstreams(upstreamsOf(config, surfaces), responseBytes, lease, options);
  const tracing = openTracing(config.tracing, lease, { log: options.log, series });
  const store = sharedStore(stores.redis, lease, options);
  const counters = countersOf(rateLimiting, store, lease, options);
  const cache = responseCache({ maxBytes: config.cache.maxBytes, redis: stores.redis }, store, lease, options);
  for (const { name, addresses } of upstreams.values()) series.endpoints(name).current = addresses;
  const protection = openProtection(config.upstreams, lease, options);
  const isExtended = afterAuth.length + interceptors.length > 0;
  const shared = { upstreams, protection, cache, interceptors, metrics, series, clock };
  // An embedder's interceptor may add a listener to the signal and forget to remove it. So with interceptors each request has a
  // signal of its own.
  const signalOf = interceptors.length === 0 ? sharedSignal : ownSignal;
  const ready: (Promise<void> | undefined)[] = [store?.prepared, tracing?.ready];
  const own = surfaces.map(({ name, config: { auth, cors, limits, errors } }): [string, Backing] => {
    const checks = { auth, origins: cors?.origins ?? [] };
    const { authenticator, prepared } = authentication(checks, lease, { ...options, tokens: series.tokens });
    ready.push(prepared);
    const callOf = callCompiler({ ...shared, limits, exposed: new Set(errors.expose) });
    const ofAll = { counters, seriesOf: series, openStreams, used, afterAuth, isExtended, metrics, clock, signalOf };
    return [name, { ...ofAll, authenticator, callOf }];
  });
  return { of: new Map(own), upstreams, tracing, prepared: Promise.all(ready).then(() => {}) };
}

/**
 * Returns the upstreams that must be opened. A gateway that serves only some of its surfaces (`serve --surface`) opens those
 * that their routes call, and those in `admin.readiness`.
 */
function upstreamsOf(config: Config, surfaces: Plan['surfaces']): Config['upstreams'] {
  const { upstreams, admin } = config;
  if (!servesPart(config)) return upstreams;
  const called = new Set<string | undefined>(admin?.readiness.upstreams);
  for (const { upstream, aggregate } of surfaces.flatMap(({ routes }) => routes)) {
    called.add(upstream);
    for (const call of aggregate?.calls ?? []) called.add(call?.upstream);
  }
  return new Map([...upstreams].filter(([name]) => called.has(name)));
}
