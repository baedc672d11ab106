/**
 * This stage finds the route of the request and runs the route's own stages. If there is no route, it throws a 400, 404
 * or 405 that says why.
 */
import type { Middleware } from '../../exchange/exchange.js';
import { handshakeOf } from '../../exchange/handshake.js';
import { malformedPath, methodNotAllowed, noRoute } from '../../status/refusals.js';

const DONE = Promise.resolve();

export function match(): Middleware {
  return function match(ctx) {
    const { surface, rawPath } = ctx.state;
    const method = ctx.req.method ?? 'GET';
    if (rawPath === '*') {
      // `OPTIONS *` asks about the server as a whole (RFC 9110 §9.3.7); `request-target.ts` accepts `*` for OPTIONS alone.
      ctx.status = 204;
      return DONE;
    }
    const asksForWebSocket = handshakeOf(ctx.req) !== undefined;
    const [table, near] = asksForWebSocket
      ? [surface.webSockets, surface.nearWebSocket]
      : [surface.table, surface.nearRoute];
    const result = table.match(method, rawPath);
    switch (result.kind) {
      case 'found': {
        const route = result.value();
        ctx.state.route = route;
        ctx.state.captures = result.captures;
        return route.serve(ctx);
      }
      case 'method-not-allowed':
        if (method !== 'OPTIONS') throw methodNotAllowed(method, result.allow);
        // OPTIONS on a known path is answered with the methods that the path allows (RFC 9110 §9.3.7).
        ctx.status = 204;
        ctx.res.setHeader('allow', result.allow.join(', '));
        return DONE;
      case 'malformed':
        throw malformedPath(result.reason);
      case 'not-found':
        throw noRoute(
          asksForWebSocket ? 'a WebSocket at' : method,
          surface.basePath + rawPath,
          near?.(method, rawPath),
        );
    }
  };
}
