/** Puts a span around a cache: it shows what the cache did, and contains the call that it made, if it made one. */
import type { Interceptor } from '../../call/call.js';

export function traced(cache: Interceptor): Interceptor {
  return (next) => {
    const cached = cache(next);
    return (request) => {
      const span = request.context.span?.child('cache', 'internal');
      if (span === undefined) return cached(request);
      return cached({ ...request, context: { ...request.context, span } }).then(
        (response) => {
          span.set({ 'protogate.cache.status': response.notes.cache?.status });
          span.end();
          return response;
        },
        (error: unknown) => {
          span.end('failed');
          throw error;
        },
      );
    };
  };
}
