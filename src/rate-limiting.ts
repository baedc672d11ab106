/** Where the limits of a config count. The counters are a resource: a reload forgets nothing. */
import type { Clock } from './base/clock.js';
import type { Lease } from './base/resources.js';
import { type Counters, MemoryCounters } from './store/counters.js';

export function countersOf(lease: Lease, { clock }: { readonly clock: Clock }): Counters {
  return lease.acquire('counters', () => new MemoryCounters(clock));
}
