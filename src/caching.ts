/** Where the answers of a config are kept. The cache is a resource: a reload that leaves its settings keeps them. */
import type { Clock } from './base/clock.js';
import type { Lease } from './base/resources.js';
import type { Config } from './config/config.js';
import { ResponseCache } from './policy/cache.js';
import { MemoryEntries } from './store/entries.js';

export function responseCache({ cache }: Config, lease: Lease, { clock }: { readonly clock: Clock }): ResponseCache {
  const { maxBytes } = cache;
  return lease.acquire(`cache ${maxBytes}`, () => new ResponseCache(new MemoryEntries(maxBytes), clock));
}
