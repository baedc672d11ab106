/**
 * The way up of a method whose client streams (rules 15 and 22): messages are sent as they arrive, as fast as the upstream
 * takes them. What path and query say is part of the first one.
 */
import { Code } from '../status/code.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import { requireIdentity, requireJsonStream } from '../transcoding/negotiate.js';
import { createJsonElements, encodeElement } from '../transcoding/stream/json-elements.js';
import type { RequestMessages } from '../transcoding/transcoder.js';
import { hasBody } from './answer.js';
import { demand } from './authenticate.js';
import { continueIfAsked } from './body.js';
import { type Asked, type CallRequestSettings, compileCallHead } from './call-request.js';
import type { Context } from './exchange.js';

export interface ClientStreamSettings extends CallRequestSettings {
  /** Without a byte for so long, the request ends. */
  readonly idleTimeoutMs: number;
}

export function compileClientStream(settings: ClientStreamSettings): (ctx: Context) => Promise<Asked> {
  const prepare = compileMessages(settings);
  return async function clientStream(ctx) {
    const ask = prepare(ctx);
    return ask(bodiesOf(ctx, settings));
  };
}

/** What a client sends piece by piece → the call that it asks for. */
export type Ask = (bodies: AsyncIterator<Uint8Array>) => Promise<Asked>;

/** One piece is one message. What the head says is decided at once, and throws the 4xx that it earns. */
export function compileMessages(settings: CallRequestSettings): (ctx: Context) => Ask {
  const { transcoder, method, require } = settings;
  const headOf = compileCallHead(settings);
  // A client that is answered while it asks may listen first; for others the first message decides whether there is a call.
  const waits = !method.serverStreaming || require.length > 0;

  return function prepare(ctx) {
    const head = headOf(ctx);
    const { captures, rawQuery, principal } = ctx.state;
    const messages = transcoder.messages({ captures, rawQuery, contentType: ctx.req.headers['content-type'] });
    return async function ask(bodies) {
      const source = encoded(messages, bodies, transcoder.readsJson);
      const first = waits ? await source.next() : undefined;
      if (first?.done === false) demand(require, first.value, principal);
      const message = first === undefined ? source : rest(first, source);
      return { request: { ...head(messages.wanted), message }, mask: messages.mask };
    };
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
  messages: RequestMessages,
  bodies: AsyncIterator<Uint8Array>,
  isJson: boolean,
): AsyncGenerator<Uint8Array> {
  let count = 0;
  try {
    for (;;) {
      const { done, value } = await bodies.next();
      if (done === true) break;
      yield isJson ? encodeElement(messages, value, count) : messages.encode(value);
      count++;
    }
  } finally {
    await bodies.return?.();
  }
  if (count === 0 && messages.hasFirst) yield messages.encode(NO_BODY);
}

/** The parts of a request's body that are messages. */
async function* bodiesOf(ctx: Context, settings: ClientStreamSettings): AsyncGenerator<Uint8Array> {
  if (!hasBody(ctx.req)) return;
  const chunks = chunksOf(ctx, settings);
  if (!settings.transcoder.readsJson) {
    yield* chunks;
    return;
  }
  const form = requireJsonStream(ctx.req.headers['content-type'], ctx.state.fromCookie);
  const elements = createJsonElements(form, settings.maxBodyBytes);
  for await (const chunk of chunks) yield* elements.push(chunk);
  yield* elements.end();
}

const NO_BODY = new Uint8Array(0);

/** What arrives. The request stays open when nobody reads on: an answer that comes early is still to be written. */
async function* chunksOf(
  { req, res, state }: Context,
  { clock, idleTimeoutMs, method }: ClientStreamSettings,
): AsyncGenerator<Buffer> {
  requireIdentity(req.headers['content-encoding']);
  continueIfAsked(req, res);
  const chunks = req.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  for (;;) {
    const { done, value } = await new Promise<IteratorResult<Buffer>>((resolve, reject) => {
      // Who is answered meanwhile may be silent: the answer's own timer sees both.
      const cancelTimer = method.serverStreaming
        ? () => {}
        : clock.after(idleTimeoutMs, () => reject(tooSlow(idleTimeoutMs)));
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
