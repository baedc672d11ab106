/** One try of a call. */
export interface Attempt {
  /** The address that was chosen for this try, for operators. Undefined as long as none is chosen. */
  endpoint: string | undefined;
}

/**
 * A CallRecord says how the calls of one request went: how often an upstream was called, where, and how long the request
 * waited for upstreams. The layers of a call write it. The access log and the metrics read it when the request has ended.
 */
export class CallRecord {
  /** The number of calls that were sent or tried, with retries and with all steps of an aggregate. */
  attempts = 0;
  /** The endpoint of the last call. Undefined when no endpoint was chosen. */
  endpoint: string | undefined;
  /** The result of the look into the cache of the route. Undefined when the route has none. */
  cache: string | undefined;
  /** The time that the gateway has waited for the body of the request, in milliseconds. */
  bodyMs = 0;
  /** Ends the measurement of a streamed answer with the name of its gRPC code. Undefined when no stream is open. */
  endStream: ((code: string) => void) | undefined;
  private running = 0;
  private since = 0;
  private waitedMs = 0;

  /** Notes that a call begins. `now` is a time of the monotonic clock. */
  begin(now: number): void {
    this.attempts++;
    if (this.running++ === 0) this.since = now;
  }

  end(now: number): void {
    if (--this.running === 0) this.waitedMs += now - this.since;
  }

  /** Returns for how many milliseconds at least one call was running. */
  upstreamMs(now: number): number {
    return this.running > 0 ? this.waitedMs + now - this.since : this.waitedMs;
  }
}
