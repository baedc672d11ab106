/**
 * This module builds the layers around a call that protect an upstream, and its clients, while the upstream is slow or fails.
 * Their state survives a reload. It belongs to the name of the upstream; that of a circuit breaker also to the method and the
 * targets, so that the breaker of a new server is closed at first.
 */
import type { Clock } from '../base/clock.js';
import { type Lease, settingsKey } from '../base/resources.js';
import { type Interceptor, isStreaming } from '../call/call.js';
import type { Config } from '../config/config.js';
import type { MethodDescriptor } from '../schema/descriptor.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Breaker, type BreakerEvents, type BreakerSettings } from '../upstream/breaker.js';
import { circuitBreaking } from '../upstream/circuit-breaking.js';
import { hedging } from '../upstream/hedging.js';
import { limiting } from '../upstream/limiting.js';
import { type RetrySettings, retrying } from '../upstream/retry.js';
import { countingCalls, RetryBudget } from '../upstream/retry-budget.js';
import { Slots } from '../upstream/slots.js';
import type { CallLayers } from './call-order.js';

/** The settings of a route that its protecting layers depend on. */
export interface Protected {
  /** True if calling the method twice has the same effect as calling it once. */
  readonly idempotent: boolean;
  readonly retry: RetrySettings | undefined;
  readonly hedgeAfterMs: number | undefined;
  readonly circuitBreaker: BreakerSettings | undefined;
}

/** Returns the protecting layers for a method of an upstream. */
export type Protection = (
  upstream: string,
  method: MethodDescriptor,
  settings: Protected,
) => Pick<CallLayers, 'budget' | 'retry' | 'hedge' | 'breaker' | 'maxConcurrent'>;

interface Options {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Returns the function that builds the layers. Their state is kept until `lease` is released. */
export function openProtection(upstreams: Config['upstreams'], lease: Lease, options: Options): Protection {
  const { clock, metrics } = options;

  return function protection(upstream, method, { idempotent, retry, hedgeAfterMs, circuitBreaker }) {
    const refusal = (reason: string) => () => metrics.upstreamRefusals.inc({ upstream, reason });
    const sentAgain = retry !== undefined || hedgeAfterMs !== undefined;
    const budget = lease.acquire(`retry-budget ${upstream}`, () => new RetryBudget(clock));
    return {
      budget: sentAgain ? countingCalls(budget) : undefined,
      retry:
        retry &&
        retrying(retry, {
          idempotent,
          budget,
          clock,
          onRetry: () => metrics.retries.inc({ upstream }),
          onRefusal: () => metrics.retriesRefused.inc({ upstream }),
        }),
      hedge:
        hedgeAfterMs === undefined
          ? undefined
          : hedging({
              afterMs: hedgeAfterMs,
              budget,
              clock,
              onHedge: (winner) => metrics.hedges.inc({ upstream, winner }),
            }),
      breaker: circuitBreaker && breaking(circuitBreaker, upstream, method, refusal('circuit_open')),
      maxConcurrent: slotsOf(upstream, method, refusal('busy')),
    };
  };

  function breaking(
    settings: BreakerSettings,
    upstream: string,
    { fullName }: MethodDescriptor,
    onRefusal: () => void,
  ): Interceptor {
    const breaker = lease.acquire(
      settingsKey('breaker', [upstream, upstreams.get(upstream)!.targets, fullName]),
      () => new Breaker(clock, telling(upstream, fullName, options)),
    );
    return circuitBreaking(breaker, settings, { clock, onRefusal });
  }

  function slotsOf(upstream: string, method: MethodDescriptor, onRefusal: () => void) {
    const { maxConcurrent } = upstreams.get(upstream)!;
    if (maxConcurrent === undefined) return undefined;
    // Streams and unary calls have separate slots, so that open streams do not block unary calls.
    const kind = isStreaming(method) ? 'streams' : 'unary';
    const slots = lease.acquire(`slots ${kind} ${upstream}`, () => new Slots(clock));
    return limiting(slots, maxConcurrent, onRefusal);
  }
}

/** Returns the events of a circuit breaker that set its metric, and that write to the log when it opens or closes. */
function telling(upstream: string, rpc: string, { log, metrics }: Options): BreakerEvents {
  const shown = metrics.circuits.of(upstream, rpc);
  return {
    onFirstCall: shown.begin,
    onChange(state, opening) {
      shown.set(state);
      if (opening !== undefined) log.warn({ upstream, rpc, ...opening }, 'a circuit breaker has opened');
      else if (state === 'closed') log.info({ upstream, rpc }, 'a circuit breaker has closed');
    },
    onClose: shown.end,
  };
}
