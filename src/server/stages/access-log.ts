/**
 * Writes one line per request when the last byte is out or the client is gone. The line contains the route's template, and
 * the path without its query, because a query may contain tokens.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { unmapped } from '../../base/networks.js';
import { isWhole } from '../../exchange/answer.js';
import type { Context, Middleware } from '../../exchange/exchange.js';
import { isForClient } from '../../status/client-text.js';
import { Code } from '../../status/code.js';
import type { StatusError } from '../../status/status-error.js';
import type { Log } from '../../telemetry/log.js';
import type { LogFields } from '../../telemetry/log-entries.js';
import { stallOf } from '../connection/stall.js';

export function accessLog(log: Log, clock: Clock): Middleware {
  return async function accessLog(ctx, next) {
    ctx.res.once('close', () => write(ctx));
    await next();
  };

  function write(ctx: Context): void {
    const { error, snapshot, startedAt, surface, webSocket, ending } = ctx.state;
    const isUnfinished = webSocket === undefined ? !isWhole(ctx.res) : webSocket.clientGone;
    // The gateway itself may have cut a stream that had to end.
    const cut = stallOf(ctx.res);
    const gone = cut === undefined && isUnfinished && ending?.aborted !== true;
    if (error === undefined && cut === undefined && !sampled(snapshot.logSample)) return;
    const entry: LogFields = {
      ...describe(ctx),
      status: webSocket !== undefined ? 101 : gone && !ctx.res.headersSent ? 499 : ctx.res.statusCode,
      code: Code[gone || cut !== undefined ? Code.CANCELLED : (error?.code ?? Code.OK)],
      durationMs: Math.round((clock.monotonic() - startedAt) * 1000) / 1000,
      ...(gone ? { clientGone: true } : {}),
      cut,
    };
    // The log has the whole error if it is a 5xx, or if its text was hidden from the client.
    if (cut !== undefined) log.warn(entry, 'request cut');
    else if (error !== undefined && (error.httpStatus >= 500 || !isForClient(error, surface.errors.exposed)))
      log.error({ ...entry, err: error }, 'request failed');
    else log.info(entry, 'request');
  }
}

export interface Refusal {
  readonly requestId: string;
  readonly socket: Duplex & { readonly remoteAddress?: string | undefined };
  /** The request; undefined if its head does not parse. */
  readonly req: IncomingMessage | undefined;
  readonly error: StatusError;
}

/** Logs a request that no stage has seen: what is known of it, and why it was refused. */
export function logRefusal(log: Log, { requestId, socket, req, error }: Refusal): void {
  const entry: LogFields = {
    requestId,
    client: unmapped(socket.remoteAddress ?? ''),
    method: req?.method,
    http: req?.httpVersion,
    path: req?.url?.split('?', 1)[0]?.slice(0, 256),
    status: error.httpStatus,
    code: Code[error.code],
    refused: error.message,
    userAgent: req?.headers['user-agent']?.slice(0, 128),
  };
  log.info(entry, 'request');
}

function describe({ req, state }: Context): LogFields {
  const { requestId, clientAddress, rawPath, bytesIn, route, surface, principal, partial } = state;
  return {
    requestId,
    client: clientAddress,
    method: req.method,
    http: req.httpVersion,
    path: rawPath.slice(0, 256),
    surface: surface.name,
    route: route?.binding.template.text,
    rpc: route?.binding.method.fullName,
    upstream: route?.upstream,
    consumer: principal?.consumer,
    bytesIn,
    partial,
    userAgent: req.headers['user-agent']?.slice(0, 128),
  };
}

function sampled(share: number): boolean {
  return share >= 1 || Math.random() < share;
}
