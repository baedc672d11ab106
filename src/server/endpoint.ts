/**
 * The end of a route's chain: body → request bytes → call → response bytes → answer. Everything that can be decided
 * before a request comes is decided in `endpoint(settings)`.
 */
import type { Clock } from '../base/clock.js';
import type { Call, CallContext, CallMethod, CallResponse } from '../call/call.js';
import { earliest, parseGrpcTimeout, parseRequestTimeout } from '../call/deadline.js';
import type { MetadataEntry } from '../call/metadata.js';
import type { Equality } from '../paths/equality.js';
import { Code } from '../status/code.js';
import { invalidRequest, StatusError } from '../status/status-error.js';
import type { compileRequestMetadata, compileResponseHeaders } from '../transcoding/headers.js';
import { statusFromMetadata } from '../transcoding/headers.js';
import { requireIdentity, requireJson } from '../transcoding/negotiate.js';
import type { TranscodedResponse, Transcoder } from '../transcoding/transcoder.js';
import { demand } from './authenticate.js';
import { hasBody, readBody } from './body.js';
import type { Context, Middleware } from './exchange.js';
import type { TellFreshness } from './freshness.js';

export interface EndpointSettings {
  readonly method: CallMethod;
  readonly transcoder: Transcoder;
  readonly call: Call;
  /** The call is told what of the answer is wanted. */
  readonly prunes: boolean;
  /** Demands over more of the request than its path. */
  readonly require: readonly Equality[];
  readonly requestMetadata: ReturnType<typeof compileRequestMetadata>;
  readonly responseHeaders: ReturnType<typeof compileResponseHeaders>;
  /** Of the call; the route's own or else its upstream's. */
  readonly timeoutMs: number | undefined;
  /** From the first byte of the request to the end of the call. */
  readonly requestTimeoutMs: number;
  readonly maxBodyBytes: number;
  readonly successStatus: number;
  /** Of a route with a cache. */
  readonly freshness: TellFreshness | undefined;
  readonly clock: Clock;
}

const NO_BODY = new Uint8Array(0);

/** Serves a unary method. */
export function endpoint(settings: EndpointSettings): Middleware {
  const { method, transcoder, call, clock } = settings;
  const bodyLimits = { maxBytes: settings.maxBodyBytes, timeoutMs: settings.requestTimeoutMs, clock };

  return async function endpoint(ctx) {
    const { req, state } = ctx;
    const deadline = deadlineOf(ctx);
    const metadata = metadataOf(ctx);
    const body = hasBody(req) ? await bodyOf(ctx) : NO_BODY;
    const { captures, rawQuery } = state;
    const contentType = req.headers['content-type'];
    const { message, mask, wanted } = transcoder.request({ captures, rawQuery, body, contentType });
    if (settings.require.length > 0) demand(settings.require, message, state.principal);
    const response = await call({
      method,
      message,
      metadata,
      ...(deadline === undefined ? {} : { deadline }),
      signal: goneSignal(ctx),
      context: contextOf(ctx, settings.prunes ? wanted : undefined),
    });
    answer(ctx, response, transcoder.response(unaryMessage(response), mask));
  };

  async function bodyOf(ctx: Context): Promise<Uint8Array> {
    const { headers } = ctx.req;
    requireIdentity(headers['content-encoding']);
    if (transcoder.readsJson) requireJson(headers['content-type'], ctx.state.fromCookie);
    const body = await readBody(ctx.req, ctx.res, bodyLimits);
    ctx.state.bytesIn = body.length;
    return body;
  }

  /** Rule 30: the least of the route's, the gateway's and the client's. */
  function deadlineOf({ req }: Context): number | undefined {
    const now = clock.now();
    const route = settings.timeoutMs === undefined ? undefined : now + settings.timeoutMs;
    return earliest(route, now + settings.requestTimeoutMs, clientDeadline(req.headers, now));
  }

  function metadataOf({ req, state }: Context): MetadataEntry[] {
    const metadata = settings.requestMetadata(req.rawHeaders);
    metadata.push(['x-request-id', state.requestId], ['x-forwarded-for', state.clientAddress]);
    if (state.principal !== undefined) metadata.push(...state.principal.metadata);
    return withTraceContext(metadata, req.headers);
  }

  function answer(ctx: Context, { headers, trailers, notes }: CallResponse, transcoded: TranscodedResponse): void {
    const status = statusFromMetadata(headers, trailers) ?? settings.successStatus;
    for (const [name, values] of settings.responseHeaders(headers, trailers)) {
      ctx.res.setHeader(name, values.length === 1 ? values[0]! : values);
    }
    const known =
      settings.freshness !== undefined && notes.cache !== undefined && notes.parts === undefined && status === 200
        ? settings.freshness(ctx, notes.cache, transcoded.body)
        : false;
    if (notes.parts !== undefined) tellPartial(ctx, notes.parts);
    ctx.status = known ? 304 : status;
    if (known || status === 204 || status === 304) {
      ctx.body = null;
      return;
    }
    const { contentType, body } = transcoded;
    ctx.res.setHeader('content-type', contentType);
    ctx.body = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }
}

/** Header bytes that any client takes; the answer itself tells the rest. */
const MAX_PARTS_BYTES = 4096;

/** An answer without some of its optional parts: what is missing, and that nobody keeps it. */
function tellPartial({ res, state }: Context, parts: readonly string[]): void {
  let text = '';
  for (const part of parts) {
    const next = text === '' ? part : `${text}, ${part}`;
    if (next.length > MAX_PARTS_BYTES) {
      text += ', ...';
      break;
    }
    text = next;
  }
  state.partial = text;
  res.setHeader('x-protogate-partial', text);
  res.setHeader('cache-control', 'no-store');
}

function contextOf({ state }: Context, mask: string | undefined): CallContext {
  const { surface, requestId, principal } = state;
  return {
    surface: surface.name,
    requestId,
    ...(principal === undefined ? {} : { principal }),
    ...(mask === undefined ? {} : { mask }),
  };
}

/** `grpc-timeout` and `x-request-timeout` shorten the deadline; a value that is neither is a 400. */
function clientDeadline(headers: Context['req']['headers'], now: number): number | undefined {
  return earliest(
    asDeadline('grpc-timeout', headers['grpc-timeout'], parseGrpcTimeout, 'a gRPC timeout such as 500m', now),
    asDeadline('x-request-timeout', headers['x-request-timeout'], parseRequestTimeout, 'seconds such as 1.5', now),
  );
}

function asDeadline(
  name: string,
  value: string | string[] | undefined,
  parse: (text: string) => number | undefined,
  expected: string,
  now: number,
): number | undefined {
  if (value === undefined) return undefined;
  const timeoutMs = parse(String(value));
  if (timeoutMs !== undefined) return now + timeoutMs;
  const found = JSON.stringify(String(value).slice(0, 40));
  throw invalidRequest('INVALID_TIMEOUT', [{ field: name, description: `expected ${expected}, got ${found}` }]);
}

/** Version 00 is 55 characters long and ff is none; what later ones append must be able to travel. */
const TRACEPARENT = /^(?!ff|00.{54})[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]{1,200})?$/;

/** W3C Trace Context §3.2.2: what does not parse is not passed on. */
function withTraceContext(metadata: MetadataEntry[], headers: Context['req']['headers']): MetadataEntry[] {
  const { traceparent, tracestate } = headers;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return metadata;
  metadata.push(['traceparent', traceparent]);
  if (typeof tracestate === 'string' && /^[\x20-\x7e]{1,512}$/.test(tracestate)) {
    metadata.push(['tracestate', tracestate]);
  }
  return metadata;
}

/** Aborts when the connection closes before the answer is out. */
function goneSignal({ res }: Context): AbortSignal {
  const controller = new AbortController();
  if (res.closed) controller.abort();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}

function unaryMessage({ message }: CallResponse): Uint8Array {
  if (message instanceof Uint8Array) return message;
  throw new StatusError(Code.INTERNAL, 'expected one message, got a stream', { httpStatus: 502, source: 'upstream' });
}
