/** An HTTP/2 client for tests, which shows what a session sends and receives on each stream. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Teardown } from './gateway.js';
import { keepCredentials } from './secrets.js';

export interface Http2Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: headers, as Node has them
  readonly headers: any;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  readonly json: any;
  /** The code of RST_STREAM; 0 if the stream ended well. */
  readonly code: number;
}

export interface Http2Client {
  readonly session: ClientHttp2Session;
  /** Returns the code of the GOAWAY that came; undefined before. */
  readonly goneAway: () => number | undefined;
  send(method: string, path: string, options?: { headers?: OutgoingHttpHeaders; body?: string }): Promise<Http2Answer>;
  /** Opens a stream whose request side stays open. */
  open(method: string, path: string, headers?: OutgoingHttpHeaders): ClientHttp2Stream;
}

export function http2Client(t: Teardown, url: string, ca?: Buffer): Http2Client {
  const session = connect(url, { servername: 'upstream.test', ...(ca === undefined ? {} : { ca }) });
  let goneAway: number | undefined;
  session
    .on('error', () => {})
    .on('goaway', (code) => {
      goneAway = code;
    });
  t.teardown(() => session.destroy());
  const open = (method: string, path: string, headers: OutgoingHttpHeaders = {}) => {
    keepCredentials(headers);
    const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: false });
    stream.on('error', () => {});
    return stream;
  };
  return {
    session,
    goneAway: () => goneAway,
    open,
    send(method, path, { headers, body } = {}) {
      const stream = open(method, path, headers);
      const answer = answerOf(stream);
      stream.end(body);
      return answer;
    },
  };
}

/** Resolves when the stream has ended, well or not. */
export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let headers: Record<string, unknown> = {};
    stream.on('response', (found) => {
      headers = found;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('close', () => {
      const text = Buffer.concat(chunks).toString();
      const status = Number(headers[':status'] ?? 0);
      resolve({ status, headers, text, json: parsed(text), code: stream.rstCode ?? 0 });
    });
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
