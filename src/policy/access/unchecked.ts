/**
 * This module reads credentials for a dry run. It trusts a token's claims without a check of the signature, and asks no
 * issuer for keys. It must never be used for requests that are served.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import type { Credential, Principal } from '../../call/principal.js';
import type { Log } from '../../telemetry/log.js';
import { createApiKeys } from './api-key.js';
import { compileClaims } from './claims.js';
import { type Authenticator, createAuthenticator } from './credentials.js';
import { distinctSources, sameSource } from './resource.js';
import type { AuthBlock } from './settings.js';
import { claimsOf, invalidToken, readUnverified } from './unverified-token.js';

type Issuer = AuthBlock['jwt'][number];

/**
 * Returns an authenticator that checks no signature. Timers of `clock` must never fire, so that no file is followed.
 */
export function uncheckedAuthenticator(
  { auth, origins }: { readonly auth: AuthBlock | undefined; readonly origins: readonly string[] },
  options: { readonly clock: Clock; readonly log: Log },
): Authenticator {
  const { jwt = [], apiKeys } = auth ?? {};
  return createAuthenticator({
    tokens: distinctSources(jwt).map((source) => {
      const issuers = jwt.filter(({ from }) => from.some((other) => sameSource(source, other)));
      return { source, verify: (token: string) => callerOf(token, issuers, options.clock) };
    }),
    apiKeys: apiKeys && {
      headers: apiKeys.from.map(({ header }) => header),
      find: (key) => createApiKeys(apiKeys, options).find(key),
    },
    certificate: undefined,
    allowedOrigins: new Set(origins.filter((origin) => origin !== '*')),
  });
}

/**
 * Returns the caller whom a token names. Throws the 401 that a token with these claims gets even with a right
 * signature.
 */
function callerOf(token: string, issuers: readonly Issuer[], clock: Clock): Principal {
  const { iss, alg, exp } = readUnverified(token);
  const issuer = issuers.find((one) => one.issuer === iss);
  // The texts for the log name the values, because operators run `explain` with tokens of their own.
  if (issuer === undefined) {
    const detail = `iss: expected ${oneOf(issuers.map((one) => one.issuer))}, got ${iss}`;
    throw invalidToken('iss: expected an issuer that this API trusts, got another', detail);
  }
  if (!issuer.algorithms.some((one) => one === alg)) {
    const detail = `alg: expected ${oneOf(issuer.algorithms)}, got ${alg}`;
    throw invalidToken('alg: expected an algorithm that this API accepts from the issuer, got another', detail);
  }
  if (exp * 1000 <= clock.now()) throw invalidToken('exp: expected a token that has not expired');
  const claims = claimsOf(token);
  const audiences = [claims.aud].flat();
  if (!issuer.audiences.some((one) => audiences.includes(one))) {
    const detail = `aud: expected ${oneOf(issuer.audiences)}, got ${audiences.join(', ') || 'none'}`;
    throw invalidToken('aud: expected an audience of this API, got others', detail);
  }
  return compileClaims(issuer)(claims, FOR_THIS_REQUEST);
}

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `one of ${names.join(', ')}`;
}

/** True if the request has no credential, neither a good nor a bad one. */
export async function identifiesNobody(
  authenticator: Authenticator,
  { target, rawHeaders }: { readonly target: string; readonly rawHeaders: readonly string[] },
): Promise<boolean> {
  const rawQuery = target.includes('?') ? target.slice(target.indexOf('?') + 1) : '';
  try {
    const request = { writes: false, rawHeaders, authority: 'localhost', socket: NO_SOCKET, rawQuery };
    return (await authenticator.identify(request)) === undefined;
  } catch {
    return false;
  }
}

const NO_SOCKET = {} as Socket;

/** The credential of a dry run. It has no end, because a dry run takes too little time for one to matter. */
const FOR_THIS_REQUEST: Credential = { endsAtMs: undefined, stands: () => true };
