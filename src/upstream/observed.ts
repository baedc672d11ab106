/**
 * Measures each try of a call, for the metrics and for the log entry of the request. It is the last layer before the transport,
 * so each retry is measured as a call of its own.
 */
import type { Clock } from '../base/clock.js';
import type { Span } from '../base/span.js';
import type { Call, CallRequest, CallResponse, Interceptor } from '../call/call.js';
import type { Attempt } from '../call/call-record.js';
import type { Metadata } from '../call/metadata.js';
import { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';
import type { EndpointMetrics, RpcMetrics } from '../telemetry/call-metrics.js';

export interface Observer {
  /** The full name of the rpc: `shop.v1.Orders/GetOrder`. */
  readonly name: string;
  /** The metrics of the called rpc. */
  readonly rpc: RpcMetrics;
  /** The metrics of the upstream's endpoints. */
  readonly endpoints: EndpointMetrics;
  readonly clock: Clock;
}

export function observed(observer: Observer): Interceptor {
  return (next) => (request) => new Observation(observer, request).of(next);
}

class Observation {
  private readonly attempt: Attempt = { endpoint: undefined };
  private readonly begunAt: number;
  private readonly span: Span | undefined;

  constructor(
    private readonly observer: Observer,
    private readonly request: CallRequest,
  ) {
    this.begunAt = observer.clock.monotonic();
    const { record, span } = request.context;
    record?.begin(this.begunAt);
    this.span = span && beginCall(span, observer.name, record?.attempts);
  }

  of(next: Call): Promise<CallResponse> {
    const { request, attempt, span } = this;
    const metadata = span === undefined ? request.metadata : inSpan(request.metadata, span);
    return next({ ...request, metadata, attempt }).then(this.answered, this.failed);
  }

  private readonly answered = (response: CallResponse): CallResponse => {
    const { record } = this.request.context;
    // The access log ends the measurement of a stream, because this layer does not see the last message of the stream.
    if (record !== undefined && this.request.method.serverStreaming) record.endStream = (code) => this.end(code);
    else this.end('OK');
    return response;
  };

  private readonly failed = (error: unknown): never => {
    this.end(error instanceof StatusError ? Code[error.code] : 'INTERNAL');
    throw error;
  };

  private end(code: string): void {
    const { rpc, endpoints, clock } = this.observer;
    const now = clock.monotonic();
    const seconds = (now - this.begunAt) / 1000;
    const { endpoint } = this.attempt;
    if (this.span !== undefined) endCall(this.span, code, endpoint);
    rpc.observe(code, seconds);
    const { record } = this.request.context;
    record?.end(now);
    if (endpoint === undefined) return;
    endpoints.observe(endpoint, code, seconds);
    if (record !== undefined) record.endpoint = endpoint;
  }
}

/** Begins the tracing span of a call. Its attributes have the names of OpenTelemetry's semantic conventions for gRPC. */
function beginCall(parent: Span, name: string, attempt: number | undefined): Span {
  const [service, method] = name.split('/');
  return parent.child(name, 'call', {
    'rpc.system': 'grpc',
    'rpc.service': service,
    'rpc.method': method,
    'protogate.call': attempt,
  });
}

function endCall(span: Span, code: string, endpoint: string | undefined): void {
  span.set({ 'rpc.grpc.status_code': Code[code as keyof typeof Code], 'server.address': endpoint });
  span.end(code === 'OK' ? undefined : code);
}

/** Returns the metadata with a `traceparent` that names the span, so that the spans of the upstream become its children. */
function inSpan(metadata: Metadata, { traceparent }: Span): Metadata {
  return [...metadata.filter(([key]) => key !== 'traceparent'), ['traceparent', traceparent]];
}
