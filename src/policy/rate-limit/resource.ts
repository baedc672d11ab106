/** Where the limits of a config count. The counters are a resource: a reload forgets nothing. */
import type { Clock } from '../../base/clock.js';
import type { Lease } from '../../base/resources.js';
import type { Config } from '../../config/config.js';
import type { SharedStore } from '../../gateway/shared-store.js';
import { type Counters, MemoryCounters } from '../../store/counters.js';
import { RedisCounters } from '../../store/redis-counters.js';

export function countersOf(
  { rateLimiting }: Config,
  store: SharedStore | undefined,
  lease: Lease,
  { clock, counters }: { readonly clock: Clock; readonly counters: Counters | undefined },
): Counters {
  const local = counters ?? lease.acquire('counters', () => new MemoryCounters(clock));
  if (store === undefined) return local;
  return new RedisCounters(store.redis, { guard: store.guard, onFailure: rateLimiting.onStoreFailure, local });
}
