/** A part of a trace: a request, a call, or a step of an aggregate. `telemetry/tracing.ts` makes them. */
export interface Span {
  /** The value of the header `traceparent` for what is called inside of this span (W3C Trace Context §3.2). */
  readonly traceparent: string;
  /** Begins a span inside of this one. A `call` leaves the process; what is `internal` does not. */
  child(name: string, kind: 'call' | 'internal', attributes?: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  rename(name: string): void;
  /** Ends the span. `failure` says in one word why it failed. It is absent after a success. */
  end(failure?: string): void;
}

/** The attributes of a span by their names. Those that are undefined are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;
