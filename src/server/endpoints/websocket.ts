/**
 * The endpoint of a streaming method over a WebSocket (docs/streams.md). The handshake comes first, then the messages:
 *
 *     client    {"text":"hi"}                 {"text":"bye"}                 (empty frame)
 *     gateway                  {"text":"hi!"}                 {"text":"bye!"}   close 1000, or 4000 + code with a reason
 */
import type { WebSocket } from 'ws';
import type { Context, Middleware } from '../../exchange/exchange.js';
import { type Handshake, handshakeOf } from '../../exchange/handshake.js';
import { demand } from '../../policy/access/demands.js';
import { clientText } from '../../status/client-text.js';
import type { StatusError } from '../../status/status-error.js';
import { idle } from '../connection/idle.js';
import { noteStall, outgoingOfSocket, watchStall } from '../connection/stall.js';
import { onEnding } from '../connection/unless-ended.js';
import { toStatusError } from '../stages/errors.js';
import { compileAccept } from './accept-handshake.js';
import { betweenPartsOfBody, clientLeft } from './between-parts.js';
import { cancellable, compileCallHead } from './call-request.js';
import { type Ask, compileMessages, type Prepared } from './client-stream.js';
import { Frames } from './frames.js';
import type { StreamEndpointSettings } from './stream.js';

const PING_MS = 30_000;
/** The close code of an endpoint that is going away (RFC 6455 §7.4.1). */
const GOING_AWAY = 1001;
/**
 * The most bytes of a close frame's reason: a control frame has room for 125 bytes, and the code takes two of them (RFC
 * 6455 §5.5).
 */
const REASON_BYTES = 123;

/** Serves a streaming method to a client that asks for a WebSocket. Resolves when the WebSocket is closed. */
export function webSocketEndpoint(settings: StreamEndpointSettings): Middleware {
  const accept = compileAccept(settings.maxBodyBytes);
  const { method } = settings;
  const prepare = method.clientStreaming ? compileMessages(settings) : compileOneMessage(settings);
  return async function webSocketEndpoint(ctx) {
    // A head that is refused gets an HTTP answer, before the handshake is accepted.
    const { ask } = prepare(ctx);
    const socket = await accept(ctx.req);
    ctx.respond = false;
    ctx.state.webSocket = { clientGone: true };
    await new Conversation(ctx, socket, settings).run(ask);
  };
}

const NO_BODY = new Uint8Array(0);

/**
 * Prepares calls of a method whose client sends one message: the first frame, or the fields of path and query alone if the
 * rule has no body.
 */
function compileOneMessage(settings: StreamEndpointSettings): (ctx: Context) => Prepared {
  const { transcoder, require } = settings;
  const headOf = compileCallHead(settings);
  return function prepare(ctx) {
    const head = headOf(ctx);
    const { captures, rawQuery, principal } = ctx.state;
    const between = betweenPartsOfBody(ctx, head.deadline, settings.clock);
    const messages = transcoder.messages({ captures, rawQuery, contentType: undefined, between });
    const demanded = (message: Uint8Array) => {
      demand(require, message, principal);
      return message;
    };
    const encode = (body: Uint8Array) => {
      const message = messages.encode(body);
      return message instanceof Promise ? message.then(demanded) : demanded(message);
    };
    const whole = transcoder.takesBody ? undefined : encode(NO_BODY);
    return {
      deadline: head.deadline,
      async ask(bodies) {
        const message = await (whole ?? encode((await bodies.next()).value ?? NO_BODY));
        return { request: head.request(message, messages.wanted), form: messages.form };
      },
    };
  };
}

class Conversation {
  private readonly frames: Frames;
  private readonly handshake: Handshake;
  private readonly closed: Promise<void>;
  /** Rejects when the conversation must end, for any reason. */
  private readonly interrupted: Promise<never>;
  private interrupt!: (error: StatusError) => void;
  private cancelIdle = () => {};
  private cancelPing = () => {};
  private isAlive = true;
  /** True while a message is on its way to the client. */
  private isTaking = false;

  constructor(
    private readonly ctx: Context,
    private readonly socket: WebSocket,
    private readonly settings: StreamEndpointSettings,
  ) {
    const { method, transcoder } = settings;
    this.handshake = handshakeOf(ctx.req)!;
    this.interrupted = new Promise((_, reject) => {
      this.interrupt = reject;
    });
    this.interrupted.catch(() => {});
    this.closed = new Promise((resolve) => void socket.once('close', () => resolve()));
    this.frames = new Frames(socket, {
      most: method.clientStreaming ? Number.POSITIVE_INFINITY : transcoder.takesBody ? 1 : 0,
      maxBytes: settings.maxStreamBytes,
      isRaw: !transcoder.readsJson,
      onFrame: (bytes) => {
        ctx.state.bytesIn += bytes;
        this.touch();
      },
      onWrong: this.interrupt,
    });
    // If a client violates the protocol, `ws` itself closes with 1002, 1007 or 1009.
    socket.on('error', () => {});
    socket.once('close', () => this.interrupt(clientLeft()));
    socket.on('pong', () => {
      this.isAlive = true;
    });
    this.handshake.ending.addEventListener('abort', this.onEnding);
    onEnding(ctx.state.ending, (reason) => this.interrupt(reason as StatusError));
  }

  async run(ask: Ask): Promise<void> {
    this.touch();
    this.pingLater();
    const ending = new AbortController();
    try {
      await this.unlessInterrupted(this.talk(ask, ending.signal).then(() => this.taken()));
      this.ctx.state.webSocket = { clientGone: false };
      this.socket.close(1000);
    } catch (error) {
      const { ending, requestId } = this.ctx.state;
      await this.failed(toStatusError(ending?.aborted ? ending.reason : error, requestId));
    } finally {
      this.cancelIdle();
      ending.abort();
      await this.frames.return();
    }
    await this.closed;
    this.cancelPing();
    this.handshake.ending.removeEventListener('abort', this.onEnding);
  }

  private async talk(ask: Ask, ending: AbortSignal): Promise<void> {
    const { call, transcoder } = this.settings;
    const { request, form } = await ask(this.frames);
    const { message } = await call(cancellable(request, ending));
    const between = async () => this.ctx.state.ending?.throwIfAborted();
    const answer = async (one: Uint8Array) => this.say((await transcoder.response(one, form, { between })).body);
    if (message instanceof Uint8Array) return answer(message);
    for await (const one of message) await answer(one);
  }

  /** Sends a message. Resolves when the client has room for more. */
  private async say(body: Uint8Array): Promise<void> {
    this.ctx.state.ending?.throwIfAborted();
    this.touch();
    this.ctx.state.bytesOut += body.length;
    this.socket.send(body, { binary: !this.settings.transcoder.writesJson });
    if (this.handshake.socket.writableNeedDrain) await this.taken();
  }

  /**
   * Resolves when the client has read everything that was sent, or is cut off because it reads nothing. The idle timer stops in
   * this time: a slow client is not an idle one.
   */
  private taken(): Promise<void> {
    const { requestTimeoutMs, clock } = this.settings;
    const { socket } = this.handshake;
    this.cancelIdle();
    this.isTaking = true;
    return new Promise((resolve) => {
      const stalled = (afterMs: number) => {
        noteStall(this.ctx.res, afterMs);
        this.socket.terminate();
      };
      const cancel = watchStall(outgoingOfSocket(socket), requestTimeoutMs, clock, stalled);
      const settle = () => {
        cancel();
        socket.off('close', settle);
        this.isTaking = false;
        if (this.socket.readyState === this.socket.OPEN) this.touch();
        resolve();
      };
      // A close also rejects `interrupted`, so the waiting code does not go on.
      socket.on('close', settle);
      socket.write(NO_BODY, settle);
    });
  }

  private unlessInterrupted<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    return Promise.race([this.interrupted, work]);
  }

  private readonly onEnding = () => this.socket.close(GOING_AWAY, 'the gateway is shutting down; connect again');

  private async failed(error: StatusError): Promise<void> {
    const { ctx, socket } = this;
    if (socket.readyState === socket.OPEN) await this.taken();
    ctx.state.error = error;
    ctx.state.webSocket = { clientGone: socket.readyState !== socket.OPEN };
    const { requestId, surface } = ctx.state;
    socket.close(4000 + error.code, cutTo(REASON_BYTES, clientText(error, requestId, surface.errors.exposed)));
  }

  /** Notes a message from either side, which restarts the idle time. */
  private touch(): void {
    const { clock, idleTimeoutMs } = this.settings;
    this.isAlive = true;
    this.cancelIdle();
    this.cancelIdle = clock.after(idleTimeoutMs, () => this.interrupt(idle(idleTimeoutMs)));
  }

  /** Pings the client, to keep the connection open through proxies and to notice a client that does not answer any more. */
  private pingLater(): void {
    this.cancelPing = this.settings.clock.after(PING_MS, () => {
      // While reading is paused, the pong of a living client is not read.
      if (!this.isAlive && !this.frames.isPaused && !this.isTaking) this.socket.terminate();
      this.isAlive = false;
      // While a message is being sent, `taken` notices a client that does not answer any more.
      if (this.socket.readyState === this.socket.OPEN && !this.isTaking) this.socket.ping();
      this.pingLater();
    });
  }
}

/** Cuts `text` to at most `bytes` bytes of UTF-8, at the end of a character. */
function cutTo(bytes: number, text: string): string {
  return new TextDecoder().decode(Buffer.from(text).subarray(0, bytes), { stream: true });
}
