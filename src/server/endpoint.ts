/**
 * The end of a route's chain whose server answers once: request → call → response bytes → answer. Everything that can be decided before a
 * request comes is decided in `endpoint(settings)`.
 */
import { Readable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import type { Call, CallRequest, CallResponse } from '../call/call.js';
import { Code } from '../status/code.js';
import { StatusError } from '../status/status-error.js';
import type { compileResponseHeaders } from '../transcoding/headers.js';
import { statusFromMetadata } from '../transcoding/headers.js';
import type { TranscodedResponse, Transcoder } from '../transcoding/transcoder.js';
import { batchesOf, closeAfter } from './answer.js';
import { type Asked, cancellable } from './call-request.js';
import { unlessEnded } from './ending.js';
import type { Context, Middleware } from './exchange.js';
import type { TellFreshness } from './freshness.js';
import { unlessIdle } from './idle.js';

export interface EndpointSettings {
  readonly requestOf: (ctx: Context) => Promise<Asked>;
  readonly transcoder: Transcoder;
  readonly call: Call;
  readonly responseHeaders: ReturnType<typeof compileResponseHeaders>;
  readonly successStatus: number;
  /** Of a route with a cache. */
  readonly freshness: TellFreshness | undefined;
  /** Of a method whose client streams: without a word from either side for so long, it ends. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

/** Serves a method whose server answers once. */
export function endpoint(settings: EndpointSettings): Middleware {
  const { requestOf, transcoder, call } = settings;

  return async function endpoint(ctx) {
    const { request, mask } = await unlessEnded(requestOf(ctx), ctx.state.ending);
    const response = await (request.method.clientStreaming ? callUnlessIdle(ctx, request) : call(request));
    // An upstream that has heard enough answers; nobody reads the rest.
    if (request.method.clientStreaming && !ctx.req.complete) closeAfter(ctx.res);
    answer(ctx, response, transcoder.response(unaryMessage(response), mask));
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
    const batches = batchesOf(ctx.res, body);
    ctx.body =
      batches === undefined ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : Readable.from(batches);
    if (batches !== undefined) {
      ctx.length = body.length;
      // Koa's way of piping listens seven times.
      ctx.res.setMaxListeners(20);
    }
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

function unaryMessage({ message }: CallResponse): Uint8Array {
  if (message instanceof Uint8Array) return message;
  throw new StatusError(Code.INTERNAL, 'expected one message, got a stream', { httpStatus: 502, source: 'upstream' });
}
