/**
 * Config → Plan: the schema loaded, every binding with its policy and its upstream, and everything that is wrong with
 * them. Opens no connection: `routes`, `check` and `explain` need no more, `serve` compiles a Snapshot from it.
 */

import type { AggregatePlan } from '../aggregate/plan.js';
import { asWarning, type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import { didYouMean, hintOf, meantHint } from '../base/did-you-mean.js';
import { isStreaming } from '../call/call.js';
import { type Codecs, createCodecs } from '../codec/codec.js';
import type { Config } from '../config/config.js';
import { configRisks } from '../config/risks.js';
import { type Access, type AuthMeans, accessOf } from '../policy/access/access.js';
import { jwksFileWarnings } from '../policy/access/jwks-file.js';
import { readKeyFile } from '../policy/access/key-file.js';
import { overruledAuth, overruledWarning } from '../policy/access/overruled.js';
import { mayWrite, writingGets } from '../policy/access/writes.js';
import type { CachePolicy } from '../policy/cache/cache.js';
import { cacheOf, cacheOfCall, cacheProblems } from '../policy/cache/planned.js';
import { type Policy, type PolicyRule, policyOf } from '../policy/policy.js';
import { compileRateLimits, type RateLimit, rateLimitProblem } from '../policy/rate-limit/rate-limit.js';
import { retryOf, retryProblem } from '../policy/retry/planned.js';
import { type RouteRow, routeRow } from '../report/route-map.js';
import { bindingTable } from '../routing/binding-table.js';
import { collectBindings } from '../routing/bindings.js';
import type { Binding } from '../routing/http-rule.js';
import { conflictDiagnostics } from '../routing/route-table.js';
import type { MethodDescriptor, Registry, ServiceDescriptor } from '../schema/descriptor.js';
import { parseMethodSelector } from '../schema/method-selector.js';
import type { RegistryFile } from '../schema/registry.js';
import { loadSchema, type Schema } from '../schema/source.js';
import type { RetrySettings } from '../upstream/retry.js';
import { meantService, selectUpstream } from '../upstream/service-selector.js';
import {
  type Aggregates,
  accessWithSteps,
  aggregateProblems,
  findAggregates,
  type PlannedAggregate,
} from './aggregates.js';
import { routeProblems } from './route-problems.js';
import { streamProblems } from './stream-problems.js';

/** The one surface that there is. */
export const SURFACE = 'default';

export interface PlannedRoute {
  readonly binding: Binding;
  readonly policy: Policy;
  readonly access: Access;
  readonly rateLimits: readonly RateLimit[];
  /** Undefined: nothing is kept. */
  readonly cache: CachePolicy | undefined;
  /** Undefined: a failure is final. */
  readonly retry: RetrySettings | undefined;
  /** Name of the upstream that serves it; undefined: none does, or it is an aggregate. */
  readonly upstream: string | undefined;
  readonly aggregate: PlannedAggregate | undefined;
  readonly timeoutMs: number | undefined;
  /** Who says so. */
  readonly timeoutOrigin: string;
}

export interface Plan {
  readonly config: Config;
  readonly registry: Registry;
  /** What the registry was linked from. */
  readonly files: readonly RegistryFile[];
  readonly codecs: Codecs;
  readonly routes: readonly PlannedRoute[];
  readonly aggregates: readonly AggregatePlan[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface PlanOptions {
  /** Loaded already: nothing is read. */
  readonly schema?: Schema;
  /** Names the config in diagnostics that belong to no place in it. */
  readonly configFile?: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Loads and plans; what is wrong is in `diagnostics`, what loads is in the rest. */
export async function plan(config: Config, options: PlanOptions = {}): Promise<Plan> {
  const { registry, files, diagnostics: found } = options.schema ?? (await loadSchema(config.schema, options));
  const isOffered = offeredBy(config);
  const { bindings, diagnostics: wrong } = collectBindings(registry, { ...config.schema, isOffered });
  const aggregates = findAggregates(registry, config.json);
  const upstreams = assignUpstreams(config, bindings, aggregates, options.configFile);
  const policies = decidePolicies(config, [...bindings.map(({ method }) => method), ...aggregates.methods], isOffered);
  const called = planAggregates(config, aggregates, policies.of, upstreams.of);
  const routes = bindings.flatMap((binding) => {
    const { method } = binding;
    const aggregate = called.get(method);
    // What is wrong with its declaration is told; there is nothing to serve.
    if (method.aggregate !== undefined && aggregate === undefined) return [];
    return [planRoute(config, binding, policies.of.get(method)!, upstreams.of.get(method.service), aggregate)];
  });
  // Of an aggregate that is whole it is known what it calls.
  const offered = config.upstreams.size === 0 ? routes : routes.filter(isServed);
  const problems = [
    ...keyFileProblems(config),
    ...(config.auth?.jwt ?? []).flatMap(({ keys }) => (keys.kind === 'file' ? jwksFileWarnings(keys.file) : [])),
    ...found,
    ...wrong,
    ...conflictsOf(offered.map(({ binding }) => binding)),
    ...routeProblems(offered),
    ...upstreams.diagnostics,
    ...policies.diagnostics,
    ...aggregates.diagnostics,
    ...problemsOfAggregates(config, routes, policies.of),
    ...authProblems(config, offered, options.configFile),
    ...cacheProblems(offered, identityReachesUpstreams(config)),
    ...streamProblems(offered, config.json.protoNames),
    ...writingGets(offered.map(({ binding }) => binding)),
    ...configRisks(config),
  ];
  const diagnostics = [...problems, ...nothingToServe(routes, problems, options.configFile)];
  const codecs = createCodecs(registry, {
    ...config.json,
    maxDepth: config.limits.jsonDepth,
    maxBytes: config.limits.responseBytes,
    omitFields: new Set(),
  });
  return { config, registry, files, codecs, routes, aggregates: [...aggregates.of.values()], diagnostics };
}

function planRoute(
  config: Config,
  binding: Binding,
  { policy, access: own }: Decision,
  serving: string | undefined,
  aggregate: PlannedAggregate | undefined,
): PlannedRoute {
  const { method } = binding;
  const upstream = aggregate === undefined ? serving : undefined;
  const access = aggregate === undefined ? own : accessWithSteps(own, aggregate);
  const streams = isStreaming(method);
  const timeoutMs = streams ? policy.settings.timeoutMs : timeoutOf(config, policy, upstream);
  const timeoutOrigin = policy.settings.timeoutMs === undefined ? `upstream ${upstream}` : 'policy timeout';
  const declared = policy.settings.rateLimits ?? [];
  const rateLimits = compileRateLimits(declared, limitOwner(config, method, declared), method);
  const cache = cacheOf(binding, policy);
  const retry = aggregate === undefined && !streams ? retryOf(policy, upstreamOf(config, upstream)?.retry) : undefined;
  return { binding, policy, access, rateLimits, cache, retry, upstream, aggregate, timeoutMs, timeoutOrigin };
}

/** The method's own, or else its upstream's. */
function timeoutOf(config: Config, { settings }: Policy, upstream: string | undefined): number | undefined {
  return settings.timeoutMs ?? upstreamOf(config, upstream)?.timeoutMs;
}

function upstreamOf({ upstreams }: Config, name: string | undefined) {
  return name === undefined ? undefined : upstreams.get(name);
}

/** What each aggregate calls, under the policies of what it calls. */
function planAggregates(
  config: Config,
  { of }: Aggregates,
  decisions: ReadonlyMap<MethodDescriptor, Decision>,
  upstreams: ReadonlyMap<ServiceDescriptor, string>,
): ReadonlyMap<MethodDescriptor, PlannedAggregate> {
  const called = new Map<MethodDescriptor, PlannedAggregate>();
  for (const [aggregate, plan] of of) {
    const calls = plan.steps.map(({ source }) => {
      if (source.kind === 'copy') return undefined;
      const { method } = source.call;
      const { policy, access } = decisions.get(method)!;
      const upstream = upstreams.get(method.service);
      const retry = retryOf(policy, upstreamOf(config, upstream)?.retry);
      const timeoutMs = timeoutOf(config, policy, upstream);
      return { method, access, cache: cacheOfCall(policy), retry, upstream, timeoutMs };
    });
    called.set(aggregate, { plan, calls });
  }
  return called;
}

function problemsOfAggregates(
  config: Config,
  routes: readonly PlannedRoute[],
  decisions: ReadonlyMap<MethodDescriptor, Decision>,
): readonly Diagnostic[] {
  const seen = new Set<MethodDescriptor>();
  return routes.flatMap(({ binding: { method }, aggregate, policy, access }) => {
    if (aggregate === undefined || seen.has(method)) return [];
    seen.add(method);
    const own = decisions.get(method)!.access;
    const means = { vouchers: meansOf(config)?.vouchers, hasUpstreams: config.upstreams.size > 0 };
    return aggregateProblems({ method, aggregate, policy, own, access, ...means });
  });
}

/** Who declares the limits: one counter for all that it applies to, under the same name in every gateway. */
function limitOwner(config: Config, method: MethodDescriptor, declared: unknown): string {
  if (declared === method.policy?.rateLimits) return `method ${method.fullName}`;
  if (declared === method.service.defaultPolicy?.rateLimits) return `service ${method.service.fullName}`;
  return `policy ${config.policies.find(({ declaration }) => declaration.rateLimits === declared)?.selector}`;
}

interface Decision {
  readonly policy: Policy;
  readonly access: Access;
}

/** Each routed or called method's policy and access: what the protos declare under the rules of the config. */
function decidePolicies(config: Config, methods: readonly MethodDescriptor[], isOffered: IsOffered) {
  const of = new Map<MethodDescriptor, Decision>();
  const diagnostics: Diagnostic[] = [];
  const used = new Set<PolicyRule>();
  const rules = config.policies.map(({ selector, declaration }) => {
    const selects = parseMethodSelector(selector) ?? (() => false);
    const rule: PolicyRule = { declaration, selects: (method) => selects(method) && used.add(rule) !== undefined };
    return rule;
  });
  const means = meansOf(config);
  for (const method of methods) {
    if (of.has(method)) continue;
    const policy = policyOf(method, rules);
    const found = accessOf(method, policy, means);
    const overruled = overruledAuth(method, policy, found.access);
    const wrong = [
      ...found.diagnostics,
      ...(overruled === undefined ? [] : [overruledWarning(method, overruled)]),
      rateLimitProblem(method, policy, found.access) ?? [],
      retryProblem(method, policy) ?? [],
    ].flat();
    diagnostics.push(...(isOffered(method) ? wrong : wrong.map(asWarning)));
    of.set(method, { policy, access: found.access });
  }
  for (const [index, { selector, declaration }] of config.policies.entries()) {
    if (used.has(rules[index]!)) continue;
    const hint = meantHint(
      selector.replace('/', '.'),
      methods.map(({ fullName }) => fullName.replace('/', '.')),
    );
    const text = `policies.${index}: no routed method is selected by '${selector}'${hint}`;
    diagnostics.push(warningAt(declaration.position, 'unused-policy', text));
  }
  return { of, diagnostics };
}

function meansOf({ auth }: Config): AuthMeans | undefined {
  if (auth === undefined) return undefined;
  const knowsScopes = auth.jwt.length > 0 || auth.apiKeys !== undefined;
  const identifies = knowsScopes || auth.mtls !== undefined;
  const vouchers = {
    issuers: auth.jwt.length,
    apiKeys: auth.apiKeys !== undefined,
    certificates: auth.mtls !== undefined,
  };
  return { default: auth.default, position: auth.position, identifies, knowsScopes, vouchers };
}

/** Whether there is somebody to answer: the upstream, or for an aggregate those of all its calls. */
export function isServed({ upstream, aggregate }: PlannedRoute): boolean {
  if (aggregate === undefined) return upstream !== undefined;
  return aggregate.calls.every((call) => call === undefined || call.upstream !== undefined);
}

/** The rows of the route map, in the order of the schema. */
export function routeRows(routes: readonly PlannedRoute[]): RouteRow[] {
  return routes.map((route) => routeRow(route, SURFACE));
}

function conflictsOf(bindings: readonly Binding[]): readonly Diagnostic[] {
  return conflictDiagnostics(bindingTable(bindings.map((binding) => ({ binding, value: binding }))).conflicts());
}

/**
 * What is wrong with protos under any config. `areAll`: they are all that the config names; otherwise an import may be
 * found elsewhere, and nothing is said of what hangs on one.
 */
export async function protoProblems(
  sources: Config['schema'],
  areAll: boolean,
  options: Pick<PlanOptions, 'onProgress'>,
): Promise<readonly Diagnostic[]> {
  const { registry, diagnostics } = await loadSchema(sources, options);
  if (!areAll) return diagnostics.filter(({ rule }) => rule !== 'unknown-import');
  const { bindings, diagnostics: wrong } = collectBindings(registry, sources);
  return [
    ...diagnostics,
    ...wrong,
    ...conflictsOf(bindings),
    ...findAggregates(registry, { protoNames: false }).diagnostics,
  ];
}

type IsOffered = (method: MethodDescriptor) => boolean;

/**
 * Whether a method's routes are served once all is right. What is wrong with others is a warning: they stop nobody. Without
 * any upstream the schema alone is looked at.
 */
function offeredBy({ upstreams }: Config): IsOffered {
  return ({ service, aggregate }) =>
    upstreams.size === 0 || aggregate !== undefined || selectUpstream(service.fullName, upstreams).kind !== 'none';
}

interface Assignment {
  readonly of: ReadonlyMap<ServiceDescriptor, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Each service to the upstream with the longest selector. Without any upstream there is nothing to warn about. */
function assignUpstreams(
  config: Config,
  bindings: readonly Binding[],
  aggregates: Aggregates,
  configFile: string | undefined,
): Assignment {
  const of = new Map<ServiceDescriptor, string>();
  const diagnostics: Diagnostic[] = [];
  if (config.upstreams.size === 0) return { of, diagnostics };
  const routed = bindings.flatMap(({ method }) => (method.aggregate === undefined ? method : []));
  for (const service of new Set([...routed, ...aggregates.methods].map((method) => method.service))) {
    const selected = selectUpstream(service.fullName, config.upstreams);
    if (selected.kind === 'found') of.set(service, selected.name);
    else if (selected.kind === 'none') {
      const selectors = [...config.upstreams.values()].flatMap(({ services }) => services);
      const meant = didYouMean(service.fullName, selectors);
      const hint = meant === undefined ? '' : ` (services: is it meant by '${meant}'?)`;
      const text = `${service.fullName}: no upstream serves it, its routes are not served${hint}`;
      diagnostics.push(warningAt(service.position, 'no-upstream', text));
    } else {
      const text = `${service.fullName}: expected one upstream, got ${selected.names.join(' and ')} by equally long selectors`;
      diagnostics.push(errorAt(service.position, 'ambiguous-upstream', text));
    }
  }
  const used = new Set(of.values());
  const names = routed.map(({ service }) => service.fullName);
  for (const [name, { services }] of names.length === 0 ? [] : config.upstreams) {
    if (used.has(name)) continue;
    const hint = hintOf(services.map((selector) => meantService(selector, names)).find((meant) => meant !== undefined));
    const text = `upstreams.${name}: no routed service is selected by ${services.join(', ')}${hint}`;
    diagnostics.push(warningAt({ file: configFile ?? 'options' }, 'unused-upstream', text));
  }
  return { of, diagnostics };
}

/** `keys.yaml` is read again when it is served; what is wrong with it now is told now. */
function keyFileProblems({ auth, plans }: Config): readonly Diagnostic[] {
  const file = auth?.apiKeys?.file;
  if (file === undefined) return [];
  try {
    const { keys, diagnostics } = readKeyFile(file);
    const unknown = new Set(keys.flatMap(({ plan = '' }) => (plan === '' || plans.has(plan) ? [] : [plan])));
    const known = plans.size === 0 ? 'none' : [...plans.keys()].join(', ');
    const warnings = [...unknown].map((plan) =>
      warningAt({ file }, 'unknown-plan', `plan '${plan.slice(0, 80)}': expected one of the config's plans (${known})`),
    );
    return [...diagnostics, ...warnings];
  } catch {
    return [errorAt({ file }, 'keys-file', 'expected a file that can be read')];
  }
}

/** Where errors are told, they are the reason. */
function nothingToServe(
  routes: readonly PlannedRoute[],
  problems: readonly Diagnostic[],
  configFile: string | undefined,
): readonly Diagnostic[] {
  if (routes.length > 0 || problems.some(({ severity }) => severity === 'error')) return [];
  const text = 'no method has a google.api.http rule: nothing is served; add one, or try --auto-routes';
  return [warningAt({ file: configFile ?? 'options' }, 'no-routes', text)];
}

/** What is wrong, or looks wrong, with who may call what, seen over all routes. */
function authProblems(
  config: Config,
  routes: readonly PlannedRoute[],
  configFile: string | undefined,
): readonly Diagnostic[] {
  const { auth } = config;
  if (auth === undefined) {
    return [warningAt({ file: configFile ?? 'options' }, 'no-auth', 'no auth is configured: every route is public')];
  }
  const { position } = auth;
  if (meansOf(config)?.identifies !== true) {
    const text = 'auth: expected jwt, apiKeys or mtls, got nothing that can authenticate';
    return [errorAt(position, 'auth-impossible', text)];
  }
  const diagnostics: Diagnostic[] = [];
  if (routes.length > 0 && routes.every(({ access }) => access.mode === 'public')) {
    const text = 'auth: every route is public, nothing accepts the credentials that are configured';
    diagnostics.push(warningAt(position, 'unused-credentials', text));
  }
  const seen = new Set<MethodDescriptor>();
  for (const { binding, access } of routes) {
    const { method, httpMethod } = binding;
    if (access.mode !== 'public' || !mayWrite(binding) || seen.has(method)) continue;
    seen.add(method);
    const text = `${method.fullName}: ${httpMethod} ${binding.template.text} is public and may write`;
    diagnostics.push(warningAt(access.origin ?? method.position, 'public-write', text));
  }
  return diagnostics;
}

function identityReachesUpstreams({ auth, metadata }: Config): boolean {
  if (auth === undefined) return false;
  const { apiKeys, mtls } = auth;
  const keys = [apiKeys, mtls].flatMap((means) => [means?.consumerToMetadata, means?.issuerToMetadata]);
  return (
    keys.some((key) => key !== undefined) ||
    metadata.forwardAuthorization ||
    auth.jwt.some(({ claimsToMetadata }) => claimsToMetadata.size > 0)
  );
}
