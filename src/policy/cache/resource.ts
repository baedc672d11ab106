/** Where the answers of a config are kept. The cache is a resource: a reload that leaves its settings keeps them. */
import type { Clock } from '../../base/clock.js';
import { type Lease, settingsKey } from '../../base/resources.js';
import type { Config } from '../../config/config.js';
import type { SharedStore } from '../../gateway/shared-store.js';
import { MemoryEntries } from '../../store/entries.js';
import { RedisEntries } from '../../store/redis-entries.js';
import { ResponseCache } from './cache.js';

export function responseCache(
  { cache, stores }: Config,
  store: SharedStore | undefined,
  lease: Lease,
  { clock }: { readonly clock: Clock },
): ResponseCache {
  return lease.acquire(settingsKey('cache', [cache, stores]), () => {
    const entries =
      store === undefined ? new MemoryEntries(cache.maxBytes) : new RedisEntries(store.redis, store.guard);
    return new ResponseCache(entries, clock);
  });
}
