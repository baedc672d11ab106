/** This module turns `cache` of a method's policy into the settings of the cache. */
import { isStreaming } from '../../call/call.js';
import type { Binding } from '../../routing/binding.js';
import type { CachePolicy } from './interceptor.js';
import type { CacheSettings } from './settings.js';

/** Returns the cache settings of a route. Undefined when no answer is kept, as for verbs other than GET and for streams. */
export function cacheOf({ httpMethod, method }: Binding, declared: CacheSettings | undefined): CachePolicy | undefined {
  return httpMethod !== 'GET' || isStreaming(method) ? undefined : cacheOfCall(declared);
}

/** Returns the cache settings of a call that only reads. Undefined when no answer is kept. */
export function cacheOfCall(declared: CacheSettings | undefined): CachePolicy | undefined {
  if (declared === undefined) return undefined;
  const { scope, ttlMs, staleWhileRevalidateMs = 0, staleIfErrorMs = 0 } = declared;
  return { scope, ttlMs, staleWhileRevalidateMs, staleIfErrorMs };
}
