/** The store that several gateways share, if the config names one. It is a resource: a reload keeps its connections. */
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
  /** Resolves when it can be asked, or when waiting longer would not help. */
  readonly prepared: Promise<void>;
}

/** Undefined without settings: each gateway counts and keeps by itself. */
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
