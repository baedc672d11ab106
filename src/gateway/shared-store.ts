/** The store that several gateways share, if the config names one. It is a resource: a reload keeps its connections. */
import type { Clock } from '../base/clock.js';
import { type Lease, type Resource, settingsKey } from '../base/resources.js';
import type { Config } from '../config/config.js';
import { StoreGuard } from '../store/guard.js';
import { createRedis, type RedisClient } from '../store/redis.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

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

export function sharedStore({ stores }: Config, lease: Lease, options: Options): SharedStore | undefined {
  const settings = stores.redis;
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
