/**
 * Records each request when its last byte is sent or its client has disconnected: one line in the log, and the metrics.
 * The line contains the route's template, and the path without its query, because a query may contain tokens.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { unmapped } from '../../base/networks.js';
import { isWhole } from '../../exchange/answer.js';
import type { Context, Middleware } from '../../exchange/exchange.js';
import { onClose } from '../../exchange/on-close.js';
import { isForClient } from '../../status/client-text.js';
import { Code } from '../../status/code.js';
import type { StatusError } from '../../status/status-error.js';
import type { Log } from '../../telemetry/log.js';
import type { RequestMetrics } from '../../telemetry/request-metrics.js';
import { traceIdOf } from '../../transcoding/trace-context.js';
import { stallOf } from '../connection/stall.js';
import { endRequestSpan } from './request-span.js';

export interface Telling {
  readonly log: Log;
  readonly requests: RequestMetrics;
}

export function accessLog({ log, requests }: Telling, clock: Clock): Middleware {
  return function accessLog(ctx, next) {
    requests.inFlight++;
    onClose(ctx.res, () => tell(ctx));
    return next();
  };

  function tell(ctx: Context): void {
    const { req, res, state } = ctx;
    const { error, snapshot, startedAt, surface, route, webSocket, ending, record, trace, bytesIn, bytesOut } = state;
    requests.inFlight--;
    const now = clock.monotonic();
    const isUnfinished = webSocket === undefined ? !isWhole(res) : webSocket.clientGone;
    // The gateway itself may have cut a stream that had to end.
    const cut = stallOf(res);
    const gone = cut === undefined && isUnfinished && ending?.aborted !== true;
    const status = webSocket !== undefined ? 101 : gone && !res.headersSent ? 499 : res.statusCode;
    const code = Code[gone || cut !== undefined ? Code.CANCELLED : (error?.code ?? Code.OK)];
    record.endStream?.(code);
    const durationMs = now - startedAt;
    const upstreamMs = record.attempts === 0 ? undefined : record.upstreamMs(now);
    const gatewayMs = ownMs(state);
    const { logFields, metrics } = route ?? surface.unmatched;
    metrics.ended({
      method: req.method,
      status,
      source: error?.source ?? (route === undefined || record.attempts === 0 ? 'gateway' : 'upstream'),
      durationMs,
      gatewayMs,
      bytesIn,
      bytesOut,
      reason: error?.reason,
      traceId: trace?.span && trace.traceId,
    });
    if (trace?.span !== undefined) endRequestSpan(trace.span, ctx, { status, error, clientGone: gone });
    if (error === undefined && cut === undefined && !sampled(snapshot.logSample)) return;
    // The log has the whole error if it is a 5xx, or if its text was hidden from the client.
    const failed = error !== undefined && (error.httpStatus >= 500 || !isForClient(error, surface.errors.exposed));
    const { level, text } = KINDS[cut !== undefined ? 'cut' : failed ? 'failed' : 'ended'];
    // A spread in this literal would make it cost as much as the rest of the line.
    const entry = {
      level,
      text,
      requestId: state.requestId,
      client: state.clientAddress,
      method: req.method,
      http: req.httpVersion,
      path: (surface.basePath + state.rawPath).slice(0, MOST.path),
      routeFields: logFields,
      consumer: state.principal?.consumer,
      bytesIn,
      bytesOut,
      partial: state.partial,
      userAgent: req.headers['user-agent']?.slice(0, MOST.userAgent),
      status,
      code,
      durationMs,
      upstreamMs,
      gatewayMs,
      endpoint: record.endpoint,
      attempts: record.attempts,
      cache: record.cache,
      traceId: trace?.traceId ?? traceIdOf(req.headers.traceparent),
      reason: error?.reason,
      refused: failed || error?.source !== 'gateway' ? undefined : error.logText.slice(0, MOST.refused),
      clientGone: gone,
      cut,
    };
    if (failed) log.request(entry, error);
    else log.request(entry);
  }
}

const KINDS = {
  ended: { level: 'info', text: 'request' },
  failed: { level: 'error', text: 'request failed' },
  cut: { level: 'warn', text: 'request cut' },
} as const;

/** The most characters in the log of texts that the client chooses. Longer ones are cut. */
const MOST = { path: 256, userAgent: 128, refused: 256 };

/**
 * Returns the gateway's own time in milliseconds: without the wait for the body, for upstreams, and for a client that reads
 * its answer. Undefined for streams, and for requests whose client left before the answer.
 */
function ownMs({ answeredAt, startedAt, record }: Context['state']): number | undefined {
  if (answeredAt === undefined) return undefined;
  return Math.max(0, answeredAt - startedAt - record.bodyMs - record.upstreamMs(answeredAt));
}

export interface Refusal {
  readonly requestId: string;
  readonly socket: Duplex & { readonly remoteAddress?: string | undefined };
  /** The request; undefined if its head does not parse. */
  readonly req: IncomingMessage | undefined;
  readonly error: StatusError;
}

/** The log and the counters of refusals. The admin port counts no requests. */
export type TellingOfRefusals = Pick<Telling, 'log'> & Partial<Telling>;

/** Records a request that no stage has handled, with its known properties and the reason why it was refused. */
export function tellRefusal({ log, requests }: TellingOfRefusals, { requestId, socket, req, error }: Refusal): void {
  const { httpStatus: status } = error;
  requests?.refused.ended({
    method: req?.method,
    status,
    source: 'gateway',
    durationMs: 0,
    gatewayMs: undefined,
    bytesIn: 0,
    bytesOut: 0,
    reason: error.reason,
  });
  log.request({
    ...KINDS.ended,
    requestId,
    client: unmapped(socket.remoteAddress ?? ''),
    method: req?.method,
    http: req?.httpVersion,
    path: req?.url?.split('?', 1)[0]?.slice(0, MOST.path),
    routeFields: '',
    status,
    code: Code[error.code],
    reason: error.reason,
    refused: error.logText.slice(0, MOST.refused),
    userAgent: req?.headers['user-agent']?.slice(0, MOST.userAgent),
  });
}

function sampled(share: number): boolean {
  return share >= 1 || Math.random() < share;
}
