/**
 * This module compiles a plan to a snapshot, which serves requests. Each surface is compiled once. The resources of its routes
 * stay open until the snapshot is released.
 */
import { atOnce, type Steps } from '../base/slices.js';
import { guardedHeaders } from '../config/guarded-headers.js';
import type { Snapshot, Surface } from '../exchange/exchange.js';
import type { PlannedRoute } from '../route/planned-route.js';
import { RouteTableBuilder } from '../routing/route-table.js';
import { compileClientAddress } from '../server/client-address.js';
import { compileChoice, decidingHeaders } from '../server/surface-choice.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type Backing, type BackingOptions, openBacking } from './backing.js';
import { compileSurface } from './compile-surface.js';
import type { Plan } from './plan.js';
import type { SurfacePlan } from './plan-surface.js';

/**
 * Compiles a snapshot. If a resource cannot be made, for example because a key file is missing, all resources are released and
 * the error is thrown.
 */
export function compileSnapshot(plan: Plan, options: BackingOptions): Snapshot {
  return atOnce(snapshotSteps(plan, options));
}

/** Compiles a snapshot like {@link compileSnapshot}, as work that can pause between its steps. */
export function* snapshotSteps(plan: Plan, options: BackingOptions): Steps<Snapshot> {
  const lease = options.resources.lease();
  try {
    const { of, upstreams, tracing, prepared } = openBacking(plan, lease, options);
    // Without upstreams, `offered` has all routes for the checks of the schema, but none of them can be served.
    const isServing = plan.config.upstreams.size > 0;
    const served = ({ name, offered }: SurfacePlan) => ({ routes: isServing ? offered : [], backing: of.get(name)! });
    return {
      ...(yield* compileTables(plan, served, options)),
      upstreams,
      tracing,
      prepared,
      release: lease.release,
    };
  } catch (error) {
    void lease.release();
    throw error;
  }
}

/** Returns the routes of a surface that are served, in their order, and the resources that they use. */
type ServedBy = (surface: SurfacePlan) => { readonly routes: readonly PlannedRoute[]; readonly backing: Backing };

/** Compiles the part of a snapshot that opens no resources. */
export function* compileTables(
  { config, surfaces }: Plan,
  servedBy: ServedBy,
  { metrics }: { readonly metrics: Pick<Metrics, 'requests'> },
): Steps<Omit<Snapshot, 'upstreams' | 'tracing' | 'prepared' | 'release'>> {
  // The requests of a surface that another gateway serves (`--surface`) must not go to a surface that this one serves.
  const elsewhere = config.surfaces.filter((block) => !block.isServed);
  const claims = [...surfaces.map(({ selection }) => selection), ...elsewhere];
  const deciding = decidingHeaders(claims);
  // If one surface sends the caller's identity in a header, clients of the other surfaces must not set that header either.
  const guarded = [...new Set([config, ...config.surfaces].flatMap(guardedHeaders))];
  const compiled: Surface[] = [];
  for (const [index, surface] of surfaces.entries()) {
    const { routes, backing } = servedBy(surface);
    const status = surface.registry.message('google.rpc.Status');
    const statusCodec = status === undefined ? undefined : surface.codecs.of(status);
    const settings = { surface, varies: deciding[index]!, guarded, statusCodec };
    compiled.push(yield* compileSurface(settings, routes, backing));
  }
  const takesAll = claims.length === 1 && claims.every(takesEverything);
  const only = takesAll ? compiled[0] : undefined;
  const unclaimed = only ?? unclaimedSurface(config, deciding.flat(), metrics);
  return {
    surfaces: compiled,
    only,
    choose: compileChoice(claims.map((claim, index) => ({ claim, value: compiled[index] ?? unclaimed }))),
    unclaimed,
    clientAddress: compileClientAddress(config.trustedProxies, config.forwardedHeader),
    logSample: config.log.sample,
    stallTimeoutMs: config.limits.requestTimeoutMs,
    connectionBytes: config.limits.connectionBytes,
  };
}

function takesEverything({ hosts, basePath, headers }: SurfacePlan['selection']): boolean {
  return hosts.length === 0 && basePath === '' && Object.keys(headers).length === 0;
}

/** Returns a surface without routes. It answers the requests that belong to no surface of the config. */
function unclaimedSurface(
  { errors }: Plan['config'],
  deciding: readonly string[],
  { requests }: Pick<Metrics, 'requests'>,
): Surface {
  const { table } = new RouteTableBuilder<never>().build();
  return {
    name: 'none',
    basePath: '',
    varies: [...new Set(deciding)].join(', '),
    unmatched: { logFields: '', metrics: requests.refused },
    table,
    webSockets: table,
    nearRoute: undefined,
    nearWebSocket: undefined,
    cors: undefined,
    errors: { format: errors.format, exposed: new Set() },
    streamGraceMs: 0,
    responseHeaders: () => new Map(),
    compileUsed() {},
  };
}
