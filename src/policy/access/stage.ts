import type { Context, Middleware } from '../../exchange/exchange.js';
import { handshakeOf } from '../../exchange/handshake.js';
import type { Equality } from '../../paths/equality.js';
import type { Binding } from '../../routing/binding.js';
import { gatewayError, StatusError } from '../../status/status-error.js';
import type { Authenticator, Challenge, Identified } from './credentials.js';
import { demand, missingScope } from './demands.js';
import { writes } from './writes.js';

export interface Authentication {
  readonly authenticator: Authenticator;
  readonly mode: 'required' | 'optional';
  /** The route's method and verb, which show whether a request may change something. */
  readonly binding: Pick<Binding, 'httpMethod' | 'method'>;
  /** True if a token may be sent in the query: for a GET that streams, and for the handshake of a WebSocket. */
  readonly fromQuery: boolean;
}

/** Throws 401 if there is no caller and the mode is `required`, and for a bad credential in both modes. */
export function authenticate({ authenticator, mode, binding, fromQuery }: Authentication): Middleware {
  const { identify, challenges } = authenticator;
  const unknown = challengeHeader(challenges, '');
  const invalid = challengeHeader(challenges, ', error="invalid_token"');
  const expected = expectation(challenges);
  /** Runs the next stage without waiting if the caller is known at once, as for a token that was verified before. */
  return function authenticate(ctx, next) {
    const { req, state } = ctx;
    const { rawHeaders, socket } = req;
    // A page that opens a WebSocket can do more than read. So a cookie is not accepted from an origin that only `*`
    // allows.
    const mayChange = handshakeOf(req) !== undefined || writes(binding, req.method ?? 'GET');
    const rawQuery = fromQuery ? state.rawQuery : undefined;
    let found: ReturnType<typeof identify>;
    try {
      found = identify({ writes: mayChange, rawHeaders, socket, authority: state.authority, rawQuery });
    } catch (error) {
      refuse(ctx, error);
    }
    if (!(found instanceof Promise)) return admit(ctx, found, next);
    return found.then(
      (identified) => admit(ctx, identified, next),
      (error) => refuse(ctx, error),
    );
  };

  function admit(ctx: Context, identified: Identified | undefined, next: () => Promise<unknown>): Promise<unknown> {
    const { state } = ctx;
    state.principal = identified?.principal;
    state.fromCookie = identified?.fromCookie ?? false;
    if (identified?.rawQuery !== undefined) {
      state.rawQuery = identified.rawQuery;
      // The address contains a secret (RFC 6750 §2.3), so neither the address nor the answer may be kept.
      ctx.res.setHeader('cache-control', 'private, no-store');
    }
    if (state.principal === undefined && mode === 'required') {
      challenge(ctx, unknown);
      throw gatewayError('UNAUTHENTICATED', expected);
    }
    return next();
  }

  function refuse(ctx: Context, error: unknown): never {
    if (error instanceof StatusError && error.httpStatus === 401) challenge(ctx, invalid);
    throw error;
  }
}

export interface Authorization {
  readonly scopes: readonly string[];
  /** The `require` conditions that read only variables of the path. */
  readonly require: readonly Equality[];
  /** Builds the request message with only the fields that the path captures. */
  readonly requestOf: (captures: readonly string[]) => Uint8Array;
}

/** Throws 403 if the caller lacks a scope, or if a `require` condition does not hold. */
export function authorize({ scopes, require, requestOf }: Authorization): Middleware {
  return function authorize(ctx, next) {
    const { principal, captures } = ctx.state;
    const missing = principal === undefined ? undefined : missingScope(scopes, principal.scopes);
    if (missing !== undefined) {
      const scope = scopes.map((one) => one.split('|', 1)[0]).join(' ');
      challenge(ctx, `Bearer realm="protogate", error="insufficient_scope", scope="${scope}"`);
      throw gatewayError(
        'MISSING_SCOPE',
        `expected a caller with the scope ${missing.replaceAll('|', ' or ')}, got one without it`,
      );
    }
    if (require.length > 0) demand(require, requestOf(captures), principal);
    return next();
  };
}

function challenge(ctx: Context, value: string): void {
  if (value !== '') ctx.res.setHeader('www-authenticate', value);
}

/**
 * Returns the value of the header `WWW-Authenticate` (RFC 6750 §3). It is empty if there are no challenges. ApiKey is not a
 * registered scheme; its name tells clients what to send.
 */
function challengeHeader(challenges: readonly Challenge[], error: string): string {
  return challenges
    .map(({ scheme, header }) =>
      header === undefined ? `${scheme} realm="protogate"${error}` : `${scheme} realm="protogate", header="${header}"`,
    )
    .join(', ');
}

function expectation(challenges: readonly Challenge[]): string {
  const forms = challenges.map(({ header }) =>
    header === undefined ? 'a bearer token (header authorization)' : `an API key (header ${header})`,
  );
  return `expected ${forms.length === 0 ? 'a client certificate' : forms.join(' or ')}, got none`;
}
