/**
 * This module compiles the routes of a surface: the chain, the transcoder, the call and the endpoint of each route are
 * composed once.
 */
import { atOnce, type Steps } from '../base/slices.js';
import { isStreaming } from '../call/call.js';
import type { MessageCodec } from '../codec/codec.js';
import type { Config } from '../config/config.js';
import { credentialHeaders } from '../config/guarded-headers.js';
import type { Middleware, Route, Surface } from '../exchange/exchange.js';
import { splitDemands } from '../policy/access/demands.js';
import { authenticate, authorize } from '../policy/access/stage.js';
import { addresses } from '../policy/addresses/stage.js';
import { compileFreshness } from '../policy/cache/freshness.js';
import type { CachePolicy } from '../policy/cache/interceptor.js';
import { deprecated } from '../policy/deprecated/stage.js';
import { compileConsumerPlan, isByAddress, type RateLimit } from '../policy/rate-limit/planned.js';
import { rateLimit } from '../policy/rate-limit/stage.js';
import { costOf, type PlannedRoute } from '../route/planned-route.js';
import type { Binding } from '../routing/binding.js';
import { bindingTable, webSocketBinding, webSocketRoutes } from '../routing/binding-table.js';
import { compileNearRoute } from '../routing/near-route.js';
import { RouteTableBuilder } from '../routing/route-table.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import { composed, composeRoute } from '../server/compose-route.js';
import { follow } from '../server/connection/open-streams.js';
import { compileCallRequest } from '../server/endpoints/call-request.js';
import { compileClientStream } from '../server/endpoints/client-stream.js';
import { streamEndpoint } from '../server/endpoints/stream.js';
import { endpoint } from '../server/endpoints/unary.js';
import { webSocketEndpoint } from '../server/endpoints/websocket.js';
import { compileCors } from '../server/stages/cors.js';
import { routeFields } from '../telemetry/request-line.js';
import type { StreamKind } from '../telemetry/request-metrics.js';
import { bodySizes } from '../transcoding/body-size.js';
import {
  type CompiledResponseHeaders,
  compileRequestMetadata,
  compileResponseHeaders,
} from '../transcoding/headers.js';
import { compileMaskGuard } from '../transcoding/mask-guard.js';
import { compileTranscoder, type Transcoder } from '../transcoding/transcoder.js';
import type { Backing } from './backing.js';
import { openBindings } from './plan-service.js';
import type { SurfacePlan } from './plan-surface.js';
import { guardsInOrder, routeOrder } from './route-order.js';
import { errorHolder } from './stream-problems.js';
import { compileRouteSubsets, subsetHeaders } from './subsets.js';

export interface SurfaceSettings {
  readonly surface: SurfacePlan;
  /** The request headers that decide whether a request belongs to the surface. */
  readonly varies: readonly string[];
  /** The headers that no client may send to a service, because some surface sends an identity with them. */
  readonly guarded: readonly string[];
  /** The codec of google.rpc.Status. Undefined when the schema has no such message. */
  readonly statusCodec: MessageCodec | undefined;
}

/**
 * Compiles a surface. It compiles at once only the routes that requests used before a reload; any other route is compiled at
 * its first request. `routes` are those that the surface offers, in their order, or none if there is no upstream.
 */
export function* compileSurface(
  settings: SurfaceSettings,
  routes: readonly PlannedRoute[],
  backing: Backing,
): Steps<Surface> {
  const { surface, varies, statusCodec } = settings;
  const { name, config, selection, offered, built } = surface;
  const { basePath } = selection;
  const responseHeaders = compileResponseHeaders(config.metadata, basePath);
  const compileRoute = routeCompiler(settings, responseHeaders, backing);
  const given = routes === offered ? undefined : new Map(offered.map((route, index) => [route, routes[index]!]));
  const compiled = new Map<PlannedRoute, CompiledRoute>();
  const compiledOf = (route: PlannedRoute): CompiledRoute => {
    const known = compiled.get(route);
    if (known !== undefined) return known;
    const added = compileRoute(given?.get(route) ?? route);
    compiled.set(route, added);
    backing.used.add(name, route.binding.method.fullName);
    return added;
  };
  const served = routes.length === 0 ? [] : offered;
  function* usedSteps(): Steps<void> {
    for (const method of served.length === 0 ? [] : backing.used.of(name)) {
      yield;
      for (const route of routesOf(surface, method)) compiledOf(route);
    }
  }
  yield* usedSteps();
  // The functions of an embedder are the same for all routes, so one route shows at load whether they can be composed.
  if (backing.isExtended && served[0] !== undefined) compiledOf(served[0]);
  yield;
  const { view } = surface;
  if (view !== undefined && routes.some(({ binding }) => view.mayHoldMask(binding.method.input))) {
    yield* view.readNames();
  }
  const { table } = routes.length === 0 ? new RouteTableBuilder<PlannedRoute>().build() : built;
  // A method that streams can be called over HTTP and over a WebSocket, so its route is in both tables.
  const streams = served.filter(({ binding }) => isStreaming(binding.method));
  const webSockets = webSocketRoutes(streams.map((route) => ({ binding: route.binding, value: route })));
  yield;
  const open = given === undefined ? [...surface.services.values()].map((one) => one.open) : [openBindings(routes)];
  const near = config.errors.hints ? nearRoutes(routes.length === 0 ? [] : open, basePath) : NO_HINTS;
  yield;
  return {
    name,
    basePath,
    varies: varies.join(', '),
    unmatched: { logFields: routeFields({ surface: name }), metrics: backing.seriesOf.route(name, 'none') },
    table: table.withValues((route) => once(() => compiledOf(route).http)),
    webSockets: (yield* bindingTable(webSockets).buildSteps()).table.withValues((route) =>
      once(() => compiledOf(route).webSocket!),
    ),
    ...near,
    cors: config.cors === undefined ? undefined : compileCors(config.cors, config.metadata.response, methodsOf(served)),
    errors: { format: config.errors.format, exposed: new Set(config.errors.expose), statusCodec },
    streamGraceMs: config.auth?.streamGraceMs ?? 0,
    responseHeaders,
    compileUsed: () => atOnce(usedSteps()),
  };
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Returns the HTTP methods of the routes, each once. */
function methodsOf(routes: readonly PlannedRoute[]): readonly string[] {
  return [...new Set(routes.map(({ binding }) => binding.httpMethod))];
}

/** Returns the offered routes of the method with this full name. */
function routesOf({ registry, services }: SurfacePlan, fullName: string): readonly PlannedRoute[] {
  const service = registry.method(fullName)?.service;
  const plan = service === undefined ? undefined : services.get(service);
  return plan?.offered.filter(({ binding }) => binding.method.fullName === fullName) ?? [];
}

const NO_HINTS = { nearRoute: undefined, nearWebSocket: undefined };

/**
 * Builds the hints of a 404, which name similar routes. Routes that not everybody may call are left out, so that the
 * hints do not reveal them.
 */
function nearRoutes(open: readonly (readonly Binding[])[], basePath: string) {
  const streams = open.flatMap((bindings) => bindings.filter(({ method }) => isStreaming(method)));
  const webSockets = webSocketRoutes(streams.map((binding) => ({ binding, value: binding })));
  return {
    nearRoute: compileNearRoute(open, basePath),
    nearWebSocket: compileNearRoute([webSockets.map(({ binding }) => binding)], basePath),
  };
}

interface CompiledRoute {
  readonly http: Route;
  /** The route of the same method over a WebSocket. Undefined when the method does not stream. */
  readonly webSocket: Route | undefined;
}

function routeCompiler(
  { surface: { name: surface, config, codecs, view, selection }, guarded }: SurfaceSettings,
  responseHeaders: CompiledResponseHeaders,
  backing: Backing,
) {
  const { limits, metadata, query } = config;
  const requestMetadata = compileRequestMetadata(metadata, guarded);
  const stagesOf = stageCompiler(config, backing);

  return function compileRoute(route: PlannedRoute): CompiledRoute {
    const { binding, policy, access, upstream } = route;
    const { method, httpMethod } = binding;
    const { settings } = policy;
    const demanded = access.require.flatMap(({ requestFields }) => requestFields);
    /** Compiles the settings that depend on the body rule. */
    const arrivingAs = (arriving: Binding) => {
      const guardMasks = view && compileMaskGuard(view, arriving);
      const transcoder = compileTranscoder(arriving, codecs, query, demanded, guardMasks);
      return { transcoder, ...bodySizes(settings.maxRequestBytes, limits.bodyBytes, !transcoder.readsJson) };
    };
    const { ofMessage } = splitDemands(access, binding);
    const idleTimeoutMs =
      (upstream === undefined ? undefined : config.upstreams.get(upstream))?.streamIdleTimeoutMs ?? 0;
    const ends = {
      ...arrivingAs(binding),
      method,
      require: ofMessage,
      requireBehind: access.require,
      call: backing.callOf(route),
      prunes: route.aggregate !== undefined,
      requestMetadata,
      responseHeaders,
      basePath: selection.basePath,
      timeoutMs: route.timeoutMs,
      requestTimeoutMs: limits.requestTimeoutMs,
      successStatus: settings.successStatus ?? 200,
      idleTimeoutMs,
      clock: backing.clock,
      signalOf: backing.signalOf,
      subsetsOf: compileRouteSubsets(config, route),
    };
    const requestOf = method.clientStreaming ? compileClientStream(ends) : compileCallRequest(ends);
    const mayHoldError = errorHolder(binding, config.json.protoNames) !== undefined;
    const stream = { ...ends, requestOf, mayHoldError };
    const end = method.serverStreaming
      ? streamEndpoint(stream)
      : endpoint({ ...ends, requestOf, freshness: route.cache && freshnessOf(config, route, route.cache) });
    const { fullName: rpc } = method;
    const { text: template } = binding.template;
    const logFields = routeFields({ surface, route: template, rpc, upstream });
    const metrics = backing.seriesOf.route(surface, template);
    const demands = ofMessage.map(({ text }) => text);
    const routeTo = (endpoint: Middleware, tokenMayBeInQuery: boolean) => {
      const stages = stagesOf(route, ends.transcoder, tokenMayBeInQuery);
      const admission = isStreaming(method) ? { guard: composed(guardsInOrder(stages)), demands } : undefined;
      return composeRoute({ binding, upstream, logFields, metrics, admission }, routeOrder(stages), endpoint);
    };
    if (!isStreaming(method)) return { http: routeTo(end, false), webSocket: undefined };
    const { openStreams: open } = backing.metrics.requests;
    const http = routeTo(counted(end, open, streamKind(method)), httpMethod === 'GET' && method.serverStreaming);
    const framed = webSocketBinding(binding);
    const frames = framed.body === binding.body ? stream : { ...stream, ...arrivingAs(framed) };
    return { http, webSocket: routeTo(counted(webSocketEndpoint(frames), open, 'websocket'), true) };
  };
}

/** Returns the endpoint of a stream, counted while it is open. */
function counted(endpoint: Middleware, open: Record<StreamKind, number>, kind: StreamKind): Middleware {
  return async function counted(ctx, next) {
    open[kind]++;
    try {
      await endpoint(ctx, next);
    } finally {
      open[kind]--;
    }
  };
}

function streamKind({ clientStreaming, serverStreaming }: MethodDescriptor): StreamKind {
  if (!clientStreaming) return 'server';
  return serverStreaming ? 'bidi' : 'client';
}

/** Returns a function that builds the stages of a route. `route-order.ts` puts them in order. */
function stageCompiler(
  config: Config,
  { authenticator, counters, metrics, seriesOf, afterAuth, openStreams }: Backing,
) {
  return function stagesOf(route: PlannedRoute, transcoder: Transcoder, tokenMayBeInQuery: boolean) {
    const { binding, access, rateLimits } = route;
    const { settings } = route.policy;
    const { mode, scopes } = access;
    const { ofPath } = splitDemands(access, binding);
    const isDemanding = scopes.length > 0 || ofPath.length > 0;
    return {
      deprecated: settings.deprecated && deprecated(settings.deprecated),
      addresses: route.addresses.length === 0 ? undefined : addresses(route.addresses),
      limitByAddress: counting(rateLimits.filter(isByAddress), NO_PLANS, false),
      authenticate:
        mode === 'public' ? undefined : authenticate({ authenticator, mode, binding, fromQuery: tokenMayBeInQuery }),
      authorize: isDemanding ? authorize({ scopes, require: ofPath, requestOf: transcoder.path }) : undefined,
      limitByCaller: counting(
        rateLimits.filter((limit) => !isByAddress(limit)),
        mode === 'public' ? NO_PLANS : consumerPlans(config, binding.method),
        true,
      ),
      afterAuth,
      follow: isStreaming(binding.method) ? follow(openStreams) : undefined,
    };

    function counting(limits: readonly RateLimit[], plans: ConsumerPlans, isLast: boolean): Middleware | undefined {
      if (limits.length === 0 && plans.size === 0) return undefined;
      const all = [limits, ...plans.values()].flat();
      const exceeded = new Map(
        all.map(({ rule: { id }, title }) => [id, { title, counter: seriesOf.exceeded(title) }]),
      );
      const decisions = metrics.rateLimitDecisions;
      return rateLimit({ limits, plans, counters, cost: costOf(route), isLast, decisions, exceeded });
    }
  };
}

/** The limits of each plan, by the plan's name. */
type ConsumerPlans = ReadonlyMap<string, readonly RateLimit[]>;

const NO_PLANS: ConsumerPlans = new Map();

function consumerPlans({ plans }: Config, method: MethodDescriptor): ConsumerPlans {
  return new Map([...plans].map(([name, { rateLimits }]) => [name, compileConsumerPlan(name, rateLimits, method)]));
}

/**
 * Builds the caching headers of a route. Caches between client and gateway do not check the caller, so an answer of a
 * route that refuses some callers is `private`.
 */
function freshnessOf(config: Config, route: PlannedRoute, { scope, ttlMs }: CachePolicy) {
  const forAll = scope === 'public' && route.access.mode !== 'required';
  const forwarded = config.metadata.forwardAuthorization ? ['authorization'] : [];
  const credentials = forAll ? [] : [...credentialHeaders(config), ...forwarded];
  const varies = [...credentials, ...config.metadata.request, ...subsetHeaders(config, route)];
  return compileFreshness({ ttlMs, forAll, varies });
}
