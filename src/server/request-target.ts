/**
 * Splits the request target (RFC 9112 §3.2) into authority, raw path and raw query. Nothing is decoded: the path is matched
 * as sent. In absolute-form the target's authority decides and `Host` is ignored (§3.2.2).
 */
import type { IncomingMessage } from 'node:http';
import { parseAuthority } from '../base/authority.js';
import { isHttp2 } from '../exchange/answer.js';
import { badHost, badTarget } from '../status/refusals.js';

export interface Target {
  readonly authority: string;
  /** Starts with `/`, or is `*` (asterisk-form, OPTIONS only). */
  readonly rawPath: string;
  readonly rawQuery: string;
}

/**
 * Splits a request's target. Throws 400 for a missing, repeated or malformed Host, and for a target in none of the forms of
 * RFC 9112 §3.2.
 */
export function parseTarget(req: IncomingMessage): Target {
  const host = hostOf(req);
  // Host must be valid even where the target's own authority decides (RFC 9112 §3.2).
  if (parseAuthority(host) === undefined) throw badHost('host', host);
  const url = req.url ?? '';
  if (isHttp2(req) && !IN_ASCII.test(url))
    throw badTarget('request target: expected ASCII, with other characters percent-encoded');
  if (url.startsWith('/')) return split(host, url);
  if (url === '*' && req.method === 'OPTIONS') return { authority: host, rawPath: '*', rawQuery: '' };
  // HTTP/2 has no absolute-form: `:path` begins with a slash (RFC 9113 §8.3.1), so that no host in it contradicts `:authority`.
  const absolute = isHttp2(req) ? null : /^https?:\/\/([^/?#]+)(.*)$/is.exec(url);
  if (absolute === null) throw badTarget(`request target: expected a path, got ${JSON.stringify(url.slice(0, 40))}`);
  const [, authority = '', rest = ''] = absolute;
  if (parseAuthority(authority) === undefined) throw badHost('request target', authority);
  return split(authority, rest.startsWith('/') ? rest : `/${rest}`);
}

/** Node itself refuses other bytes in HTTP/1.1. In HTTP/2 it reads them as Latin-1, which is not what the client meant. */
const IN_ASCII = /^[\x21-\x7e]*$/;

function split(authority: string, url: string): Target {
  const question = url.indexOf('?');
  return question < 0
    ? { authority, rawPath: url, rawQuery: '' }
    : { authority, rawPath: url.slice(0, question), rawQuery: url.slice(question + 1) };
}

/**
 * Returns the Host header in HTTP/1.1, and `:authority` in HTTP/2. If an HTTP/2 request has a Host header too, both must be the
 * same (RFC 9113 §8.3.1); if it has only that, it is returned. The text is empty for HTTP/1.0 without a Host. Throws 400
 * otherwise.
 */
function hostOf(req: IncomingMessage): string {
  const host = singleHost(req);
  if (!isHttp2(req)) {
    if (req.httpVersionMajor !== 1) throw badTarget(`request line: expected HTTP/1.1, got HTTP/${req.httpVersion}`);
    if (host === undefined && req.httpVersionMinor > 0) throw badTarget('host: expected a Host header, got none');
    return host ?? '';
  }
  const authority = req.headers[':authority'];
  if (typeof authority !== 'string') {
    if (host === undefined) throw badTarget('host: expected :authority or a Host header, got neither');
    return host;
  }
  if (host !== undefined && !isSame(host, authority))
    throw badTarget('host: expected the same value as :authority, got another');
  return authority;
}

/** True if two authorities name the same host and port. Names are compared without regard to case (RFC 3986 §3.2.2). */
function isSame(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [parseAuthority(one), parseAuthority(other)];
  return first !== undefined && first.host === second?.host && first.port === second.port;
}

/**
 * Returns the Host header, if there is one. Throws 400 for several (RFC 9112 §3.2): Node keeps the first of them, and a proxy
 * in front may have used the last.
 */
function singleHost({ rawHeaders }: IncomingMessage): string | undefined {
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (host !== undefined) throw badTarget('host: expected one Host header, got several');
    host = rawHeaders[i + 1] ?? '';
  }
  return host;
}
