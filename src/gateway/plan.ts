/**
 * This module turns a config into a plan: it loads the schema, adds a policy and an upstream to each binding, and finds
 * all problems. It opens no connection. `routes`, `check` and `explain` need only the plan; `serve` compiles a snapshot
 * from it.
 */
import type { AggregatePlan } from '../aggregate/plan-aggregate.js';
import { type Diagnostic, withoutRepeats } from '../base/diagnostic.js';
import { atOnce, inSlices, type Steps } from '../base/slices.js';
import { isStreaming } from '../call/call.js';
import { type Codecs, createCodecs } from '../codec/codec.js';
import type { Config } from '../config/config.js';
import { configRisks } from '../config/risks.js';
import { jwksFileWarnings } from '../policy/access/jwks-file.js';
import { meansOf } from '../policy/access/planned.js';
import { compileAddresses } from '../policy/addresses/planned.js';
import { cacheOf, cacheOfCall } from '../policy/cache/planned.js';
import type { Policy } from '../policy/policy.js';
import { compileRateLimits } from '../policy/rate-limit/planned.js';
import { hedgeAfterOf, mayHedge, retryOf } from '../policy/retry/planned.js';
import { isServed, type PlannedAggregate, type PlannedRoute } from '../route/planned-route.js';
import type { Binding } from '../routing/binding.js';
import { collectBindings } from '../routing/bindings.js';
import type { MethodDescriptor, Registry, ServiceDescriptor } from '../schema/descriptor.js';
import { loadAgain, loadSchema, type Schema } from '../schema/source.js';
import { aggregateProblems } from './aggregate-checks.js';
import { type Aggregates, accessWithSteps, admittedBySteps, findAggregates } from './aggregates.js';
import { assignUpstreams, offeredBy } from './assign-upstreams.js';
import { configuredProblems, conflictsOf, keyFileProblems, nothingToServe } from './checks.js';
import { decidePolicies, declarationProblems, type MethodPolicy } from './method-policies.js';
import { routeProblems } from './route-problems.js';

export interface Plan {
  readonly config: Config;
  readonly registry: Registry;
  /** The schema whose registry it is. */
  readonly schema: Schema;
  readonly codecs: Codecs;
  readonly routes: readonly PlannedRoute[];
  readonly aggregates: readonly AggregatePlan[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface PlanOptions {
  /** A schema that is loaded already. Without it the schema is read from the config's files. */
  readonly schema?: Schema;
  /** The place of diagnostics about the config that have no line in it: the config file, or a flag if there is no file. */
  readonly configFile?: string;
  readonly onProgress?: (done: number, total: number) => void;
  /**
   * The plan that is served meanwhile. The work is done in slices then, files that have not changed are not read again, and
   * registry and codecs are used again if they would be the same.
   */
  readonly previous?: Plan;
}

/**
 * Loads the schema and plans the routes. `diagnostics` has all problems. The other parts have all that could be loaded.
 */
export async function plan(config: Config, options: PlanOptions = {}): Promise<Plan> {
  const { previous } = options;
  if (previous === undefined) {
    const { schema, onProgress } = options;
    const loaded = schema ?? loadSchema(config.schema, onProgress === undefined ? {} : { onProgress });
    return atOnce(planSteps(config, loaded, options));
  }
  const schema = options.schema ?? (await loadAgain(config.schema, previous.schema));
  return inSlices(planSteps(config, schema, options));
}

/** Plans the routes of a schema in steps. */
export function* planSteps(config: Config, schema: Schema, options: PlanOptions): Steps<Plan> {
  const { registry, diagnostics: found } = schema;
  const isOffered = offeredBy(config);
  const { bindings, diagnostics: wrong } = yield* collectBindings(registry, { ...config.schema, isOffered });
  yield;
  const aggregates = findAggregates(registry, config.json);
  const upstreams = assignUpstreams(config, bindings, aggregates);
  yield;
  const called = [...bindings.map(({ method }) => method), ...aggregates.methods];
  const policies = yield* decidePolicies(config, called, isOffered);
  const planned = planAggregates(config, aggregates, policies.of, upstreams.of);
  const routes: PlannedRoute[] = [];
  for (const binding of bindings) {
    yield;
    const { method } = binding;
    const aggregate = planned.get(method);
    // A broken declaration of an aggregate is reported elsewhere, and its route is left out.
    if (method.aggregate !== undefined && aggregate === undefined) continue;
    routes.push(planRoute(config, binding, policies.of.get(method)!, upstreams.of.get(method.service), aggregate));
  }
  // The problems of routes that no upstream serves are not reported here.
  const offered = config.upstreams.size === 0 ? routes : routes.filter(isServed);
  yield;
  const conflicts = conflictsOf(offered.map(({ binding }) => binding));
  yield;
  const configured = configuredProblems(config, offered, options.configFile);
  yield;
  const problems = withoutRepeats([
    ...keyFileProblems(config),
    ...(config.auth?.jwt ?? []).flatMap(({ keys }) => (keys.kind === 'file' ? jwksFileWarnings(keys.file) : [])),
    ...found,
    ...declarationProblems(registry, aggregates.methods, isOffered),
    ...wrong,
    ...conflicts,
    ...(yield* routeProblems(offered)),
    ...upstreams.diagnostics,
    ...policies.diagnostics,
    ...aggregates.diagnostics,
    ...problemsOfAggregates(config, routes, policies.of),
    ...configured,
    ...configRisks(config),
  ]);
  const diagnostics = [...problems, ...nothingToServe(routes, problems, options.configFile)];
  const codecs = codecsOf(config, registry, options.previous);
  return { config, registry, schema, codecs, routes, aggregates: [...aggregates.of.values()], diagnostics };
}

/** Returns the codecs of a schema: those of `previous` if they would be the same. */
function codecsOf(config: Config, registry: Registry, previous: Plan | undefined): Codecs {
  const { json, limits } = config;
  const before = previous?.config;
  const isSame =
    previous?.registry === registry &&
    JSON.stringify([json, limits.jsonDepth, limits.responseBytes]) ===
      JSON.stringify([before?.json, before?.limits.jsonDepth, before?.limits.responseBytes]);
  if (previous !== undefined && isSame) return previous.codecs;
  return createCodecs(registry, {
    ...json,
    maxDepth: limits.jsonDepth,
    maxBytes: limits.responseBytes,
    omitFields: new Set(),
  });
}

/**
 * Returns the problems of protos that exist under any config. `areAll` is true if these are all protos that the config
 * names. If it is false, an import may be in another file, so problems that depend on imports are left out.
 */
export function protoProblems(
  sources: Config['schema'],
  areAll: boolean,
  options: Pick<PlanOptions, 'onProgress'>,
): readonly Diagnostic[] {
  const { registry, diagnostics: found } = loadSchema(sources, options);
  const aggregates = findAggregates(registry, { protoNames: false });
  const diagnostics = [...found, ...declarationProblems(registry, aggregates.methods, () => true)];
  if (!areAll) return diagnostics.filter(({ rule }) => rule !== 'unknown-import');
  const { bindings, diagnostics: wrong } = atOnce(collectBindings(registry, sources));
  return withoutRepeats([...diagnostics, ...wrong, ...conflictsOf(bindings), ...aggregates.diagnostics]);
}

function planRoute(
  config: Config,
  binding: Binding,
  { policy, access: declared }: MethodPolicy,
  serving: string | undefined,
  aggregate: PlannedAggregate | undefined,
): PlannedRoute {
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

/** Returns the calls of each aggregate with the policies of the called methods. */
function planAggregates(
  config: Config,
  { of }: Aggregates,
  policies: ReadonlyMap<MethodDescriptor, MethodPolicy>,
  upstreams: ReadonlyMap<ServiceDescriptor, string>,
): ReadonlyMap<MethodDescriptor, PlannedAggregate> {
  const called = new Map<MethodDescriptor, PlannedAggregate>();
  for (const [aggregate, plan] of of) {
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
    called.set(aggregate, { plan, calls });
  }
  return called;
}

function problemsOfAggregates(
  config: Config,
  routes: readonly PlannedRoute[],
  policies: ReadonlyMap<MethodDescriptor, MethodPolicy>,
): readonly Diagnostic[] {
  const seen = new Set<MethodDescriptor>();
  return routes.flatMap(({ binding: { method }, aggregate, policy, access }) => {
    if (aggregate === undefined || seen.has(method)) return [];
    seen.add(method);
    const own = policies.get(method)!.access;
    const means = { vouchers: meansOf(config.auth)?.vouchers, hasUpstreams: config.upstreams.size > 0 };
    return aggregateProblems({ method, aggregate, policy, own, access, ...means });
  });
}
