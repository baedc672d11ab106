/** Plan → Snapshot: every route's chain, transcoder and call, composed once; what it holds is let go of together. */
import { type AggregateSettings, aggregateCall, type StepCaller } from '../aggregate/aggregate-call.js';
import type { Clock } from '../base/clock.js';
import type { Lease, Resources } from '../base/resources.js';
import { type Call, type Interceptor, intercept, isStreaming } from '../call/call.js';
import type { Principal } from '../call/principal.js';
import type { Config } from '../config/config.js';
import { credentialHeaders, guardedHeaders } from '../config/guarded-headers.js';
import type { Middleware } from '../exchange/exchange.js';
import type { Equality } from '../paths/equality.js';
import { type Access, splitDemands } from '../policy/access/access.js';
import { authentication } from '../policy/access/authentication.js';
import { type Authentication, allowed, authenticate, authorize, demand } from '../policy/access/stage.js';
import { type CachePolicy, type CallerRead, wholeCaller } from '../policy/cache/cache.js';
import { compileFreshness } from '../policy/cache/freshness.js';
import { responseCache } from '../policy/cache/resource.js';
import { compilePlan, isByAddress, type RateLimit } from '../policy/rate-limit/rate-limit.js';
import { countersOf } from '../policy/rate-limit/resource.js';
import { rateLimit } from '../policy/rate-limit/stage.js';
import { isIdempotent } from '../policy/retry/planned.js';
import { bindingTable, webSocketRoutes } from '../routing/binding-table.js';
import type { Binding } from '../routing/http-rule.js';
import { compileNearRoute } from '../routing/near-route.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import { compileClientAddress } from '../server/client-address.js';
import { follow, type OpenStreams } from '../server/connection/open-streams.js';
import { compileCallRequest } from '../server/endpoints/call-request.js';
import { compileClientStream } from '../server/endpoints/client-stream.js';
import { streamEndpoint } from '../server/endpoints/stream.js';
import { endpoint } from '../server/endpoints/unary.js';
import { webSocketEndpoint } from '../server/endpoints/websocket.js';
import { composed, composeRoute, type Route } from '../server/route.js';
import type { Snapshot } from '../server/snapshot.js';
import { compileCors } from '../server/stages/cors.js';
import type { Counters } from '../store/counters.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { bodySizes } from '../transcoding/body-size.js';
import { compileRequestMetadata, compileResponseHeaders } from '../transcoding/headers.js';
import { compileTranscoder } from '../transcoding/transcoder.js';
import { type RetrySettings, retrying } from '../upstream/retry.js';
import { costOf, dependsOn, type PlannedCall } from './aggregates.js';
import { isServed, type Plan, type PlannedRoute, SURFACE } from './plan.js';
import { sharedStore } from './shared-store.js';
import { errorHolder } from './stream-problems.js';
import { acquireUpstreams } from './upstreams.js';

interface CompileOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where limits count that no shared store counts; undefined: in this process. */
  readonly counters: Counters | undefined;
  readonly openStreams: OpenStreams;
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
  const upstreams = acquireUpstreams(config, lease, options.clock);
  const { authenticator, prepared } = authentication(config, lease, options);
  const store = sharedStore(config, lease, options);
  const counters = countersOf(config, store, lease, options);
  const cache = responseCache(config, store, lease, options);
  const requestMetadata = compileRequestMetadata(config.metadata, guardedHeaders(config));
  const responseHeaders = compileResponseHeaders(config.metadata);

  const status = registry.message('google.rpc.Status');
  const exposed = new Set(config.errors.expose);
  const statusCodec = status === undefined ? undefined : codecs.of(status);

  function idleTimeoutOf(upstream: string | undefined): number {
    return (upstream === undefined ? undefined : config.upstreams.get(upstream))?.streamIdleTimeoutMs ?? 0;
  }

  function compileRoute(route: PlannedRoute): CompiledRoute {
    const { binding, policy, access, aggregate, upstream: name, timeoutMs } = route;
    const { method } = binding;
    const { settings } = policy;
    const demanded = access.require.flatMap(({ requestFields }) => requestFields);
    const transcoder = compileTranscoder(binding, codecs, config.query, demanded);
    const { ofPath, ofMessage } = splitDemands(access, binding);
    const { cache: kept } = route;
    const cost = aggregate === undefined ? 1 : costOf(aggregate);
    const ends = {
      method,
      transcoder,
      require: ofMessage,
      requireBehind: access.require,
      call: callOf(route, kept === undefined ? [] : [keeping(kept, timeoutMs, aggregate && dependsOn(aggregate))]),
      prunes: aggregate !== undefined,
      requestMetadata,
      responseHeaders,
      timeoutMs,
      requestTimeoutMs: config.limits.requestTimeoutMs,
      ...bodySizes(settings.maxRequestBytes, config.limits.bodyBytes, !transcoder.readsJson),
      clock: options.clock,
    };
    const freshness = kept === undefined ? undefined : freshnessOf(kept, access);
    const idleTimeoutMs = idleTimeoutOf(name);
    const requestOf = method.clientStreaming
      ? compileClientStream({ ...ends, idleTimeoutMs })
      : compileCallRequest(ends);
    const successStatus = settings.successStatus ?? 200;
    const mayHoldError = errorHolder(binding, config.json.protoNames) !== undefined;
    const stream = { ...ends, requestOf, successStatus, idleTimeoutMs, mayHoldError };
    const end = method.serverStreaming
      ? streamEndpoint(stream)
      : endpoint({ ...ends, requestOf, successStatus, freshness, idleTimeoutMs });
    const demands = ofMessage.map(({ text }) => text);
    const routeTo = (endpoint: Middleware, fromQuery: boolean) => {
      const guards = guardsOf(access, ofPath, { authenticator, binding, fromQuery }, transcoder.path);
      const admission = isStreaming(method) ? { guard: composed(guards), demands } : undefined;
      const chain = [
        ...counting(cost, route.rateLimits.filter(isByAddress)),
        ...guards,
        ...counting(
          cost,
          route.rateLimits.filter((limit) => !isByAddress(limit)),
          access.mode === 'public' ? NO_PLANS : plansOf(config, method),
        ),
        ...options.afterAuth,
        ...(admission === undefined ? [] : [follow(options.openStreams)]),
      ];
      return composeRoute({ binding, upstream: name, admission }, chain, endpoint);
    };
    return {
      http: routeTo(end, binding.httpMethod === 'GET' && method.serverStreaming),
      webSocket: isStreaming(method) ? routeTo(webSocketEndpoint(stream), true) : undefined,
    };
  }

  function callOf({ binding, upstream, aggregate, retry }: PlannedRoute, around: readonly Interceptor[]): Call {
    const { httpMethod, method } = binding;
    if (aggregate === undefined) {
      return intercept(upstreamCall(upstream!, retry, isIdempotent(httpMethod, method)), around);
    }
    const { fullName } = method;
    const { aggregateParts } = options.metrics;
    const settings: AggregateSettings = {
      plan: aggregate.plan,
      responseBody: binding.responseBody,
      callers: aggregate.calls.map((call, index) => call && callerOf(call, aggregate.plan.steps[index]!.optional)),
      maxResponseBytes: config.limits.responseBytes,
      maxDepth: config.limits.jsonDepth,
      exposed,
      clock: options.clock,
      observers: aggregate.plan.steps.map(({ label: part }) => {
        const [ok, failed] = ['ok', 'failed'].map((outcome) =>
          aggregateParts.labels({ aggregate: fullName, part, outcome }),
        );
        return { ok: (seconds) => ok!.observe(seconds), failed: (seconds) => failed!.observe(seconds) };
      }),
    };
    return aggregateCall(settings, around);
  }

  function upstreamCall(name: string, retry: RetrySettings | undefined, idempotent: boolean): Call {
    const { call, retryBudget: budget, running } = upstreams.get(name)!;
    if (retry === undefined) return intercept(call, options.interceptors);
    const { clock } = options;
    const onRetry = () => options.metrics.retries.inc({ upstream: name });
    return intercept(call, [...options.interceptors, retrying(retry, { idempotent, budget, running, clock, onRetry })]);
  }

  /** A required step's scopes are demanded of the aggregate's caller before anything is called. */
  function callerOf(call: PlannedCall, optional: boolean): StepCaller {
    const { cache: kept, retry, upstream, timeoutMs, access } = call;
    return {
      call: intercept(upstreamCall(upstream!, retry, true), kept === undefined ? [] : [keeping(kept, timeoutMs)]),
      timeoutMs,
      authorize: access.require.length === 0 && !optional ? undefined : authorize,
    };

    function authorize(message: Uint8Array, principal: Principal | undefined): void {
      if (optional) allowed(access, principal);
      demand(access.require, message, principal);
    }
  }

  function keeping(
    policy: CachePolicy,
    routeTimeoutMs: number | undefined,
    ofCaller: readonly CallerRead[] = [],
  ): Interceptor {
    const { requestTimeoutMs } = config.limits;
    const { cacheRequests } = options.metrics;
    return cache.interceptor(policy, {
      timeoutMs: Math.min(routeTimeoutMs ?? requestTimeoutMs, requestTimeoutMs),
      dependsOn: options.interceptors.length > 0 ? [...ofCaller, wholeCaller] : ofCaller,
      onAnswer: (status) => cacheRequests.inc({ status }),
    });
  }

  function freshnessOf({ scope, ttlMs }: CachePolicy, { mode }: Access) {
    // Caches on the way ask nobody who they are: an answer that is refused to some is not for them to keep.
    const forAll = scope === 'public' && mode !== 'required';
    const forwarded = config.metadata.forwardAuthorization ? ['authorization'] : [];
    const credentials = forAll ? [] : [...credentialHeaders(config), ...forwarded];
    return compileFreshness({ ttlMs, forAll, varies: [...credentials, ...config.metadata.request] });
  }

  function counting(cost: number, limits: readonly RateLimit[], plans: Plans = NO_PLANS): Middleware[] {
    if (limits.length === 0 && plans.size === 0) return [];
    const { rateLimitDecisions } = options.metrics;
    return [rateLimit({ limits, plans, counters, cost, decisions: rateLimitDecisions })];
  }

  const served = routes.filter(isServed);
  const compiled = served.map((route) => ({ binding: route.binding, ...compileRoute(route) }));
  const near = config.errors.hints ? nearRoutes(served) : NO_HINTS;
  return {
    surfaces: [
      {
        name: SURFACE,
        table: bindingTable(compiled.map(({ binding, http }) => ({ binding, value: http }))).build().table,
        webSockets: bindingTable(webSocketRoutes(compiled.flatMap(overWebSocket))).build().table,
        ...near,
        cors: config.cors === undefined ? undefined : compileCors(config.cors, config.metadata.response),
        errors: { format: config.errors.format, exposed, statusCodec },
        responseHeaders,
      },
    ],
    clientAddress: compileClientAddress(config.trustedProxies, config.forwardedHeader),
    logSample: config.log.sample,
    stallTimeoutMs: config.limits.requestTimeoutMs,
    streamGraceMs: config.auth?.streamGraceMs ?? 0,
    upstreams,
    prepared: Promise.all([prepared, store?.prepared]).then(() => {}),
    release: lease.release,
  };
}

interface CompiledRoute {
  readonly http: Route;
  /** Of a method that streams. */
  readonly webSocket: Route | undefined;
}

function overWebSocket({ binding, webSocket: value }: CompiledRoute & { readonly binding: Binding }) {
  return value === undefined ? [] : [{ binding, value }];
}

const NO_HINTS = { nearRoute: undefined, nearWebSocket: undefined };

/** Guarded routes are named to nobody who does not know them. */
function nearRoutes(routes: readonly PlannedRoute[]) {
  const open = routes.flatMap(({ binding, access }) => (access.mode === 'public' ? { binding, value: binding } : []));
  const [http, webSocket] = [open, webSocketRoutes(open)].map((some) =>
    compileNearRoute(some.map(({ binding }) => binding)),
  );
  return { nearRoute: http, nearWebSocket: webSocket };
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
  authentication: Omit<Authentication, 'mode'>,
  requestOf: (captures: readonly string[]) => Uint8Array,
): Middleware[] {
  const guards: Middleware[] = [];
  if (mode !== 'public') guards.push(authenticate({ ...authentication, mode }));
  if (scopes.length > 0 || require.length > 0) guards.push(authorize({ scopes, require, requestOf }));
  return guards;
}
