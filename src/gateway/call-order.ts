/**
 * This module defines the only order of the layers around a call, from the outermost to the transport. A layer that is
 * not needed is undefined.
 */
import { type Call, type Interceptor, intercept } from '../call/call.js';

export interface CallLayers {
  /** The cache. It answers without a call, or keeps the answer of the call. */
  readonly cache: Interceptor | undefined;
  /** The embedder's own interceptors. They see each call once, even if it is retried. */
  readonly interceptors: readonly Interceptor[];
  /** Counts the call in the budget of retries and hedges. */
  readonly budget: Interceptor | undefined;
  readonly retry: Interceptor | undefined;
  readonly hedge: Interceptor | undefined;
  /** The circuit breaker. It sees each try. */
  readonly breaker: Interceptor | undefined;
  /**
   * The slots of `maxConcurrent`. They are behind the circuit breaker, so that a call which the breaker refuses does not wait
   * for a slot.
   */
  readonly maxConcurrent: Interceptor | undefined;
  /** Measures each try that is sent. */
  readonly observe: Interceptor | undefined;
}

/** The layers of a call that has none. */
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
