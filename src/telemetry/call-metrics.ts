/**
 * The metrics of calls to upstreams. Each attempt of a retried call counts as a call. The code that calls an rpc of an upstream
 * keeps the series of the rpc, so that a call looks nothing up.
 */
import type { Registry } from 'prom-client';
import { collectHistograms, type Labels } from './collected.js';
import { Histogram, REQUEST_BUCKETS } from './histogram.js';

/** The durations of the calls with the same labels, by the name of the gRPC code, such as `NOT_FOUND`. */
class Durations {
  private readonly byCode = new Map<string, Histogram>();

  constructor(private readonly labels: Labels) {}

  observe(code: string, seconds: number): void {
    let histogram = this.byCode.get(code);
    if (histogram === undefined) {
      histogram = new Histogram(REQUEST_BUCKETS);
      this.byCode.set(code, histogram);
    }
    histogram.observe(seconds);
  }

  *series() {
    for (const [code, value] of this.byCode) yield { labels: { ...this.labels, grpc_code: code }, value };
  }
}

/** The series of one upstream: one for each endpoint (address) and gRPC code. */
export class EndpointMetrics {
  private readonly endpoints = new Map<string, Durations>();
  /**
   * Returns the endpoints that the upstream has now. The series of other endpoints are dropped when the metrics are read. While
   * it is undefined, no series is dropped.
   */
  current: (() => ReadonlySet<string>) | undefined;

  constructor(private readonly upstream: string) {}

  observe(endpoint: string, code: string, seconds: number): void {
    let durations = this.endpoints.get(endpoint);
    if (durations === undefined) {
      durations = new Durations({ upstream: this.upstream, endpoint });
      this.endpoints.set(endpoint, durations);
    }
    durations.observe(code, seconds);
  }

  *series() {
    const current = this.current?.();
    if (current !== undefined) {
      for (const endpoint of this.endpoints.keys()) if (!current.has(endpoint)) this.endpoints.delete(endpoint);
    }
    for (const durations of this.endpoints.values()) yield* durations.series();
  }
}

export class CallMetrics {
  private readonly rpcs = new Set<Durations>();
  private readonly upstreams = new Set<EndpointMetrics>();

  constructor(registry: Registry) {
    const { rpcs, upstreams } = this;
    collectHistograms(
      registry,
      {
        name: 'protogate_upstream_duration_seconds',
        help: 'How long calls to upstreams took, in seconds. Each attempt of a retried call counts as a call. A stream lasts until its end.',
        labelNames: ['upstream', 'rpc', 'grpc_code'],
      },
      () => [...rpcs].flatMap((durations) => [...durations.series()]),
    );
    collectHistograms(
      registry,
      {
        name: 'protogate_endpoint_duration_seconds',
        help: 'How long calls to upstreams took, in seconds, by the endpoint (the address) that was called.',
        labelNames: ['upstream', 'endpoint', 'grpc_code'],
      },
      () => [...upstreams].flatMap((endpoints) => [...endpoints.series()]),
    );
  }

  /** Adds the series of an rpc of an upstream. */
  openRpc(upstream: string, rpc: string): Durations {
    const durations = new Durations({ upstream, rpc });
    this.rpcs.add(durations);
    return durations;
  }

  closeRpc(durations: Durations): void {
    this.rpcs.delete(durations);
  }

  /** Adds the series of the endpoints of an upstream. */
  openUpstream(upstream: string): EndpointMetrics {
    const endpoints = new EndpointMetrics(upstream);
    this.upstreams.add(endpoints);
    return endpoints;
  }

  closeUpstream(endpoints: EndpointMetrics): void {
    this.upstreams.delete(endpoints);
  }
}

export type RpcMetrics = Durations;
