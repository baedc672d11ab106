/**
 * The endpoint of a route whose server answers once: it reads the request, makes the call, and writes the answer.
 * Everything that does not depend on the request is decided in `endpoint(settings)`.
 */
import { Readable } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import type { Call, CallRequest, CallResponse } from '../../call/call.js';
import { isForOneRequest } from '../../call/for-one-request.js';
import { batchesOf, closeAfter, inBatches, setHeaders } from '../../exchange/answer.js';
import type { Context, Middleware } from '../../exchange/exchange.js';
import type { TellFreshness } from '../../policy/cache/freshness.js';
import { gatewayError } from '../../status/status-error.js';
import { type CompiledResponseHeaders, statusFromMetadata } from '../../transcoding/headers.js';
import type { TranscodedResponse, Transcoder } from '../../transcoding/transcoder.js';
import { unlessIdle } from '../connection/idle.js';
import { roomOf } from '../connection/room.js';
import { unlessEnded } from '../connection/unless-ended.js';
import { betweenParts } from './between-parts.js';
import { type Asked, cancellable } from './call-request.js';

export interface EndpointSettings {
  readonly requestOf: (ctx: Context) => Asked | Promise<Asked>;
  readonly transcoder: Transcoder;
  readonly call: Call;
  readonly responseHeaders: CompiledResponseHeaders;
  readonly successStatus: number;
  /** Sets the headers of a cached answer; undefined for a route without a cache. */
  readonly freshness: TellFreshness | undefined;
  /** The time that both sides may be silent before the call ends, if the client streams. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/** Serves a method whose server answers once. */
export function endpoint(settings: EndpointSettings): Middleware {
  const { requestOf, transcoder, call } = settings;

  return async function endpoint(ctx) {
    const asked = requestOf(ctx);
    const { request, form } = asked instanceof Promise ? await unlessEnded(asked, ctx.state.ending) : asked;
    const response = await (request.method.clientStreaming ? callUnlessIdle(ctx, request) : call(request));
    // The upstream has answered before the end of the request, and the rest of the request will not be read.
    if (request.method.clientStreaming && !ctx.req.complete) closeAfter(ctx.res);
    const room = roomOf(ctx.res);
    const waiting = room?.toWrite();
    if (waiting !== undefined) await waiting;
    const level = form.indented ? 0 : undefined;
    const transcoded = transcoder.response(unaryMessage(response), form, { level, between: betweenParts(ctx) });
    answer(ctx, response, transcoded instanceof Promise ? await transcoded : transcoded);
  };

  async function callUnlessIdle(ctx: Context, request: CallRequest): Promise<CallResponse> {
    const ending = new AbortController();
    try {
      const answered = call(cancellable(request, ending.signal));
      return await unlessIdle(answered, ctx, settings.idleTimeoutMs, settings.clock);
    } finally {
      ending.abort();
    }
  }

  /**
   * True if the answer to a HEAD may have the type and length of the content: that of an HttpBody may, that of JSON may not.
   */
  function describesContent({ body }: TranscodedResponse): boolean {
    return !transcoder.writesJson && body.length > 0;
  }

  function answer(ctx: Context, response: CallResponse, transcoded: TranscodedResponse): void {
    const { headers, trailers, notes } = response;
    ctx.state.record.cache = notes.cache?.status;
    const status = statusFromMetadata(headers, trailers) ?? settings.successStatus;
    setHeaders(ctx.res, settings.responseHeaders(headers, trailers));
    const known =
      settings.freshness !== undefined && notes.cache !== undefined && notes.parts === undefined && status === 200
        ? settings.freshness(ctx, notes.cache, isForOneRequest(response), transcoded.body)
        : false;
    if (notes.parts !== undefined) tellPartial(ctx, notes.parts);
    ctx.status = known ? 304 : status;
    if (known || status === 204 || status === 304) {
      ctx.body = null;
      return;
    }
    const { contentType, body } = transcoded;
    roomOf(ctx.res)?.write(body.length, true);
    ctx.state.bytesOut = ctx.req.method === 'HEAD' ? 0 : body.length;
    if (hasRuleOfItsOwn(ctx) && !describesContent(transcoded)) {
      ctx.body = null;
      ctx.status = status;
      return;
    }
    ctx.res.setHeader('content-type', contentType);
    const batches = batchesOf(ctx.res, body);
    ctx.body = batches === undefined ? asBuffer(body) : Readable.from(inBatches(ctx.res, batches));
    if (batches !== undefined) {
      ctx.length = body.length;
      // Koa adds seven listeners when it pipes a body.
      ctx.res.setMaxListeners(20);
    }
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * True for a HEAD that matched a rule of its own, not the GET of its path. HEAD sends the type and length of GET's content,
 * or neither of them (RFC 9110 §9.3.2).
 */
function hasRuleOfItsOwn({ req, state }: Context): boolean {
  return req.method === 'HEAD' && state.route?.binding.httpMethod === 'HEAD';
}

/** The most bytes of `x-protogate-partial`, so that every client accepts it. The answer itself shows further missing parts. */
const MAX_PARTS_BYTES = 4096;

/** Writes the names of the optional parts that are missing in an answer to a header and to the log. Caches may not keep it. */
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

function unaryMessage({ message }: CallResponse): Uint8Array {
  if (message instanceof Uint8Array) return message;
  throw gatewayError('UPSTREAM_BROKEN_ANSWER', 'expected one message, got a stream', { source: 'upstream' });
}
