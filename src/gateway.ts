/**
 * The composition root: a Plan becomes a Snapshot, snapshots are served. `createGateway` is the same thing as a library.
 */
import { readFileSync } from 'node:fs';
import { authentication } from './authentication.js';
import { type Clock, systemClock } from './base/clock.js';
import type { Diagnostic } from './base/diagnostic.js';
import { errorAt, formatDiagnostic } from './base/diagnostic.js';
import { type Lease, Resources } from './base/resources.js';
import { responseCache } from './caching.js';
import { type Interceptor, intercept } from './call/call.js';
import type { Config, ConfigInput } from './config/config.js';
import { fileIssues } from './config/files.js';
import { credentialHeaders, guardedHeaders } from './config/guarded-headers.js';
import { parseConfig } from './config/parse.js';
import type { Equality } from './paths/equality.js';
import { type Plan, type PlannedRoute, plan, routeTableOf, SURFACE } from './plan.js';
import type { CachePolicy } from './policy/cache.js';
import type { Authenticator } from './policy/credentials.js';
import { compilePlan, isByAddress, type RateLimit } from './policy/rate-limit.js';
import { countersOf } from './rate-limiting.js';
import type { MethodDescriptor } from './schema/descriptor.js';
import { createApp, type RequestListener } from './server/app.js';
import { authenticate, authorize } from './server/authenticate.js';
import { compileClientAddress } from './server/client-address.js';
import { compileCors } from './server/cors.js';
import { endpoint } from './server/endpoint.js';
import type { Middleware } from './server/exchange.js';
import { compileFreshness } from './server/freshness.js';
import { rateLimit } from './server/rate-limit.js';
import { composeRoute, type Route } from './server/route.js';
import { type Snapshot, Snapshots } from './server/snapshot.js';
import { unserved } from './server/unserved.js';
import { sharedStore } from './shared-store.js';
import type { Counters } from './store/counters.js';
import { createLog, type Log } from './telemetry/log.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { compileRequestMetadata, compileResponseHeaders } from './transcoding/headers.js';
import { compileTranscoder } from './transcoding/transcoder.js';
import { createUpstream, type Upstream, type UpstreamSettings } from './upstream/upstream.js';

type UpstreamConfig = Config['upstreams'] extends Map<string, infer Settings> ? Settings : never;

export interface CompileOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where limits count that no shared store counts; undefined: in this process. */
  readonly counters: Counters | undefined;
  readonly afterAuth: readonly Middleware[];
  readonly interceptors: readonly Interceptor[];
}

/** Plan → Snapshot: immutable tables, and the resources that they hold until they are released. */
export function compileSnapshot(planned: Plan, options: CompileOptions): Snapshot {
  const lease = options.resources.lease();
  try {
    return compile(planned, lease, options);
  } catch (error) {
    void lease.release();
    throw error;
  }
}

function compile({ config, codecs, registry, routes }: Plan, lease: Lease, options: CompileOptions): Snapshot {
  const upstreams = acquireUpstreams(config, lease);
  const { authenticator, prepared } = authentication(config, lease, options);
  const store = sharedStore(config, lease, options);
  const counters = countersOf(config, store, lease, options);
  const cache = responseCache(config, store, lease, options);
  const requestMetadata = compileRequestMetadata(config.metadata, guardedHeaders(config));
  const responseHeaders = compileResponseHeaders(config.metadata);

  function compileRoute(route: PlannedRoute, upstream: Upstream): Route {
    const { binding, policy, access, upstream: name, timeoutMs } = route;
    const { method } = binding;
    const { settings } = policy;
    const transcoder = compileTranscoder(binding, codecs, config.query);
    const { ofPath, ofMessage } = splitDemands(route);
    const cached = route.cache === undefined ? undefined : cachingOf(route.cache, timeoutMs);
    const end =
      method.clientStreaming || method.serverStreaming
        ? unserved('streaming methods are not served')
        : endpoint({
            method,
            transcoder,
            require: ofMessage,
            call: intercept(upstream.call, [...(cached?.interceptors ?? []), ...options.interceptors]),
            requestMetadata,
            responseHeaders,
            timeoutMs,
            requestTimeoutMs: config.limits.requestTimeoutMs,
            maxBodyBytes: settings.maxRequestBytes ?? config.limits.bodyBytes,
            successStatus: settings.successStatus ?? 200,
            freshness: cached?.freshness,
            clock: options.clock,
          });
    const guards = [
      ...counting(route.rateLimits.filter(isByAddress)),
      ...guardsOf(access, ofPath, authenticator, transcoder.path),
      ...counting(
        route.rateLimits.filter((limit) => !isByAddress(limit)),
        access.mode === 'public' ? NO_PLANS : plansOf(config, method),
      ),
    ];
    return composeRoute(binding, name, [...guards, ...options.afterAuth], end);
  }

  function cachingOf(policy: CachePolicy, routeTimeoutMs: number | undefined) {
    const { requestTimeoutMs } = config.limits;
    const { cacheRequests } = options.metrics;
    const credentials = policy.scope === 'public' ? [] : credentialHeaders(config);
    return {
      interceptors: [
        cache.interceptor(policy, {
          timeoutMs: Math.min(routeTimeoutMs ?? requestTimeoutMs, requestTimeoutMs),
          onAnswer: (status) => cacheRequests.inc({ status }),
        }),
      ],
      freshness: compileFreshness({ ...policy, varies: [...credentials, ...config.metadata.request] }),
    };
  }

  function counting(limits: readonly RateLimit[], plans: Plans = NO_PLANS): Middleware[] {
    if (limits.length === 0 && plans.size === 0) return [];
    const { rateLimitDecisions } = options.metrics;
    return [rateLimit({ limits, plans, counters, cost: 1, decisions: rateLimitDecisions })];
  }

  const served = routes.flatMap((planned) => {
    const upstream = planned.upstream === undefined ? undefined : upstreams.get(planned.upstream);
    return upstream === undefined ? [] : [{ binding: planned.binding, value: compileRoute(planned, upstream) }];
  });
  const status = registry.message('google.rpc.Status');
  return {
    surfaces: [
      {
        name: SURFACE,
        table: routeTableOf(served),
        cors: config.cors === undefined ? undefined : compileCors(config.cors, config.metadata.response),
        errorFormat: config.errors.format,
        statusCodec: status === undefined ? undefined : codecs.of(status),
      },
    ],
    clientAddress: compileClientAddress(config.trustedProxies),
    logSample: config.log.sample,
    upstreams,
    prepared: Promise.all([prepared, store?.prepared]).then(() => {}),
    release: lease.release,
  };
}

type Plans = ReadonlyMap<string, readonly RateLimit[]>;

const NO_PLANS: Plans = new Map();

function plansOf({ plans }: Config, method: MethodDescriptor): Plans {
  return new Map([...plans].map(([name, { rateLimits }]) => [name, compilePlan(name, rateLimits, method)]));
}

/** What a route that is not for everybody begins with. */
function guardsOf(
  { mode, scopes }: PlannedRoute['access'],
  require: readonly Equality[],
  authenticator: Authenticator,
  requestOf: (captures: readonly string[]) => Uint8Array,
): Middleware[] {
  const guards: Middleware[] = [];
  if (mode !== 'public') guards.push(authenticate(authenticator, mode));
  if (scopes.length > 0 || require.length > 0) guards.push(authorize({ scopes, require, requestOf }));
  return guards;
}

/** A demand over nothing but what the path captures is decided before anything else is read. */
function splitDemands({ binding, access }: PlannedRoute) {
  const inPath = ({ requestFields }: Equality) =>
    requestFields.every((path) =>
      binding.variables.some(
        ({ fieldPath }) => fieldPath.length === path.length && fieldPath.every((field, i) => field === path[i]),
      ),
    );
  return {
    ofPath: access.require.filter(inPath),
    ofMessage: access.require.filter((equality) => !inPath(equality)),
  };
}

/** An upstream outlives a snapshot: the same settings keep the same connections. */
function acquireUpstreams(config: Config, lease: Lease): ReadonlyMap<string, Upstream> {
  const { responseBytes } = config.limits;
  const upstreams = [...config.upstreams].map(([name, settings]) => {
    const key = `upstream ${JSON.stringify([name, settings, responseBytes])}`;
    const create = () => createUpstream(upstreamSettings(name, settings), { maxResponseBytes: responseBytes });
    return [name, lease.acquire(key, create)] as const;
  });
  return new Map(upstreams);
}

/** The certificates are read when an upstream is made; the deadline is the route's matter. */
function upstreamSettings(name: string, { target, services, transport, tls }: UpstreamConfig): UpstreamSettings {
  if (tls === undefined) return { name, target, services, transport };
  const { ca, cert, key, serverName } = tls;
  return {
    name,
    target,
    services,
    transport,
    tls: {
      ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
      ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
      ...(key === undefined ? {} : { key: readFileSync(key) }),
      ...(serverName === undefined ? {} : { serverName }),
    },
  };
}

export interface GatewayOptions extends ConfigInput {
  /** The embedder's own Koa middleware at its two named places. */
  readonly middleware?: { readonly beforeMatch?: readonly Middleware[]; readonly afterAuth?: readonly Middleware[] };
  /** Around the upstream call; the first one is the outermost. */
  readonly interceptors?: readonly Interceptor[];
}

export interface Gateway {
  /** Fits `http.createServer`. In a Koa app: set `ctx.respond = false` and call it with `ctx.req` and `ctx.res`. */
  callback(): RequestListener;
  /** Builds anew, from the given config or from the same one, and swaps. Rejects, and serves on as before, if that fails. */
  reload(config?: ConfigInput): Promise<void>;
  /** Lets go of all connections. Requests that still run are cancelled. */
  close(): Promise<void>;
}

/** What a gateway is refused for; each of `diagnostics` is an error. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  constructor(readonly diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'));
  }
}

/** A gateway without a listener. Rejects with a {@link GatewayError} when config or schema have an error. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { middleware, interceptors, ...input } = options;
  const first = await planOrThrow(input);
  const log = createLog({ format: first.config.log.format });
  const gateway = startGateway(first, log, {
    ...(middleware === undefined ? {} : { middleware }),
    ...(interceptors === undefined ? {} : { interceptors }),
  });
  await gateway.prepared;
  return gateway;
}

export interface RunningGateway extends Gateway {
  /** Resolves when the first snapshot can serve. */
  readonly prepared: Promise<void>;
  readonly snapshots: Snapshots;
  readonly metrics: Metrics;
}

export interface StartOptions extends Pick<GatewayOptions, 'middleware' | 'interceptors'> {
  /** Of the process that counts for several. */
  readonly counters?: Counters;
}

/** Serves a plan that has no errors. */
export function startGateway(
  first: Plan,
  log: Log,
  { middleware, interceptors, counters }: StartOptions = {},
): RunningGateway {
  const clock = systemClock;
  const options = {
    resources: new Resources(),
    clock,
    log,
    metrics: createMetrics(),
    counters,
    afterAuth: middleware?.afterAuth ?? [],
    interceptors: interceptors ?? [],
  };
  const { metrics } = options;
  const snapshot = compileSnapshot(first, options);
  const snapshots = new Snapshots(snapshot);
  const handle = createApp({ snapshots, log, clock, custom: middleware?.beforeMatch ?? [] });
  let { config } = first;
  return {
    snapshots,
    metrics,
    prepared: snapshot.prepared,
    callback: () => handle,
    async reload(input) {
      const next = input === undefined ? await checked(await plan(config)) : await planOrThrow(input);
      const compiled = compileSnapshot(next, options);
      await compiled.prepared;
      snapshots.swap(compiled);
      config = next.config;
    },
    close: () => snapshots.close(),
  };
}

async function planOrThrow(input: ConfigInput): Promise<Plan> {
  const { config, diagnostics } = parseConfig(input);
  if (config === undefined) throw new GatewayError(diagnostics);
  const issues = await fileIssues(config);
  if (issues.length > 0)
    throw new GatewayError(issues.map(({ rule, text }) => errorAt({ file: 'options' }, rule, text)));
  return checked(await plan(config));
}

function checked(planned: Plan): Plan {
  const errors = planned.diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new GatewayError(errors);
  return planned;
}
