/** Finds the route and hands the request to its chain; or says precisely why there is none (rules 5 and 6). */

import type { Middleware } from '../../exchange/exchange.js';
import { handshakeOf } from '../../exchange/handshake.js';
import { malformedPath, methodNotAllowed, noRoute } from '../../status/refusals.js';

export function match(): Middleware {
  return async function match(ctx) {
    const { surface, rawPath } = ctx.state;
    const method = ctx.req.method ?? 'GET';
    if (rawPath === '*') {
      // Of the server as a whole (RFC 9110 §9.3.7); `target.ts` lets OPTIONS alone ask that.
      ctx.status = 204;
      return;
    }
    const asksForWebSocket = handshakeOf(ctx.req) !== undefined;
    const [table, near] = asksForWebSocket
      ? [surface.webSockets, surface.nearWebSocket]
      : [surface.table, surface.nearRoute];
    const result = table.match(method, rawPath);
    switch (result.kind) {
      case 'found':
        ctx.state.route = result.value;
        ctx.state.captures = result.captures;
        return result.value.serve(ctx);
      case 'method-not-allowed':
        if (method !== 'OPTIONS') throw methodNotAllowed(method, result.allow);
        // On a known path it is answered with what the path allows (RFC 9110 §9.3.7).
        ctx.status = 204;
        ctx.res.setHeader('allow', result.allow.join(', '));
        return;
      case 'malformed':
        throw malformedPath(result.reason);
      case 'not-found':
        throw noRoute(asksForWebSocket ? 'a WebSocket at' : method, rawPath, near?.(method, rawPath));
    }
  };
}
