/**
 * This module builds the call of a route, with all layers around it. The call goes to the method of an upstream, or to an
 * aggregate whose steps are such calls.
 */
import { aggregateCall, type StepCaller, type StepObserver } from '../aggregate/aggregate-call.js';
import type { Clock } from '../base/clock.js';
import type { Call, Interceptor } from '../call/call.js';
import type { Principal } from '../call/principal.js';
import type { Config } from '../config/config.js';
import { allowed, demand } from '../policy/access/demands.js';
import { type Admits, demandAddress } from '../policy/addresses/planned.js';
import { type CallerRead, wholeCaller } from '../policy/cache/cache-key.js';
import type { ResponseCache } from '../policy/cache/interceptor.js';
import { traced } from '../policy/cache/traced.js';
import { isIdempotent } from '../policy/retry/planned.js';
import type { PlannedAggregate, PlannedCall, PlannedRoute } from '../route/planned-route.js';
import type { Binding } from '../routing/binding.js';
import type { ExposedCodes } from '../status/client-text.js';
import type { Metrics } from '../telemetry/metrics.js';
import { observed } from '../upstream/observed.js';
import type { Upstream } from '../upstream/upstream.js';
import { dependsOn } from './aggregates.js';
import { callOrder, layersInOrder, NO_LAYERS } from './call-order.js';
import type { Protection } from './protection.js';
import type { Series } from './series.js';

export interface CallSources {
  readonly limits: Config['limits'];
  /** The codes for which the upstream's error texts are shown to clients. */
  readonly exposed: ExposedCodes;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly protection: Protection;
  readonly cache: ResponseCache;
  readonly interceptors: readonly Interceptor[];
  readonly metrics: Metrics;
  readonly series: Series;
  readonly clock: Clock;
}

/** Returns a function that compiles the call of a served route. */
export function callCompiler(sources: CallSources): (route: PlannedRoute) => Call {
  const { limits, upstreams, metrics, series, clock } = sources;

  return function callOf(route) {
    const { aggregate, binding } = route;
    if (aggregate === undefined) return upstreamCall(route, isIdempotent(binding.httpMethod, binding.method));
    const cache = keeping(route, dependsOn(aggregate));
    return mergedCall(binding, aggregate, layersInOrder({ ...NO_LAYERS, cache }));
  };

  /**
   * Builds the call of an upstream's method. `idempotent` is true if calling it twice has the same effect as calling it once.
   */
  function upstreamCall(called: PlannedRoute | PlannedCall, idempotent: boolean): Call {
    const upstream = called.upstream!;
    const method = 'binding' in called ? called.binding.method : called.method;
    return callOrder(upstreams.get(upstream)!.call, {
      cache: keeping(called),
      interceptors: sources.interceptors,
      ...sources.protection(upstream, method, { ...called, idempotent }),
      observe: observed({
        name: method.fullName,
        rpc: series.rpc(upstream, method.fullName),
        endpoints: series.endpoints(upstream),
        clock,
      }),
    });
  }

  /**
   * Builds the cache layer of a call. `ofCaller` are functions that read the properties of the caller which affect the answer,
   * in addition to those that every cache key has.
   */
  function keeping(
    { cache, timeoutMs }: Pick<PlannedCall, 'cache' | 'timeoutMs'>,
    ofCaller: readonly CallerRead[] = [],
  ): Interceptor | undefined {
    const { requestTimeoutMs } = limits;
    return (
      cache &&
      traced(
        sources.cache.interceptor(cache, {
          timeoutMs: Math.min(timeoutMs ?? requestTimeoutMs, requestTimeoutMs),
          // The interceptors of an embedder come after the cache, and may read every property of the caller. So with
          // interceptors the cache key contains all of them.
          dependsOn: sources.interceptors.length > 0 ? [...ofCaller, wholeCaller] : ofCaller,
          onAnswer: (status) => metrics.cacheRequests.inc({ status }),
        }),
      )
    );
  }

  /** Builds the call of an aggregate. The layers in `around` are between the checks of the aggregate's caller and its steps. */
  function mergedCall(
    { method, responseBody }: Binding,
    { plan, hidden, calls }: PlannedAggregate,
    around: readonly Interceptor[],
  ): Call {
    const settings = {
      plan,
      hidden,
      responseBody,
      callers: calls.map((call, index) => call && callerOf(call, plan.steps[index]!.optional)),
      maxResponseBytes: limits.responseBytes,
      maxDepth: limits.jsonDepth,
      exposed: sources.exposed,
      clock,
      observers: plan.steps.map(({ label }) => observerOf(method.fullName, label)),
    };
    return aggregateCall(settings, around);
  }

  /**
   * Builds the call of a step. For a required step, the scopes are not checked here, because they are among those that the
   * aggregate's caller must have.
   */
  function callerOf(call: PlannedCall, optional: boolean): StepCaller {
    const { access, timeoutMs } = call;
    const demandsNothing = access.require.length === 0 && !optional;
    return {
      call: admitting(upstreamCall(call, true), optional ? call.admits : undefined),
      timeoutMs,
      authorize: demandsNothing ? undefined : authorize,
    };

    function authorize(message: Uint8Array, principal: Principal | undefined): void {
      if (optional) allowed(access, principal);
      demand(access.require, message, principal);
    }
  }

  /**
   * Adds the address check of an optional step to its call. For required steps, the addresses are checked before the aggregate
   * begins.
   */
  function admitting(call: Call, admits: Admits | undefined): Call {
    if (admits === undefined) return call;
    return async (request) => {
      demandAddress(admits, request.context.clientAddress);
      return call(request);
    };
  }

  function observerOf(aggregate: string, part: string): StepObserver {
    const ok = metrics.aggregateParts.labels({ aggregate, part, outcome: 'ok' });
    const failed = metrics.aggregateParts.labels({ aggregate, part, outcome: 'failed' });
    return { ok: (seconds) => ok.observe(seconds), failed: (seconds) => failed.observe(seconds) };
  }
}
