/**
 * A sliding window as two counters: what the running window has counted, and what the one before it had, which fades as
 * the running one grows old. Over any window that began with a limit's first request exactly `limit` pass; later the
 * estimate takes the requests of the window before as spread evenly. Two numbers a key, whatever the limit.
 */
export interface Window {
  /** When the running window began, in milliseconds of the store's clock. */
  start: number;
  current: number;
  previous: number;
}

/** What is counted, and how often. */
export interface LimitRule {
  /** Names the declaration: counters of the same id are the same. */
  readonly id: string;
  readonly limit: number;
  readonly periodMs: number;
  /** False: it counts and refuses nobody. */
  readonly enforce: boolean;
}

/** How one limit stands after a request was let in or refused. */
export interface Standing {
  readonly rule: LimitRule;
  /** False: this limit had no room. One that does not enforce lets the request in all the same. */
  readonly passed: boolean;
  /** Whole requests that would pass now. */
  readonly remaining: number;
  /** Until there is more: with nothing remaining when the next request would pass, otherwise when the window ends. */
  readonly resetMs: number;
}

export function newWindow(now: number): Window {
  return { start: now, current: 0, previous: 0 };
}

/** Moves the window on to the one that `now` lies in. */
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

/** What counts now, of a window that was rolled to `now`. */
export function used({ start, current, previous }: Window, now: number, periodMs: number): number {
  return current + (previous * (start + periodMs - now)) / periodMs;
}

export function hasRoom(window: Window, now: number, rule: LimitRule, cost: number): boolean {
  return used(window, now, rule.periodMs) + cost <= rule.limit;
}

/** Of a window that already holds what was let in. */
export function standingOf(rule: LimitRule, window: Window, now: number, cost: number, passed: boolean): Standing {
  const { limit, periodMs } = rule;
  const remaining = Math.max(0, Math.floor(limit - used(window, now, periodMs)));
  const wanted = passed ? 1 : cost;
  const resetMs = remaining >= wanted ? window.start + periodMs - now : msUntilRoom(rule, window, now, wanted);
  return { rule, passed, remaining, resetMs };
}

/** When the fading of what was counted makes room for `cost`, if nobody else asks. */
function msUntilRoom({ limit, periodMs }: LimitRule, { start, current, previous }: Window, now: number, cost: number) {
  const sinceStart = now - start;
  if (current + cost <= limit) return fadeMs(previous, limit - cost - current, periodMs) - sinceStart;
  return periodMs + fadeMs(current, Math.max(0, limit - cost), periodMs) - sinceStart;
}

/** How old a window must be for `counted` of the one before it to weigh no more than `room`. */
function fadeMs(counted: number, room: number, periodMs: number): number {
  return counted <= room ? 0 : Math.ceil((periodMs * (counted - room)) / counted);
}
