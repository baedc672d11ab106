/** This module opens the counters of a config's limits. The counters are a resource: a reload keeps the counts. */
import type { Clock } from '../../base/clock.js';
import type { Lease } from '../../base/resources.js';
import { type Counters, MemoryCounters } from '../../store/counters.js';
import { RedisCounters } from '../../store/redis-counters.js';
import type { SharedStore } from '../../store/shared-store.js';

/**
 * Returns the counters. `counters` asks another process, which counts for several; undefined if this process counts for itself.
 * With a store in Redis, they count only while Redis does not answer and `onStoreFailure` is `local`.
 */
export function countersOf(
  { onStoreFailure }: { readonly onStoreFailure: 'local' | 'open' | 'closed' },
  store: SharedStore | undefined,
  lease: Lease,
  { clock, counters }: { readonly clock: Clock; readonly counters: Counters | undefined },
): Counters {
  const local = counters ?? lease.acquire('counters', () => new MemoryCounters(clock));
  if (store === undefined) return local;
  return new RedisCounters(store.redis, { guard: store.guard, onFailure: onStoreFailure, local });
}
