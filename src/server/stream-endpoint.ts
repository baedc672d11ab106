/**
 * The end of a server stream's chain (rules 18, 20, 21, 23): messages go out as they come, as fast as the client reads.
 * The first message commits the answer; until then an error is a plain error.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.js';
import type { Call, CallResponse } from '../call/call.js';
import type { MessageCodec } from '../codec/codec.js';
import { Code } from '../status/code.js';
import { errorInfoDetail } from '../status/details.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import { errorBody } from '../transcoding/error-body.js';
import { type compileResponseHeaders, statusFromMetadata } from '../transcoding/headers.js';
import { END_ID, FRAMINGS, type Framing, isEvents } from '../transcoding/stream/framing.js';
import { batchesOf, cut, dismiss, isHttp2, isOver } from './answer.js';
import { type Asked, type CallRequestSettings, cancellable } from './call-request.js';
import type { Context, Middleware } from './exchange.js';

export interface StreamEndpointSettings extends CallRequestSettings {
  readonly requestOf: (ctx: Context) => Promise<Asked>;
  readonly call: Call;
  readonly responseHeaders: ReturnType<typeof compileResponseHeaders>;
  readonly successStatus: number;
  /** Without a message for so long, the stream ends. */
  readonly idleTimeoutMs: number;
  /** Of google.rpc.Status: reads the details of upstream errors. */
  readonly statusCodec: MessageCodec | undefined;
}

/** A browser counts as connected when headers come, and intermediaries close what is silent. */
const COMMIT_EVENTS_MS = 1000;
const HEARTBEAT_MS = 15_000;

/** Serves a method whose server streams. Resolves when the last byte is written, or the client is gone. */
export function streamEndpoint(settings: StreamEndpointSettings): Middleware {
  const { requestOf, method } = settings;
  return async function streamEndpoint(ctx) {
    if (method.clientStreaming && !isHttp2(ctx.req)) throw bothWays();
    const framing = settings.transcoder.writesJson
      ? negotiate(ctx, method.clientStreaming ? LINES_FIRST : TYPES)
      : undefined;
    const lastId = ctx.req.headers['last-event-id'];
    const resumes = framing !== undefined && isEvents(framing) && lastId !== undefined;
    if (resumes && lastId === END_ID) {
      ctx.status = 204;
      return;
    }
    const asked = await requestOf(ctx);
    await new StreamAnswer(ctx, framing, settings).send(resumes ? resumed(asked, String(lastId)) : asked);
  };
}

/** In HTTP/1.1 who asks says all before it is answered (RFC 9110 §15.5.22). */
function bothWays(): StatusError {
  const message = 'this method streams both ways: expected a WebSocket or HTTP/2, got HTTP/1.1';
  return gatewayError(426, 'UPGRADE_REQUIRED', message, { headers: { upgrade: 'websocket', connection: 'Upgrade' } });
}

const TYPES = [...FRAMINGS.keys()];
/** For those who don't care: what they can read as it comes. */
const LINES_FIRST = TYPES.toSorted((a, b) => Number(b.endsWith('ndjson')) - Number(a.endsWith('ndjson')));

/** Throws 406 where nothing fits. */
function negotiate(ctx: Context, types: string[]): Framing {
  const type = ctx.accepts(types);
  const framing = typeof type === 'string' ? FRAMINGS.get(type) : undefined;
  if (framing !== undefined) return framing;
  throw gatewayError(406, 'NOT_ACCEPTABLE', `accept: expected one of ${TYPES.join(', ')}`);
}

/** Where a browser's EventSource goes on from: for the upstream to know. */
function resumed({ request, mask }: Asked, lastId: string): Asked {
  const isText = /^[\x20-\x7e]{1,256}$/.test(lastId);
  const metadata = isText ? [...request.metadata, ['last-event-id', lastId] as const] : request.metadata;
  return { request: { ...request, metadata }, mask };
}

class StreamAnswer {
  #committed = false;
  #count = 0;
  readonly #res: ServerResponse;
  readonly #clock: Clock;

  constructor(
    private readonly ctx: Context,
    private readonly framing: Framing | undefined,
    private readonly settings: StreamEndpointSettings,
  ) {
    this.#res = ctx.res;
    this.#clock = settings.clock;
  }

  async send({ request, mask }: Asked): Promise<void> {
    const { settings } = this;
    let response: CallResponse | undefined;
    let messages: AsyncIterator<Uint8Array> | undefined;
    const ending = new AbortController();
    try {
      const first = settings.call(cancellable(request, ending.signal)).then((answered) => {
        response = answered;
        messages = iteratorOf(answered);
        return messages.next();
      });
      let next = await this.#waiting(first, () => this.#commit(response));
      while (next.done !== true) {
        const { contentType, body } = settings.transcoder.response(next.value, mask);
        if (!this.#committed) this.#commit(response, contentType);
        await this.#write(this.framing?.message(body, this.#count) ?? [body]);
        this.#count++;
        next = await this.#waiting(messages!.next());
      }
      if (!this.#committed) this.#commit(response);
      this.#res.end(this.framing?.end(this.#count));
      dismiss(this.#res, this.#clock);
      await closed(this.#res);
    } catch (error) {
      await this.#failed(error);
    } finally {
      // Of a stream that has ended nothing; otherwise the call is cancelled, also one that has said nothing yet.
      ending.abort();
      await messages?.return?.();
    }
  }

  #commit(response: CallResponse | undefined, contentType = 'application/octet-stream'): void {
    const { ctx, settings, framing } = this;
    const res = this.#res;
    const headers = response?.headers ?? [];
    for (const [name, values] of settings.responseHeaders(headers, [])) {
      res.setHeader(name, values.length === 1 ? values[0]! : values);
    }
    res.statusCode = statusFromMetadata(headers, []) ?? settings.successStatus;
    res.setHeader('content-type', framing?.contentType ?? contentType);
    if (framing !== undefined && isEvents(framing) && !res.hasHeader('cache-control'))
      res.setHeader('cache-control', 'no-cache');
    this.#committed = true;
    ctx.respond = false;
    res.flushHeaders();
  }

  /** The next message, within the idle time; meanwhile an event stream says that it lives. */
  #waiting<T>(next: Promise<T>, onSilent?: () => void): Promise<T> {
    const { framing, settings } = this;
    const heartbeat = framing?.heartbeat;
    return new Promise((resolve, reject) => {
      let cancelBeat = () => {};
      const beat = (afterMs: number) => {
        cancelBeat = this.#clock.after(afterMs, () => {
          if (!this.#committed) onSilent?.();
          this.#res.write(heartbeat);
          beat(HEARTBEAT_MS);
        });
      };
      if (heartbeat !== undefined) beat(this.#committed ? HEARTBEAT_MS : COMMIT_EVENTS_MS);
      let cancelIdle = () => {};
      const watch = () => {
        const { bytesIn } = this.ctx.state;
        cancelIdle = this.#clock.after(settings.idleTimeoutMs, () => {
          // The client may still be talking.
          if (this.ctx.state.bytesIn > bytesIn) watch();
          else settle(() => reject(idle(settings.idleTimeoutMs)));
        });
      };
      watch();
      const settle = (then: () => void) => {
        cancelIdle();
        cancelBeat();
        then();
      };
      next.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }

  /** Resolves when the client has room for more. */
  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    const res = this.#res;
    if (isOver(res)) throw gone();
    let hasRoom = true;
    res.cork();
    for (const piece of pieces) {
      const batches = batchesOf(res, piece);
      if (batches === undefined) hasRoom = res.write(piece);
      else hasRoom = await this.#writeAll(batches);
    }
    res.uncork();
    if (!hasRoom) await this.#room();
  }

  async #writeAll(batches: readonly Uint8Array[]): Promise<boolean> {
    const res = this.#res;
    res.uncork();
    for (const batch of batches) if (!res.write(batch)) await this.#room();
    res.cork();
    return true;
  }

  /** Cuts a client that takes nothing any more; one that is slow is waited for. */
  #room(): Promise<void> {
    const res = this.#res;
    // Node's own timer: it looks at what is taken of a large message, not at its end alone.
    res.setTimeout(this.settings.requestTimeoutMs);
    return new Promise<void>((resolve, reject) => {
      const settle = (then: () => void) => {
        res.setTimeout(0);
        res.off('drain', onDrain).off('close', onClose).off('timeout', onStall);
        then();
      };
      const onDrain = () => settle(resolve);
      const onClose = () => settle(() => reject(gone()));
      const onStall = () => cut(res);
      res.on('drain', onDrain).on('close', onClose).on('timeout', onStall);
    });
  }

  async #failed(error: unknown): Promise<void> {
    const { ctx, framing, settings } = this;
    const res = this.#res;
    if (!this.#committed || !(error instanceof StatusError)) throw error;
    ctx.state.error = error;
    if (isOver(res)) return;
    const { body } = errorBody(error, ctx.state.requestId, 'status', settings.statusCodec);
    const last = framing?.failed(body);
    // What can't say that it failed must not look as if it were complete.
    if (last === undefined) cut(res);
    else {
      res.end(last);
      dismiss(res, this.#clock);
      await closed(res);
    }
  }
}

function iteratorOf({ message }: CallResponse): AsyncIterator<Uint8Array> {
  if (message instanceof Uint8Array) throw new TypeError('expected a stream, got one message');
  return message[Symbol.asyncIterator]();
}

export function gone(): StatusError {
  return new StatusError(Code.CANCELLED, 'the client went away');
}

export function idle(timeoutMs: number): StatusError {
  return new StatusError(Code.DEADLINE_EXCEEDED, `no message for ${timeoutMs / 1000} s`, {
    details: [errorInfoDetail('STREAM_IDLE')],
  });
}

function closed(res: ServerResponse): Promise<void> {
  return isOver(res) ? Promise.resolve() : new Promise((resolve) => void res.once('close', () => resolve()));
}
