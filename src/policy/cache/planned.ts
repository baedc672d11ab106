/** `cache` of a method's policy → what is kept of its answers. */
import { isStreaming } from '../../call/call.js';
import type { Binding } from '../../routing/binding.js';
import type { CachePolicy } from './interceptor.js';
import type { CacheSettings } from './settings.js';

/** Of a route. Undefined: nothing is kept. Only answers to GET are. */
export function cacheOf({ httpMethod, method }: Binding, declared: CacheSettings | undefined): CachePolicy | undefined {
  return httpMethod !== 'GET' || isStreaming(method) ? undefined : cacheOfCall(declared);
}

/** Of a call that reads. Undefined: nothing is kept. */
export function cacheOfCall(declared: CacheSettings | undefined): CachePolicy | undefined {
  if (declared === undefined) return undefined;
  const { scope, ttlMs, staleWhileRevalidateMs = 0, staleIfErrorMs = 0 } = declared;
  return { scope, ttlMs, staleWhileRevalidateMs, staleIfErrorMs };
}
