/**
 * Measures each try of a call: for the metrics, and for the record of the request. It is the layer next to the transport, so
 * that retries are measured one by one.
 */
import type { Clock } from '../base/clock.js';
import type { Call, CallRequest, CallResponse, Interceptor } from '../call/call.js';
import type { Attempt } from '../call/call-record.js';
import { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';
import type { EndpointMetrics, RpcMetrics } from '../telemetry/call-metrics.js';

export interface Observer {
  /** The series of the called rpc. */
  readonly rpc: RpcMetrics;
  /** The series of the upstream's endpoints. */
  readonly endpoints: EndpointMetrics;
  readonly clock: Clock;
}

export function observed(observer: Observer): Interceptor {
  return (next) => (request) => new Observation(observer, request).of(next);
}

class Observation {
  private readonly attempt: Attempt = { endpoint: undefined };
  private readonly begunAt: number;

  constructor(
    private readonly observer: Observer,
    private readonly request: CallRequest,
  ) {
    this.begunAt = observer.clock.monotonic();
    request.context.record?.begin(this.begunAt);
  }

  of(next: Call): Promise<CallResponse> {
    return next({ ...this.request, attempt: this.attempt }).then(this.answered, this.failed);
  }

  private readonly answered = (response: CallResponse): CallResponse => {
    const { record } = this.request.context;
    // The access log ends the measurement of a stream, because nothing here sees its last message.
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
    rpc.observe(code, seconds);
    const { record } = this.request.context;
    record?.end(now);
    if (endpoint === undefined) return;
    endpoints.observe(endpoint, code, seconds);
    if (record !== undefined) record.endpoint = endpoint;
  }
}
