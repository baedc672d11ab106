/**
 * This module fetches a JWK Set with one GET. It follows no redirect, accepts only the status 200, reads at most 1 MiB
 * and takes at most 5 s. Each fetch has its own connection, because fetches are minutes apart.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv4 } from 'node:net';
import type { Clock } from '../../base/clock.js';
import { formatDuration } from '../../base/duration.js';

const FETCH_TIMEOUT_MS = 5000;
const MAX_JWKS_BYTES = 1_048_576;

/**
 * Returns what is wrong with a `jwksUri`. Undefined when it is usable. Only HTTPS is allowed, and plain HTTP to the
 * same machine.
 */
export function jwksUriProblem(uri: string): string | undefined {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || !['https:', 'http:'].includes(url.protocol)) return 'expected an https URL';
  if (url.username !== '' || url.password !== '') return 'expected a URL without a user name and password';
  return url.protocol === 'https:' || isLoopback(url.hostname)
    ? undefined
    : 'expected an https URL; http is allowed for loopback addresses only';
}

/**
 * True if the host is this machine. `hostname` is as `URL` writes it: it has turned 127.1 into 127.0.0.1, and an IPv6
 * address is in brackets.
 */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

/** Returns the body of the answer. Rejects with an Error whose message is safe to log. */
export function fetchJwks(uri: string, clock: Clock, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = new URL(uri);
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { agent: false, headers: { accept: 'application/json, application/jwk-set+json' } });
    const cancelTimeout = clock.after(FETCH_TIMEOUT_MS, () =>
      fail(`expected an answer within ${formatDuration(FETCH_TIMEOUT_MS)}`),
    );
    const stop = () => fail('the fetch was cancelled');
    const settled = () => {
      cancelTimeout();
      signal.removeEventListener('abort', stop);
    };
    const fail = (reason: string) => {
      settled();
      reject(new Error(reason));
      request.destroy();
    };
    signal.addEventListener('abort', stop, { once: true });
    request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? 'the connection failed'));
    request.on('response', (response) =>
      readBody(response, fail, (text) => {
        settled();
        resolve(text);
      }),
    );
    request.end();
  });
}

function readBody(response: IncomingMessage, fail: (reason: string) => void, done: (text: string) => void): void {
  if (response.statusCode !== 200) return fail(`expected status 200, got ${response.statusCode}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_JWKS_BYTES) fail(`expected at most ${MAX_JWKS_BYTES} bytes`);
    else chunks.push(chunk);
  });
  response.on('error', () => fail('expected the whole answer, but the connection ended before its end'));
  response.on('end', () => done(Buffer.concat(chunks).toString()));
}
