/** Deadlines: points in time (ms since the epoch). Rule 30: a call runs until the earliest of those that apply. */

/** The earliest of some deadlines; `undefined` means none. */
export function earliest(...deadlines: readonly (number | undefined)[]): number | undefined {
  let least: number | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (least === undefined || deadline < least)) least = deadline;
  }
  return least;
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
