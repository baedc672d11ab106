/** Sends drawn requests over HTTP/2 without TLS, many on one connection, and judges what comes back. */
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { drawRequest } from './draw-request.js';
import { verdictOn } from './oracle.js';
import type { Outcome } from './outcome.js';

/** Headers that HTTP/2 has in other forms, or forbids (RFC 9113 section 8.2.2); Node's client refuses to send them. */
const NOT_SENT =
  /^(?:connection|transfer-encoding|upgrade|host|http2-settings|te|keep-alive|proxy-connection|content-length|expect)$/i;

/** Keeps one connection, and opens another when the gateway has ended it. */
export class Http2Client {
  private session: ClientHttp2Session | undefined;

  constructor(private readonly url: string) {}

  private connected(): ClientHttp2Session {
    if (this.session === undefined || this.session.closed || this.session.destroyed) {
      this.session = connect(this.url);
      this.session.on('error', () => {});
    }
    return this.session;
  }

  try(seed: number, patienceMs: number): Promise<Outcome> {
    const { method, target, headers, body, hasDeadline } = drawRequest(seed);
    const fields: OutgoingHttpHeaders = { ':method': method, ':path': target };
    for (const [name, value] of headers) if (!NOT_SENT.test(name)) fields[name.toLowerCase()] = value;
    return new Promise((resolve) => {
      const done = (verdict: string | undefined, status = 0) => {
        clearTimeout(timer);
        resolve({ kind: 'http2', verdict, status });
      };
      const timer = setTimeout(() => done(`no end after ${patienceMs} ms`), patienceMs);
      let stream: ReturnType<ClientHttp2Session['request']>;
      try {
        stream = this.connected().request(fields, { endStream: body.length === 0 });
      } catch {
        // Node's client does not send some of what is drawn.
        return done(undefined);
      }
      let answer: Record<string, unknown> | undefined;
      const chunks: Buffer[] = [];
      stream.on('response', (head) => {
        answer = head as Record<string, unknown>;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', () => {});
      stream.on('close', () => {
        // A reset is the only answer to what nghttp2 itself refuses, and to a stream that fails after it has begun.
        if (answer === undefined || stream.rstCode !== 0) return done(undefined);
        const status = Number(answer[':status']);
        const header = (name: string) => answer?.[name] as string | undefined;
        done(
          verdictOn({ status, header, body: Buffer.concat(chunks), isHead: method === 'HEAD', hasDeadline }),
          status,
        );
      });
      if (body.length > 0) stream.end(body);
    });
  }

  close(): Promise<void> {
    const { session } = this;
    if (session === undefined || session.destroyed) return Promise.resolve();
    return new Promise((resolve) => session.close(resolve));
  }
}
