/** Sends drawn requests as bytes over HTTP/1.1, in all framings and cuts, and judges what comes back. */
import { draws } from '../support/draws.js';
import { CutBody, type RawAnswer, readAnswers } from './answers.js';
import { type DrawnRequest, drawRequest } from './draw-request.js';
import { verdictOn } from './oracle.js';
import type { Outcome } from './outcome.js';
import { sendBytes } from './send-bytes.js';

/** The bytes of the request of a seed: with Content-Length or in chunks, and in a tenth of the cases with a changed byte. */
export function bytesOf(seed: number): {
  readonly bytes: Buffer;
  readonly request: DrawnRequest;
  readonly isBent: boolean;
} {
  const request = drawRequest(seed);
  const draw = draws(seed * 7 + 3);
  const { method, target, headers, body } = request;
  const chunked = body.length > 0 && draw(3) === 0;
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: gateway.example', 'Connection: close'];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (chunked) lines.push('Transfer-Encoding: chunked');
  else if (body.length > 0 || method === 'POST') lines.push(`Content-Length: ${body.length}`);
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8');
  const bytes = Buffer.concat([head, chunked ? inChunks(body, draw) : body]);
  const isBent = draw(10) === 0;
  if (isBent) for (let i = draw(3); i >= 0; i--) bytes[draw(bytes.length)] = draw(256);
  return { bytes, request, isBent };
}

function inChunks(body: Buffer, draw: (n: number) => number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = 1 + draw(Math.min(40, body.length - at));
    const extension = draw(10) === 0 ? ';a=b' : '';
    parts.push(Buffer.from(`${size.toString(16)}${extension}\r\n`), body.subarray(at, at + size), Buffer.from('\r\n'));
    at += size;
  }
  parts.push(Buffer.from(draw(8) === 0 ? '0\r\nX-Trailer: a\r\n\r\n' : '0\r\n\r\n'));
  return Buffer.concat(parts);
}

/** Sends the request of the seed, in pieces. Resolves when the gateway has closed, or after `patienceMs`. */
export async function tryHttp1(port: number, seed: number, patienceMs: number): Promise<Outcome> {
  const { bytes, request, isBent } = bytesOf(seed);
  // The gateway may wait for more of such a request until the client half-closes; then it need not answer.
  const isUnsure = isBent || request.headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const pieces = cut(bytes, seed);
  const { received, isClosed } = await sendBytes(port, pieces, { endsAfter: isUnsure, patienceMs });
  if (!isClosed) return { kind: 'http1', verdict: `no end after ${patienceMs} ms` };
  // A changed byte may make another method of it, and then the body of its answer cannot be separated from the next answer.
  const methods = isBent ? [bytes.toString('latin1', 0, bytes.indexOf(' '))] : [request.method];
  try {
    const answers = readEither(received, methods, isBent || pieces.length > 1);
    if (answers.length === 0) return { kind: 'http1', verdict: isUnsure ? undefined : 'no answer', status: 0 };
    for (const [index, { status, headers, body }] of answers.entries()) {
      const verdict = verdictOn({
        status,
        header: (name) => headers.get(name)?.[0],
        body,
        isHead: methods[index] === 'HEAD' && body.length === 0,
        hasDeadline: request.hasDeadline,
      });
      if (verdict !== undefined) return { kind: 'http1', verdict, status };
    }
    return { kind: 'http1', verdict: undefined, status: answers[0]!.status };
  } catch (error) {
    // A stream that has begun can only be cut when its request turns out to be wrong.
    if (error instanceof CutBody && /chat|send|watch/.test(request.target))
      return { kind: 'http1', verdict: undefined, status: 200 };
    return { kind: 'http1', verdict: `no HTTP: ${(error as Error).message}` };
  }
}

/** A head that is changed or comes in pieces may have no method for the gateway, so the answer to a HEAD may have a body then. */
function readEither(received: Buffer, methods: readonly string[], isUnsure: boolean): RawAnswer[] {
  try {
    return readAnswers(received, methods);
  } catch (error) {
    if (methods[0] !== 'HEAD' || !isUnsure) throw error;
    return readAnswers(received, []);
  }
}

function cut(bytes: Buffer, seed: number): Buffer[] {
  const draw = draws(seed + 11);
  if (draw(4) > 0) return [bytes];
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + draw(200);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
