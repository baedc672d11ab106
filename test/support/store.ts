/** Connects to a shared store as a gateway does, and keeps what it logs. The connection ends with the test. */
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from '../../src/base/clock.js';
import { type Decision, type Hit, MemoryCounters } from '../../src/store/counters.js';
import { StoreGuard } from '../../src/store/guard.js';
import { createRedis, type RedisSettings } from '../../src/store/redis.js';
import { type OnStoreFailure, RedisCounters } from '../../src/store/redis-counters.js';
import { RedisEntries } from '../../src/store/redis-entries.js';
import type { LimitRule } from '../../src/store/window.js';
import { createLog } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import type { Teardown } from './gateway.js';

export const HOUR = 3_600_000;

/** A prefix for the keys of this run, because other programs may use the same server. */
export const RUN = randomUUID();

const rule = (over: Partial<LimitRule> = {}): LimitRule => ({
  id: 'policy * 0',
  limit: 100,
  periodMs: HOUR,
  enforce: true,
  ...over,
});
export const hit = (over: Partial<LimitRule> = {}, key = 'acme'): Hit => ({
  rule: rule(over),
  key: `${key} ${RUN}`,
  open: false,
});

export async function connected(
  t: Teardown,
  settings: RedisSettings,
  onFailure: OnStoreFailure = 'local',
  clock: Clock = systemClock,
) {
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  const metrics = createMetrics();
  const redis = createRedis(settings);
  const guard = new StoreGuard({ name: 'redis', ping: () => redis.ping(), clock, log, metrics });
  t.teardown(async () => {
    guard.close();
    await redis.close();
  });
  await redis.prepared;
  const counters = new RedisCounters(redis, { guard, onFailure, local: new MemoryCounters(systemClock) });
  return { redis, guard, counters, entries: new RedisEntries(redis, guard), metrics, lines };
}

type Connected = Awaited<ReturnType<typeof connected>>;

export async function take({ counters }: Connected, hits: readonly Hit[] = [hit()], cost = 1): Promise<Decision> {
  return counters.take(hits, cost);
}
