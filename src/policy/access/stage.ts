import type { Context, Middleware } from '../../exchange/exchange.js';
import { handshakeOf } from '../../exchange/handshake.js';
import type { Equality } from '../../paths/equality.js';
import type { Binding } from '../../routing/binding.js';
import { gatewayError, StatusError } from '../../status/status-error.js';
import type { Authenticator, Challenge } from './credentials.js';
import { demand, missingScope } from './demands.js';
import { writes } from './writes.js';

export interface Authentication {
  readonly authenticator: Authenticator;
  readonly mode: 'required' | 'optional';
  /** What the route promises of its requests. */
  readonly binding: Pick<Binding, 'httpMethod' | 'method'>;
  /** A token may stand in the query: of a GET that streams, and of a WebSocket's handshake. */
  readonly fromQuery: boolean;
}

/** 401 without a caller unless the route is `optional`; 401 for a bad credential on both. */
export function authenticate({ authenticator, mode, binding, fromQuery }: Authentication): Middleware {
  const { identify, challenges } = authenticator;
  const unknown = challengeHeader(challenges, '');
  const invalid = challengeHeader(challenges, ', error="invalid_token"');
  const expected = expectation(challenges);
  return async function authenticate(ctx, next) {
    const { req, state } = ctx;
    const { rawHeaders, socket } = req;
    // Over a WebSocket a page does more than ask: no cookie speaks for one that `*` alone lets in.
    const mayChange = handshakeOf(req) !== undefined || writes(binding, req.method ?? 'GET');
    try {
      const rawQuery = fromQuery ? state.rawQuery : undefined;
      const found = identify({ writes: mayChange, rawHeaders, socket, authority: state.authority, rawQuery });
      const identified = found instanceof Promise ? await found : found;
      state.principal = identified?.principal;
      state.fromCookie = identified?.fromCookie ?? false;
      if (identified?.rawQuery !== undefined) {
        state.rawQuery = identified.rawQuery;
        // RFC 6750 §2.3: the address is a secret, and so is what is behind it.
        ctx.res.setHeader('cache-control', 'private, no-store');
      }
    } catch (error) {
      if (error instanceof StatusError && error.httpStatus === 401) challenge(ctx, invalid);
      throw error;
    }
    if (state.principal === undefined && mode === 'required') {
      challenge(ctx, unknown);
      throw gatewayError(401, 'UNAUTHENTICATED', expected);
    }
    await next();
  };
}

export interface Authorization {
  readonly scopes: readonly string[];
  /** Over what the path captures. */
  readonly require: readonly Equality[];
  /** The request message with what the path captures and nothing else. */
  readonly requestOf: (captures: readonly string[]) => Uint8Array;
}

/** 403 for a scope that is missing, or a `require` that does not hold. */
export function authorize({ scopes, require, requestOf }: Authorization): Middleware {
  return async function authorize(ctx, next) {
    const { principal, captures } = ctx.state;
    const missing = principal === undefined ? undefined : missingScope(scopes, principal.scopes);
    if (missing !== undefined) {
      const scope = scopes.map((one) => one.split('|', 1)[0]).join(' ');
      challenge(ctx, `Bearer realm="protogate", error="insufficient_scope", scope="${scope}"`);
      throw gatewayError(403, 'MISSING_SCOPE', `expected the scope ${missing.replaceAll('|', ' or ')}`);
    }
    if (require.length > 0) demand(require, requestOf(captures), principal);
    await next();
  };
}

function challenge(ctx: Context, value: string): void {
  if (value !== '') ctx.res.setHeader('www-authenticate', value);
}

/** RFC 6750 §3; ApiKey is no registered scheme, a name that says what to send. */
function challengeHeader(challenges: readonly Challenge[], error: string): string {
  return challenges
    .map(({ scheme, header }) =>
      header === undefined ? `${scheme} realm="protogate"${error}` : `${scheme} realm="protogate", header="${header}"`,
    )
    .join(', ');
}

function expectation(challenges: readonly Challenge[]): string {
  const forms = challenges.map(({ header }) =>
    header === undefined ? 'a bearer token (authorization)' : `an API key (${header})`,
  );
  return `expected ${forms.length === 0 ? 'a client certificate' : forms.join(' or ')}, got none`;
}
