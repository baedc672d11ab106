/**
 * Turns an HTTP request into a CallRequest. Everything that does not depend on the request is decided in
 * `compileCallRequest(settings)`.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../base/clock.js';
import type { CallContext, CallMethod, CallRequest } from '../../call/call.js';
import { isStreaming } from '../../call/call.js';
import { type Deadline, deadlineAfter, earliest } from '../../call/deadline.js';
import type { MetadataEntry } from '../../call/metadata.js';
import { hasBody, isOver, isWhole } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import type { Equality } from '../../paths/equality.js';
import { demand } from '../../policy/access/demands.js';
import type { BodySizes } from '../../transcoding/body-size.js';
import { clientTimeout } from '../../transcoding/client-timeout.js';
import type { compileRequestMetadata } from '../../transcoding/headers.js';
import { requireIdentity, requireJson } from '../../transcoding/negotiate.js';
import { traceContext } from '../../transcoding/trace-context.js';
import type { AnswerForm, Transcoder } from '../../transcoding/transcoder.js';
import { roomOf } from '../connection/room.js';
import { onEnding } from '../connection/unless-ended.js';
import { readBody } from './body.js';

export interface CallRequestSettings extends BodySizes {
  readonly method: CallMethod;
  readonly transcoder: Transcoder;
  /** True if the call gets the paths that the client wants of the answer, as the call of an aggregate does. */
  readonly prunes: boolean;
  /** The demands over more of the request than its path. */
  readonly require: readonly Equality[];
  /** All demands, for the messages after the first one of a client stream: they may contain the path's fields too. */
  readonly requireBehind: readonly Equality[];
  readonly requestMetadata: ReturnType<typeof compileRequestMetadata>;
  /** The base path of the surface, which upstreams get as `x-forwarded-prefix`. It is empty if there is none. */
  readonly basePath: string;
  /** The timeout of the call: the route's own or else its upstream's; undefined when neither has one. */
  readonly timeoutMs: number | undefined;
  /**
   * How long a request may take until the end of the call. For a stream: how long a body of one message may take, and how
   * long the client may read nothing of the answer.
   */
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  /** Chooses the subsets of servers. Undefined when the upstreams of the route have none. */
  readonly subsetsOf: SubsetsOf | undefined;
}

/** Returns the subset of servers that a request has chosen, by the name of the upstream; undefined when it chose none. */
export type SubsetsOf = (
  request: Pick<CallContext, 'principal' | 'clientAddress'> & { readonly headers: IncomingHttpHeaders },
) => CallContext['subsets'];

export interface Asked {
  readonly request: CallRequest;
  readonly form: AnswerForm;
}

const NO_BODY = new Uint8Array(0);

/**
 * Compiles the reader of requests for methods whose client sends one message. It throws the 4xx of a request that is refused.
 */
export function compileCallRequest(settings: CallRequestSettings): (ctx: Context) => Promise<Asked> {
  const { transcoder, clock } = settings;
  const bodyLimits = { maxBytes: settings.maxBodyBytes, timeoutMs: settings.requestTimeoutMs, clock };
  const headOf = compileCallHead(settings);

  return async function callRequest(ctx) {
    const { req, state } = ctx;
    const { of: head } = headOf(ctx);
    const body = hasBody(req) ? await bodyOf(ctx) : NO_BODY;
    const { captures, rawQuery } = state;
    const contentType = req.headers['content-type'];
    const { message, form, wanted } = transcoder.request({ captures, rawQuery, body, contentType });
    if (settings.require.length > 0) demand(settings.require, message, state.principal);
    const request = { ...head(wanted), message };
    return { request, form };
  };

  async function bodyOf(ctx: Context): Promise<Uint8Array> {
    const { headers } = ctx.req;
    requireIdentity(headers['content-encoding']);
    if (transcoder.readsJson) requireJson(headers['content-type'], ctx.state.fromCookie);
    const begunAt = clock.monotonic();
    const body = await readBody(ctx, bodyLimits);
    ctx.state.record.bodyMs = clock.monotonic() - begunAt;
    ctx.state.bytesIn = body.length;
    return body;
  }
}

interface CallHead {
  readonly deadline: Deadline | undefined;
  /** Returns the request without its message. `wanted`: the paths that the client wants of the answer; undefined for all. */
  readonly of: (wanted: string | undefined) => Omit<CallRequest, 'message'>;
}

/** Compiles everything of a call besides its messages: method, metadata, deadline, signal and context. */
export function compileCallHead(settings: CallRequestSettings): (ctx: Context) => CallHead {
  const { method, clock } = settings;

  return function callHead(ctx) {
    const deadline = deadlineOf(ctx);
    const metadata = metadataOf(ctx);
    const of = (wanted: string | undefined) => ({
      method,
      metadata,
      ...(deadline === undefined ? {} : { deadline }),
      signal: goneSignal(ctx),
      context: contextOf(ctx, settings.prunes ? wanted : undefined, settings.subsetsOf),
    });
    return { deadline, of };
  };

  /** Returns the earliest of the deadlines of the route, the gateway and the client; undefined when there is none. */
  function deadlineOf({ req }: Context): Deadline | undefined {
    const now = clock.now();
    const client = clientTimeout(req.headers['grpc-timeout'], req.headers['x-request-timeout']);
    return earliest(
      deadlineAfter(settings.timeoutMs, now, 'route'),
      // A stream has no deadline of the gateway, only those of its policy and its client.
      isStreaming(method) ? undefined : deadlineAfter(settings.requestTimeoutMs, now, 'route'),
      deadlineAfter(client?.timeoutMs, now, 'client'),
    );
  }

  function metadataOf({ req, state }: Context): MetadataEntry[] {
    const metadata = settings.requestMetadata(req.rawHeaders);
    metadata.push(['x-request-id', state.requestId], ['x-forwarded-for', state.clientAddress]);
    if (settings.basePath !== '') metadata.push(['x-forwarded-prefix', settings.basePath]);
    if (state.principal !== undefined) metadata.push(...state.principal.metadata);
    const given = traceContext(req.headers.traceparent, req.headers.tracestate);
    if (state.trace === undefined) metadata.push(...given);
    else metadata.push(['traceparent', state.trace.traceparent], ...given.slice(1));
    return metadata;
  }
}

function contextOf(
  { req, res, state }: Context,
  mask: string | undefined,
  subsetsOf: SubsetsOf | undefined,
): CallContext {
  const { surface, requestId, clientAddress, principal, record, trace } = state;
  const room = roomOf(res);
  const caller = { clientAddress, ...(principal === undefined ? {} : { principal }) };
  const subsets = subsetsOf?.({ ...caller, headers: req.headers });
  return {
    surface: surface.name,
    requestId,
    record,
    ...(trace?.span === undefined ? {} : { span: trace.span }),
    ...caller,
    ...(subsets === undefined ? {} : { subsets }),
    ...(mask === undefined ? {} : { mask }),
    ...(room === undefined ? {} : { room }),
  };
}

/** Returns the same request, which is also cancelled when `signal` aborts. An abort after the end of the call does nothing. */
export function cancellable(request: CallRequest, signal: AbortSignal): CallRequest {
  return { ...request, signal: AbortSignal.any([request.signal, signal]) };
}

/** Returns a signal that aborts when the connection closes before the answer is out, and when a stream must end. */
function goneSignal({ res, state }: Context): AbortSignal {
  const controller = new AbortController();
  onEnding(state.ending, () => controller.abort());
  if (isOver(res)) controller.abort();
  res.once('close', () => {
    if (!isWhole(res)) controller.abort();
  });
  return controller.signal;
}
