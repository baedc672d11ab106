/**
 * The first stage finds the address of the client, and chooses the id that names this request in answers, log lines and
 * upstream calls.
 */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { randomId } from '../../base/random-id.js';
import { CallRecord } from '../../call/call-record.js';
import type { Context, Middleware } from '../../exchange/exchange.js';
import { onClose } from '../../exchange/on-close.js';
import type { RequestTrace, Tracing } from '../../telemetry/tracing.js';
import { traceIdOf } from '../../transcoding/trace-context.js';
import type { Snapshots } from '../snapshots.js';

/**
 * Returns the stage. It sets all fields of `ctx.state`, and the headers `x-request-id` and `x-content-type-options: nosniff`.
 */
export function begin(snapshots: Snapshots, clock: Clock): Middleware {
  return function begin(ctx, next) {
    fill(ctx);
    return next();
  };

  /** This is a function of its own, so that no function that is paused until the request ends keeps the snapshot in memory. */
  function fill(ctx: Context): void {
    const { snapshot, leave } = snapshots.enter();
    onClose(ctx.res, leave);
    const { headers, socket } = ctx.req;
    const client = snapshot.clientAddress(socket.remoteAddress ?? '', headers);
    const requestId = client.viaTrustedProxy ? acceptedId(headers['x-request-id']) : randomId();
    const trace = snapshot.tracing && traceOf(snapshot.tracing, ctx.req, requestId, client.viaTrustedProxy);
    ctx.state = {
      snapshot,
      surface: snapshot.unclaimed,
      requestId,
      clientAddress: client.address,
      startedAt: clock.monotonic(),
      authority: '',
      rawPath: '',
      rawQuery: '',
      route: undefined,
      captures: [],
      principal: undefined,
      fromCookie: false,
      limitState: undefined,
      overLimit: false,
      bytesIn: 0,
      bytesOut: 0,
      trace,
      record: new CallRecord(),
      answeredAt: undefined,
      awaitsBody: false,
      partial: undefined,
      webSocket: undefined,
      ending: undefined,
      error: undefined,
    };
    ctx.res.setHeader('x-request-id', requestId);
    ctx.res.setHeader('x-content-type-options', 'nosniff');
  }
}

function traceOf(
  tracing: Tracing,
  { headers }: IncomingMessage,
  requestId: string,
  trustsParent: boolean,
): RequestTrace {
  const traceparent = traceIdOf(headers.traceparent) === undefined ? undefined : (headers.traceparent as string);
  return tracing.trace({ traceparent, requestId, trustsParent });
}

function acceptedId(value: string | string[] | undefined): string {
  return typeof value === 'string' && /^[A-Za-z0-9-]{1,64}$/.test(value) ? value : randomId();
}
