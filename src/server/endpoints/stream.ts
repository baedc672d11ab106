/**
 * The endpoint of a route whose server streams (docs/streams.md): messages go out as they come, as fast as the client reads.
 * Status and headers are sent with the first message, or after a second if the answer is an event stream. Before that, an error
 * is answered as for any other route.
 */
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../base/clock.js';
import type { Call, CallResponse } from '../../call/call.js';
import type { JsonWriter } from '../../codec/json-writer.js';
import { batchesOf, closeAfter, cut, isHttp2, isOver, setHeaders } from '../../exchange/answer.js';
import type { Context, Middleware } from '../../exchange/exchange.js';
import { isWithoutContent } from '../../status/http.js';
import { StatusError } from '../../status/status-error.js';
import { errorBody } from '../../transcoding/error-body.js';
import { type CompiledResponseHeaders, statusFromMetadata } from '../../transcoding/headers.js';
import { acceptedFraming } from '../../transcoding/stream/accepted.js';
import { END_ID, type Framing, isEvents, lastEventId, withLastEventId } from '../../transcoding/stream/framing.js';
import type { AnswerForm, TranscodedResponse } from '../../transcoding/transcoder.js';
import { unlessIdle } from '../connection/idle.js';
import { type RequestRoom, roomOf } from '../connection/room.js';
import { noteStall, outgoingOf, watchStall } from '../connection/stall.js';
import { onEnding, unlessEnded } from '../connection/unless-ended.js';
import { betweenParts, clientLeft } from './between-parts.js';
import { type Asked, type CallRequestSettings, cancellable } from './call-request.js';
import { afterRequest } from './half-duplex.js';

export interface StreamEndpointSettings extends CallRequestSettings {
  readonly requestOf: (ctx: Context) => Asked | Promise<Asked>;
  readonly call: Call;
  readonly responseHeaders: CompiledResponseHeaders;
  readonly successStatus: number;
  /** The time that the stream may be without a message before it ends. */
  readonly idleTimeoutMs: number;
  /** True if a message may have a field `error`, as the line that reports a failure has. */
  readonly mayHoldError: boolean;
}

/** The time after which an event stream without a message sends its headers: a browser then sees the stream as open. */
const COMMIT_EVENTS_MS = 1000;
/** The time between two heartbeats of a silent event stream: proxies close connections on which nothing is sent. */
const HEARTBEAT_MS = 15_000;

/** Serves a method whose server streams. Resolves when the whole answer is written, or the client has closed the connection. */
export function streamEndpoint(settings: StreamEndpointSettings): Middleware {
  const { requestOf, method, transcoder } = settings;
  return async function streamEndpoint(ctx) {
    const framing = framingOf(ctx);
    const lastId = lastEventId(framing, ctx.req.headers['last-event-id']);
    if (lastId === END_ID) {
      ctx.status = 204;
      return;
    }
    const found = requestOf(ctx);
    const asked = found instanceof Promise ? await unlessEnded(found, ctx.state.ending) : found;
    const written = asked.form.indented ? (framing?.indented ?? framing) : framing;
    await new StreamAnswer(ctx, written, settings, lastId).send(lastId === undefined ? asked : resumed(asked, lastId));
  };

  /** Returns undefined if the messages are not JSON but bytes with a content type of their own. */
  function framingOf({ req, state }: Context): Framing | undefined {
    const { accept } = req.headers;
    const events = transcoder.asksForEvents(state.rawQuery);
    return transcoder.writesJson ? acceptedFraming({ accept, bothWays: method.clientStreaming, events }) : undefined;
  }
}

function resumed({ request, form }: Asked, lastId: string): Asked {
  return { request: { ...request, metadata: withLastEventId(request.metadata, lastId) }, form };
}

class StreamAnswer {
  private committed = false;
  private count: number;
  private readonly res: ServerResponse;
  private readonly clock: Clock;
  /** True if answers wait for the end of the request, because the client streams over HTTP/1.1. */
  private readonly isHalfDuplex: boolean;
  private readonly room: RequestRoom | undefined;
  private readonly between: (written: number) => Promise<void> | undefined;

  constructor(
    private readonly ctx: Context,
    private readonly framing: Framing | undefined,
    private readonly settings: StreamEndpointSettings,
    lastId = '',
  ) {
    // The ids of events go on from the last one, so that a client can come back more than once.
    this.count = /^\d{1,15}$/.test(lastId) ? Number(lastId) : 0;
    this.res = ctx.res;
    this.clock = settings.clock;
    this.room = roomOf(ctx.res);
    this.between = betweenParts(ctx);
    this.isHalfDuplex = settings.method.clientStreaming && !isHttp2(ctx.req);
  }

  async send({ request, form }: Asked): Promise<void> {
    const { settings } = this;
    let response: CallResponse | undefined;
    let messages: AsyncIterator<Uint8Array> | undefined;
    const ending = new AbortController();
    try {
      const first = settings.call(cancellable(request, ending.signal)).then((answered) => {
        response = answered;
        messages = this.isHalfDuplex ? afterRequest(iteratorOf(answered), this.ctx.req) : iteratorOf(answered);
        return messages.next();
      });
      let next = await this.waiting(first, () => this.commit(response));
      while (next.done !== true) {
        const waiting = this.room?.toWrite();
        if (waiting !== undefined) await waiting;
        const framed = this.framed(next.value, form);
        const { contentType, body } = framed instanceof Promise ? await framed : framed;
        this.room?.write(body.length, false);
        if (!this.committed) this.commit(response, contentType);
        await this.write(body);
        this.room?.taken(body.length);
        this.count++;
        next = await this.waiting(messages!.next());
      }
      if (!this.committed) this.commit(response);
      this.res.end(this.framing?.end(this.count));
    } catch (error) {
      await this.failed(error);
    } finally {
      // This cancels a call that still runs, even before its answer has begun. It does nothing to a call that has ended.
      ending.abort();
      await messages?.return?.();
    }
  }

  private framed(wire: Uint8Array, form: AnswerForm): TranscodedResponse | Promise<TranscodedResponse> {
    const { framing, settings, count, between } = this;
    const { transcoder } = settings;
    if (framing === undefined) return transcoder.response(wire, form, { between });
    const { contentType, level, after } = framing;
    const before = (out: JsonWriter) => framing.before(out, count);
    const body = transcoder.json(wire, form, { level, before, after, between });
    return body instanceof Promise ? body.then((whole) => ({ contentType, body: whole })) : { contentType, body };
  }

  private commit(response: CallResponse | undefined, contentType = 'application/octet-stream'): void {
    const { ctx, settings, framing } = this;
    const res = this.res;
    const headers = response?.headers ?? [];
    // The upstream has answered before the end of the request, and the rest of the request will not be read.
    if (this.isHalfDuplex && !ctx.req.complete) closeAfter(res);
    setHeaders(res, settings.responseHeaders(headers, []));
    const status = statusFromMetadata(headers, []);
    res.statusCode = status === undefined || isWithoutContent(status) ? settings.successStatus : status;
    res.setHeader('content-type', framing?.contentType ?? contentType);
    if (framing !== undefined && isEvents(framing) && !res.hasHeader('cache-control'))
      res.setHeader('cache-control', 'no-cache');
    this.committed = true;
    ctx.respond = false;
    res.flushHeaders();
  }

  /**
   * Returns the result of `next`, or rejects after the idle time. Meanwhile an event stream sends heartbeats. `onSilent` is
   * called before the first of them, to send the headers.
   */
  private waiting<T>(next: Promise<T>, onSilent?: () => void): Promise<T> {
    const { ctx, settings, framing } = this;
    const heard = unlessIdle(next, ctx, settings.idleTimeoutMs, this.clock);
    const heartbeat = framing?.heartbeat;
    if (heartbeat === undefined) return heard;
    let cancelBeat: () => void;
    const beat = (afterMs: number) => {
      cancelBeat = this.clock.after(afterMs, () => {
        if (!this.committed) onSilent?.();
        this.res.write(heartbeat);
        beat(HEARTBEAT_MS);
      });
    };
    beat(this.committed ? HEARTBEAT_MS : COMMIT_EVENTS_MS);
    return heard.finally(() => cancelBeat());
  }

  /** Writes `body`. Resolves when the client has room for more. */
  private async write(body: Uint8Array): Promise<void> {
    const res = this.res;
    this.ctx.state.ending?.throwIfAborted();
    if (isOver(res)) throw clientLeft();
    this.ctx.state.bytesOut += body.length;
    // Each message is written alone: while an answer is corked, `write` reports room, however full the connection is.
    for (const batch of batchesOf(res, body) ?? [body]) if (!res.write(batch)) await this.drained();
  }

  /**
   * Resolves when the client takes more. A slow client may take any time, but a client that reads nothing at all is
   * disconnected.
   */
  private drained(): Promise<void> {
    const res = this.res;
    return new Promise<void>((resolve, reject) => {
      const stalled = (afterMs: number) => {
        noteStall(res, afterMs);
        cut(res);
      };
      const cancel = watchStall(outgoingOf(res), this.settings.requestTimeoutMs, this.clock, stalled);
      let cancelEnding = () => {};
      const settle = (then: () => void) => {
        cancel();
        cancelEnding();
        res.off('drain', onDrain).off('close', onClose);
        then();
      };
      const onDrain = () => settle(resolve);
      const onClose = () => settle(() => reject(clientLeft()));
      res.on('drain', onDrain).on('close', onClose);
      cancelEnding = onEnding(this.ctx.state.ending, (reason) => settle(() => reject(reason)));
    });
  }

  private async failed(thrown: unknown): Promise<void> {
    const { ctx, framing, settings } = this;
    const res = this.res;
    const { ending } = ctx.state;
    const error: unknown = ending?.aborted ? ending.reason : thrown;
    if (!this.committed || !(error instanceof StatusError)) throw error;
    ctx.state.error = error;
    if (isOver(res)) return;
    const { requestId, surface } = ctx.state;
    const { body } = errorBody(error, requestId, { ...surface.errors, format: 'status' });
    const last = framing?.failed(body, settings.mayHoldError);
    if (last !== undefined) return void res.end(last);
    // An answer that cannot report its failure must not look complete. The bytes that were written in this turn are sent before
    // the answer is cut.
    await nextTurn();
    if (!isOver(res)) cut(res);
  }
}

function iteratorOf({ message }: CallResponse): AsyncIterator<Uint8Array> {
  if (message instanceof Uint8Array) throw new TypeError('expected a stream, got one message');
  return message[Symbol.asyncIterator]();
}
