/**
 * Sends the messages of a stream in every way that a client may use: lines or an array over HTTP/1.1 and HTTP/2, or the
 * frames of a WebSocket. Messages are JSON texts; the result of an exchange has the same form for all ways.
 *
 *     const { code, text } = await FRAMINGS[0].send(t, url, '/v1/items', ['{"n":1}', '{"n":2}']);
 */
import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { Writable } from 'node:stream';
import type { Teardown } from './gateway.js';
import { answerOf, http2Client } from './http2.js';
import { openWebSocket } from './websocket.js';

/** The result of an exchange. */
export interface End {
  /** The gRPC code; 0 for success. */
  readonly code: number;
  /** The HTTP status, or the close code of the WebSocket. */
  readonly status: number;
  /** The message of the error, or the reason of the WebSocket's close. */
  readonly text: string;
}

export interface SendSettings {
  /** Called after each message but the last. The next message waits for its result. */
  readonly between?: (sent: number) => Promise<unknown>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ClientFraming {
  readonly name: string;
  /** True if a method that streams both ways can be called in this way. */
  readonly bothWays: boolean;
  send(t: Teardown, url: string, path: string, messages: readonly string[], settings?: SendSettings): Promise<End>;
}

const TYPES = { lines: 'application/x-ndjson', array: 'application/json' } as const;
type Form = keyof typeof TYPES;

/** Returns the text of message `index` of `count`, with its separators. */
function written(form: Form, message: string, index: number, count: number): string {
  if (form === 'lines') return `${message}\n`;
  return `${index === 0 ? '[' : ''}${message}${index === count - 1 ? ']' : ','}`;
}

/**
 * Writes the messages. Stops when the other side has ended the exchange, so that it does not wait for something that cannot
 * come.
 */
async function writeAll(
  to: Writable,
  form: Form,
  messages: readonly string[],
  between: SendSettings['between'],
  ended: Promise<unknown>,
): Promise<void> {
  if (messages.length === 0 && form === 'array') to.write('[]');
  for (const [index, message] of messages.entries()) {
    if (to.destroyed) return;
    to.write(written(form, message, index, messages.length));
    if (between !== undefined && index < messages.length - 1) await Promise.race([between(index + 1), ended]);
  }
  to.end();
}

function overHttp1(form: Form): ClientFraming {
  return {
    name: `HTTP/1.1, ${form}`,
    bothWays: false,
    async send(_t, url, path, messages, { between, headers } = {}) {
      const sent = request(url + path, {
        method: 'POST',
        agent: false,
        headers: { 'content-type': TYPES[form], ...headers },
      });
      sent.on('error', () => {});
      const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
      await writeAll(sent, form, messages, between, answered);
      const [answer] = await answered;
      let text = '';
      for await (const chunk of answer) text += chunk;
      return endOf(answer.statusCode ?? 0, text);
    },
  };
}

function overHttp2(form: Form): ClientFraming {
  return {
    name: `HTTP/2, ${form}`,
    bothWays: true,
    async send(t, url, path, messages, { between, headers } = {}) {
      const client = http2Client(t, url);
      const all: OutgoingHttpHeaders = { 'content-type': TYPES[form], accept: TYPES.lines, ...headers };
      const stream = client.open('POST', path, all);
      const answered = answerOf(stream);
      await writeAll(stream, form, messages, between, answered);
      const { status, text } = await answered;
      client.session.destroy();
      return endOf(status, text);
    },
  };
}

const overWebSocket: ClientFraming = {
  name: 'WebSocket',
  bothWays: true,
  async send(t, url, path, messages, { between, headers = {} } = {}) {
    const { socket, say, halfClose, closed } = await openWebSocket(t, url, path, { headers });
    for (const [index, message] of messages.entries()) {
      if (socket.readyState !== socket.OPEN) break;
      say(message);
      if (between !== undefined && index < messages.length - 1) await Promise.race([between(index + 1), closed]);
    }
    if (socket.readyState === socket.OPEN) halfClose();
    const { code, reason } = await closed;
    return { code: code === 1000 ? 0 : code - 4000, status: code, text: reason };
  },
};

/**
 * Reads the result from an answer of one message or an error, which is the whole text, or from several lines, of which the
 * last one counts.
 */
function endOf(status: number, text: string): End {
  const last = JSON.parse(text.trim().split('\n').at(-1) || '{}');
  const error = status === 200 ? last.error : last;
  return { code: error?.code ?? 0, status, text: error?.message ?? '' };
}

export const FRAMINGS: readonly ClientFraming[] = [
  overHttp1('lines'),
  overHttp1('array'),
  overHttp2('lines'),
  overHttp2('array'),
  overWebSocket,
];
