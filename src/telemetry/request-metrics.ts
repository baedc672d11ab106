/**
 * The metrics of requests. Each route keeps its own series, so a request does not have to find them by their labels. Labels
 * come from the schema and from short lists. The path of a request is in no label, and a method that Node does not know is
 * `OTHER`.
 */
import { METHODS } from 'node:http';
import type { Registry } from 'prom-client';
import { collectHistograms, collectNumbers, type Labels } from './collected.js';
import { Histogram, OVERHEAD_BUCKETS, REQUEST_BUCKETS } from './histogram.js';

/** The values of a request that has ended, as they are counted. */
export interface Ended {
  readonly method: string | undefined;
  readonly status: number;
  /** The source of the answer: an upstream, or the gateway itself, which also answers from its cache. */
  readonly source: 'gateway' | 'upstream';
  readonly durationMs: number;
  /** The gateway's own time in milliseconds. Undefined if it is not known, as for streams. */
  readonly gatewayMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The reason of an error that the gateway itself raised. Undefined if there was none. */
  readonly reason?: string | undefined;
  /** The trace in which the request is recorded. Undefined if it is not. */
  readonly traceId?: string | undefined;
}

const METHOD_NAMES: readonly string[] = [...METHODS, 'OTHER'];
const METHOD_INDEX: ReadonlyMap<string | undefined, number> = new Map(METHOD_NAMES.map((name, index) => [name, index]));
const OTHER = METHOD_NAMES.length - 1;
/** The number of keys of `durations` that one method takes: 1,000 statuses of three digits, with two sources each. */
const PER_METHOD = 2000;

/** The series of one route of a surface. */
export class RouteMetrics {
  /** The durations by method, status and source. `ended` makes one key of the three. */
  private readonly durations = new Map<number, Histogram>();
  private overhead: Histogram | undefined;
  private bytesIn = 0;
  private bytesOut = 0;
  /** The number of errors that the gateway itself has raised, by reason. */
  private reasons: Map<string, number> | undefined;

  constructor(private readonly labels: Labels) {}

  ended({ method, status, source, durationMs, gatewayMs, bytesIn, bytesOut, reason, traceId }: Ended): void {
    const methodIndex = METHOD_INDEX.get(method) ?? OTHER;
    const key = methodIndex * PER_METHOD + (status % 1000) * 2 + (source === 'gateway' ? 0 : 1);
    let durations = this.durations.get(key);
    if (durations === undefined) {
      durations = new Histogram(REQUEST_BUCKETS);
      this.durations.set(key, durations);
    }
    durations.observe(durationMs / 1000, traceId);
    if (gatewayMs !== undefined) {
      this.overhead ??= new Histogram(OVERHEAD_BUCKETS);
      this.overhead.observe(gatewayMs / 1000);
    }
    this.bytesIn += bytesIn;
    this.bytesOut += bytesOut;
    if (reason !== undefined) {
      this.reasons ??= new Map();
      this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
    }
  }

  *durationSeries() {
    for (const [key, value] of this.durations) {
      const method = METHOD_NAMES[Math.floor(key / PER_METHOD)]!;
      const code = String(Math.floor((key % PER_METHOD) / 2));
      const source = key % 2 === 0 ? 'gateway' : 'upstream';
      yield { labels: { ...this.labels, method, code, source }, value };
    }
  }

  *overheadSeries() {
    if (this.overhead !== undefined) yield { labels: this.labels, value: this.overhead };
  }

  *reasonSeries() {
    for (const [reason, value] of this.reasons ?? []) yield { labels: { ...this.labels, reason }, value };
  }

  *byteSeries() {
    if (this.durations.size === 0) return;
    yield { labels: { ...this.labels, direction: 'in' }, value: this.bytesIn };
    yield { labels: { ...this.labels, direction: 'out' }, value: this.bytesOut };
  }
}

/** The kinds of streams: `server`, `client` or `bidi` says which side sends several messages; `websocket` is a WebSocket. */
export type StreamKind = 'server' | 'client' | 'bidi' | 'websocket';

export class RequestMetrics {
  /** The number of requests that run now, with open streams. */
  inFlight = 0;
  /** The number of streams that are open. */
  readonly openStreams: Record<StreamKind, number> = { server: 0, client: 0, bidi: 0, websocket: 0 };
  private readonly routes = new Set<RouteMetrics>();
  /** The requests that no stage has seen, because their head was refused. */
  readonly refused = new RouteMetrics({ surface: 'none', route: 'none' });

  constructor(registry: Registry) {
    const routes = this.routes;
    routes.add(this.refused);
    const all = function* <T>(series: (route: RouteMetrics) => Iterable<T>) {
      for (const route of routes) yield* series(route);
    };
    collectNumbers(
      registry,
      'counter',
      {
        name: 'protogate_http_requests_total',
        help: 'Requests that have ended, by HTTP status. The source is upstream if a service or the connection to it caused the answer, and gateway otherwise.',
        labelNames: ['surface', 'route', 'method', 'code', 'source'],
      },
      function* () {
        for (const { labels, value } of all((route) => route.durationSeries())) yield { labels, value: value.count };
      },
    );
    collectHistograms(
      registry,
      {
        name: 'protogate_request_duration_seconds',
        help: 'How long requests took, from their head to the last byte of the answer, in seconds. Streams count too.',
        labelNames: ['surface', 'route', 'method', 'code', 'source'],
      },
      () => all((route) => route.durationSeries()),
    );
    collectHistograms(
      registry,
      {
        name: 'protogate_overhead_seconds',
        help: 'The gateway’s own time, in seconds: without waiting for the upstream, the body and a slow reader. Streams do not count.',
        labelNames: ['surface', 'route'],
      },
      () => all((route) => route.overheadSeries()),
    );
    collectNumbers(
      registry,
      'counter',
      {
        name: 'protogate_body_bytes_total',
        help: 'The bytes of bodies and messages that came from clients (in) and were written for them (out).',
        labelNames: ['surface', 'route', 'direction'],
      },
      () => all((route) => route.byteSeries()),
    );
    collectNumbers(
      registry,
      'counter',
      {
        name: 'protogate_errors_total',
        help: 'Errors that the gateway itself raised, by reason (docs/errors.md). Errors of services are not among them.',
        labelNames: ['surface', 'route', 'reason'],
      },
      () => all((route) => route.reasonSeries()),
    );
    collectNumbers(
      registry,
      'gauge',
      {
        name: 'protogate_open_streams',
        help: 'Streams that are open now. The kind says who sends several messages: server, client or bidi; or it is websocket.',
        labelNames: ['kind'],
      },
      () => Object.entries(this.openStreams).map(([kind, value]) => ({ labels: { kind }, value })),
    );
    const inFlight = () => [{ labels: {}, value: this.inFlight }];
    collectNumbers(
      registry,
      'gauge',
      { name: 'protogate_inflight_requests', help: 'Requests that run now, with open streams.', labelNames: [] },
      inFlight,
    );
  }

  /** Adds the series of a route. They have no values until its first request has ended. */
  open(surface: string, route: string): RouteMetrics {
    const metrics = new RouteMetrics({ surface, route });
    this.routes.add(metrics);
    return metrics;
  }

  /** Removes the series of a route that no longer exists. */
  close(route: RouteMetrics): void {
    this.routes.delete(route);
  }
}
