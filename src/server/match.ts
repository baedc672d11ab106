/** Finds the route and hands the request to its chain; or says precisely why there is none (rules 5 and 6). */
import { gatewayError } from '../status/status-error.js';
import type { Context, Middleware } from './exchange.js';
import { handshakeOf } from './websocket/handshake.js';

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
    const result = (asksForWebSocket ? surface.webSockets : surface.table).match(method, rawPath);
    switch (result.kind) {
      case 'found':
        ctx.state.route = result.value;
        ctx.state.captures = result.captures;
        return result.value.serve(ctx);
      case 'method-not-allowed':
        return methodNotAllowed(ctx, method, result.allow);
      case 'malformed':
        throw gatewayError(400, 'MALFORMED_PATH', `path: ${result.reason}`);
      case 'not-found':
        throw gatewayError(
          404,
          'ROUTE_NOT_FOUND',
          `no route for ${asksForWebSocket ? 'a WebSocket at' : method} ${shown(rawPath)}`,
        );
    }
  };
}

/** OPTIONS on a known path is answered with what the path allows (RFC 9110 §9.3.7); other methods get 405. */
function methodNotAllowed(ctx: Context, method: string, allow: readonly string[]): void {
  const allowed = allow.join(', ');
  if (method !== 'OPTIONS') {
    throw gatewayError(405, 'METHOD_NOT_ALLOWED', `expected one of ${allowed}, got ${method}`, {
      headers: { allow: allowed },
    });
  }
  ctx.status = 204;
  ctx.res.setHeader('allow', allowed);
}

function shown(rawPath: string): string {
  return rawPath.length <= 120 ? rawPath : `${rawPath.slice(0, 120)}…`;
}
