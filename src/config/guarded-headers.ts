/** What of a client's headers never reaches an upstream, whatever `metadata.request` lets through. */
import type { Config } from './config.js';

/** Headers under which no client's word passes on: identity, and what carries credentials. */
export function guardedHeaders({ auth }: Config): readonly string[] {
  if (auth === undefined) return [];
  const { jwt, apiKeys, mtls } = auth;
  const identity = [
    ...jwt.flatMap(({ claimsToMetadata }) => [...claimsToMetadata.values()]),
    ...[apiKeys?.consumerToMetadata, mtls?.consumerToMetadata].filter((key) => key !== undefined),
  ];
  const credentials = [...jwt.flatMap(({ from }) => from), ...(apiKeys?.from ?? [])].map((source) =>
    'header' in source ? source.header : 'cookie',
  );
  // Whether Authorization passes is for metadata.forwardAuthorization to say.
  return [...identity, ...credentials.filter((name) => name !== 'authorization')];
}
