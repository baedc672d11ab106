/**
 * This module plans one service of a surface: it chooses the bindings, adds a policy and an upstream to each of them, and finds
 * the problems that concern only this service. After a reload, the plan of a service is used again if the service and the
 * config have not changed.
 */
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { isStreaming } from '../call/call.js';
import type { Config } from '../config/config.js';
import type { SurfaceConfig } from '../config/surface-configs.js';
import { compileAddresses } from '../policy/addresses/planned.js';
import { cacheOf } from '../policy/cache/planned.js';
import type { Policy } from '../policy/policy.js';
import { compileRateLimits } from '../policy/rate-limit/planned.js';
import { hedgeAfterOf, mayHedge, retryOf } from '../policy/retry/planned.js';
import { isOfferedRoute, type PlannedAggregate, type PlannedRoute } from '../route/planned-route.js';
import type { Binding } from '../routing/binding.js';
import { bindingIn } from '../routing/binding-view.js';
import { type RouteShapes, shapesOf } from '../routing/unreachable.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import type { SchemaView } from '../schema/field-omission.js';
import { accessWithSteps, admittedBySteps } from './aggregates.js';
import { type ServiceProblems, serviceProblems } from './checks.js';
import type { DecidedPolicies, MethodPolicy } from './method-policies.js';

/** The methods of a surface, and its view of the schema, which lacks the omitted fields. */
export interface ServiceSchema {
  /** Returns true for the methods of the surface. */
  readonly has: (method: MethodDescriptor) => boolean;
  readonly view: SchemaView | undefined;
}

/** The bindings of a service that a surface has, and the policies of their methods. */
export interface ServicePart {
  readonly bindings: readonly Binding[];
  /** An error for each binding that needs a field which the surface omits. */
  readonly lacking: readonly Diagnostic[];
  readonly policies: DecidedPolicies;
  readonly hasAggregates: boolean;
}

export interface ServicePlan extends ServicePart {
  readonly routes: readonly PlannedRoute[];
  /** The routes that can be served. */
  readonly offered: readonly PlannedRoute[];
  /** The bindings of the routes in `offered` that everybody may call. */
  readonly open: readonly Binding[];
  readonly shapes: RouteShapes<PlannedRoute>;
  readonly problems: ServiceProblems;
}

/** Returns the bindings of a service that the surface has, with their policies. `all` are all bindings of the service. */
export function choosePart(
  settings: SurfaceConfig,
  schema: ServiceSchema,
  all: readonly Binding[],
  decide: (methods: Iterable<MethodDescriptor>) => DecidedPolicies,
): ServicePart {
  const { bindings, lacking } = bindingsOf(settings, schema, all);
  const methods = bindings.map(({ method }) => method);
  const hasAggregates = methods.some(({ aggregate }) => aggregate !== undefined);
  return { bindings, lacking, policies: decide(methods), hasAggregates };
}

export interface ServiceSettings {
  readonly surface: string;
  readonly basePath: string;
  readonly config: Config;
  /** The name of the upstream that serves the service. Undefined when none does. */
  readonly upstream: string | undefined;
  /** The aggregates, by the full name of the aggregate's method. */
  readonly aggregates: ReadonlyMap<string, PlannedAggregate>;
}

export function planService(
  part: ServicePart,
  { surface, basePath, config, upstream, aggregates }: ServiceSettings,
): ServicePlan {
  const routes = part.bindings.flatMap((binding): PlannedRoute[] => {
    const { method } = binding;
    const aggregate = aggregates.get(method.fullName);
    // If the declaration of an aggregate has an error, this is reported elsewhere, and the aggregate gets no route.
    if (method.aggregate !== undefined && aggregate === undefined) return [];
    const route = planRoute(config, binding, part.policies.of.get(method)!, upstream, aggregate);
    return [{ surface, basePath, ...route }];
  });
  const offered = routes.filter((route) => isOfferedRoute(route, config));
  const problems = serviceProblems(config, offered);
  return { ...part, routes, offered, open: openBindings(offered), shapes: shapesOf(offered), problems };
}

/** Returns the bindings of the routes that everybody may call. Only these may be shown to unknown clients. */
export function openBindings(routes: readonly PlannedRoute[]): readonly Binding[] {
  return routes
    .filter(({ access, addresses }) => access.mode === 'public' && addresses.length === 0)
    .map(({ binding }) => binding);
}

/** Returns the bindings of the surface's methods, and an error for each binding that needs an omitted field. */
function bindingsOf({ name, block }: SurfaceConfig, { has, view }: ServiceSchema, all: readonly Binding[]) {
  const included = all.filter(({ method }) => has(method));
  if (view === undefined) return { bindings: included, lacking: [] };
  const bindings: Binding[] = [];
  const lacking: Diagnostic[] = [];
  for (const binding of included) {
    const seen = bindingIn(view.methodOf(binding.method), binding);
    if (seen.kind === 'found') {
      bindings.push(seen.binding);
      continue;
    }
    const { what, field } = seen;
    const text = `surface ${name}: expected omitFields without ${field.fullName}, because the ${what} of ${binding.method.fullName} needs it`;
    lacking.push(errorAt(block!.position, 'omitted-field', text));
  }
  return { bindings, lacking };
}

function planRoute(
  config: Config,
  binding: Binding,
  { policy, access: declared }: MethodPolicy,
  serving: string | undefined,
  aggregate: PlannedAggregate | undefined,
): Omit<PlannedRoute, 'surface' | 'basePath'> {
  const { method } = binding;
  const { settings, owners } = policy;
  const upstream = aggregate === undefined ? serving : undefined;
  const access = aggregate === undefined ? declared : accessWithSteps(declared, aggregate);
  const streams = isStreaming(method);
  const timeoutMs = streams ? settings.timeoutMs : timeoutOf(config, policy, upstream);
  const timeoutOrigin = settings.timeoutMs === undefined ? `upstream ${upstream}` : 'policy timeout';
  const own = compileAddresses(settings.addresses);
  const addresses = [own, ...admittedBySteps(aggregate)].filter((admits) => admits !== undefined);
  const rateLimits = compileRateLimits(settings.rateLimits ?? [], owners.get('rateLimits') ?? '', method);
  const cache = cacheOf(binding, settings.cache);
  const served = upstreamOf(config, upstream);
  const retries = aggregate === undefined && !streams;
  const retry = retries ? retryOf(settings.retry, served?.retry) : undefined;
  const hedges = retries && mayHedge(binding.httpMethod, method);
  const hedgeAfterMs = hedges ? hedgeAfterOf(settings.hedgeAfterMs, served?.hedgeAfterMs) : undefined;
  return {
    binding,
    policy,
    access,
    addresses,
    rateLimits,
    cache,
    retry,
    hedgeAfterMs,
    circuitBreaker: served?.circuitBreaker,
    upstream,
    aggregate,
    timeoutMs,
    timeoutOrigin,
  };
}

/**
 * Returns the time-out of the method, or of its upstream if the method has none, in milliseconds. Undefined if neither has one.
 */
export function timeoutOf(config: Config, { settings }: Policy, upstream: string | undefined): number | undefined {
  return settings.timeoutMs ?? upstreamOf(config, upstream)?.timeoutMs;
}

export function upstreamOf({ upstreams }: Config, name: string | undefined) {
  return name === undefined ? undefined : upstreams.get(name);
}
