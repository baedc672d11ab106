/**
 * This module implements a sliding window with two counters: the count of the current window, and that of the previous one,
 * whose weight decreases while the current window passes. In the window that begins with a limit's first request, exactly
 * `limit` requests pass. Later, the requests of the previous window are assumed to be spread evenly. A key needs two numbers,
 * however large its limit is.
 */
export interface Window {
  /** The start of the current window, in milliseconds of the store's clock. */
  start: number;
  current: number;
  previous: number;
}

/** The settings of a counter: its name, limit and period. */
export interface LimitRule {
  /** The name of the declaration. Counters with the same id are the same counter. */
  readonly id: string;
  readonly limit: number;
  readonly periodMs: number;
  /** False if the limit only counts and refuses no request. */
  readonly enforce: boolean;
}

/** The state of one limit after a request was admitted or refused. */
export interface LimitState {
  readonly rule: LimitRule;
  /** False if this limit had no room. A limit that is not enforced admits the request nevertheless. */
  readonly passed: boolean;
  /** The number of whole requests that would pass now. */
  readonly remaining: number;
  /**
   * The time in milliseconds until there is more room. If nothing remains, it is the time until the next request would
   * pass. Otherwise it is the time until the window ends.
   */
  readonly resetMs: number;
}

export function newWindow(now: number): Window {
  return { start: now, current: 0, previous: 0 };
}

/** Moves the window forward to the one that contains `now`. */
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

/** Returns the weighted count of a window that was moved to `now`. */
export function used({ start, current, previous }: Window, now: number, periodMs: number): number {
  return current + (previous * (start + periodMs - now)) / periodMs;
}

export function hasRoom(window: Window, now: number, rule: LimitRule, cost: number): boolean {
  return used(window, now, rule.periodMs) + cost <= rule.limit;
}

/** Returns the state of a limit. The window already contains the request, if it was admitted. */
export function limitStateOf(rule: LimitRule, window: Window, now: number, cost: number, passed: boolean): LimitState {
  const { limit, periodMs } = rule;
  const remaining = Math.max(0, Math.floor(limit - used(window, now, periodMs)));
  const wanted = passed ? 1 : cost;
  const resetMs = remaining >= wanted ? window.start + periodMs - now : msUntilRoom(rule, window, now, wanted);
  return { rule, passed, remaining, resetMs };
}

/** Returns the milliseconds until there is room for `cost`, if no other request comes. */
function msUntilRoom({ limit, periodMs }: LimitRule, { start, current, previous }: Window, now: number, cost: number) {
  const sinceStart = now - start;
  if (current + cost <= limit) return fadeMs(previous, limit - cost - current, periodMs) - sinceStart;
  return periodMs + fadeMs(current, Math.max(0, limit - cost), periodMs) - sinceStart;
}

/** Returns the age in milliseconds at which `counted` requests of the previous window weigh no more than `room`. */
function fadeMs(counted: number, room: number, periodMs: number): number {
  return counted <= room ? 0 : Math.ceil((periodMs * (counted - room)) / counted);
}
