/**
 * Calls an rpc of each kind in every way that a client may use, and records what came back and how it ended. The last word
 * of a path is the kind (`/v1/cases/success:bidi`). A message is `{"n": 1}`, or a line if messages are bytes (HttpBody).
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import { WebSocket } from 'ws';

export type Kind = 'unary' | 'server' | 'client' | 'bidi';

/** The gRPC code of the end; `cut` if the way cannot report an error. */
type End = number | 'cut';

export interface Outcome {
  readonly messages: readonly object[];
  readonly end: End;
}

/** A running call, whose first message, with the number 1, has been sent. */
export interface Running {
  /** Returns the number of messages that have come so far. */
  readonly heard: () => number;
  /** Sends another message of a stream. */
  say(n: number): void;
  /** Ends the messages. */
  finish(): void;
  /** Ends the connection without ending the call. */
  leave(): void;
  /** Stops reading. */
  stall(): void;
  outcome(): Promise<Outcome>;
}

export interface Way {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** True if the way cannot report an error that comes after the first message. */
  readonly cannotTell: boolean;
  begin(url: string, path: string, headers: Readonly<Record<string, string>>): Promise<Running>;
}

const FRAMINGS = {
  array: 'application/json',
  NDJSON: 'application/x-ndjson',
  SSE: 'text/event-stream',
  bytes: 'text/x-lines',
} as const;
type Framing = keyof typeof FRAMINGS;
type Sent = Exclude<Framing, 'SSE'>;

/** Reads the messages of a body, and how the body reports its end. */
function parse(framing: Framing, text: string, whole: boolean): Outcome {
  if (framing === 'NDJSON') {
    const lines = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    const error = lines.at(-1)?.error;
    return { messages: error === undefined ? lines : lines.slice(0, -1), end: error?.code ?? (whole ? 0 : 'cut') };
  }
  if (framing === 'SSE') {
    const events = [...text.matchAll(/^(event: end\n)?id: \w+\ndata: (.*)\n\n/gm)];
    const messages = events.filter(([, end]) => end === undefined).map(([, , data]) => JSON.parse(data!));
    const end = events.find(([, end]) => end !== undefined);
    return { messages, end: end === undefined ? 'cut' : JSON.parse(end[2]!).code };
  }
  if (framing === 'bytes') return { messages: linesOf(text), end: whole ? 0 : 'cut' };
  const closed = text.endsWith(']');
  return { messages: JSON.parse(closed ? text : `${text}]`), end: closed && whole ? 0 : 'cut' };
}

/** Reads the lines of an answer of bytes, which may have come in any number of pieces. */
function linesOf(text: string): object[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ n: Number(line) }));
}

interface Exchanged {
  readonly status: number;
  readonly text: string;
  readonly whole: boolean;
}

function outcomeOf(framing: Framing, streams: boolean, { status, text, whole }: Exchanged): Outcome {
  if (status === 0) return { messages: [], end: 'cut' };
  if (status !== 200) return { messages: [], end: JSON.parse(text).code };
  return streams || framing === 'bytes' ? parse(framing, text, whole) : { messages: [JSON.parse(text)], end: 0 };
}

function overHttp1(framing: Framing, sent: Sent, kinds: readonly Kind[]): Way {
  return {
    name: `HTTP/1.1, ${describe(kinds, framing, sent)}`,
    kinds,
    cannotTell: framing === 'array' || framing === 'bytes',
    async begin(url, path, headers) {
      const req = request(url + path, {
        method: 'POST',
        agent: false,
        headers: { accept: FRAMINGS[framing], 'content-type': contentType(path, sent), ...headers },
      });
      req.on('error', () => {});
      let [status, text, whole] = [0, '', false];
      let body: Readable | undefined;
      req.on('response', (res) => {
        body = res;
        status = res.statusCode ?? 0;
        res.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        res.on('end', () => {
          whole = res.complete;
        });
        res.on('error', () => {});
      });
      const closed = new Promise<void>((resolve) => void req.once('close', () => resolve()));
      begin(req, path, sent);
      return {
        heard: () => count(framing, text),
        say: (n) => void req.write(WRITTEN[sent](n)),
        finish: () => finish(req, path, sent),
        leave: () => void req.destroy(),
        stall: () => {
          body?.removeAllListeners('data');
          body?.pause();
        },
        outcome: () => closed.then(() => outcomeOf(framing, streamsBack(path), { status, text, whole })),
      };
    },
  };
}

function overHttp2(framing: Framing, sent: Sent, kinds: readonly Kind[]): Way {
  return {
    name: `HTTP/2, ${describe(kinds, framing, sent)}`,
    kinds,
    cannotTell: framing === 'array' || framing === 'bytes',
    async begin(url, path, headers) {
      const session = connectHttp2(url);
      session.on('error', () => {});
      const stream: ClientHttp2Stream = session.request({
        ':method': 'POST',
        ':path': path,
        accept: FRAMINGS[framing],
        'content-type': contentType(path, sent),
        ...headers,
      });
      let [status, text] = [0, ''];
      stream.on('response', (found) => {
        status = Number(found[':status']);
      });
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      begin(stream, path, sent);
      const closed = new Promise<void>((resolve) => {
        stream.once('close', () => {
          session.destroy();
          resolve();
        });
      });
      return {
        heard: () => count(framing, text),
        say: (n) => void stream.write(WRITTEN[sent](n)),
        finish: () => finish(stream, path, sent),
        leave: () => session.destroy(),
        stall: () => void stream.pause(),
        outcome: () =>
          closed.then(() => outcomeOf(framing, streamsBack(path), { status, text, whole: stream.rstCode === 0 })),
      };
    },
  };
}

function overWebSocket(framing: 'NDJSON' | 'bytes'): Way {
  const bytes = framing === 'bytes';
  return {
    name: bytes ? 'WebSocket, bytes' : 'WebSocket',
    kinds: ['server', 'client', 'bidi'],
    cannotTell: false,
    async begin(url, path, headers) {
      const socket = new WebSocket(url.replace('http', 'ws') + path, { headers });
      const messages: object[] = [];
      socket.on('error', () => {});
      socket.on('message', (data: Buffer) => {
        messages.push(...(bytes ? linesOf(data.toString()) : [JSON.parse(data.toString())]));
      });
      const closed = new Promise<number>((resolve) => void socket.once('close', resolve));
      await once(socket, 'open');
      const say = (n: number) => socket.send(bytes && streamsUp(path) ? Buffer.from(WRITTEN.bytes(n)) : `{"n":${n}}`);
      say(1);
      return {
        heard: () => messages.length,
        say,
        finish: () => socket.send(''),
        leave: () => socket.terminate(),
        stall: () => socket.pause(),
        outcome: () =>
          closed.then((code) => ({ messages, end: code === 1000 ? 0 : code >= 4000 ? code - 4000 : 'cut' })),
      };
    },
  };
}

const streamsBack = (path: string) => /:(server|bidi)$/.test(path);
const streamsUp = (path: string) => /:(client|bidi)$/.test(path);
const count = (framing: Framing, text: string) => text.split(framing === 'bytes' ? '\n' : '"n":').length - 1;

/** Writes a message after the first one. */
const WRITTEN: Readonly<Record<Sent, (n: number) => string>> = {
  array: (n) => `,{"n":${n}}`,
  NDJSON: (n) => `{"n":${n}}\n`,
  bytes: (n) => `${n}\n`,
};

function contentType(path: string, sent: Sent): string {
  if (sent === 'bytes') return path.endsWith(':server') ? FRAMINGS.array : FRAMINGS.bytes;
  return streamsUp(path) ? FRAMINGS[sent] : FRAMINGS.array;
}

function describe(kinds: readonly Kind[], framing: Framing, sent: Sent): string {
  if (kinds.includes('server')) return framing;
  return kinds.includes('bidi') ? `lines, answered as ${framing}` : sent;
}

/** Sends the only message, or the first one of a stream. */
function begin(to: Writable, path: string, sent: Sent): void {
  const message = contentType(path, sent) === FRAMINGS.bytes ? WRITTEN.bytes(1) : '{"n":1}';
  if (!streamsUp(path)) to.end(message);
  else to.write({ array: `[${message}`, NDJSON: `${message}\n`, bytes: message }[sent]);
}

function finish(to: Writable, path: string, sent: Sent): void {
  if (streamsUp(path)) to.end(sent === 'array' ? ']' : '');
}

export const WAYS: readonly Way[] = [
  ...(['array', 'NDJSON', 'SSE'] as const).flatMap((framing) => [
    overHttp1(framing, 'array', ['server']),
    overHttp2(framing, 'array', ['server']),
    overHttp2(framing, 'NDJSON', ['bidi']),
  ]),
  ...(['array', 'NDJSON'] as const).flatMap((sent) => [
    overHttp1('array', sent, ['client']),
    overHttp2('array', sent, ['client']),
  ]),
  overHttp1('array', 'array', ['unary']),
  overHttp2('array', 'array', ['unary']),
  overWebSocket('NDJSON'),
];

/** The ways for methods with `google.api.HttpBody` on both sides. The request of a server stream is JSON. */
export const BYTE_WAYS: readonly Way[] = [
  overHttp1('bytes', 'bytes', ['unary', 'server', 'client']),
  overHttp2('bytes', 'bytes', ['unary', 'server', 'client', 'bidi']),
  overWebSocket('bytes'),
];
