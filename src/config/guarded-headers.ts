/**
 * This module lists the client's headers that contain an identity or a credential. They are never sent to an upstream,
 * even if `metadata.request` allows them.
 */
import type { Config } from './config.js';

/**
 * Returns the headers that clients must not set for upstreams: those with the caller's identity and those with
 * credentials.
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

/** Returns the headers in which a credential may be sent, each once. */
export function credentialHeaders({ auth }: Pick<Config, 'auth'>): readonly string[] {
  const sources = [...(auth?.jwt ?? []).flatMap(({ from }) => from), ...(auth?.apiKeys?.from ?? [])];
  const headers = sources.flatMap((source) => {
    if ('query' in source) return [];
    return 'header' in source ? [source.header] : ['cookie'];
  });
  return [...new Set(headers)];
}
