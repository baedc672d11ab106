/** A span of a trace (OpenTelemetry): a request, a call, or a step of an aggregate. `telemetry/tracing.ts` makes spans. */
export interface Span {
  /** The value of the header `traceparent` for a call that is part of this span (W3C Trace Context §3.2). */
  readonly traceparent: string;
  /** Begins a child span. The kind is `call` for a call to another process, and `internal` for work in this process. */
  child(name: string, kind: 'call' | 'internal', attributes?: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  rename(name: string): void;
  /** Ends the span. `failure` is one word that says why it failed; it is absent after a success. */
  end(failure?: string): void;
}

/** The attributes of a span by their names. Those that are undefined are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;
