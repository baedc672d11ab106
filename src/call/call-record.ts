/** One attempt to make a call. A call that is retried has several. */
export interface Attempt {
  /** The address of the server that was chosen for this attempt, for operators. Undefined as long as none is chosen. */
  endpoint: string | undefined;
}

/**
 * A CallRecord says how the calls of one request went: how often an upstream was called, where, and how long the request
 * waited for upstreams. The layers of a call write it. The access log and the metrics read it when the request has ended.
 */
export class CallRecord {
  /** The number of calls that were sent or tried, with retries and with all steps of an aggregate. */
  attempts = 0;
  /** The address of the server that was called last. Undefined when none was chosen. */
  endpoint: string | undefined;
  /** The result of the route's cache: `hit`, `stale`, `miss` or `bypass`. Undefined when the route has none. */
  cache: string | undefined;
  /** The time that the gateway has waited for the body of the request, in milliseconds. */
  bodyMs = 0;
  /**
   * Called with the name of the gRPC code when a streamed answer has ended, to record its duration. Undefined without a stream.
   */
  endStream: ((code: string) => void) | undefined;
  private running = 0;
  private since = 0;
  private waitedMs = 0;

  /** Notes that a call begins. `now` is the time of the monotonic clock, in milliseconds. */
  begin(now: number): void {
    this.attempts++;
    if (this.running++ === 0) this.since = now;
  }

  end(now: number): void {
    if (--this.running === 0) this.waitedMs += now - this.since;
  }

  /** Returns for how many milliseconds, up to `now`, at least one call was running. */
  upstreamMs(now: number): number {
    return this.running > 0 ? this.waitedMs + now - this.since : this.waitedMs;
  }
}
