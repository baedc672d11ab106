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
  readonly retry: Interceptor | undefined;
  /** Measures each try. */
  readonly observe: Interceptor | undefined;
}

export function layersInOrder({ cache, interceptors, retry, observe }: CallLayers): readonly Interceptor[] {
  const all = [cache, ...interceptors, retry, observe];
  return all.filter((layer) => layer !== undefined);
}

export function callOrder(transport: Call, layers: CallLayers): Call {
  return intercept(transport, layersInOrder(layers));
}
