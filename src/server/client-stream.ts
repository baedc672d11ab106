/**
 * The way up of a method whose client streams (rules 15 and 22): messages are sent as they arrive, as fast as the upstream
 * takes them. What path and query say is part of the first one.
 */
import type { CallRequest } from '../call/call.js';
import { Code } from '../status/code.js';
import type { FieldViolation } from '../status/details.js';
import { gatewayError, invalidRequest, StatusError } from '../status/status-error.js';
import { requireIdentity, requireJsonStream } from '../transcoding/negotiate.js';
import { createJsonElements } from '../transcoding/stream/json-elements.js';
import type { RequestMessages } from '../transcoding/transcoder.js';
import { demand } from './authenticate.js';
import { continueIfAsked, hasBody } from './body.js';
import { type Asked, type CallRequestSettings, compileCallHead } from './call-request.js';
import type { Context } from './exchange.js';

export interface ClientStreamSettings extends CallRequestSettings {
  /** Without a byte for so long, the request ends. */
  readonly idleTimeoutMs: number;
}

export function compileClientStream(settings: ClientStreamSettings): (ctx: Context) => Promise<Asked> {
  const { transcoder } = settings;
  const headOf = compileCallHead(settings);

  return async function clientStream(ctx) {
    const head = headOf(ctx);
    const { captures, rawQuery, principal } = ctx.state;
    const messages = transcoder.messages({ captures, rawQuery, contentType: ctx.req.headers['content-type'] });
    const source = encoded(ctx, messages, chunksOf(ctx, settings), settings);
    // The first message decides whether there is a call at all.
    const first = await source.next();
    if (first.done !== true && settings.require.length > 0) demand(settings.require, first.value, principal);
    const request: CallRequest = { ...head(messages.wanted), message: rest(first, source) };
    return { request, mask: messages.mask };
  };
}

/** A stream whose first step was made already. */
async function* rest(
  first: IteratorResult<Uint8Array>,
  source: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done !== true) yield first.value;
    yield* source;
  } finally {
    await source.return(undefined);
  }
}

async function* encoded(
  ctx: Context,
  messages: RequestMessages,
  chunks: AsyncIterable<Buffer>,
  { transcoder, maxBodyBytes }: ClientStreamSettings,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  if (!hasBody(ctx.req)) {
    if (messages.hasBound) yield messages.encode(NO_BODY);
    return;
  }
  if (!transcoder.readsJson) {
    for await (const chunk of chunks) yield messages.encode(chunk);
    return;
  }
  const form = requireJsonStream(ctx.req.headers['content-type'], ctx.state.fromCookie);
  const elements = createJsonElements(form, maxBodyBytes);
  for await (const chunk of chunks) for (const element of elements.push(chunk)) yield read(messages, element, count++);
  for (const element of elements.end()) yield read(messages, element, count++);
  if (count === 0 && messages.hasBound) yield messages.encode(NO_BODY);
}

const NO_BODY = new Uint8Array(0);

/** Errors name the message: `[2].quantity`. */
function read(messages: RequestMessages, element: Buffer, index: number): Uint8Array {
  try {
    return messages.encode(element);
  } catch (error) {
    const [detail] = error instanceof StatusError ? error.details : [];
    if (detail === undefined || !('fieldViolations' in detail)) throw error;
    const named = (detail.fieldViolations as readonly FieldViolation[]).map(({ field, description }) => ({
      field: field === 'body' ? `[${index}]` : `[${index}].${field}`,
      description,
    }));
    throw invalidRequest('INVALID_BODY', named);
  }
}

/** What arrives. The request stays open when nobody reads on: an answer that comes early is still to be written. */
async function* chunksOf(
  { req, res, state }: Context,
  { clock, idleTimeoutMs }: ClientStreamSettings,
): AsyncGenerator<Buffer> {
  requireIdentity(req.headers['content-encoding']);
  continueIfAsked(req, res);
  const chunks = req.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  for (;;) {
    const { done, value } = await new Promise<IteratorResult<Buffer>>((resolve, reject) => {
      const cancelTimer = clock.after(idleTimeoutMs, () => reject(tooSlow(idleTimeoutMs)));
      chunks.next().then(
        (result) => {
          cancelTimer();
          resolve(result);
        },
        () => {
          cancelTimer();
          reject(new StatusError(Code.CANCELLED, 'the client went away'));
        },
      );
    });
    if (done === true) return;
    state.bytesIn += value.length;
    yield value;
  }
}

function tooSlow(timeoutMs: number): StatusError {
  return gatewayError(408, 'BODY_TIMEOUT', `body: expected more within ${timeoutMs} ms`, { closeConnection: true });
}
