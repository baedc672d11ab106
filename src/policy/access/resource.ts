/**
 * This module turns the config's `auth` block into the Authenticator of a snapshot. Keys and remembered tokens are
 * resources: a reload that does not change an issuer keeps its keys and its remembered tokens.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.js';
import { type Lease, settingsKey } from '../../base/resources.js';
import type { HeldCounter } from '../../telemetry/held-counters.js';
import type { Log } from '../../telemetry/log.js';
import { createApiKeys } from './api-key.js';
import { certificateReader } from './certificate.js';
import { type Authenticator, createAuthenticator, type TokenSource } from './credentials.js';
import { createKeySet, createSecretKeys, type KeySource, parseJwks } from './jwk-set.js';
import { createJwks } from './jwks-uri.js';
import { createTokenVerifier, type TokenCounts } from './jwt.js';
import type { AuthBlock } from './settings.js';

interface Options {
  readonly clock: Clock;
  readonly log: Log;
  /** Returns the counter of an issuer's tokens that were, for example, `verified`, `remembered` or `refused`. */
  readonly tokens: (issuer: string, result: string) => HeldCounter;
}

export interface Authentication {
  readonly authenticator: Authenticator;
  /** Resolves when each issuer has answered with its keys, or when the time for that is over. */
  readonly prepared: Promise<void>;
}

type IssuerSettings = AuthBlock['jwt'][number];

/**
 * The content of a `jwksFile` is part of the settings: when it changes, new keys are made, and tokens verified with the
 * old ones are forgotten.
 */
interface Issuer extends IssuerSettings {
  readonly jwks: string | undefined;
}

function withFile(issuer: IssuerSettings): Issuer {
  const { keys } = issuer;
  return { ...issuer, jwks: keys.kind === 'file' ? readFileSync(keys.file, 'utf8') : undefined };
}

/**
 * Returns the authenticator of a snapshot. `origins` are the web origins whose pages may call with a cookie or a certificate;
 * `*` is ignored.
 */
export function authentication(
  { auth, origins }: { readonly auth: AuthBlock | undefined; readonly origins: readonly string[] },
  lease: Lease,
  options: Options,
): Authentication {
  const jwt = (auth?.jwt ?? []).map(withFile);
  const countsOf = (issuer: string): TokenCounts => ({
    remembered: options.tokens(issuer, 'remembered'),
    verified: options.tokens(issuer, 'verified'),
    refused: options.tokens(issuer, 'refused'),
  });
  const issuers = jwt.map((issuer) => ({
    ...issuer,
    keys: keySource(issuer, lease, options),
    counts: countsOf(issuer.issuer),
  }));
  const sources = distinctSources(jwt);
  const tokens = sources.map((source) => {
    const here = issuers.filter(({ from }) => from.some((other) => sameSource(source, other)));
    const key = settingsKey('tokens', [
      source,
      jwt.filter(({ from }) => from.some((other) => sameSource(source, other))),
    ]);
    const verifier = lease.acquire(key, () => createTokenVerifier(here, options));
    return { source, verify: (token: string) => verifier.verify(token) };
  });
  const { apiKeys, mtls } = auth ?? {};
  const keys =
    apiKeys === undefined
      ? undefined
      : lease.acquire(settingsKey('keys', apiKeys), () => createApiKeys(apiKeys, options));
  const authenticator = createAuthenticator({
    tokens,
    apiKeys:
      apiKeys === undefined || keys === undefined
        ? undefined
        : { headers: apiKeys.from.map(({ header }) => header), find: (key) => keys.find(key) },
    certificate: mtls === undefined ? undefined : certificateReader(mtls, options.clock),
    allowedOrigins: new Set(origins.filter((origin) => origin !== '*')),
  });
  return {
    authenticator,
    prepared: Promise.all(issuers.map((issuer) => issuer.keys.prepared)).then(() => {}),
  };
}

function keySource({ issuer, keys, jwks }: Issuer, lease: Lease, options: Options): KeySource {
  const key = settingsKey('jwks', [issuer, keys, jwks]);
  switch (keys.kind) {
    case 'uri':
      return lease.acquire(key, () => createJwks(keys, options));
    case 'file':
      return lease.acquire(key, () => createKeySet(parseJwks(jwks ?? '').keys ?? []));
    case 'secret':
      return lease.acquire(key, () => createSecretKeys(keys.secret));
  }
}

/** Returns the places where tokens may be sent, each once. */
export function distinctSources(jwt: readonly IssuerSettings[]): readonly TokenSource[] {
  const all = jwt.flatMap(({ from }) => from);
  return all.filter((source, index) => all.findIndex((other) => sameSource(source, other)) === index);
}

export function sameSource(a: TokenSource, b: TokenSource): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
