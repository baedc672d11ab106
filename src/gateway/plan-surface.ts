/**
 * This module plans one surface: it chooses the methods of the surface, adds a policy and an upstream to each binding,
 * and finds the problems that the surface has.
 */
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import type { Steps } from '../base/slices.js';
import { isStreaming } from '../call/call.js';
import type { Codecs } from '../codec/codec.js';
import type { Config } from '../config/config.js';
import type { SurfaceConfig } from '../config/surface-configs.js';
import { meansOf } from '../policy/access/planned.js';
import { compileAddresses } from '../policy/addresses/planned.js';
import { cacheOf, cacheOfCall } from '../policy/cache/planned.js';
import type { Policy } from '../policy/policy.js';
import { compileRateLimits } from '../policy/rate-limit/planned.js';
import { hedgeAfterOf, mayHedge, retryOf } from '../policy/retry/planned.js';
import { isOfferedRoute, type PlannedAggregate, type PlannedRoute } from '../route/planned-route.js';
import type { PlannedSurface } from '../route/planned-surface.js';
import type { Binding } from '../routing/binding.js';
import { bindingIn, lackingIn } from '../routing/binding-view.js';
import type { FieldDescriptor, MethodDescriptor, Registry, ServiceDescriptor } from '../schema/descriptor.js';
import type { SchemaView } from '../schema/field-omission.js';
import { aggregateProblems } from './aggregate-checks.js';
import { type Aggregates, accessWithSteps, admittedBySteps } from './aggregates.js';
import type { IsOffered } from './assign-upstreams.js';
import { configuredProblems, conflictsOf } from './checks.js';
import { decidePolicies, type MethodPolicy, type UsedRules } from './method-policies.js';
import { routeProblems } from './route-problems.js';

/** A planned surface with the settings that the gateway serves it with. */
export interface SurfacePlan extends PlannedSurface {
  /** The common config with the settings of the surface over it. */
  readonly config: Config;
  readonly codecs: Codecs;
  /** The view without the omitted fields. Undefined if the surface omits none. */
  readonly view: SchemaView | undefined;
  /** The aggregates among the routes. */
  readonly aggregates: readonly AggregatePlan[];
}

/** The parts of the schema and the config that all surfaces share. */
export interface SurfaceSources {
  readonly bindings: readonly Binding[];
  readonly aggregates: Aggregates;
  readonly upstreams: ReadonlyMap<ServiceDescriptor, string>;
  readonly isOffered: IsOffered;
  readonly configFile: string | undefined;
  /** The rules that select a method are added to this set. */
  readonly used: UsedRules;
}

export interface SurfaceSchema {
  /** Returns true for the methods of the surface. */
  readonly has: (method: MethodDescriptor) => boolean;
  /** Returns true for a method that the surface excludes by name, package or label. */
  readonly excludes: (method: MethodDescriptor) => boolean;
  readonly registry: Registry;
  /** The view without the omitted fields. Undefined if the surface omits none. */
  readonly view: SchemaView | undefined;
  readonly codecs: Codecs;
}

export interface PlannedWithProblems {
  readonly surface: SurfacePlan;
  readonly diagnostics: readonly Diagnostic[];
}

export function* planSurface(
  settings: SurfaceConfig,
  schema: SurfaceSchema,
  sources: SurfaceSources,
): Steps<PlannedWithProblems> {
  const { name, block, config } = settings;
  const { isOffered } = sources;
  const basePath = block?.basePath ?? '';
  const { bindings, lacking } = bindingsOf(settings, schema, sources.bindings);
  yield;
  const own = [...sources.aggregates.of].filter(([method]) => schema.has(method));
  const calls = own.flatMap(([, { steps }]) =>
    steps.flatMap(({ source }) => (source.kind === 'call' ? source.call.method : [])),
  );
  const called = [...bindings.map(({ method }) => method), ...calls];
  const policies = yield* decidePolicies(settings, called, isOffered, sources.used, schema.view);
  const planned = planAggregates(config, new Map(own), policies.of, sources.upstreams, schema.view);
  const routes: PlannedRoute[] = [];
  for (const binding of bindings) {
    yield;
    const { method } = binding;
    const aggregate = planned.get(method.fullName);
    // A broken declaration of an aggregate is reported elsewhere, and its route is left out.
    if (method.aggregate !== undefined && aggregate === undefined) continue;
    const serving = sources.upstreams.get(method.service);
    const route = planRoute(config, binding, policies.of.get(method)!, serving, aggregate);
    routes.push({ surface: name, basePath, ...route });
  }
  // The problems of routes that no upstream serves are not reported here.
  const offered = routes.filter((route) => isOfferedRoute(route, config));
  yield;
  const conflicts = conflictsOf(offered.map(({ binding }) => binding));
  yield;
  const diagnostics = [
    ...lacking,
    ...conflicts,
    ...(yield* routeProblems(offered)),
    ...policies.diagnostics,
    ...problemsOfAggregates(settings, schema, routes, policies.of),
    ...configuredProblems(config, offered, sources.configFile),
  ];
  const { registry, codecs, view } = schema;
  const selection = { hosts: block?.hosts ?? [], basePath, headers: block?.headers ?? {} };
  const aggregates = own.map(([, plan]) => plan);
  const surface = { name, selection, config, registry, codecs, view, routes, aggregates };
  return { surface, diagnostics };
}

/** Returns the bindings of the surface's methods, and an error for each that needs an omitted field. */
function bindingsOf({ name, block }: SurfaceConfig, { has, view }: SurfaceSchema, all: readonly Binding[]) {
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

/** Returns the time-out of the method, or else that of its upstream, in milliseconds. */
function timeoutOf(config: Config, { settings }: Policy, upstream: string | undefined): number | undefined {
  return settings.timeoutMs ?? upstreamOf(config, upstream)?.timeoutMs;
}

function upstreamOf({ upstreams }: Config, name: string | undefined) {
  return name === undefined ? undefined : upstreams.get(name);
}

/**
 * Returns the calls of each aggregate with the policies of the called methods, by the full name of the aggregate's method.
 * The steps work on whole messages, with the fields that the surface omits.
 */
function planAggregates(
  config: Config,
  of: Aggregates['of'],
  policies: ReadonlyMap<MethodDescriptor, MethodPolicy>,
  upstreams: ReadonlyMap<ServiceDescriptor, string>,
  view: SchemaView | undefined,
): ReadonlyMap<string, PlannedAggregate> {
  const called = new Map<string, PlannedAggregate>();
  for (const [{ fullName }, plan] of of) {
    const calls = plan.steps.map(({ source }) => {
      if (source.kind === 'copy') return undefined;
      const { method } = source.call;
      const { policy, access } = policies.get(method)!;
      const upstream = upstreams.get(method.service);
      const { addresses, cache, retry, hedgeAfterMs } = policy.settings;
      const served = upstreamOf(config, upstream);
      return {
        method,
        access,
        admits: compileAddresses(addresses),
        cache: cacheOfCall(cache),
        retry: retryOf(retry, served?.retry),
        // The rpc of a step only reads.
        hedgeAfterMs: hedgeAfterOf(hedgeAfterMs, served?.hedgeAfterMs),
        circuitBreaker: served?.circuitBreaker,
        upstream,
        timeoutMs: timeoutOf(config, policy, upstream),
      };
    });
    called.set(fullName, { plan, hidden: hiddenSteps(plan, view), calls });
  }
  return called;
}

/** Returns an error for each step that reads a field of the request which clients of the surface cannot send. */
function unsentReads(
  surface: string,
  { plan: { method, steps }, hidden }: PlannedAggregate,
  view: SchemaView | undefined,
): readonly Diagnostic[] {
  if (view === undefined) return [];
  const input = view.messageOf(method.input);
  return steps.flatMap(({ index, reads, label, position }) => {
    const ofRequest = hidden.has(index) ? [] : reads.filter(({ root }) => root.kind === 'request');
    const lacking = ofRequest.flatMap(({ fields }) => lackingIn(input, fields) ?? [])[0];
    if (lacking === undefined) return [];
    const text = `surface ${surface}: expected omitFields without ${lacking.fullName}, because step ${label} of ${method.fullName} reads it in the request`;
    return [errorAt(position, 'omitted-field', text)];
  });
}

/** Returns the steps that fill fields which the view lacks. */
function hiddenSteps({ method, steps }: AggregatePlan, view: SchemaView | undefined): ReadonlySet<number> {
  if (view === undefined) return NO_STEPS;
  const root = view.messageOf(method.output);
  const isHidden = (into: readonly FieldDescriptor[] = []) => lackingIn(root, into) !== undefined;
  return new Set(steps.filter(({ into }) => isHidden(into)).map(({ index }) => index));
}

const NO_STEPS: ReadonlySet<number> = new Set();

function problemsOfAggregates(
  { name, config }: SurfaceConfig,
  { has, excludes, view }: SurfaceSchema,
  routes: readonly PlannedRoute[],
  policies: ReadonlyMap<MethodDescriptor, MethodPolicy>,
): readonly Diagnostic[] {
  const vouchers = meansOf(config.auth)?.vouchers;
  const seen = new Set<MethodDescriptor>();
  const whyExcluded = (method: MethodDescriptor): string | undefined => {
    // A surface without `exclude` and without an auth block only leaves out methods that it does not need.
    if (has(method) || (vouchers === undefined && !excludes(method))) return undefined;
    return `${method.fullName} is not in the surface ${name}`;
  };
  return routes.flatMap(({ binding: { method }, aggregate, policy, access }) => {
    if (aggregate === undefined || seen.has(method)) return [];
    seen.add(method);
    const own = policies.get(method)!.access;
    const hasUpstreams = config.upstreams.size > 0;
    const use = { method, aggregate, policy, own, access, vouchers, hasUpstreams, whyExcluded };
    return [...aggregateProblems(use), ...unsentReads(name, aggregate, view)];
  });
}
