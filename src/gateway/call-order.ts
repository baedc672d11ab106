/** THE order of the layers around a call, from the outermost to the transport. A layer that is not needed is undefined. */
import { type Call, type Interceptor, intercept } from '../call/call.js';

export interface CallLayers {
  /** Answers without a call, or keeps the answer. */
  readonly cache: Interceptor | undefined;
  /** The embedder's own; they see each call once, however often it is tried. */
  readonly interceptors: readonly Interceptor[];
  readonly retry: Interceptor | undefined;
}

export function layersInOrder({ cache, interceptors, retry }: CallLayers): readonly Interceptor[] {
  const all = [cache, ...interceptors, retry];
  return all.filter((layer) => layer !== undefined);
}

export function callOrder(transport: Call, layers: CallLayers): Call {
  return intercept(transport, layersInOrder(layers));
}
