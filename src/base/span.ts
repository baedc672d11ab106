/** A part of a trace: a request, a call, or a step of an aggregate. `telemetry/tracing.ts` makes them. */
export interface Span {
  /** The value of the header `traceparent` for a call inside of this span (W3C Trace Context §3.2). */
  readonly traceparent: string;
  /**
   * Begins a span inside of this one. A span of the kind `call` is for a call to another process, and one of the kind
   * `internal` is for work in this process.
   */
  child(name: string, kind: 'call' | 'internal', attributes?: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  rename(name: string): void;
  /** Ends the span. `failure` says in one word why it failed. It is absent after a success. */
  end(failure?: string): void;
}

/** The attributes of a span by their names. Those that are undefined are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;
