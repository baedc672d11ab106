/**
 * This module turns a plan into a snapshot. Every surface is compiled once. The resources of its routes are held until
 * the snapshot is released.
 */
import { atOnce, type Steps } from '../base/slices.js';
import type { Snapshot } from '../exchange/exchange.js';
import { isServed, type PlannedRoute, SURFACE } from '../route/planned-route.js';
import { compileClientAddress } from '../server/client-address.js';
import { type Backing, type BackingOptions, openBacking } from './backing.js';
import { compileSurface } from './compile-surface.js';
import type { Plan } from './plan.js';

/**
 * Compiles a snapshot. If a resource cannot be made, for example because a file of keys is missing, it releases all
 * resources and throws.
 */
export function compileSnapshot(plan: Plan, options: BackingOptions): Snapshot {
  return atOnce(snapshotSteps(plan, options));
}

/** Compiles a snapshot in steps. */
export function* snapshotSteps(plan: Plan, options: BackingOptions): Steps<Snapshot> {
  const lease = options.resources.lease();
  try {
    const { upstreams, tracing, prepared, ...backing } = openBacking(plan.config, lease, options);
    return {
      ...(yield* compileTables(plan, plan.routes.filter(isServed), backing)),
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

/** Compiles the part of a snapshot that holds no resources. `routes` are those that it serves. */
export function* compileTables(
  { config, codecs, registry }: Plan,
  routes: readonly PlannedRoute[],
  backing: Backing,
): Steps<Omit<Snapshot, 'upstreams' | 'tracing' | 'prepared' | 'release'>> {
  const status = registry.message('google.rpc.Status');
  const statusCodec = status === undefined ? undefined : codecs.of(status);
  return {
    surfaces: [yield* compileSurface({ name: SURFACE, config, codecs, statusCodec }, routes, backing)],
    clientAddress: compileClientAddress(config.trustedProxies, config.forwardedHeader),
    logSample: config.log.sample,
    stallTimeoutMs: config.limits.requestTimeoutMs,
    connectionBytes: config.limits.connectionBytes,
    streamGraceMs: config.auth?.streamGraceMs ?? 0,
  };
}
