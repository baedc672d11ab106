/**
 * Clients of many kinds. Each one sends at a fixed rate on a connection that it keeps, opens another one when it is asked to,
 * and stops when it is refused or asked to stop. No client repeats a request: whatever gets no whole answer is lost.
 */
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import { CA } from './gateway.js';
import { STREAM } from './notes.js';
import type { Tally } from './tally.js';

export interface Target {
  readonly port: number;
  readonly tls: boolean;
  /** The time between the beginnings of two requests of one client. */
  readonly everyMs: number;
  /** Aborted when the client is to stop. */
  readonly stop: AbortSignal;
}

/** Resolves when the client has stopped. */
export type Client = (target: Target, tally: Tally) => Promise<void>;

/** The time that an answer may take. */
const PATIENCE_MS = 30_000;
const GET = 'GET /v1/notes/1 HTTP/1.1\r\nhost: x\r\n\r\n';
const HEAD = 'POST /v1/notes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n';
const PAUSE_MS = 60;

class Refused extends Error {}

/** One request at a time on a connection that is kept. */
export const keepAlive: Client = (target, tally) => overHttp1(target, tally, () => [[GET]]);

/** A connection for each request. */
export const newConnections: Client = (target, tally) =>
  overHttp1(target, tally, () => [[GET.replace('host: x', 'host: x\r\nconnection: close')]]);

/** Three requests in one packet, then their answers. */
export const pipelined: Client = (target, tally) => overHttp1(target, tally, () => [[GET], [GET], [GET]]);

/** A request in four pieces, with pauses in its head and in its body. */
export const halfSent: Client = (target, tally) =>
  overHttp1(target, tally, () => [[HEAD.slice(0, 30), HEAD.slice(30), '{"id":', '"abc"}']]);

/** One request, and another one on the same connection when `when` resolves. */
export function idleUntil(when: () => Promise<unknown>): Client {
  return async (target, tally) => {
    const connection = await open(target, tally);
    if (connection === undefined) return;
    await exchange(connection, [[GET]], tally);
    await when();
    // A connection that is closed by now was closed before this request was sent.
    if (!connection.ended) await exchange(connection, [[GET]], tally);
    connection.socket.destroy();
  };
}

export const http2: Client = (target, tally) => overHttp2(target, tally, 1);
export const http2Parallel: Client = (target, tally) => overHttp2(target, tally, 5);

/** Streams of events that take two seconds. */
export const events: Client = (target, tally) =>
  overHttp1(target, tally, () => [['GET /v1/notes/1:follow HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n']]);

/** WebSockets with messages of two seconds. */
export const webSockets: Client = async (target, tally) => {
  while (!target.stop.aborted) {
    const begun = Date.now();
    const scheme = target.tls ? 'wss' : 'ws';
    const url = `${scheme}://127.0.0.1:${target.port}/v1/notes/1:follow`;
    const tls = target.tls ? { ca: CA.ca, servername: 'upstream.test' } : {};
    const socket = new WebSocket(url, tls);
    let messages = 0;
    let refused = '';
    socket.on('message', () => messages++);
    socket.on('unexpected-response', (_, { statusCode }) => {
      refused = String(statusCode);
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') refused = error.code;
    });
    const code = await new Promise<number>((resolve) => void socket.once('close', resolve));
    if (refused !== '') {
      tally.refused++;
      return;
    }
    tally.sent++;
    if (code === 1000 && messages === STREAM.messages) tally.answered++;
    else tally.lose(`WebSocket closed with ${code} after ${messages} messages`);
    await rest(target, begun);
  }
};

async function rest({ everyMs }: Target, begun: number): Promise<void> {
  await sleep(Math.max(0, begun + everyMs - Date.now()));
}

/** Sends what `requests` makes, again and again; each request is a list of pieces. */
async function overHttp1(target: Target, tally: Tally, requests: () => string[][]): Promise<void> {
  let connection: Connection | undefined;
  // Clients do not begin at the same moment.
  await sleep(Math.random() * target.everyMs);
  while (!target.stop.aborted) {
    const begun = Date.now();
    if (connection === undefined || connection.ended) connection = await open(target, tally);
    if (connection === undefined) return;
    await exchange(connection, requests(), tally);
    if (connection.saysClose) {
      connection.socket.end();
      connection = undefined;
    }
    await rest(target, begun);
    await new Promise(setImmediate);
  }
  connection?.socket.destroy();
}

class Connection {
  private text = '';
  private failure = 'the connection ended';
  private wake = () => {};
  ended = false;
  /** The number of answers that have come. */
  answers = 0;
  /** True once an answer has said that the connection ends. */
  saysClose = false;

  constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.text += chunk;
      this.wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure = error.code ?? error.message;
    });
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.ended = true;
        this.wake();
      });
    }
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  /** Resolves to the status of the next answer, or to the reason why there is none. */
  async answer(): Promise<string> {
    for (const end = Date.now() + PATIENCE_MS; ; ) {
      const found = takeAnswer(this.text);
      if (found !== undefined) {
        this.text = this.text.slice(found.length);
        this.answers++;
        this.saysClose ||= /^connection: close\r$/im.test(found.head);
        return found.head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length);
      }
      if (this.ended) return this.text === '' ? this.failure : `${this.failure} in the middle of an answer`;
      if (Date.now() > end) return 'no answer';
      await Promise.race([this.woken(), sleep(1000)]);
    }
  }
}

/** Undefined: the first answer is not whole yet. */
function takeAnswer(text: string): { readonly head: string; readonly length: number } | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = text.slice(0, headEnd + 2);
  const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
  const last = '\r\n0\r\n\r\n';
  const end = length === undefined ? text.indexOf(last, headEnd) + last.length : headEnd + 4 + Number(length);
  if ((length === undefined && !text.includes(last, headEnd)) || text.length < end) return undefined;
  return { head, length: end };
}

/** Undefined: the connection was refused. */
async function open(target: Target, tally: Tally): Promise<Connection | undefined> {
  try {
    return new Connection(await dial(target, 'http/1.1'));
  } catch (error) {
    if (error instanceof Refused) tally.refused++;
    else tally.lose(`while connecting: ${(error as NodeJS.ErrnoException).code ?? error}`);
    return undefined;
  }
}

async function dial({ port, tls }: Target, protocol: string): Promise<Socket> {
  const socket = tls
    ? connectTls({ port, host: '127.0.0.1', ca: CA.ca, servername: 'upstream.test', ALPNProtocols: [protocol] })
    : connect(port, '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    socket.once(tls ? 'secureConnect' : 'connect', resolve);
    socket.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ECONNREFUSED' ? new Refused() : error),
    );
  });
  return socket.setNoDelay(true);
}

async function exchange(connection: Connection, requests: string[][], tally: Tally): Promise<void> {
  const begun = Date.now();
  const together = requests.every((pieces) => pieces.length === 1);
  tally.sent += requests.length;
  if (together) connection.socket.write(requests.flat().join(''));
  else {
    for (const piece of requests.flat()) {
      connection.socket.write(piece);
      await sleep(PAUSE_MS);
    }
  }
  const kept = connection.answers > 0 ? 'kept' : 'new';
  for (const _ of requests) {
    const status = await connection.answer();
    if (status === '200') tally.answered++;
    else tally.lose(`${status} on a ${kept} connection`);
  }
  tally.longestMs = Math.max(tally.longestMs, Date.now() - begun);
}

async function overHttp2(target: Target, tally: Tally, parallel: number): Promise<void> {
  let session: ClientHttp2Session | undefined;
  await sleep(Math.random() * target.everyMs);
  const ask = async (one: ClientHttp2Session) => {
    const begun = Date.now();
    const stream = one.request({ ':path': '/v1/notes/1' });
    tally.sent++;
    let status = 0;
    let reason = '';
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    stream.resume();
    const timer = setTimeout(() => stream.destroy(new Error('no answer')), PATIENCE_MS);
    await new Promise((resolve) => void stream.once('close', resolve));
    clearTimeout(timer);
    if (reason === '' && status === 200 && stream.rstCode === constants.NGHTTP2_NO_ERROR) tally.answered++;
    else if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) tally.repeatable++;
    else tally.lose(`HTTP/2: ${reason || status}, reset ${stream.rstCode}`);
    tally.longestMs = Math.max(tally.longestMs, Date.now() - begun);
  };
  const worker = async () => {
    while (!target.stop.aborted) {
      const begun = Date.now();
      // A session that got a GOAWAY takes no more requests: Node closes it.
      if (session === undefined || session.closed || session.destroyed) {
        session = undefined;
        const socket = await dial(target, 'h2').catch((error: unknown) => error as Error);
        if (socket instanceof Error) {
          if (socket instanceof Refused) tally.refused++;
          else tally.lose(`while connecting: ${socket.message}`);
          return;
        }
        if (session === undefined) {
          session = connectHttp2(`http://127.0.0.1:${target.port}`, { createConnection: () => socket });
          (session as ClientHttp2Session).on('error', () => {});
        } else socket.destroy();
        continue;
      }
      await ask(session as ClientHttp2Session);
      await rest(target, begun);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  (session as ClientHttp2Session | undefined)?.destroy();
}
