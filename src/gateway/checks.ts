/** This module finds errors and risks in a plan that only a look at several policies or at all routes can show. */
import { type Diagnostic, errorAt, type Position, warningAt } from '../base/diagnostic.js';
import { didYouMean, hintOf } from '../base/did-you-mean.js';
import { remembered } from '../base/remembered.js';
import { codeOf, unreadable } from '../base/unreadable.js';
import type { Config } from '../config/config.js';
import { readKeyFile } from '../policy/access/key-file.js';
import { type Access, meansOf } from '../policy/access/planned.js';
import { mayWrite, writingGets } from '../policy/access/writes.js';
import type { Policy } from '../policy/policy.js';
import type { PlannedRoute } from '../route/planned-route.js';
import type { Binding } from '../routing/binding.js';
import { bindingTable } from '../routing/binding-table.js';
import { conflictDiagnostics } from '../routing/route-table.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import { cacheProblems } from './cache-checks.js';
import { hiddenFromWebSockets, type StreamProblems, streamProblems } from './stream-problems.js';

/** The problems that a look at all routes of one service shows. */
export interface ServiceProblems extends StreamProblems {
  /** True if everybody may call every route. */
  readonly isPublic: boolean;
  readonly publicWrites: readonly Diagnostic[];
  /** The place of the first `addresses` that a method has. */
  readonly addressesAt: Position | undefined;
  readonly cache: readonly Diagnostic[];
  readonly hedge: readonly Diagnostic[];
  readonly writingGets: readonly Diagnostic[];
}

/** Returns the problems of the routes of one service. */
export function serviceProblems(config: Config, routes: readonly PlannedRoute[]): ServiceProblems {
  return {
    isPublic: routes.every(({ access }) => access.mode === 'public'),
    publicWrites: meansOf(config.auth)?.identifies === true ? publicWrites(routes) : [],
    addressesAt: routes.flatMap(({ policy }) => policy.origins.get('addresses') ?? [])[0],
    cache: cacheProblems(config, routes),
    hedge: hedgeProblems(routes),
    ...streamProblems(routes, config.json.protoNames),
    writingGets: writingGets(routes.map(({ binding }) => binding)),
  };
}

const hasAny = remembered((problems: ServiceProblems) =>
  Object.values(problems).some((list) => Array.isArray(list) && list.length > 0),
);

interface CheckedService {
  readonly offered: readonly PlannedRoute[];
  readonly problems: ServiceProblems;
}

/**
 * Returns the problems of the routes of all services. `configFile` is the place of problems that have no line in the config.
 */
export function configuredProblems(
  config: Config,
  services: readonly CheckedService[],
  configFile: string | undefined,
): readonly Diagnostic[] {
  // A schema may have thousands of services, and most of them have no problem.
  const found = services.map(({ problems }) => problems).filter(hasAny);
  const all = (pick: (problems: ServiceProblems) => readonly Diagnostic[]) => found.flatMap(pick);
  const streams = services.map(({ problems }) => problems.streams).filter(({ length }) => length > 0);
  return [
    ...authProblems(config, services, configFile),
    ...all((service) => service.publicWrites),
    ...addressProblems(config, services),
    ...readinessProblems(config),
    ...all((service) => service.cache),
    ...all((service) => service.hedge),
    ...all((service) => service.errorFields),
    ...all((service) => service.silentStatuses),
    ...all((service) => service.withoutBody),
    ...hiddenFromWebSockets(streams.flat()),
    ...all((service) => service.writingGets),
  ];
}

/** Returns the conflicts of bindings with the same verb and the same shape of path. */
export function conflictsOf(bindings: readonly Binding[]): readonly Diagnostic[] {
  return conflictDiagnostics(bindingTable(bindings.map((binding) => ({ binding, value: binding }))).conflicts());
}

/** Returns a warning for a limit per consumer on a public method, where no caller is known. */
export function rateLimitProblem(method: MethodDescriptor, policy: Policy, access: Access): Diagnostic | undefined {
  const position = policy.origins.get('rateLimits');
  if (position === undefined || access.mode !== 'public') return undefined;
  if (policy.settings.rateLimits?.some(({ per }) => per.includes('consumer')) !== true) return undefined;
  const text = `${method.fullName}: the method is public and its callers are unknown, so its limit per consumer counts per client address; use per: [ip], or require a caller`;
  return warningAt(position, 'limit-of-nobody', text);
}

/** Returns the problems of `keys.yaml` as it is now. The file is read again when the gateway serves. */
export function keyFileProblems({ auth, plans }: Config): readonly Diagnostic[] {
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
  } catch (error) {
    const hint = codeOf(error) === 'ENOENT' ? '; protogate keygen makes its entries' : '';
    return [errorAt({ file }, 'keys-file', `auth.apiKeys.file: ${unreadable(error)}${hint}`)];
  }
}

/** Warns that there are no routes. It returns nothing if there are errors, because then they are the reason. */
export function nothingToServe(
  routes: readonly PlannedRoute[],
  problems: readonly Diagnostic[],
  configFile: string | undefined,
): readonly Diagnostic[] {
  if (routes.length > 0 || problems.some(({ severity }) => severity === 'error')) return [];
  const text =
    'no rpc has a google.api.http rule, so there are no routes; add rules, or give --auto-routes (schema.autoRoutes)';
  return [warningAt({ file: configFile ?? 'options' }, 'no-routes', text)];
}

/** Returns the problems of access rules that only a look at all routes can show. */
function authProblems(
  { auth }: Config,
  services: readonly CheckedService[],
  configFile: string | undefined,
): readonly Diagnostic[] {
  if (auth === undefined) {
    // Without a route the reason is reported elsewhere, and nothing is public.
    if (services.every(({ offered }) => offered.length === 0)) return [];
    return [
      warningAt(
        { file: configFile ?? 'options' },
        'no-auth',
        'no auth is configured, so every route is public; an auth block in the config file closes them, and auth: { default: public } says that it is meant',
      ),
    ];
  }
  const { position } = auth;
  if (meansOf(auth)?.identifies !== true) {
    // `default: public` says that no caller is needed. A method that demands one has its own error.
    if (auth.default === 'public') return [];
    const text = 'auth: expected jwt, apiKeys or mtls, got none of them, so no caller can be authenticated';
    return [errorAt(position, 'auth-impossible', text)];
  }
  if (!services.some(({ offered }) => offered.length > 0) || !services.every(({ problems }) => problems.isPublic))
    return [];
  const text =
    'auth: every route is public, so the configured credentials are never checked; remove mode public where callers must be known';
  return [warningAt(position, 'unused-credentials', text)];
}

/** Warns of each method that everybody may call and that may change data. */
function publicWrites(routes: readonly PlannedRoute[]): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const seen = new Set<MethodDescriptor>();
  for (const { binding, access } of routes) {
    const { method, httpMethod } = binding;
    if (access.mode !== 'public' || !mayWrite(binding) || seen.has(method)) continue;
    seen.add(method);
    const text = `${method.fullName}: ${httpMethod} ${binding.template.text} is public and may change data; require a caller if that is not intended`;
    diagnostics.push(warningAt(access.origin ?? method.position, 'public-write', text));
  }
  return diagnostics;
}

/**
 * Warns of the `hedge_after` of a method that may not be called a second time. The `hedge_after` of a whole service causes no
 * warning, because it is meant for the methods that read.
 */
function hedgeProblems(routes: readonly PlannedRoute[]): readonly Diagnostic[] {
  const hedged = new Set(routes.filter(({ hedgeAfterMs }) => hedgeAfterMs !== undefined).map(methodOf));
  const unused = new Map(
    routes.filter((route) => !hedged.has(methodOf(route))).map((route) => [methodOf(route), route]),
  );
  return [...unused].flatMap(([{ fullName }, { policy }]) => {
    const position = policy.origins.get('hedgeAfterMs');
    if (position === undefined || policy.owners.get('hedgeAfterMs') !== `method ${fullName}`) return [];
    if (policy.settings.hedgeAfterMs === 0) return [];
    const expected = 'a unary method with a GET rule or idempotency_level NO_SIDE_EFFECTS';
    const text = `${fullName}: hedge_after: expected ${expected}, so this method is never called a second time`;
    return [warningAt(position, 'hedge-unused', text)];
  });
}

function methodOf({ binding }: PlannedRoute): MethodDescriptor {
  return binding.method;
}

/**
 * Warns of `addresses` in a gateway without TLS and without `trustedProxies`. Such a gateway is usually behind a proxy,
 * and then all clients have the proxy's address.
 */
function addressProblems(
  { trustedProxies, listen }: Config,
  services: readonly CheckedService[],
): readonly Diagnostic[] {
  if (trustedProxies.length > 0 || listen.tls !== undefined) return [];
  const [first] = services.flatMap(({ problems }) => problems.addressesAt ?? []);
  if (first === undefined) return [];
  const text =
    'addresses: without trustedProxies, every request behind a proxy has the address of the proxy; set trustedProxies to the networks of the proxies';
  return [warningAt(first, 'addresses-of-proxy', text)];
}

/** Returns an error for each name in `admin.readiness.upstreams` that no upstream has. */
function readinessProblems({ admin, upstreams }: Config): readonly Diagnostic[] {
  if (admin === undefined || upstreams.size === 0) return [];
  const unknown = admin.readiness.upstreams.filter((name) => !upstreams.has(name));
  return unknown.map((name) => {
    const known = [...upstreams.keys()];
    const text = `admin.readiness.upstreams: expected the name of an upstream (${known.join(', ')}), got '${name}'`;
    return errorAt(admin.position, 'config-value', `${text}${hintOf(didYouMean(name, known))}`);
  });
}
