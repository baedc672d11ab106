/**
 * Deadlines: points in time, and whose they are. A call runs until the earliest of those that apply. When that one passes,
 * its owner decides what it says of the upstream: one that misses the route's deadline is too slow, one that misses the
 * 10 ms of a client may be as fast as ever.
 */

/**
 * `client`: grpc-timeout or x-request-timeout. `route`: what the gateway's owner gives a call, in the method's policy, its
 * upstream or `limits.requestTimeout`. `step`: what a step of an aggregate may take.
 */
export type DeadlineOwner = 'client' | 'route' | 'step';

export interface Deadline {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly owner: DeadlineOwner;
}

/** The earliest of some deadlines, of equal ones the first that is given; `undefined` means none. */
export function earliest(...deadlines: readonly (Deadline | undefined)[]): Deadline | undefined {
  let least: Deadline | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (least === undefined || deadline.at < least.at)) least = deadline;
  }
  return least;
}

/** `afterMs` from `now`; none where there is no limit. */
export function deadlineAfter(afterMs: number | undefined, now: number, owner: DeadlineOwner): Deadline | undefined {
  return afterMs === undefined ? undefined : { at: now + afterMs, owner };
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** `grpc-timeout` (at most 8 digits and a unit; gRPC: PROTOCOL-HTTP2.md) → milliseconds, or undefined if malformed. */
export function parseGrpcTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
}

/** `x-request-timeout` (seconds, decimal: `1`, `0.25`) → milliseconds, or undefined if malformed. */
export function parseRequestTimeout(text: string): number | undefined {
  return /^\d{1,8}(\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : undefined;
}
