/**
 * A histogram of durations. prom-client looks up a series by its labels for each value, which costs more than the rest
 * of a request's metrics together. Here each route or endpoint holds its own series, so nothing is looked up.
 */

/** The upper bounds of the buckets for requests and calls, in seconds: 1 ms to 30 s. */
export const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;

/** The upper bounds of the buckets for the gateway's own time, in seconds: 0.1 ms to 1 s. */
export const OVERHEAD_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
] as const;

/** An exemplar of OpenMetrics: the trace and the duration (`value`, in seconds) of one request that fell into a bucket. */
export interface Exemplar {
  readonly labelSet: { readonly trace_id: string };
  readonly value: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

export class Histogram {
  /** The number of values in each bucket. One more entry at the end counts the values above the last bound. */
  readonly counts: number[];
  /** The latest exemplar of each bucket. Undefined as long as no bucket has one. */
  exemplars: (Exemplar | undefined)[] | undefined;
  sum = 0;
  count = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Counts a duration in seconds. `traceId` is the trace in which the request is recorded; undefined if it is in none. */
  observe(seconds: number, traceId?: string): void {
    const { bounds, counts } = this;
    let index = 0;
    while (index < bounds.length && seconds > bounds[index]!) index++;
    counts[index]!++;
    this.sum += seconds;
    this.count++;
    if (traceId === undefined) return;
    this.exemplars ??= new Array(counts.length).fill(undefined);
    this.exemplars[index] = { labelSet: { trace_id: traceId }, value: seconds, timestamp: Date.now() / 1000 };
  }
}
