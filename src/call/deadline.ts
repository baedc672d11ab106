/**
 * Deadlines are points in time that have an owner. A call runs until the earliest deadline that applies. When this
 * deadline passes, its owner decides what that means for the upstream: an upstream that misses the route's deadline is
 * too slow, one that misses a client's deadline of 10 ms may be as fast as ever.
 */

/**
 * The source of a deadline. `client`: the header grpc-timeout or x-request-timeout. `route`: the time-out in the
 * method's policy, of its upstream, or `limits.requestTimeout`. `step`: the time-out of a step of an aggregate, or of
 * the method that it calls.
 */
export type DeadlineOwner = 'client' | 'route' | 'step';

/** A point in time at which a call ends, and its owner. */
export interface Deadline {
  /** The time of the deadline in milliseconds since the epoch. */
  readonly at: number;
  readonly owner: DeadlineOwner;
}

/** Returns the earliest deadline; of equal ones, the first argument. Undefined when there is none. */
export function earliest(...deadlines: readonly (Deadline | undefined)[]): Deadline | undefined {
  let least: Deadline | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (least === undefined || deadline.at < least.at)) least = deadline;
  }
  return least;
}

/** Returns the deadline `afterMs` milliseconds after `now`; undefined when `afterMs` is undefined. */
export function deadlineAfter(afterMs: number | undefined, now: number, owner: DeadlineOwner): Deadline | undefined {
  return afterMs === undefined ? undefined : { at: now + afterMs, owner };
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Parses `grpc-timeout` (at most 8 digits and a unit; gRPC: PROTOCOL-HTTP2.md) into milliseconds. Undefined when it is
 * malformed.
 */
export function parseGrpcTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
}

/** Parses `x-request-timeout` (decimal seconds: `1`, `0.25`) into milliseconds. Undefined when it is malformed. */
export function parseRequestTimeout(text: string): number | undefined {
  return /^\d{1,8}(\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined;
}
