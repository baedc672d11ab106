/**
 * The error funnel turns everything that a later stage throws into one error answer; no other place does so. Headers that
 * earlier stages set stay (Koa's own handler would clear them). Node would read the rest of a refused request without
 * limit, so the connection closes with the answer if much of the body is unread, and after a while if the rest does not
 * come.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { closeAfter, cut, isHttp2, isOver, setHeaders } from '../../exchange/answer.js';
import type { Context, Middleware } from '../../exchange/exchange.js';
import { gatewayError, StatusError } from '../../status/status-error.js';
import { errorBody } from '../../transcoding/error-body.js';

/** The most bytes of an unread body for which the connection stays open, and the milliseconds in which they must come. */
const UNREAD = { bytes: 65_536, waitMs: 5000 };

export function errors(clock: Clock): Middleware {
  return function errors(ctx, next) {
    return next().catch((thrown) => answer(ctx, toStatusError(thrown, ctx.state.requestId), clock));
  };
}

function answer(ctx: Context, error: StatusError, clock: Clock): void {
  ctx.state.error = error;
  if (ctx.res.headersSent || isOver(ctx.res)) {
    cut(ctx.res);
    return;
  }
  const { surface, requestId } = ctx.state;
  const { metadata } = error;
  const returned = metadata && surface.responseHeaders(metadata.headers, metadata.trailers);
  if (returned !== undefined) setHeaders(ctx.res, returned);
  const advisedMs = delayMs(returned?.get('retry-after'), clock);
  const { contentType, body, retryAfter } = errorBody(error, requestId, surface.errors, advisedMs);
  ctx.status = error.httpStatus;
  for (const [name, value] of Object.entries(error.headers)) ctx.res.setHeader(name, value);
  if (retryAfter !== undefined && advisedMs === undefined) ctx.res.setHeader('retry-after', retryAfter);
  // RFC 9110 §15.5.2 demands this header, also if the upstream has refused the call.
  if (error.httpStatus === 401 && !ctx.res.hasHeader('www-authenticate'))
    ctx.res.setHeader('www-authenticate', 'Bearer realm="protogate"');
  if (error.closeConnection || leavesMuchUnread(ctx.req)) closeAfter(ctx.res);
  else if (!ctx.req.complete && !isHttp2(ctx.req)) endUnlessComplete(ctx.req, clock);
  ctx.res.setHeader('content-type', contentType);
  ctx.body = body;
  ctx.state.bytesOut = Buffer.byteLength(body);
}

/**
 * Returns an upstream's Retry-After (seconds or a date, RFC 9110 §10.2.3) in milliseconds; undefined unless there is
 * exactly one valid value.
 */
function delayMs(retryAfter: readonly string[] | undefined, clock: Clock): number | undefined {
  if (retryAfter?.length !== 1) return undefined;
  const [text = ''] = retryAfter;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const delay = DATE.test(text) ? Date.parse(text) - clock.now() : Number.NaN;
  return Number.isNaN(delay) ? undefined : Math.max(0, Math.ceil(delay / 1000)) * 1000;
}

/** An HTTP date in its preferred form (IMF-fixdate, RFC 9110 §5.6.7). */
const DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/** True if much of the body may be unread. A chunked body does not announce its length. */
function leavesMuchUnread({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > UNREAD.bytes;
}

function endUnlessComplete(req: IncomingMessage, clock: Clock): void {
  const cancel = clock.after(UNREAD.waitMs, () => void (req.complete || req.socket.destroy()));
  req.once('close', cancel);
}

/** Returns a StatusError as it is. Anything else is a bug of the gateway: it becomes a plain 500, with its cause in the log. */
export function toStatusError(thrown: unknown, requestId: string): StatusError {
  if (thrown instanceof StatusError) return thrown;
  return gatewayError('INTERNAL', `internal error (request id ${requestId})`, { cause: thrown });
}
