/**
 * Exports traces with OpenTelemetry, as OTLP over HTTP. The packages of OpenTelemetry are loaded only if the config has a
 * `tracing` block. This module decides once for each request whether it is recorded. For a request that is not recorded, it
 * only draws a random number, and makes a `traceparent` if the request has none.
 */
import type { Context as OtelContext, Span as OtelSpan, Tracer } from '@opentelemetry/api';
import type { SpanExporter } from '@opentelemetry/sdk-trace-base';
import { randomId } from '../base/random-id.js';
import type { Resource } from '../base/resources.js';
import type { Span, SpanAttributes } from '../base/span.js';
import type { HeldCounter } from './held-counters.js';
import type { Log } from './log.js';

export interface TracingSettings {
  /** The base URL of the receiver, such as `http://127.0.0.1:4318`. */
  readonly otlp: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The share of requests that are recorded, from 0 to 1. */
  readonly sample: number;
  readonly serviceName: string;
}

export interface TracingOptions {
  readonly log: Log;
  /** Counts the spans that were exported. */
  readonly exported: HeldCounter;
  /** Counts the spans that could not be exported. */
  readonly failed: HeldCounter;
}

/** The trace of one request. */
export interface RequestTrace {
  readonly traceId: string;
  /** The value of the header `traceparent` for calls to upstreams. */
  readonly traceparent: string;
  /** Undefined if the request is not recorded. */
  readonly span: Span | undefined;
}

export interface Incoming {
  /** The `traceparent` of the request. Undefined if there is no valid one. */
  readonly traceparent: string | undefined;
  readonly requestId: string;
  /** True if the caller decides whether the request is recorded, which only trusted proxies may. */
  readonly trustsParent: boolean;
}

/** The time that an export may take, and that the end of the process may wait for the last one, in milliseconds. */
const TIMEOUT_MS = 5000;
/** The most spans that wait for an export. Further ones are dropped. */
const MOST_WAITING = 2048;
/** The most characters of an attribute of a span. Longer values are cut. */
const ATTRIBUTE_CHARACTERS = 256;

export class Tracing implements Resource {
  /** Resolves when the packages of OpenTelemetry are loaded, so that requests can be recorded. */
  readonly ready: Promise<void>;
  private recorder: Recorder | undefined;

  constructor(
    private readonly settings: TracingSettings,
    options: TracingOptions,
  ) {
    this.ready = createRecorder(settings, options).then((recorder) => {
      this.recorder = recorder;
    });
  }

  trace({ traceparent, requestId, trustsParent }: Incoming): RequestTrace {
    const { sample } = this.settings;
    const isRecorded =
      trustsParent && traceparent !== undefined ? isSampled(traceparent) : sample >= 1 || Math.random() < sample;
    if (isRecorded && this.recorder !== undefined) {
      const span = this.recorder.begin(traceparent);
      return { traceId: span.traceparent.slice(3, 35), traceparent: span.traceparent, span };
    }
    if (traceparent !== undefined) return { traceId: traceparent.slice(3, 35), traceparent, span: undefined };
    const begun = unrecorded(requestId) ?? unrecorded(randomId())!;
    return { traceId: begun.slice(3, 35), traceparent: begun, span: undefined };
  }

  async close(): Promise<void> {
    await this.ready;
    await this.recorder?.shutdown();
  }
}

/** True if the flags of a `traceparent` say that the caller records the trace (W3C Trace Context §3.2.2.5). */
function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(53, 55), 16) & 1) === 1;
}

/** The buffer in which {@link unrecorded} writes a `traceparent`: version, trace, span and flags. */
const text = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`);
/** The offsets of the trace id and the span id in a `traceparent`. */
const [TRACE_AT, SPAN_AT] = [3, 36];
const DASH = 0x2d;

/**
 * Returns a `traceparent` for a request that is not recorded. The trace id has the 32 digits of `uuid`, the span id the last 16
 * of them. Undefined if `uuid` is not a UUID in lower case, or if its last 16 digits are zero. Many requests need one, so all
 * share one buffer.
 */
function unrecorded(uuid: string): string | undefined {
  if (uuid.length !== 36) return undefined;
  let digits = 0;
  let isZero = true;
  for (let i = 0; i < 36; i++) {
    const code = uuid.charCodeAt(i);
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (code !== DASH) return undefined;
      continue;
    }
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return undefined;
    text[TRACE_AT + digits] = code;
    if (digits >= 16) {
      text[SPAN_AT - 16 + digits] = code;
      isZero &&= code === 0x30;
    }
    digits++;
  }
  // Neither the trace id nor the span id may be zero (W3C Trace Context §3.2.2).
  return isZero ? undefined : text.toString('latin1');
}

interface Recorder {
  /** Begins the span of a request, inside of the caller's span that `traceparent` names. Undefined begins a new trace. */
  begin(traceparent: string | undefined): Span;
  /** Exports the spans that wait. It never rejects. */
  shutdown(): Promise<void>;
}

async function createRecorder(
  { otlp, headers, serviceName }: TracingSettings,
  options: TracingOptions,
): Promise<Recorder> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({
    url: `${otlp.replace(/\/$/, '')}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: TIMEOUT_MS,
  });
  const processor = new sdk.BatchSpanProcessor(counted(exporter, options), {
    maxQueueSize: MOST_WAITING,
    exportTimeoutMillis: TIMEOUT_MS,
  });
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'process.pid': process.pid }),
    spanProcessors: [processor],
    spanLimits: { attributeValueLengthLimit: ATTRIBUTE_CHARACTERS },
  });
  const tracer = provider.getTracer('protogate');
  const kinds = { call: api.SpanKind.CLIENT, internal: api.SpanKind.INTERNAL };
  const { ROOT_CONTEXT, SpanStatusCode, trace } = api;

  class Recorded implements Span {
    readonly traceparent: string;
    private readonly within: OtelContext;

    constructor(private readonly span: OtelSpan) {
      const { traceId, spanId } = span.spanContext();
      this.traceparent = `00-${traceId}-${spanId}-01`;
      this.within = trace.setSpan(ROOT_CONTEXT, span);
    }

    child(name: string, kind: keyof typeof kinds, attributes: SpanAttributes = {}): Span {
      return new Recorded(tracer.startSpan(name, { kind: kinds[kind], attributes }, this.within));
    }

    set(attributes: SpanAttributes): void {
      this.span.setAttributes(attributes);
    }

    rename(name: string): void {
      this.span.updateName(name);
    }

    end(failure?: string): void {
      if (failure !== undefined) {
        this.span.setAttribute('error.type', failure);
        this.span.setStatus({ code: SpanStatusCode.ERROR });
      }
      this.span.end();
    }
  }

  return {
    begin: (traceparent) => new Recorded(beginRequest(tracer, contextOf(traceparent))),
    shutdown: () => provider.shutdown().catch(() => {}),
  };

  function beginRequest(from: Tracer, parent: OtelContext): OtelSpan {
    return from.startSpan('request', { kind: api.SpanKind.SERVER }, parent);
  }

  function contextOf(traceparent: string | undefined): OtelContext {
    if (traceparent === undefined) return ROOT_CONTEXT;
    const [traceId, spanId] = [traceparent.slice(3, 35), traceparent.slice(36, 52)];
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1, isRemote: true });
  }
}

/** Wraps an exporter: counts the spans it exports or loses, and logs when it begins to fail and when it works again. */
function counted(exporter: SpanExporter, { log, exported, failed }: TracingOptions): SpanExporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const fails = result.code !== 0;
        (fails ? failed : exported).count += spans.length;
        if (fails && !isFailing) log.warn({ err: result.error }, 'traces cannot be exported');
        if (!fails && isFailing) log.info({}, 'traces are exported again');
        isFailing = fails;
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
