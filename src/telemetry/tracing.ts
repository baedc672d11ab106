/**
 * Exports traces with OpenTelemetry, as OTLP over HTTP. The packages of OpenTelemetry are loaded only if the config has a
 * `tracing` block. This module decides once for each request whether it is recorded. For a request that is not recorded, it
 * only draws a random number, and makes a `traceparent` if the request has none.
 */
import type { Attributes, HrTime, SpanContext, SpanKind, SpanStatus } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { randomDigits, randomId } from '../base/random-id.js';
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
  const resource = resourceFromAttributes({ 'service.name': serviceName, 'process.pid': process.pid });
  const instrumentationScope = { name: 'protogate' };
  const { INTERNAL: internal, SERVER: server, CLIENT: call } = api.SpanKind;
  const kinds = { internal, call };
  const { ERROR, UNSET } = api.SpanStatusCode;
  const none: never[] = [];

  /**
   * A span as the exporter reads it. It waits for seconds, and the garbage collection moves what waits. So it holds few objects
   * of its own, which makes it several times cheaper than a span of the SDK.
   */
  class Recorded implements Span, ReadableSpan {
    readonly traceparent: string;
    readonly attributes: Attributes = {};
    readonly parentSpanContext?: SpanContext;
    readonly resource = resource;
    readonly instrumentationScope = instrumentationScope;
    readonly links = none;
    readonly events = none;
    readonly droppedAttributesCount = 0;
    readonly droppedEventsCount = 0;
    readonly droppedLinksCount = 0;
    ended = false;
    private readonly context: SpanContext;
    private readonly startedAt = performance.now();
    private endedAt = 0;
    private failed = false;

    /** `epoch` is the time in Unix milliseconds at which `performance.now()` was zero. */
    constructor(
      public name: string,
      readonly kind: SpanKind,
      parent: SpanContext | undefined,
      private readonly epoch: number,
    ) {
      const [traceId, spanId] = [parent?.traceId ?? randomDigits(16), randomDigits(8)];
      this.context = { traceId, spanId, traceFlags: 1 };
      this.traceparent = `00-${traceId}-${spanId}-01`;
      if (parent !== undefined) this.parentSpanContext = parent;
    }

    child(name: string, kind: keyof typeof kinds, attributes: SpanAttributes = {}): Span {
      const child = new Recorded(name, kinds[kind], this.context, this.epoch);
      child.set(attributes);
      return child;
    }

    set(attributes: SpanAttributes): void {
      for (const name in attributes) {
        const value = attributes[name];
        if (value === undefined) continue;
        this.attributes[name] = typeof value === 'string' ? value.slice(0, ATTRIBUTE_CHARACTERS) : value;
      }
    }

    rename(name: string): void {
      this.name = name;
    }

    end(failure?: string): void {
      if (this.ended) return;
      if (failure !== undefined) {
        this.failed = true;
        this.set({ 'error.type': failure });
      }
      this.endedAt = performance.now();
      this.ended = true;
      processor.onEnd(this);
    }

    spanContext(): SpanContext {
      return this.context;
    }

    get startTime(): HrTime {
      return timeOf(this.epoch + this.startedAt);
    }

    get endTime(): HrTime {
      return timeOf(this.epoch + this.endedAt);
    }

    get duration(): HrTime {
      return timeOf(this.endedAt - this.startedAt);
    }

    get status(): SpanStatus {
      return { code: this.failed ? ERROR : UNSET };
    }
  }

  return {
    begin(traceparent) {
      const caller = traceparent === undefined ? undefined : callerOf(traceparent);
      return new Recorded('request', server, caller, Date.now() - performance.now());
    },
    shutdown: () => processor.shutdown().catch(() => {}),
  };
}

/** Returns the context of the caller's span. */
function callerOf(traceparent: string): SpanContext {
  return { traceId: traceparent.slice(3, 35), spanId: traceparent.slice(36, 52), traceFlags: 1, isRemote: true };
}

/** Returns milliseconds as whole seconds and nanoseconds. */
function timeOf(ms: number): HrTime {
  return [Math.trunc(ms / 1000), Math.round((ms % 1000) * 1e6)];
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
