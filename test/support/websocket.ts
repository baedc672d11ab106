/** A WebSocket client for tests, which records the messages and the end of the conversation. */
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';
import type { Teardown } from './gateway.js';
import { keepCredentials } from './secrets.js';
import { until } from './until.js';

/** `ca` is the CA that the client trusts; with it the connection uses TLS. `offers` are the subprotocols. */
type WebSocketOptions = ClientOptions & { readonly ca?: Buffer; readonly offers?: string[] };

/** The certificates of tests are for that name. */
function clientOptions(options: WebSocketOptions): ClientOptions {
  keepCredentials(options.headers);
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
  /** The messages that have come so far: text parsed as JSON, bytes as they are. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly messages: any[];
  readonly closed: Promise<Closed>;
  /** Sends a message: an object as JSON, bytes as a binary frame. */
  say(message: object | string | Uint8Array): void;
  /** Ends the client's messages with an empty frame. */
  halfClose(): void;
  /** Resolves when this many messages have come. */
  until(count: number): Promise<void>;
}

/** Opens a WebSocket. Rejects if the handshake is refused. */
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

/** Sends a handshake that must be refused, and resolves to the answer. */
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
