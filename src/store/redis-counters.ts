/**
 * Counters in Redis, which several gateways share. One atomic script counts on the clock of Redis, and computes as `window.ts`
 * does. In a Cluster each counter is checked by a request of its own, and the counts are taken back if one of them refuses.
 * `onFailure` says what happens while Redis does not answer.
 */
import { createHash } from 'node:crypto';
import { gatewayError } from '../status/status-error.js';
import type { Counters, Decision, Hit } from './counters.js';
import { type StoreGuard, UNANSWERED } from './guard.js';
import type { RedisClient, Script } from './redis.js';
import { type LimitState, limitStateOf } from './window.js';

/**
 * The behaviour while the store does not answer. `local`: this process counts by itself. `open`: all requests are admitted.
 * `closed`: all requests are answered with 503.
 */
export type OnStoreFailure = 'local' | 'open' | 'closed';

export interface RedisCountersOptions {
  readonly guard: StoreGuard;
  readonly onFailure: OnStoreFailure;
  readonly local: Counters;
}

/**
 * A Lua function that both scripts use. It returns the three numbers of a counter, or nil. A value that another program has
 * written is ignored, whatever its type. So are numbers of more than 15 digits, which would not be exact.
 */
const READ = `
local function read(key)
  local value = redis.pcall('GET', key)
  if type(value) ~= 'string' then return nil end
  local s, c, p = string.match(value, '^(%d+) (%d+) (%d+)$')
  if not s or math.max(#s, #c, #p) > 15 then return nil end
  return tonumber(s), tonumber(c), tonumber(p)
end
`;

/**
 * The script that counts. KEYS are the counters. ARGV has the cost, and then for each counter its limit, its period in
 * milliseconds, and 1 if it is enforced. The value of a counter has the form "start current previous".
 */
const TAKE = `${READ}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cost = tonumber(ARGV[1])
local admitted = 1
local windows = {}
for i, key in ipairs(KEYS) do
  local limit, period = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local start, current, previous = now, 0, 0
  local s, c, p = read(key)
  if s then
    local age = now - s
    if age >= 0 and age < period then
      start, current, previous = s, c, p
    elseif age >= period and age < 2 * period then
      start, previous = s + period, c
    end
  end
  local passed = current + previous * (start + period - now) / period + cost <= limit
  if not passed and ARGV[3 * i + 1] == '1' then admitted = 0 end
  windows[i] = { start, current, previous, passed and 1 or 0 }
end
for i, window in ipairs(windows) do
  if admitted == 1 then
    window[2] = window[2] + cost
    local value = string.format('%.0f %.0f %.0f', window[1], window[2], window[3])
    redis.call('SET', KEYS[i], value, 'PX', math.max(1, math.ceil(window[1] + 2 * tonumber(ARGV[3 * i]) - now)))
  end
end
return { now, admitted, windows }
`;

/** The script that takes counts back. KEYS are the counters, and ARGV has the cost. */
const UNDO = `${READ}
for _, key in ipairs(KEYS) do
  local s, c, p = read(key)
  if s then
    redis.call('SET', key, string.format('%.0f %.0f %.0f', s, math.max(0, c - ARGV[1]), p), 'KEEPTTL')
  end
end
`;

const NOTHING = () => {};

export class RedisCounters implements Counters {
  private readonly takeScript: Script;
  private readonly undo: Script;

  constructor(
    private readonly redis: RedisClient,
    private readonly options: RedisCountersOptions,
  ) {
    this.takeScript = redis.script('protogateTake', TAKE);
    this.undo = redis.script('protogateUndo', UNDO);
  }

  take(hits: readonly Hit[], cost: number): Decision | Promise<Decision> {
    const { guard } = this.options;
    if (guard.down) return this.withoutStore(hits, cost);
    return guard
      .ask(() => (this.redis.sharded ? this.takeEach(hits, cost) : this.takeAll(hits, cost)))
      .then((decision) => (decision === UNANSWERED ? this.withoutStore(hits, cost) : decision));
  }

  /** Does nothing, because the code that opened the Redis connection closes it. */
  async close(): Promise<void> {}

  private async takeAll(hits: readonly Hit[], cost: number): Promise<Decision> {
    const keys = hits.map(keyOf);
    const limits = hits.flatMap(({ rule }) => [rule.limit, rule.periodMs, rule.enforce ? 1 : 0]);
    const reply = (await this.takeScript(keys, [cost, ...limits])) as Reply;
    const [now, admitted, windows] = reply;
    const limitStates = hits.map(({ rule }, i): LimitState => {
      const [start = 0, current = 0, previous = 0, passed = 0] = windows[i] ?? [];
      return limitStateOf(rule, { start, current, previous }, now, cost, passed === 1);
    });
    return { admitted: admitted === 1, limitStates, undo: () => this.giveBack(keys, cost) };
  }

  private async takeEach(hits: readonly Hit[], cost: number): Promise<Decision> {
    const decisions = await Promise.all(hits.map((hit) => this.takeAll([hit], cost)));
    const admitted = decisions.every((decision) => decision.admitted);
    const undo = () => {
      for (const decision of decisions) if (decision.admitted) decision.undo();
    };
    if (!admitted) undo();
    return { admitted, limitStates: decisions.flatMap(({ limitStates }) => limitStates), undo };
  }

  private giveBack(keys: readonly string[], cost: number): void {
    void this.options.guard.ask(() => this.undo(keys, [cost]));
  }

  private withoutStore(hits: readonly Hit[], cost: number): Decision | Promise<Decision> {
    switch (this.options.onFailure) {
      case 'local':
        return this.options.local.take(hits, cost);
      case 'open':
        return { admitted: true, limitStates: [], undo: NOTHING };
      case 'closed':
        throw gatewayError('LIMITS_UNAVAILABLE', 'rate limits cannot be checked at the moment; try again later');
    }
  }
}

/**
 * The reply of the counting script: the present time in milliseconds, 1 if the request is admitted, and for each counter its
 * start, its current and its previous count, and 1 if its limit is not exceeded.
 */
type Reply = readonly [number, number, readonly (readonly number[])[]];

/** Returns the key of a counter in Redis. It is a digest, so that Redis does not contain names or addresses of callers. */
function keyOf({ rule, key }: Hit): string {
  return `protogate:limit:${createHash('sha256').update(`${rule.id}\n${key}`).digest('base64url')}`;
}
