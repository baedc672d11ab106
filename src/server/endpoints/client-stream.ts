/**
 * Reads the request of a method whose client streams (docs/streams.md): messages are sent on as they arrive, as fast as the
 * upstream takes them. The fields of path and query are part of the first message.
 */
import type { Clock } from '../../base/clock.js';
import type { Deadline } from '../../call/deadline.js';
import { hasBody } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import { Code } from '../../status/code.js';
import { notAllowed } from '../../status/refusals.js';
import { gatewayError, StatusError } from '../../status/status-error.js';
import { bodyTooLarge } from '../../transcoding/body-size.js';
import { requireIdentity, requireJsonStream } from '../../transcoding/negotiate.js';
import { createJsonElements, type ElementForm, encodeElement } from '../../transcoding/stream/json-elements.js';
import type { RequestMessages } from '../../transcoding/transcoder.js';
import { betweenPartsOfBody } from './between-parts.js';
import { announcesMore, continueIfAsked, parsedBody } from './body.js';
import { type Asked, type CallRequestSettings, compileCallHead } from './call-request.js';

export interface ClientStreamSettings extends CallRequestSettings {
  /** The time for which the client may send nothing before the request ends. */
  readonly idleTimeoutMs: number;
}

export function compileClientStream(settings: ClientStreamSettings): (ctx: Context) => Promise<Asked> {
  const prepare = compileMessages(settings);
  const { method, clock } = settings;
  return async function clientStream(ctx) {
    const arrival: Arrival = { form: formOf(ctx, settings), mayBeSilent: false };
    const { deadline, ask } = prepare(ctx);
    const asked = await untilDeadline(ask(bodiesOf(ctx, settings, arrival)), deadline, clock);
    // If the server streams too, the idle timer of its answer watches both sides from now on.
    arrival.mayBeSilent = method.serverStreaming;
    return asked;
  };
}

/** Turns the pieces that a client sends into the request of the call. */
export type Ask = (bodies: AsyncIterator<Uint8Array>) => Promise<Asked>;

export interface Prepared {
  readonly deadline: Deadline | undefined;
  readonly ask: Ask;
}

/**
 * Compiles the reader of requests whose messages arrive one by one, each as one piece. The head of a request is checked at
 * once, and throws the 4xx of a refusal.
 */
export function compileMessages(settings: CallRequestSettings): (ctx: Context) => Prepared {
  const { transcoder, method, require, requireBehind } = settings;
  const headOf = compileCallHead(settings);
  // If the server streams too, its client may wait for an answer before it sends; otherwise, or if messages must meet
  // demands, the first message decides whether there is a call.
  const waits = !method.serverStreaming || require.length > 0;

  return function prepare(ctx) {
    const head = headOf(ctx);
    const { captures, rawQuery, principal } = ctx.state;
    const contentType = ctx.req.headers['content-type'];
    const between = betweenPartsOfBody(ctx, head.deadline, settings.clock);
    const messages = transcoder.messages({ captures, rawQuery, contentType, between });
    const { head: said } = messages;
    const demand = (message: Uint8Array, index: number | undefined) => {
      const unmet =
        index === undefined || index === 0
          ? require.find((equality) => !equality.holds(message, principal))
          : requireBehind.find((equality) => !equality.holdsBehind(message, principal, said));
      if (unmet !== undefined) throw notAllowed(unmet.text, index);
    };
    return {
      deadline: head.deadline,
      async ask(bodies) {
        const source = encoded(messages, bodies, { isJson: transcoder.readsJson, demand });
        const message = waits ? rest(await source.next(), source) : source;
        return { request: head.request(message, messages.wanted), form: messages.form };
      },
    };
  };
}

/** Yields the whole stream again after its first result was taken from `source`. */
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
  { isJson, demand }: { isJson: boolean; demand: (message: Uint8Array, index: number | undefined) => void },
): AsyncGenerator<Uint8Array> {
  let count = 0;
  try {
    for (;;) {
      const { done, value } = await bodies.next();
      if (done === true) break;
      const encoding = isJson ? encodeElement(messages, value, count) : messages.encode(value);
      const message = encoding instanceof Promise ? await encoding : encoding;
      demand(message, count);
      yield message;
      count++;
    }
  } finally {
    await bodies.return?.();
  }
  if (count > 0) return;
  // An empty stream is still a call.
  const message = await messages.encode(NO_BODY);
  demand(message, undefined);
  if (messages.hasFirst) yield message;
}

/** The form in which the messages arrive. */
interface Arrival {
  /** The form of the JSON; undefined if the messages are bytes or there is no body. */
  readonly form: ElementForm | undefined;
  /** True if the client may be silent: its silence is not timed here. */
  mayBeSilent: boolean;
}

/** Returns the form of the body. Throws the 413 or 415 of a head that is refused, before there is a call. */
function formOf({ req, state }: Context, settings: ClientStreamSettings): ElementForm | undefined {
  if (!hasBody(req)) return undefined;
  const { transcoder, maxStreamBytes } = settings;
  requireIdentity(req.headers['content-encoding']);
  const form = transcoder.readsJson ? requireJsonStream(req.headers['content-type'], state.fromCookie) : undefined;
  if (maxStreamBytes !== undefined && announcesMore(req, maxStreamBytes)) throw bodyTooLarge(maxStreamBytes);
  return form;
}

/** Yields the messages in a request's body: each JSON text, or each chunk as it arrives if messages are bytes. */
async function* bodiesOf(ctx: Context, settings: ClientStreamSettings, arrival: Arrival): AsyncGenerator<Uint8Array> {
  if (!hasBody(ctx.req)) return;
  const chunks = chunksOf(ctx, settings, arrival);
  if (arrival.form === undefined) {
    yield* chunks;
    return;
  }
  const elements = createJsonElements(arrival.form, {
    maxBytes: settings.maxBodyBytes,
    mayBeArray: settings.transcoder.mayReadArray,
  });
  for await (const chunk of chunks) yield* elements.push(chunk);
  yield* elements.end();
}

const NO_BODY = new Uint8Array(0);

/** Yields the body as it arrives. The request stays open if the reader stops early: an early answer must still be written. */
async function* chunksOf(
  ctx: Context,
  { clock, idleTimeoutMs, maxStreamBytes }: ClientStreamSettings,
  arrival: Arrival,
): AsyncGenerator<Buffer> {
  const { req, res, state } = ctx;
  const parsed = parsedBody(ctx);
  if (parsed !== undefined) {
    state.bytesIn += parsed.length;
    if (maxStreamBytes !== undefined && parsed.length > maxStreamBytes) throw bodyTooLarge(maxStreamBytes);
    yield Buffer.from(parsed.buffer, parsed.byteOffset, parsed.byteLength);
    return;
  }
  continueIfAsked(req, res);
  const chunks = req.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  for (;;) {
    const { done, value } = await (arrival.mayBeSilent ? next() : inTime());
    if (done === true) return;
    state.bytesIn += value.length;
    if (maxStreamBytes !== undefined && state.bytesIn > maxStreamBytes) throw bodyTooLarge(maxStreamBytes);
    yield value;
  }

  function next(): Promise<IteratorResult<Buffer>> {
    return chunks.next().catch(() => {
      throw new StatusError(Code.CANCELLED, 'the client went away');
    });
  }

  async function inTime(): Promise<IteratorResult<Buffer>> {
    state.awaitsBody = true;
    let cancel = () => {};
    const silence = new Promise<never>((_, reject) => {
      cancel = clock.after(idleTimeoutMs, () => reject(tooSlow(idleTimeoutMs)));
    });
    try {
      return await Promise.race([next(), silence]);
    } finally {
      cancel();
      state.awaitsBody = false;
    }
  }
}

/** Returns the result of `work`, which waits for messages of the client. Rejects with a 504 if the deadline passes before. */
function untilDeadline<T>(work: Promise<T>, deadline: Deadline | undefined, clock: Clock): Promise<T> {
  if (deadline === undefined) return work;
  return new Promise((resolve, reject) => {
    const cancel = clock.after(Math.max(0, deadline.at - clock.now()), () => reject(tooLate()));
    work.then(resolve, reject).finally(cancel);
  });
}

function tooLate(): StatusError {
  return gatewayError('DEADLINE_EXCEEDED', 'body: expected all messages before the deadline, got only some', {
    closeConnection: true,
  });
}

function tooSlow(timeoutMs: number): StatusError {
  return gatewayError('BODY_TIMEOUT', `body: expected more data within ${timeoutMs} ms, got none`, {
    closeConnection: true,
  });
}
