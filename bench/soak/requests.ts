/** The requests of the long load, of every kind that a client can send, drawn one after the other with a fixed seed. */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import { MIDDLE } from '../peers/shop.js';

const SMALL = '/v1/orders/1234567';
const BIG = '/v1/bigs/1';
const WATCH = '/v1/watch?count=500';
/** No buffer has room for so many messages, so the stream is still open when its client goes away. */
const LONG = '/v1/watch?count=50000';
/** The load ends at this number of wrong answers. */
const MOST_WRONG = 100;
const BODY = JSON.stringify(MIDDLE);

interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string;
  readonly agent?: Agent | false;
}

export class Requests {
  readonly counts = new Map<string, number>();
  /** The answers that were not as they must be. */
  readonly wrong: string[] = [];
  total = 0;
  private readonly agent = new Agent({ keepAlive: true });
  private session: ClientHttp2Session | undefined;
  private seed = 7;
  private readonly kinds: readonly (readonly [name: string, weight: number, run: () => Promise<unknown>])[];

  constructor(private readonly port: number) {
    const json = { 'content-type': 'application/json' };
    const post = { method: 'POST', path: '/v1/orders', headers: json };
    this.kinds = [
      ['GET of 689 B', 40, () => this.get({ path: SMALL })],
      ['GET on a new connection', 5, () => this.get({ path: SMALL, agent: false })],
      ['GET of 330 KB', 4, () => this.get({ path: BIG })],
      ['GET of 330 KB whose client goes away', 2, () => this.leave({ path: BIG })],
      ['POST of 17 KB', 10, () => this.get({ ...post, body: BODY })],
      ['POST that is cut', 2, () => this.cut({ ...post, headers: { ...json, 'content-length': BODY.length } })],
      ['POST of wrong JSON', 3, () => this.get({ ...post, body: '{"name": 7}' }, 400)],
      ['GET without a route', 3, () => this.get({ path: '/v1/nothing' }, 404)],
      ['stream as NDJSON', 4, () => this.get({ path: WATCH, headers: { accept: 'application/x-ndjson' } })],
      ['stream as array', 2, () => this.get({ path: WATCH, headers: { accept: 'application/json' } })],
      ['stream as events', 2, () => this.get({ path: WATCH, headers: { accept: 'text/event-stream' } })],
      ['stream whose client goes away', 4, () => this.leave({ path: LONG })],
      ['WebSocket', 2, () => this.webSocket(false)],
      ['WebSocket whose client goes away', 2, () => this.webSocket(true)],
      ['HTTP/2 GET of 689 B', 10, () => this.http2(SMALL, false)],
      ['HTTP/2 stream that is reset', 4, () => this.http2(LONG, true)],
    ];
  }

  /** Sends one request to its end. An answer that is not what it must be is kept in {@link wrong}. */
  async next(): Promise<void> {
    const all = this.kinds.reduce((sum, [, weight]) => sum + weight, 0);
    this.seed = (this.seed * 48_271) % 2_147_483_647;
    let at = this.seed % all;
    const [name, , run] = this.kinds.find(([, weight]) => {
      at -= weight;
      return at < 0;
    })!;
    await run().catch((error: Error) => {
      this.wrong.push(`${new Date().toISOString()} ${name}: ${error.message}`);
      if (this.wrong.length >= MOST_WRONG) throw new Error(this.wrong.join('\n'));
    });
    this.total++;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  close(): void {
    this.agent.destroy();
    this.session?.close();
  }

  private send({ path, method = 'GET', headers = {}, agent = this.agent }: Sent) {
    return request({ host: '127.0.0.1', port: this.port, path, method, headers, agent });
  }

  private async get(sent: Sent, status = 200): Promise<void> {
    const [response] = (await once(this.send(sent).end(sent.body), 'response')) as [IncomingMessage];
    if (response.statusCode !== status)
      throw new Error(`expected ${status}, got ${response.statusCode}: ${await text(response)}`);
    response.resume();
    await once(response, 'end');
  }

  /** Goes away after the first bytes of the answer. */
  private async leave(sent: Sent): Promise<void> {
    const asked = this.send({ ...sent, agent: false });
    const [response] = (await once(asked.end(), 'response')) as [IncomingMessage];
    await once(response, 'data');
    asked.on('error', () => {}).destroy();
    await closed(response.on('error', () => {}));
  }

  /** Goes away in the middle of the request. */
  private async cut(sent: Sent): Promise<void> {
    const asked = this.send({ ...sent, agent: false }).on('error', () => {});
    await new Promise((resolve) => asked.write(BODY.slice(0, 5000), resolve));
    asked.destroy();
    await closed(asked);
  }

  private async webSocket(leaves: boolean): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.port}${leaves ? LONG : WATCH}`);
    await once(socket, 'message');
    if (leaves) socket.terminate();
    if (socket.readyState !== WebSocket.CLOSED) await new Promise((resolve) => socket.once('close', resolve));
  }

  private async http2(path: string, isReset: boolean): Promise<void> {
    if (this.session === undefined || this.session.closed || this.session.destroyed)
      this.session = connect(`http://127.0.0.1:${this.port}`).on('error', () => {});
    const stream = this.session.request({ ':path': path });
    const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }];
    expectStatus(headers[':status'], 200);
    await once(stream, 'data');
    if (isReset) stream.close(8);
    else stream.resume();
    await closed(stream);
  }
}

/** Resolves when it is closed. `once` would reject when it ends with an error. */
async function closed(it: {
  readonly closed: boolean;
  once(event: 'close', done: () => void): unknown;
}): Promise<void> {
  if (!it.closed) await new Promise<void>((resolve) => it.once('close', resolve));
}

function expectStatus(got: number | undefined, expected: number): void {
  if (got !== expected) throw new Error(`expected ${expected}, got ${got}`);
}
