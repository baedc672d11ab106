/**
 * This module computes how long to wait before a failed operation is tried again: after each failure twice as long, up to a
 * limit.
 */

export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Returns the time to wait in milliseconds. `failures` counts the failures in a row before this one; 0 gives `firstMs`. */
export function backOffMs({ firstMs, longestMs }: BackOff, failures: number): number {
  return Math.min(longestMs, firstMs * 2 ** failures);
}
