/**
 * The outer funnel: whatever a later stage throws becomes one error answer, here and nowhere else. Headers that earlier
 * stages set stay (Koa's own handler would clear them).
 */
import { gatewayError, StatusError } from '../status/status-error.js';
import { errorBody } from '../transcoding/error-body.js';
import type { Context, Middleware } from './exchange.js';

export function errors(): Middleware {
  return async function errors(ctx, next) {
    try {
      await next();
    } catch (thrown) {
      answer(ctx, toStatusError(thrown, ctx.state.requestId));
    }
  };
}

function answer(ctx: Context, error: StatusError): void {
  ctx.state.error = error;
  if (ctx.res.headersSent || ctx.res.destroyed) {
    ctx.res.destroy();
    return;
  }
  const { surface, requestId } = ctx.state;
  const { contentType, body } = errorBody(error, requestId, surface.errorFormat, surface.statusCodec);
  ctx.status = error.httpStatus;
  for (const [name, value] of Object.entries(error.headers)) ctx.res.setHeader(name, value);
  if (error.closeConnection) ctx.res.setHeader('connection', 'close');
  ctx.res.setHeader('content-type', contentType);
  ctx.body = body;
}

/** What is not a StatusError is a bug of ours: a plain 500, the truth in the log. */
function toStatusError(thrown: unknown, requestId: string): StatusError {
  if (thrown instanceof StatusError) return thrown;
  return gatewayError(500, 'INTERNAL', `internal error (request id ${requestId})`, { cause: thrown });
}
