/**
 * This module finds the credential of a request and the caller to whom it belongs, in one pass over the headers:
 *
 *     Authorization: Bearer …   (or a header that the config names), X-API-Key: … explicit: written for this request
 *     ?access_token=…           of a GET that streams, for a browser's EventSource, which sends no headers
 *     Cookie: session=…         a client certificate                            ambient: it comes along by itself
 *
 * An explicit credential is used before an ambient one. A request with two explicit credentials is refused, because two
 * programs could each choose another one. A token is accepted only in a place where its issuer expects tokens.
 */
import type { Socket } from 'node:net';
import type { Principal } from '../../call/principal.js';
import { foreignOrigin } from '../../status/refusals.js';
import { gatewayError, type StatusError } from '../../status/status-error.js';
import { headerOf, isForeign, isForeignPage, type PageRequest } from './origin.js';

export type TokenSource = { readonly header: string } | { readonly cookie: string } | { readonly query: string };

export interface CredentialSettings {
  /**
   * One entry for each place where a token may be sent. `verify` knows the issuers that expect their tokens in that
   * place.
   */
  readonly tokens: readonly { readonly source: TokenSource; readonly verify: Verify }[];
  readonly apiKeys: { readonly headers: readonly string[]; readonly find: FindKey } | undefined;
  readonly certificate: ((socket: Socket) => Principal | undefined) | undefined;
  /**
   * The web origins, besides the gateway's own, whose pages may use a cookie's token or a certificate for more than
   * reading.
   */
  readonly allowedOrigins: ReadonlySet<string>;
}

/** Returns the caller of a token. Throws 401 for a bad token, and 503 while the issuer's keys are not known yet. */
type Verify = (token: string) => Principal | Promise<Principal>;
/** Returns the caller to whom a key belongs. Undefined when the key belongs to no caller. */
type FindKey = (key: string) => Principal | undefined;

export interface CredentialRequest extends PageRequest {
  readonly socket: Socket;
  /** The query as it was sent. Undefined when the route accepts no token in the query. */
  readonly rawQuery?: string | undefined;
}

export interface Identified {
  readonly principal: Principal;
  /** True if the credential came in a cookie, which a browser also sends for requests of other sites. */
  readonly fromCookie: boolean;
  /** The query without its token. Undefined when the token was not in the query. */
  readonly rawQuery?: string;
}

export interface Authenticator {
  /** The challenges for the header `WWW-Authenticate` (RFC 9110 §11.6.1). */
  readonly challenges: readonly Challenge[];
  /**
   * Returns the caller of a request. Undefined when the request has no credential. Throws 401 for a bad credential, 503
   * while the keys are not known, and 403 if a page of another origin uses a cookie or a certificate.
   */
  identify(request: CredentialRequest): Identified | undefined | Promise<Identified | undefined>;
}

export interface Challenge {
  readonly scheme: 'Bearer' | 'ApiKey';
  readonly header?: string;
}

interface Explicit {
  readonly name: string;
  readonly identify: (value: string) => Principal | Promise<Principal>;
}

export function createAuthenticator(settings: CredentialSettings): Authenticator {
  const explicit = explicitHeaders(settings);
  const lengths = new Set([...explicit.keys()].map((name) => name.length));
  const cookies = settings.tokens.flatMap(({ source, verify }) =>
    'cookie' in source ? [{ name: source.cookie, verify }] : [],
  );
  if (cookies.length > 0) lengths.add('cookie'.length);
  const queries = new Map(
    settings.tokens.flatMap(({ source, verify }) => ('query' in source ? [[source.query, verify] as const] : [])),
  );

  return {
    challenges: challengesOf(settings),
    identify(request) {
      const { rawHeaders } = request;
      let found: Explicit | undefined;
      let value = '';
      let cookieHeader = '';
      for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
        const raw = rawHeaders[i]!;
        if (!lengths.has(raw.length)) continue;
        const name = raw.toLowerCase();
        const header = explicit.get(name);
        if (header !== undefined) {
          if (found !== undefined) throw ambiguous(found.name, name);
          found = header;
          value = rawHeaders[i + 1]!;
        } else if (name === 'cookie' && cookies.length > 0) cookieHeader += `; ${rawHeaders[i + 1]}`;
      }
      const parameter = request.rawQuery === undefined ? undefined : tokenParameter(queries, request.rawQuery);
      if (parameter !== undefined) {
        if (found !== undefined) throw ambiguous(found.name, `query ${parameter.name}`);
        const { rawQuery, verify, token } = parameter;
        return Promise.resolve(verify(token)).then((principal) => ({ principal, fromCookie: false, rawQuery }));
      }
      if (found !== undefined) return explicitly(found.identify(value));
      const cookie = cookieHeader === '' ? undefined : tokenCookie(cookieHeader);
      if (cookie !== undefined) {
        if (isForeign(request, settings.allowedOrigins)) throw foreignPage('a token in a cookie', request);
        return Promise.resolve(cookie.verify(cookie.value)).then((principal) => ({ principal, fromCookie: true }));
      }
      const principal = settings.certificate?.(request.socket);
      if (principal === undefined) return undefined;
      if (isForeignPage(request, settings.allowedOrigins)) throw foreignPage('a client certificate', request);
      return { principal, fromCookie: false };
    },
  };

  /**
   * Returns the cookie with a token. Undefined when there is none. Throws 401 for two such cookies: they come from two domains
   * or paths, and one of them may be an attacker's.
   */
  function tokenCookie(header: string) {
    let found: { readonly verify: Verify; readonly value: string; readonly name: string } | undefined;
    for (const pair of header.split(';')) {
      const equals = pair.indexOf('=');
      const name = pair.slice(0, Math.max(0, equals)).trim();
      const cookie = cookies.find((one) => one.name === name);
      if (cookie === undefined) continue;
      if (found !== undefined) throw ambiguous(`cookie ${found.name}`, `cookie ${name}`);
      found = {
        verify: cookie.verify,
        name,
        value: pair
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, '$1'),
      };
    }
    return found;
  }
}

/**
 * Returns the token in a query, its entry of `queries`, and the query without the token. Undefined when there is no token.
 * Throws 401 if there are two.
 */
export function tokenParameter<T>(queries: ReadonlyMap<string, T>, rawQuery: string) {
  if (queries.size === 0 || rawQuery === '') return undefined;
  let found: { readonly name: string; readonly verify: T; readonly token: string } | undefined;
  const others: string[] = [];
  for (const part of rawQuery.split('&')) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    const verify = queries.get(name);
    if (verify === undefined) {
      others.push(part);
      continue;
    }
    if (found !== undefined) throw ambiguous(`query ${found.name}`, `query ${name}`);
    // A token contains no character that needs an escape, so the value is not decoded.
    found = { name, verify, token: part.slice(equals + 1) };
  }
  return found && { ...found, rawQuery: others.join('&') };
}

function explicitly(principal: Principal | Promise<Principal>): Identified | Promise<Identified> {
  return principal instanceof Promise
    ? principal.then((known) => ({ principal: known, fromCookie: false }))
    : { principal, fromCookie: false };
}

function explicitHeaders({ tokens, apiKeys }: CredentialSettings): ReadonlyMap<string, Explicit> {
  const headers = new Map<string, Explicit>();
  for (const { source, verify } of tokens) {
    if (!('header' in source)) continue;
    const { header: name } = source;
    const identify = (value: string) => verify(bearerToken(name, value));
    headers.set(name, { name, identify });
  }
  for (const name of apiKeys?.headers ?? []) {
    const identify = (value: string) => {
      const principal = apiKeys?.find(value.trim());
      if (principal === undefined)
        throw gatewayError(
          'INVALID_API_KEY',
          `${name}: expected a valid API key, got one that is unknown or has expired`,
        );
      return principal;
    };
    headers.set(name, { name, identify });
  }
  return headers;
}

const BEARER = 'Bearer ';

/**
 * Returns the token in a header's value (RFC 6750 §2.1): `Bearer TOKEN`, in any case (RFC 9110 §11.1), or in a header other
 * than Authorization also the token alone. Throws 401 for any other form.
 */
function bearerToken(name: string, value: string): string {
  // Most headers have this form. The expression below reads each character of the value, which takes a microsecond.
  if (value.startsWith(BEARER) && !value.includes(' ', BEARER.length) && !value.includes('\t')) {
    if (value.length > BEARER.length) return value.slice(BEARER.length);
  }
  const token = /^bearer +(\S+)$/i.exec(value)?.[1];
  if (token !== undefined) return token;
  if (name !== 'authorization' && /^\S+$/.test(value)) return value;
  throw gatewayError('INVALID_TOKEN', `${name}: expected 'Bearer' and a token, got another form`);
}

function challengesOf({ tokens, apiKeys }: CredentialSettings): readonly Challenge[] {
  const bearer = tokens.length > 0 ? [{ scheme: 'Bearer' } as const] : [];
  return [...bearer, ...(apiKeys?.headers ?? []).map((header) => ({ scheme: 'ApiKey', header }) as const)];
}

function ambiguous(first: string, second: string): StatusError {
  const found = first === second ? `${first} twice` : `${first} and ${second}`;
  return gatewayError('AMBIGUOUS_CREDENTIALS', `expected one credential in a request, got ${found}`);
}

function foreignPage(credential: string, { rawHeaders }: PageRequest): StatusError {
  const expected = `with ${credential}, expected a page of this site or of an origin in cors.origins`;
  return foreignOrigin(expected, headerOf(rawHeaders, 'origin'));
}
