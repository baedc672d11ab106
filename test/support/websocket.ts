/** A WebSocket client for tests: what was said, and how it ended. */
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import type { Teardown } from './gateway.js';
import { until } from './until.js';

/** `ca`: TLS, and whom the client believes; `offers`: subprotocols. */
type WebSocketOptions = ClientOptions & { readonly ca?: Buffer; readonly offers?: string[] };

/** The certificates of tests are for that name. */
function clientOptions(options: WebSocketOptions): ClientOptions {
  const tls = options.ca === undefined ? {} : { servername: 'upstream.test' };
  return { ...options, ...tls };
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface TestWebSocket {
  readonly socket: WebSocket;
  readonly head: IncomingMessage;
  /** What came so far: text parsed as JSON, bytes as they are. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly messages: any[];
  readonly closed: Promise<Closed>;
  /** An object goes out as JSON; bytes as a binary frame. */
  say(message: object | string | Uint8Array): void;
  /** No more will come. */
  halfClose(): void;
  /** Resolves when so many messages are there. */
  until(count: number): Promise<void>;
}

/** Rejects if the handshake is refused. */
export async function openWebSocket(
  t: Teardown,
  url: string,
  path: string,
  options: WebSocketOptions = {},
): Promise<TestWebSocket> {
  const socket = new WebSocket(address(url, path), options.offers ?? [], clientOptions(options));
  t.teardown(() => socket.terminate());
  const messages: unknown[] = [];
  socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? data : JSON.parse(data.toString())));
  const closed = new Promise<Closed>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  let head: IncomingMessage | undefined;
  socket.on('upgrade', (res) => {
    head = res;
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return {
    socket,
    head: head!,
    messages,
    closed,
    say: (message) =>
      socket.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message)),
    halfClose: () => socket.send(''),
    async until(count) {
      await until(() => messages.length >= count, `${count} messages`);
    },
  };
}

export interface Refusal {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly json: any;
}

/** The answer to a handshake that is refused. */
export function refusedWebSocket(url: string, path: string, options: WebSocketOptions = {}): Promise<Refusal> {
  const socket = new WebSocket(address(url, path), clientOptions(options));
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      socket.terminate();
      reject(new Error('the handshake was accepted'));
    });
    socket.on('unexpected-response', (_req, res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, json: JSON.parse(text) }));
    });
  });
}

function address(url: string, path: string): string {
  return url.replace(/^http/, 'ws') + path;
}
