/**
 * This module makes the metrics for operators, which the admin port shows under `/metrics`. Each gateway has one registry. No
 * label holds free text of a request, so that clients cannot create more and more series.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { CallMetrics } from './call-metrics.js';
import { CircuitStates } from './circuit-states.js';
import { type HeldCounter, HeldCounters } from './held-counters.js';
import { droppedLines } from './output.js';
import { RequestMetrics } from './request-metrics.js';
import { ServerMetrics } from './server-metrics.js';

/** The counter of each decision about a request to which a rate limit applied. */
export type RateLimitDecisions = Readonly<Record<'admitted' | 'refused' | 'over', HeldCounter>>;

export interface Metrics {
  readonly registry: Registry;
  readonly requests: RequestMetrics;
  readonly calls: CallMetrics;
  /**
   * The numbers of requests to which rate limits applied: `admitted`, `refused`, or `over` if a limit with `enforce: false`
   * was exceeded.
   */
  readonly rateLimitDecisions: RateLimitDecisions;
  /** The number of times that each rate limit was exceeded. */
  readonly exceededLimits: HeldCounters;
  /** The number of tokens that were checked, by issuer and result: `remembered`, `verified` or `refused`. */
  readonly tokens: HeldCounters;
  /** The number of spans of traces, by outcome: `exported` or `failed`. */
  readonly spans: HeldCounters;
  /** The number of requests to cached routes, by the result of the cache: `hit`, `stale`, `miss` or `bypass`. */
  readonly cacheRequests: Counter<'status'>;
  /** The number of calls that were made again after a failure. */
  readonly retries: Counter<'upstream'>;
  /** The number of retries that were not made because the retry budget of the upstream was used up. */
  readonly retriesRefused: Counter<'upstream'>;
  /**
   * The number of slow calls that were sent a second time before the first one had failed. `winner` is the call whose answer
   * was used: `first`, `second`, or `none` if both failed.
   */
  readonly hedges: Counter<'upstream' | 'winner'>;
  readonly circuits: CircuitStates;
  /** The number of calls that were not sent, to protect the upstream. `reason` is `circuit_open` or `busy`. */
  readonly upstreamRefusals: Counter<'upstream' | 'reason'>;
  /** The duration of the steps of aggregates in seconds. `outcome` is `ok` or `failed`. */
  readonly aggregateParts: Histogram<'aggregate' | 'part' | 'outcome'>;
  /** The number of the gateway's requests to a store (Redis) that got no answer. `reason` is `timeout` or `error`. */
  readonly storeFailures: Counter<'store' | 'reason'>;
  /** Counts what the gateway refused to protect itself. `reason` is `memory` for requests, `address` for connections. */
  readonly shed: Counter<'reason'>;
  /** 1 while the store (Redis) is used, 0 while it counts as down. */
  readonly storeUp: Gauge<'store'>;
  /** The metrics of the servers of upstreams. */
  readonly servers: ServerMetrics;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new RequestMetrics(registry);
  const calls = new CallMetrics(registry);
  countDroppedLines(registry);
  const metrics: Metrics = {
    registry,
    requests,
    calls,
    rateLimitDecisions: rateLimitDecisions(registry),
    exceededLimits: new HeldCounters(registry, {
      name: 'protogate_ratelimit_exceeded_total',
      help: 'How often a request exceeded a rate limit. The label says where the limit is declared, and its amount: limit 1 of policy shop.*: 60 per 1m.',
      labelNames: ['limit'],
    }),
    tokens: new HeldCounters(registry, {
      name: 'protogate_tokens_verified_total',
      help: 'Tokens by issuer. The result is remembered if the token had been verified before, verified, or refused.',
      labelNames: ['issuer', 'result'],
    }),
    spans: new HeldCounters(registry, {
      name: 'protogate_trace_spans_total',
      help: 'Spans of traces. The outcome is exported, or failed if the receiver did not take them.',
      labelNames: ['outcome'],
    }),
    cacheRequests: new Counter({
      name: 'protogate_cache_requests_total',
      help: 'How many requests came to cached routes. The status is hit, stale, miss or bypass.',
      labelNames: ['status'],
      registers,
    }),
    retries: new Counter({
      name: 'protogate_retries_total',
      help: 'How many calls were made again after a failure.',
      labelNames: ['upstream'],
      registers,
    }),
    retriesRefused: new Counter({
      name: 'protogate_retries_refused_total',
      help: 'How many retries were not made because the budget of the upstream was used up.',
      labelNames: ['upstream'],
      registers,
    }),
    hedges: new Counter({
      name: 'protogate_hedges_total',
      help: 'How many slow calls were sent a second time. The winner is first, second, or none if both failed.',
      labelNames: ['upstream', 'winner'],
      registers,
    }),
    circuits: new CircuitStates(registry),
    upstreamRefusals: new Counter({
      name: 'protogate_upstream_refused_total',
      help: 'How many calls were not sent to an upstream to protect it. The reason is circuit_open or busy.',
      labelNames: ['upstream', 'reason'],
      registers,
    }),
    aggregateParts: new Histogram({
      name: 'protogate_aggregate_part_duration_seconds',
      help: 'How long the steps of aggregates take, in seconds. The outcome is ok or failed.',
      labelNames: ['aggregate', 'part', 'outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    storeFailures: new Counter({
      name: 'protogate_store_failures_total',
      help: 'How many requests of the gateway to a store (Redis) got no answer. The reason is timeout or error.',
      labelNames: ['store', 'reason'],
      registers,
    }),
    shed: new Counter({
      name: 'protogate_shed_total',
      help: 'Requests that were refused because memory was short (memory), and connections that were refused because their client address had too many (address).',
      labelNames: ['reason'],
      registers,
    }),
    storeUp: new Gauge({
      name: 'protogate_store_up',
      help: '1 while a store (Redis) is used, 0 while it counts as down.',
      labelNames: ['store'],
      registers,
      // The lowest value of all workers is shown, so that one failing worker is seen.
      aggregator: 'min',
    }),
    servers: new ServerMetrics(registers),
  };
  // In Prometheus, `rate()` does not see the first event of a series that begins with it. So these series begin at 0.
  for (const status of ['hit', 'stale', 'miss', 'bypass']) metrics.cacheRequests.inc({ status }, 0);
  for (const reason of ['memory', 'address']) metrics.shed.inc({ reason }, 0);
  return metrics;
}

/** The metrics about reloads. */
export interface ReloadMetrics {
  /** Records that a config is served. `configHash` is the digest of its file; undefined if there is none. */
  taken(configHash: string | undefined, nowMs: number): void;
  /** Records that a config or schema was refused. */
  refused(): void;
}

/** Adds the metrics about reloads. If there are worker processes, only the primary process has these metrics. */
export function createReloadMetrics(registry: Registry): ReloadMetrics {
  const registers = [registry];
  const success = new Gauge({
    name: 'protogate_reload_success',
    help: '1 if the config and schema that were read last are served, 0 if they were refused.',
    registers,
  });
  const time = new Gauge({
    name: 'protogate_reload_success_timestamp_seconds',
    help: 'The time since which the present config and schema are served, in seconds since 1970.',
    registers,
  });
  const info = new Gauge({
    name: 'protogate_config_info',
    help: 'Always 1. The hash has the first 12 characters of the SHA-256 of the config file. It is empty without a file.',
    labelNames: ['hash'],
    registers,
  });
  const reloads = new Counter({
    name: 'protogate_reloads_total',
    help: 'How many reloads were made. The outcome is taken or refused.',
    labelNames: ['outcome'],
    registers,
  });
  let isFirst = true;
  return {
    taken(configHash, nowMs) {
      success.set(1);
      time.set(nowMs / 1000);
      info.reset();
      info.set({ hash: configHash ?? '' }, 1);
      if (!isFirst) reloads.inc({ outcome: 'taken' });
      isFirst = false;
    },
    refused() {
      success.set(0);
      reloads.inc({ outcome: 'refused' });
    },
  };
}

/** Adds the metric with the number of log lines that this process could not write. */
export function countDroppedLines(registry: Registry): void {
  new Counter({
    name: 'protogate_log_dropped_total',
    help: 'Lines of the log that could not be written: nobody reads them, or the disk is full.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(droppedLines());
    },
  });
}

function rateLimitDecisions(registry: Registry): RateLimitDecisions {
  const counters = new HeldCounters(registry, {
    name: 'protogate_ratelimit_decisions_total',
    help: 'How many requests met a rate limit. The decision is admitted, refused, or over if a limit with `enforce: false` was exceeded.',
    labelNames: ['decision'],
  });
  const of = (decision: string) => counters.open({ decision });
  return { admitted: of('admitted'), refused: of('refused'), over: of('over') };
}
