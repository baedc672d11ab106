/**
 * Turns an HTTP request into a CallRequest. Everything that does not depend on the request is decided in
 * `compileCallRequest(settings)`.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../base/clock.js';
import type { CallContext, CallMethod, CallRequest, Messages } from '../../call/call.js';
import { isStreaming } from '../../call/call.js';
import { type Deadline, deadlineAfter, earliest } from '../../call/deadline.js';
import type { Metadata, MetadataEntry } from '../../call/metadata.js';
import { hasBody } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import type { Equality } from '../../paths/equality.js';
import { demand } from '../../policy/access/demands.js';
import type { BodySizes } from '../../transcoding/body-size.js';
import { clientTimeout } from '../../transcoding/client-timeout.js';
import type { compileRequestMetadata } from '../../transcoding/headers.js';
import { requireIdentity, requireJson } from '../../transcoding/negotiate.js';
import { traceContext } from '../../transcoding/trace-context.js';
import type { AnswerForm, TranscodedRequest, Transcoder } from '../../transcoding/transcoder.js';
import type { SignalOf } from '../connection/gone-signal.js';
import { roomOf } from '../connection/room.js';
import { betweenPartsOfBody } from './between-parts.js';
import { readBody } from './body.js';

export interface CallRequestSettings extends BodySizes {
  readonly method: CallMethod;
  readonly transcoder: Transcoder;
  /** True if the call needs the list of fields that the client has asked for, as the call of an aggregate does. */
  readonly prunes: boolean;
  /** The `require` conditions that read more of the request than its path. */
  readonly require: readonly Equality[];
  /**
   * All `require` conditions. The messages after the first one of a client stream are checked against all of them,
   * because such a message may contain the fields of the path too.
   */
  readonly requireBehind: readonly Equality[];
  readonly requestMetadata: ReturnType<typeof compileRequestMetadata>;
  /** The base path of the surface, which upstreams get as `x-forwarded-prefix`. It is empty if there is none. */
  readonly basePath: string;
  /** The timeout of the call: the route's own or else its upstream's; undefined when neither has one. */
  readonly timeoutMs: number | undefined;
  /**
   * The time that a request may take until the end of the call. For a stream, it is the time that a body of one message may
   * take, and for which the client may read nothing of the answer.
   */
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
  /** Returns the signal that cancels the call when the client has closed its connection or stream. */
  readonly signalOf: SignalOf;
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
export function compileCallRequest(settings: CallRequestSettings): (ctx: Context) => Asked | Promise<Asked> {
  const { transcoder, clock } = settings;
  const bodyLimits = { maxBytes: settings.maxBodyBytes, timeoutMs: settings.requestTimeoutMs, clock };
  const headOf = compileCallHead(settings);

  return function callRequest(ctx) {
    const head = headOf(ctx);
    return hasBody(ctx.req) ? withBody(ctx, head) : asked(ctx, head, NO_BODY);
  };

  async function withBody(ctx: Context, head: CallHead): Promise<Asked> {
    return asked(ctx, head, await bodyOf(ctx));
  }

  function asked(ctx: Context, head: CallHead, body: Uint8Array): Asked | Promise<Asked> {
    const { captures, rawQuery } = ctx.state;
    const contentType = ctx.req.headers['content-type'];
    const between = body === NO_BODY ? undefined : betweenPartsOfBody(ctx, head.deadline, clock);
    const transcoded = transcoder.request({ captures, rawQuery, body, contentType, between });
    if (transcoded instanceof Promise) return transcoded.then((whole) => admitted(ctx, head, whole));
    return admitted(ctx, head, transcoded);
  }

  function admitted({ state }: Context, head: CallHead, { message, form, wanted }: TranscodedRequest): Asked {
    if (settings.require.length > 0) demand(settings.require, message, state.principal);
    return { request: head.request(message, wanted), form };
  }

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
  /** Returns the request of the call. `wanted`: the paths that the client wants of the answer; undefined for all. */
  request(message: Messages, wanted: string | undefined): CallRequest;
}

/** Compiles everything of a call besides its messages: method, metadata, deadline, signal and context. */
export function compileCallHead(settings: CallRequestSettings): (ctx: Context) => CallHead {
  const { method, clock, timeoutMs = Number.POSITIVE_INFINITY } = settings;
  // A stream has no deadline of the gateway, only those of its policy and its client.
  const ownMs = isStreaming(method) ? timeoutMs : Math.min(timeoutMs, settings.requestTimeoutMs);

  return (ctx) => new Head(settings, ctx, deadlineOf(ctx), metadataOf(ctx));

  /** Returns the earliest of the deadlines of the route, the gateway and the client; undefined when there is none. */
  function deadlineOf({ req }: Context): Deadline | undefined {
    const now = clock.now();
    const own: Deadline | undefined =
      ownMs < Number.POSITIVE_INFINITY ? { at: now + ownMs, owner: 'route' } : undefined;
    const { 'grpc-timeout': grpcTimeout, 'x-request-timeout': requestTimeout } = req.headers;
    if (grpcTimeout === undefined && requestTimeout === undefined) return own;
    return earliest(own, deadlineAfter(clientTimeout(grpcTimeout, requestTimeout)?.timeoutMs, now, 'client'));
  }

  function metadataOf({ req, state }: Context): MetadataEntry[] {
    const metadata = settings.requestMetadata(req.rawHeaders);
    metadata.push(['x-request-id', state.requestId], ['x-forwarded-for', state.clientAddress]);
    if (settings.basePath !== '') metadata.push(['x-forwarded-prefix', settings.basePath]);
    if (state.principal !== undefined) metadata.push(...state.principal.metadata);
    const given = traceContext(req.headers.traceparent, req.headers.tracestate);
    if (state.trace !== undefined) metadata.push(['traceparent', state.trace.traceparent]);
    // The gateway's own trace replaces that of the client, and keeps its state.
    for (let i = state.trace === undefined ? 0 : 1; i < given.length; i++) metadata.push(given[i]!);
    return metadata;
  }
}

class Head implements CallHead {
  constructor(
    private readonly settings: CallRequestSettings,
    private readonly ctx: Context,
    readonly deadline: Deadline | undefined,
    private readonly metadata: Metadata,
  ) {}

  /** All requests have the same properties in the same order, because the layers of a call copy them. */
  request(message: Messages, wanted: string | undefined): CallRequest {
    const { settings, deadline, metadata } = this;
    return {
      method: settings.method,
      message,
      metadata,
      deadline,
      signal: settings.signalOf(this.ctx),
      context: this.context(settings.prunes ? wanted : undefined),
      attempt: undefined,
      tried: undefined,
    };
  }

  private context(mask: string | undefined): CallContext {
    const { req, res, state } = this.ctx;
    const { surface, requestId, clientAddress, principal, record, trace } = state;
    return {
      surface: surface.name,
      requestId,
      clientAddress,
      principal,
      mask,
      record,
      span: trace?.span,
      room: roomOf(res),
      subsets: this.settings.subsetsOf?.({ clientAddress, principal, headers: req.headers }),
    };
  }
}

/** Returns the same request, which is also cancelled when `signal` aborts. An abort after the end of the call does nothing. */
export function cancellable(request: CallRequest, signal: AbortSignal): CallRequest {
  return { ...request, signal: AbortSignal.any([request.signal, signal]) };
}
