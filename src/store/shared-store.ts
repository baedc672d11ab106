/**
 * The Redis store that several gateways share, if the config has one. It is a Resource, so its connections survive a reload.
 */
import type { Clock } from '../base/clock.js';
import { type Lease, type Resource, settingsKey } from '../base/resources.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { StoreGuard } from './guard.js';
import { createRedis, type RedisClient, type RedisSettings } from './redis.js';

interface Options {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface SharedStore extends Resource {
  readonly redis: RedisClient;
  readonly guard: StoreGuard;
  /** Resolves when the store can be used, when no connection can be made, or after a second. */
  readonly prepared: Promise<void>;
}

/** Returns the store; undefined if `settings` is. Then each gateway has its own counters and cache entries. */
export function sharedStore(
  settings: RedisSettings | undefined,
  lease: Lease,
  options: Options,
): SharedStore | undefined {
  if (settings === undefined) return undefined;
  return lease.acquire(settingsKey('redis', settings), (): SharedStore => {
    const redis = createRedis(settings);
    const guard = new StoreGuard({ ...options, name: 'redis', ping: () => redis.ping() });
    return {
      redis,
      guard,
      prepared: redis.prepared,
      async close() {
        guard.close();
        await redis.close();
      },
    };
  });
}
