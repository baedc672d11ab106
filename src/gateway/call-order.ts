/**
 * This module defines the order of the layers around a call, from the outermost one to the one next to the transport. A layer
 * that a call does not need is undefined.
 */
import { type Call, type Interceptor, intercept } from '../call/call.js';

export interface CallLayers {
  /** The cache. It answers without a call, or stores the answer of the call. */
  readonly cache: Interceptor | undefined;
  /** The embedder's own interceptors. They see each call once, even if it is retried. */
  readonly interceptors: readonly Interceptor[];
  /** Counts the call in the budget of retries and hedges. */
  readonly budget: Interceptor | undefined;
  readonly retry: Interceptor | undefined;
  readonly hedge: Interceptor | undefined;
  /** The circuit breaker. It counts each try of a call. */
  readonly breaker: Interceptor | undefined;
  /**
   * The limit `maxConcurrent`. It comes after the breaker, so that a call which an open breaker refuses does not wait for a
   * slot.
   */
  readonly maxConcurrent: Interceptor | undefined;
  /** The measurement of each try that is sent. */
  readonly observe: Interceptor | undefined;
}

/** The layers of a call without any layers. */
export const NO_LAYERS: CallLayers = {
  cache: undefined,
  interceptors: [],
  budget: undefined,
  retry: undefined,
  hedge: undefined,
  breaker: undefined,
  maxConcurrent: undefined,
  observe: undefined,
};

export function layersInOrder(layers: CallLayers): readonly Interceptor[] {
  const { cache, interceptors, budget, retry, hedge, breaker, maxConcurrent, observe } = layers;
  const all = [cache, ...interceptors, budget, retry, hedge, breaker, maxConcurrent, observe];
  return all.filter((layer) => layer !== undefined);
}

export function callOrder(transport: Call, layers: CallLayers): Call {
  return intercept(transport, layersInOrder(layers));
}
