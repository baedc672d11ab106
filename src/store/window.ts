/**
 * A sliding window for rate limits, with two counts: that of the current window, and that of the window before. The second one
 * counts less and less while the current window passes, because its requests are assumed to be spread evenly. In the window
 * that begins with the first request, exactly `limit` requests are admitted. A key needs only these numbers, however large the
 * limit is.
 */
export interface Window {
  /** The start of the current window, in milliseconds on the clock of the store. */
  start: number;
  current: number;
  previous: number;
}

/** A rate limit of the config: its name, limit and period. */
export interface LimitRule {
  /** The name of the limit in the config. Limits with the same id share their counters. */
  readonly id: string;
  readonly limit: number;
  readonly periodMs: number;
  /** False if the limit only reports that it is exceeded, and refuses no request. */
  readonly enforce: boolean;
}

/** The state of one limit after it was asked about a request. */
export interface LimitState {
  readonly rule: LimitRule;
  /** False if the request exceeds this limit. It may be admitted nevertheless if the limit is not enforced. */
  readonly passed: boolean;
  /** The number of whole requests that would be admitted now. */
  readonly remaining: number;
  /**
   * The milliseconds until more requests are admitted. If `remaining` is too small for the next request, it is the time until
   * that would be admitted; otherwise it is the time until the window ends.
   */
  readonly resetMs: number;
}

export function newWindow(now: number): Window {
  return { start: now, current: 0, previous: 0 };
}

/** Moves the window forward, so that it contains `now`. */
export function roll(window: Window, now: number, periodMs: number): void {
  const age = now - window.start;
  if (age >= 2 * periodMs || age < 0) {
    window.start = now;
    window.current = 0;
    window.previous = 0;
  } else if (age >= periodMs) {
    window.start += periodMs;
    window.previous = window.current;
    window.current = 0;
  }
}

/** Returns the number of requests that count at `now`: those of the current window, and a part of those of the one before. */
export function used({ start, current, previous }: Window, now: number, periodMs: number): number {
  return current + (previous * (start + periodMs - now)) / periodMs;
}

export function hasRoom(window: Window, now: number, rule: LimitRule, cost: number): boolean {
  return used(window, now, rule.periodMs) + cost <= rule.limit;
}

/**
 * Returns the state of a limit. `window` already includes the request if it was admitted. `passed` is false if the request
 * exceeds the limit.
 */
export function limitStateOf(rule: LimitRule, window: Window, now: number, cost: number, passed: boolean): LimitState {
  const { limit, periodMs } = rule;
  const remaining = Math.max(0, Math.floor(limit - used(window, now, periodMs)));
  const wanted = passed ? 1 : cost;
  const resetMs = remaining >= wanted ? window.start + periodMs - now : msUntilRoom(rule, window, now, wanted);
  return { rule, passed, remaining, resetMs };
}

/** Returns the milliseconds until a request with this `cost` would be admitted, if no other request comes. */
function msUntilRoom({ limit, periodMs }: LimitRule, { start, current, previous }: Window, now: number, cost: number) {
  const sinceStart = now - start;
  if (current + cost <= limit) return fadeMs(previous, limit - cost - current, periodMs) - sinceStart;
  return periodMs + fadeMs(current, Math.max(0, limit - cost), periodMs) - sinceStart;
}

/**
 * Returns the milliseconds after which `counted` requests of the window before count as at most `room`, measured from the start
 * of the window that follows it.
 */
function fadeMs(counted: number, room: number, periodMs: number): number {
  return counted <= room ? 0 : Math.ceil((periodMs * (counted - room)) / counted);
}
