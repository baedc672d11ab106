/**
 * This module lists the request headers that contain an identity or a credential. The headers of clients with these names are
 * never sent to an upstream, even if `metadata.request` allows them.
 */
import type { Config } from './config.js';

/**
 * Returns the names of the headers that clients cannot send to upstreams: those in which the gateway sends the caller's
 * identity, and those with credentials.
 */
export function guardedHeaders({ auth }: Pick<Config, 'auth'>): readonly string[] {
  if (auth === undefined) return [];
  const { jwt, apiKeys, mtls } = auth;
  const identity = [
    ...jwt.flatMap(({ claimsToMetadata }) => [...claimsToMetadata.values()]),
    ...[apiKeys, mtls]
      .flatMap((means) => [means?.consumerToMetadata, means?.issuerToMetadata])
      .filter((key) => key !== undefined),
  ];
  // The setting metadata.forwardAuthorization decides whether Authorization is sent to upstreams.
  return [...identity, ...credentialHeaders({ auth }).filter((name) => name !== 'authorization')];
}

/** Returns the names of the headers in which clients may send a credential, each once. */
export function credentialHeaders({ auth }: Pick<Config, 'auth'>): readonly string[] {
  const sources = [...(auth?.jwt ?? []).flatMap(({ from }) => from), ...(auth?.apiKeys?.from ?? [])];
  const headers = sources.flatMap((source) => {
    if ('query' in source) return [];
    return 'header' in source ? [source.header] : ['cookie'];
  });
  return [...new Set(headers)];
}
