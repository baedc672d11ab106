/** Plan → Snapshot: every surface compiled once, and the resources that its routes use held until it is released. */
import type { Snapshot } from '../exchange/exchange.js';
import { isServed, type PlannedRoute, SURFACE } from '../route/planned-route.js';
import { compileClientAddress } from '../server/client-address.js';
import { type Backing, type BackingOptions, openBacking } from './backing.js';
import { compileSurface } from './compile-surface.js';
import type { Plan } from './plan.js';

/** Throws, and holds nothing, if a resource cannot be made: a file of keys that is gone, for instance. */
export function compileSnapshot(plan: Plan, options: BackingOptions): Snapshot {
  const lease = options.resources.lease();
  try {
    const { upstreams, prepared, ...backing } = openBacking(plan.config, lease, options);
    return {
      ...compileTables(plan, plan.routes.filter(isServed), backing),
      upstreams,
      prepared,
      release: lease.release,
    };
  } catch (error) {
    void lease.release();
    throw error;
  }
}

/** The part of a snapshot that holds nothing. `routes`: those that it serves. */
export function compileTables(
  { config, codecs, registry }: Plan,
  routes: readonly PlannedRoute[],
  backing: Backing,
): Omit<Snapshot, 'upstreams' | 'prepared' | 'release'> {
  const status = registry.message('google.rpc.Status');
  const statusCodec = status === undefined ? undefined : codecs.of(status);
  return {
    surfaces: [compileSurface({ name: SURFACE, config, codecs, statusCodec }, routes, backing)],
    clientAddress: compileClientAddress(config.trustedProxies, config.forwardedHeader),
    logSample: config.log.sample,
    stallTimeoutMs: config.limits.requestTimeoutMs,
    streamGraceMs: config.auth?.streamGraceMs ?? 0,
  };
}
