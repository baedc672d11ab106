/**
 * This module opens the place where the answers of a config are kept. The cache is a resource: a reload that does not
 * change its settings keeps the answers.
 */
import type { Clock } from '../../base/clock.js';
import { type Lease, settingsKey } from '../../base/resources.js';
import { MemoryEntries } from '../../store/entries.js';
import { RedisEntries } from '../../store/redis-entries.js';
import type { SharedStore } from '../../store/shared-store.js';
import { ResponseCache } from './interceptor.js';

/**
 * Returns the cache of a config. `redis` are the settings of the store in Redis, if there is one: if they change, a new cache
 * is made.
 */
export function responseCache(
  { maxBytes, redis }: { readonly maxBytes: number; readonly redis: unknown },
  store: SharedStore | undefined,
  lease: Lease,
  { clock }: { readonly clock: Clock },
): ResponseCache {
  return lease.acquire(settingsKey('cache', store === undefined ? maxBytes : redis), () => {
    const entries =
      store === undefined ? new MemoryEntries(maxBytes, clock) : new RedisEntries(store.redis, store.guard);
    return new ResponseCache(entries, clock);
  });
}
