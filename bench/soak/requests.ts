/** The requests of the long load, of every kind that a client can send, drawn one after the other with a fixed seed. */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import type { Readable } from 'node:stream';
import { WebSocket } from 'ws';
import { MIDDLE } from '../peers/shop.js';
import { before, LIMIT_MS, untilClosed } from './wait.js';

const SMALL = '/v1/orders/1234567';
const BIG = '/v1/bigs/1';
const MESSAGES = 500;
const WATCH = `/v1/watch?count=${MESSAGES}`;
/** No buffer has room for so many messages, so the stream is still open when its client goes away. */
const LONG = '/v1/watch?count=50000';
const BODY = JSON.stringify(MIDDLE);
/** The name that every message of a stream has once. */
const MESSAGE = /"orders\/1234567"/g;
/** The code of a WebSocket whose call ended with the status OK. */
const NORMAL_CLOSURE = 1000;
const CANCEL = 8;
/** The resets after which another connection is opened. Node ends a connection after 1,000 of them and 33 more in a second. */
const MOST_RESETS = 500;

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string;
  readonly agent?: Agent | false;
}

interface Expected {
  readonly status?: number;
  /** The number of messages of a stream. */
  readonly messages?: number;
}

/** An answer that was not as it must be. */
export interface Wrong {
  readonly kind: string;
  readonly reason: string;
  count: number;
  readonly firstAt: Date;
  lastAt: Date;
}

export class Requests {
  /** The number of requests of each kind that have ended. */
  readonly counts = new Map<string, number>();
  total = 0;
  totalWrong = 0;
  private readonly wrongByText = new Map<string, Wrong>();
  private readonly agent = new Agent({ keepAlive: true });
  private session: ClientHttp2Session | undefined;
  /** The resets of streams in this session. */
  private resets = 0;
  private seed = 7;
  private readonly kinds: readonly (readonly [name: string, weight: number, run: () => Promise<unknown>])[];

  constructor(
    private readonly port: number,
    private readonly limitMs = LIMIT_MS,
  ) {
    const json = { 'content-type': 'application/json' };
    const post = { method: 'POST', path: '/v1/orders', headers: json };
    const watch = (accept: string) => this.get({ path: WATCH, headers: { accept } }, { messages: MESSAGES });
    this.kinds = [
      ['GET of 689 B', 40, () => this.get({ path: SMALL })],
      ['GET on a new connection', 5, () => this.get({ path: SMALL, agent: false })],
      ['GET of 330 KB', 4, () => this.get({ path: BIG })],
      ['GET of 330 KB whose client goes away', 2, () => this.leave({ path: BIG })],
      ['POST of 17 KB', 10, () => this.get({ ...post, body: BODY })],
      ['POST that is cut', 2, () => this.cut({ ...post, headers: { ...json, 'content-length': BODY.length } })],
      ['POST of wrong JSON', 3, () => this.get({ ...post, body: '{"name": 7}' }, { status: 400 })],
      ['GET without a route', 3, () => this.get({ path: '/v1/nothing' }, { status: 404 })],
      ['stream as NDJSON', 4, () => watch('application/x-ndjson')],
      ['stream as array', 2, () => watch('application/json')],
      ['stream as events', 2, () => watch('text/event-stream')],
      ['stream whose client goes away', 4, () => this.leave({ path: LONG })],
      ['WebSocket', 2, () => this.webSocket(false)],
      ['WebSocket whose client goes away', 2, () => this.webSocket(true)],
      ['HTTP/2 GET of 689 B', 10, () => this.http2(SMALL, false)],
      ['HTTP/2 stream that is reset', 4, () => this.http2(LONG, true)],
    ];
  }

  get names(): readonly string[] {
    return this.kinds.map(([name]) => name);
  }

  /** The answers that were not as they must be, one for each kind and reason. */
  get wrong(): readonly Wrong[] {
    return [...this.wrongByText.values()];
  }

  /** Sends the next request to its end. An answer that is not what it must be is counted in {@link wrong}. */
  next(): Promise<void> {
    const all = this.kinds.reduce((sum, [, weight]) => sum + weight, 0);
    this.seed = (this.seed * 48_271) % 2_147_483_647;
    let at = this.seed % all;
    const [name] = this.kinds.find(([, weight]) => {
      at -= weight;
      return at < 0;
    })!;
    return this.send(name);
  }

  /** Sends one request of the kind to its end. */
  async send(name: string): Promise<void> {
    const [, , run] = this.kinds.find(([known]) => known === name)!;
    await run().catch((error: Error) => this.add(name, error.message));
    this.total++;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  close(): void {
    this.agent.destroy();
    this.session?.destroy();
  }

  private add(kind: string, reason: string): void {
    this.totalWrong++;
    const text = `${kind}: ${reason}`;
    const now = new Date();
    const known = this.wrongByText.get(text);
    if (known === undefined) this.wrongByText.set(text, { kind, reason, count: 1, firstAt: now, lastAt: now });
    else Object.assign(known, { count: known.count + 1, lastAt: now });
  }

  private ask({ path, method = 'GET', headers = {}, agent = this.agent }: Sent): ClientRequest {
    // An error that comes when nobody waits any more would end the process.
    return request({ host: '127.0.0.1', port: this.port, path, method, headers, agent }).on('error', () => {});
  }

  private async get(sent: Sent, { status = 200, messages }: Expected = {}): Promise<void> {
    const asked = this.ask(sent).end(sent.body);
    try {
      const response = await this.response(asked);
      const text = await this.text(response);
      expectStatus(response.statusCode, status, text);
      const got = text.match(MESSAGE)?.length ?? 0;
      if (messages !== undefined && got !== messages)
        throw new Error(`expected ${messages} messages, got ${got} and ${reasonIn(text.slice(-1000))}`);
    } catch (error) {
      asked.destroy();
      throw error;
    }
  }

  /** Goes away after the first bytes of the answer. */
  private async leave(sent: Sent): Promise<void> {
    const asked = this.ask({ ...sent, agent: false }).end();
    try {
      const response = await this.response(asked);
      if (response.statusCode !== 200) expectStatus(response.statusCode, 200, await this.text(response));
      await before(response, 'data', this.limitMs);
    } finally {
      asked.destroy();
      await untilClosed(asked, asked.closed, this.limitMs);
    }
  }

  /** Goes away in the middle of the request. */
  private async cut(sent: Sent): Promise<void> {
    const asked = this.ask({ ...sent, agent: false });
    try {
      // The callback of the write is not called if the connection fails.
      asked.write(BODY.slice(0, 5000), () => void asked.emit('written'));
      await before(asked, 'written', this.limitMs);
    } finally {
      asked.destroy();
      await untilClosed(asked, asked.closed, this.limitMs);
    }
  }

  private async webSocket(leaves: boolean): Promise<void> {
    const url = `ws://127.0.0.1:${this.port}${leaves ? LONG : WATCH}`;
    const socket = new WebSocket(url, { handshakeTimeout: this.limitMs }).on('error', () => {});
    let got = 0;
    let closed: readonly [code: number, reason: string] = [0, ''];
    socket.on('message', () => got++).on('close', (code, reason) => (closed = [code, reason.toString()]));
    try {
      await before(socket, 'message', this.limitMs);
      if (leaves) return;
      await untilClosed(socket, socket.readyState === WebSocket.CLOSED, this.limitMs);
      if (closed[0] !== NORMAL_CLOSURE || got !== MESSAGES)
        throw new Error(`expected ${MESSAGES} messages, got ${got}, closed with ${closed.join(' ')}`);
    } finally {
      socket.terminate();
      await untilClosed(socket, socket.readyState === WebSocket.CLOSED, this.limitMs);
    }
  }

  private async http2(path: string, isReset: boolean): Promise<void> {
    if (this.session === undefined || this.session.closed || this.session.destroyed || this.resets >= MOST_RESETS) {
      this.session?.close();
      this.session = connect(`http://127.0.0.1:${this.port}`).on('error', () => {});
      this.resets = 0;
    }
    const stream = this.session.request({ ':path': path }).on('error', () => {});
    try {
      const { ':status': status } = await before<{ ':status'?: number }>(stream, 'response', this.limitMs);
      if (status !== 200) expectStatus(status, 200, await this.text(stream));
      if (isReset) await before(stream, 'data', this.limitMs);
      else await this.text(stream);
    } finally {
      // A stream whose answer is complete closes by itself. To reset it too would count for the server's limit.
      if (isReset || !stream.readableEnded) {
        this.resets++;
        stream.close(CANCEL);
      }
      await untilClosed(stream, stream.destroyed, this.limitMs).finally(() => stream.destroy());
    }
  }

  private async response(asked: ClientRequest): Promise<IncomingMessage & { statusCode: number }> {
    const response = await before<IncomingMessage & { statusCode: number }>(asked, 'response', this.limitMs);
    return response.on('error', () => {});
  }

  private async text(readable: Readable): Promise<string> {
    let text = '';
    readable.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await before(readable, 'end', this.limitMs);
    return text;
  }
}

function expectStatus(got: number | undefined, expected: number, text: string): void {
  if (got !== expected) throw new Error(`expected ${expected}, got ${got} ${reasonIn(text)}`);
}

/** Returns the reason that an error names, or the beginning of the text. */
function reasonIn(text: string): string {
  return /"reason":\s*"(\w+)"/.exec(text)?.[1] ?? JSON.stringify(text.slice(0, 200));
}
