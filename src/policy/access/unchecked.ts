/**
 * Credentials for a dry run: what a token says of its caller is taken as if its signature were right, and no issuer is
 * asked for keys. Never for requests that are served.
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

/** `clock`: one that never fires, so that no file is followed. */
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

/** Throws the 401 that the token earns whoever has signed it. */
function callerOf(token: string, issuers: readonly Issuer[], clock: Clock): Principal {
  const { iss, alg, exp } = readUnverified(token);
  const issuer = issuers.find((one) => one.issuer === iss);
  if (issuer === undefined) throw invalidToken('iss: expected an issuer that is known here');
  if (!issuer.algorithms.some((one) => one === alg)) throw invalidToken("alg: expected one of the issuer's algorithms");
  if (exp * 1000 <= clock.now()) throw invalidToken('exp: expected a token that has not expired');
  const claims = claimsOf(token);
  const audiences = [claims.aud].flat();
  if (!issuer.audiences.some((one) => audiences.includes(one))) {
    throw invalidToken('aud: expected one of the audiences of this API');
  }
  return compileClaims(issuer)(claims, FOR_THIS_REQUEST);
}

/** True if the request carries no credential, neither a good nor a bad one. */
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

/** A dry run is over before a credential could end. */
const FOR_THIS_REQUEST: Credential = { endsAtMs: undefined, stands: () => true };
