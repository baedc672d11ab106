/** How long to wait before something that failed is tried again: twice as long each time, up to a bound. */

export interface BackOff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Returns the time to wait in milliseconds. `failures` counts the failures in a row before this one; 0 gives `firstMs`. */
export function backOffMs({ firstMs, longestMs }: BackOff, failures: number): number {
  return Math.min(longestMs, firstMs * 2 ** failures);
}
