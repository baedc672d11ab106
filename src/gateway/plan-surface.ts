/**
 * This module plans one surface: it chooses the methods of the surface, adds a policy and an upstream to each binding, and
 * finds the problems of the surface.
 */
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import type { Steps } from '../base/slices.js';
import type { Codecs } from '../codec/codec.js';
import type { Config } from '../config/config.js';
import type { SurfaceConfig } from '../config/surface-configs.js';
import { meansOf } from '../policy/access/planned.js';
import { compileAddresses } from '../policy/addresses/planned.js';
import { cacheOfCall } from '../policy/cache/planned.js';
import { hedgeAfterOf, retryOf } from '../policy/retry/planned.js';
import type { PlannedAggregate, PlannedRoute } from '../route/planned-route.js';
import type { PlannedSurface } from '../route/planned-surface.js';
import { bindingTable, claimOf } from '../routing/binding-table.js';
import { lackingIn } from '../routing/binding-view.js';
import type { ServiceBindings } from '../routing/bindings.js';
import { type BuiltTable, conflictDiagnostics } from '../routing/route-table.js';
import { joinedShapes } from '../routing/unreachable.js';
import type { FieldDescriptor, MethodDescriptor, Registry, ServiceDescriptor } from '../schema/descriptor.js';
import type { SchemaView } from '../schema/field-omission.js';
import { aggregateProblems } from './aggregate-checks.js';
import type { Aggregates } from './aggregates.js';
import type { IsOffered } from './assign-upstreams.js';
import { configuredProblems } from './checks.js';
import { type MethodPolicy, policyDecider, type UsedRules } from './method-policies.js';
import {
  choosePart,
  planService,
  type ServicePart,
  type ServicePlan,
  type ServiceSchema,
  timeoutOf,
  upstreamOf,
} from './plan-service.js';
import { routeProblems } from './route-problems.js';

/** The plan of a surface, with the settings that it is served with. */
export interface SurfacePlan extends PlannedSurface {
  /** The common config, in which the settings of the surface replace the common ones. */
  readonly config: Config;
  readonly codecs: Codecs;
  /** The schema without the fields that the surface omits. Undefined if it omits none. */
  readonly view: SchemaView | undefined;
  /** The services that have routes, with the plan of each. */
  readonly services: ReadonlyMap<ServiceDescriptor, ServicePlan>;
  /** The routes that can be served. Without any upstream these are all routes, because then only the schema is checked. */
  readonly offered: readonly PlannedRoute[];
  /** The routing table of the routes in `offered`, and their conflicts. */
  readonly built: BuiltTable<PlannedRoute>;
  /** The aggregates that have routes. */
  readonly aggregates: readonly AggregatePlan[];
}

/** The parts of the schema and of the config that the plans of all surfaces share. */
export interface SurfaceSources {
  readonly bindings: ReadonlyMap<ServiceDescriptor, ServiceBindings>;
  readonly aggregates: Aggregates;
  readonly upstreams: ReadonlyMap<ServiceDescriptor, string>;
  readonly isOffered: IsOffered;
  readonly configFile: string | undefined;
  /** The entries of `policies` that were used. Those that select a method are added to this set. */
  readonly used: UsedRules;
}

/** The part of the schema that a surface has. */
export interface SurfaceSchema extends ServiceSchema {
  /** Returns true for a method that the surface excludes by name, package or label. */
  readonly excludes: (method: MethodDescriptor) => boolean;
  readonly registry: Registry;
  /** The schema without the fields that the surface omits. Undefined if it omits none. */
  readonly view: SchemaView | undefined;
  readonly codecs: Codecs;
}

export interface PlannedWithProblems {
  readonly surface: SurfacePlan;
  readonly diagnostics: readonly Diagnostic[];
}

/** Plans a surface. `before` is its plan from before a reload: the plans of services that would be the same are used again. */
export function* planSurface(
  settings: SurfaceConfig,
  schema: SurfaceSchema,
  sources: SurfaceSources,
  before: SurfacePlan | undefined,
): Steps<PlannedWithProblems> {
  const { name, block, config } = settings;
  const basePath = block?.basePath ?? '';
  const known = before?.config === config && before.view === schema.view ? before.services : NO_SERVICES;
  const own = [...sources.aggregates.of].filter(([method]) => schema.has(method));
  const decide = policyDecider(settings, sources.isOffered, schema.view);
  const parts = new Map<ServiceDescriptor, ServicePart>();
  for (const { service, bindings } of sources.bindings.values()) {
    yield;
    parts.set(service, known.get(service) ?? choosePart(settings, schema, bindings, decide));
  }
  const calls = own.flatMap(([, { steps }]) =>
    steps.flatMap(({ source }) => (source.kind === 'call' ? source.call.method : [])),
  );
  const ofRoutes = (method: MethodDescriptor) => parts.get(method.service)?.policies.of.get(method);
  const called = decide(calls.filter((method) => ofRoutes(method) === undefined));
  const policyOf = (method: MethodDescriptor) => ofRoutes(method) ?? called.of.get(method)!;
  const planned = planAggregates(config, new Map(own), policyOf, sources.upstreams, schema.view);
  const services = new Map<ServiceDescriptor, ServicePlan>();
  for (const [service, part] of parts) {
    yield;
    const upstream = sources.upstreams.get(service);
    // The plan of an aggregate depends on other services, so it is always made anew.
    const same = part.hasAggregates ? undefined : known.get(service);
    services.set(
      service,
      same ?? planService(part, { surface: name, basePath, config, upstream, aggregates: planned }),
    );
  }
  const plans = [...services.values()];
  const routes = plans.flatMap((plan) => plan.routes);
  yield;
  const built = yield* tableOf(services, before);
  // Only routes that an upstream serves are checked for the following problems.
  const offered = plans.flatMap((plan) => plan.offered);
  const shapes = joinedShapes(plans.map((plan) => plan.shapes));
  yield;
  const diagnostics = [
    ...plans.flatMap(({ lacking }) => lacking),
    ...conflictDiagnostics(built.conflicts),
    ...(yield* routeProblems(offered, shapes, built)),
    ...plans.flatMap(({ policies }) => policies.diagnostics),
    ...called.diagnostics,
    ...problemsOfAggregates(settings, schema, routes, policyOf),
    ...configuredProblems(config, plans, sources.configFile),
  ];
  for (const { policies } of plans) for (const rule of policies.used) sources.used.add(rule);
  for (const rule of called.used) sources.used.add(rule);
  const { registry, codecs, view } = schema;
  const selection = { hosts: block?.hosts ?? [], basePath, headers: block?.headers ?? {} };
  const aggregates = own.map(([, plan]) => plan);
  const surface = { name, selection, config, registry, codecs, view, routes, services, offered, built, aggregates };
  return { surface, diagnostics };
}

const NO_SERVICES: SurfacePlan['services'] = new Map();

/**
 * Builds the routing table of the routes in `offered`. If the table from before the reload has no conflicts and most routes
 * stay, only the differences are applied to it.
 */
function* tableOf(services: SurfacePlan['services'], before: SurfacePlan | undefined): Steps<BuiltTable<PlannedRoute>> {
  if (before !== undefined && before.built.conflicts.length === 0) {
    const [removed, added] = [changedRoutes(before.services, services), changedRoutes(services, before.services)];
    yield;
    const mostStay = removed.length * 2 <= before.offered.length;
    const table = mostStay ? yield* before.built.table.changed(removed.map(claimOf), added.map(claimOf)) : undefined;
    if (table !== undefined) return { table, conflicts: [] };
  }
  return yield* bindingTable(changedRoutes(services, NO_SERVICES)).buildSteps();
}

/** Returns the routes of the services whose plan is not in `others`. */
function changedRoutes(services: SurfacePlan['services'], others: SurfacePlan['services']) {
  return [...services].flatMap(([service, plan]) =>
    others.get(service) === plan ? [] : plan.offered.map((route) => ({ binding: route.binding, value: route })),
  );
}

/** Returns the policy of a method that has a route or that an aggregate calls. */
type PolicyOf = (method: MethodDescriptor) => MethodPolicy;

/**
 * Returns the calls of each aggregate with the policies of the called methods, by the full name of the aggregate's method. The
 * steps use whole messages, including the fields that the surface omits.
 */
function planAggregates(
  config: Config,
  of: Aggregates['of'],
  policyOf: PolicyOf,
  upstreams: ReadonlyMap<ServiceDescriptor, string>,
  view: SchemaView | undefined,
): ReadonlyMap<string, PlannedAggregate> {
  const called = new Map<string, PlannedAggregate>();
  for (const [{ fullName }, plan] of of) {
    const calls = plan.steps.map(({ source }) => {
      if (source.kind === 'copy') return undefined;
      const { method } = source.call;
      const { policy, access } = policyOf(method);
      const upstream = upstreams.get(method.service);
      const { addresses, cache, retry, hedgeAfterMs } = policy.settings;
      const served = upstreamOf(config, upstream);
      return {
        method,
        access,
        admits: compileAddresses(addresses),
        cache: cacheOfCall(cache),
        retry: retryOf(retry, served?.retry),
        // The method that a step calls only reads, so hedging is safe.
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

/** Returns an error for each step that reads a request field which the surface omits, so that its clients cannot send it. */
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

/** Returns the indices of the steps whose result goes into a field that the surface omits. */
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
  policyOf: PolicyOf,
): readonly Diagnostic[] {
  const vouchers = meansOf(config.auth)?.vouchers;
  const seen = new Set<MethodDescriptor>();
  const whyExcluded = (method: MethodDescriptor): string | undefined => {
    // If a surface has neither `exclude` nor an auth block, a method that it does not have is missing only because it is not
    // needed.
    if (has(method) || (vouchers === undefined && !excludes(method))) return undefined;
    return `${method.fullName} is not in the surface ${name}, and the aggregate is`;
  };
  return routes.flatMap(({ binding: { method }, aggregate, policy, access }) => {
    if (aggregate === undefined || seen.has(method)) return [];
    seen.add(method);
    const own = policyOf(method).access;
    const hasUpstreams = config.upstreams.size > 0;
    const use = { method, aggregate, policy, own, access, vouchers, hasUpstreams, whyExcluded };
    return [...aggregateProblems(use), ...unsentReads(name, aggregate, view)];
  });
}
