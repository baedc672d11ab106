/**
 * Config → Plan: the schema loaded, every binding with its policy and its upstream, and everything that is wrong with
 * them. Opens no connection: `routes`, `check` and `explain` need no more, `serve` compiles a Snapshot from it.
 */
import { type Diagnostic, errorAt, warningAt } from './base/diagnostic.js';
import { formatDuration } from './base/duration.js';
import { type Codecs, createCodecs } from './codec/codec.js';
import type { Config } from './config/config.js';
import { type Policy, policyOf } from './policy/policy.js';
import { type RouteRow, routeRow } from './report/route-map.js';
import { collectBindings } from './routing/bindings.js';
import type { Binding } from './routing/http-rule.js';
import { conflictDiagnostics, RouteTableBuilder } from './routing/route-table.js';
import type { MethodDescriptor, Registry, ServiceDescriptor } from './schema/descriptor.js';
import { loadSchema } from './schema/source.js';
import { selectUpstream } from './upstream/service-selector.js';

/** The one surface that there is. */
export const SURFACE = 'default';

export interface PlannedRoute {
  readonly binding: Binding;
  readonly policy: Policy;
  /** Name of the upstream that serves it; undefined: none does, it is listed and not served. */
  readonly upstream: string | undefined;
  readonly timeoutMs: number | undefined;
  /** The same for people: how long, and who says so. */
  readonly timeout: { readonly text: string; readonly origin: string } | undefined;
}

export interface Plan {
  readonly config: Config;
  readonly registry: Registry;
  readonly codecs: Codecs;
  readonly routes: readonly PlannedRoute[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface PlanOptions {
  /** Names the config in diagnostics that belong to no place in it. */
  readonly configFile?: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Loads and plans; what is wrong is in `diagnostics`, what loads is in the rest. */
export async function plan(config: Config, options: PlanOptions = {}): Promise<Plan> {
  const { registry, diagnostics: found } = await loadSchema(config.schema, options);
  const { bindings, diagnostics: wrong } = collectBindings(registry, config.schema);
  const upstreams = assignUpstreams(config, registry);
  const routes = bindings.map((binding) => planRoute(config, binding, upstreams.of.get(binding.method.service)));
  const diagnostics = [
    ...found,
    ...wrong,
    ...conflictsOf(routes),
    ...upstreams.diagnostics,
    ...policyProblems(routes),
    publicWarning(options.configFile),
  ];
  const codecs = createCodecs(registry, {
    ...config.json,
    maxDepth: config.limits.jsonDepth,
    omitFields: new Set(),
  });
  return { config, registry, codecs, routes, diagnostics };
}

function planRoute(config: Config, binding: Binding, upstream: string | undefined): PlannedRoute {
  const policy = policyOf(binding.method);
  const own = policy.settings.timeoutMs;
  const inherited = upstream === undefined ? undefined : config.upstreams.get(upstream)?.timeoutMs;
  const timeoutMs = own ?? inherited;
  const origin = own === undefined ? `upstream ${upstream}` : 'policy timeout';
  const timeout = timeoutMs === undefined ? undefined : { text: formatDuration(timeoutMs), origin };
  return { binding, policy, upstream, timeoutMs, timeout };
}

/** The rows of the route map, in the order of the schema. */
export function routeRows(routes: readonly PlannedRoute[]): RouteRow[] {
  return routes.map(({ binding, policy, upstream }) => routeRow(binding, policy, SURFACE, upstream));
}

/** The table that serves the routes, and the conflicts that building it finds. */
export function routeTableOf<T>(routes: readonly { readonly binding: Binding; readonly value: T }[]) {
  const builder = new RouteTableBuilder<T>();
  for (const { binding, value } of routes) {
    const { httpMethod, template, method, position } = binding;
    const derivesHead = !method.clientStreaming && !method.serverStreaming;
    builder.add(httpMethod, template, value, { name: method.fullName, position, derivesHead });
  }
  return builder.build();
}

function conflictsOf(routes: readonly PlannedRoute[]): readonly Diagnostic[] {
  return conflictDiagnostics(routeTableOf(routes.map(({ binding }) => ({ binding, value: binding }))).conflicts);
}

interface Assignment {
  readonly of: ReadonlyMap<ServiceDescriptor, string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Each service to the upstream with the longest selector. Without any upstream there is nothing to warn about. */
function assignUpstreams(config: Config, registry: Registry): Assignment {
  const of = new Map<ServiceDescriptor, string>();
  const diagnostics: Diagnostic[] = [];
  if (config.upstreams.size === 0) return { of, diagnostics };
  for (const service of registry.services) {
    if (!service.routed || !service.methods.some(({ httpRule }) => httpRule !== undefined)) continue;
    const selected = selectUpstream(service.fullName, config.upstreams);
    if (selected.kind === 'found') of.set(service, selected.name);
    else if (selected.kind === 'none') {
      const text = `${service.fullName}: no upstream serves it, its routes are not served`;
      diagnostics.push(warningAt(service.position, 'no-upstream', text));
    } else {
      const text = `${service.fullName}: expected one upstream, got ${selected.names.join(' and ')} by equally long selectors`;
      diagnostics.push(errorAt(service.position, 'ambiguous-upstream', text));
    }
  }
  return { of, diagnostics };
}

/** What a policy declares and nothing here can hold: closed by default means to say so, not to serve without it. */
function policyProblems(routes: readonly PlannedRoute[]): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<MethodDescriptor>();
  for (const { binding, policy } of routes) {
    const { method } = binding;
    if (seen.has(method)) continue;
    seen.add(method);
    const { auth } = policy.settings;
    if (auth !== undefined && auth.mode !== 'public' && auth.mode !== 'optional') {
      const position = policy.origins.get('auth') ?? method.position;
      const text = `${method.fullName}: its policy demands a caller, and no way to authenticate is configured`;
      diagnostics.push(errorAt(position, 'auth-impossible', text));
    }
    for (const key of ['rateLimits', 'cache', 'retry'] as const) {
      const position = policy.origins.get(key);
      if (position === undefined) continue;
      const text = `${method.fullName}: ${key} is declared and not enforced by this version`;
      diagnostics.push(warningAt(position, 'policy-not-enforced', text));
    }
    if (method.clientStreaming || method.serverStreaming) {
      const text = `${method.fullName}: streaming methods are listed and answered with 501 by this version`;
      diagnostics.push(warningAt(method.position, 'streaming', text));
    }
    if (method.aggregate !== undefined) {
      const text = `${method.fullName}: aggregates are not served by this version`;
      diagnostics.push(warningAt(method.aggregate.position, 'aggregate', text));
    }
  }
  return diagnostics;
}

function publicWarning(configFile: string | undefined): Diagnostic {
  return warningAt({ file: configFile ?? 'protogate' }, 'no-auth', 'no auth is configured: every route is public');
}
