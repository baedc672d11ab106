/** Which headers of a client say who it is; those never reach an upstream, whatever `metadata.request` lets through. */
import type { Config } from './config.js';

/** Headers under which no client's word passes on: identity, and what carries credentials. */
export function guardedHeaders({ auth }: Pick<Config, 'auth'>): readonly string[] {
  if (auth === undefined) return [];
  const { jwt, apiKeys, mtls } = auth;
  const identity = [
    ...jwt.flatMap(({ claimsToMetadata }) => [...claimsToMetadata.values()]),
    ...[apiKeys, mtls]
      .flatMap((means) => [means?.consumerToMetadata, means?.issuerToMetadata])
      .filter((key) => key !== undefined),
  ];
  // Whether Authorization passes is for metadata.forwardAuthorization to say.
  return [...identity, ...credentialHeaders({ auth }).filter((name) => name !== 'authorization')];
}

/** Headers in which somebody may say who they are, each once. */
export function credentialHeaders({ auth }: Pick<Config, 'auth'>): readonly string[] {
  const sources = [...(auth?.jwt ?? []).flatMap(({ from }) => from), ...(auth?.apiKeys?.from ?? [])];
  const headers = sources.flatMap((source) => {
    if ('query' in source) return [];
    return 'header' in source ? [source.header] : ['cookie'];
  });
  return [...new Set(headers)];
}
