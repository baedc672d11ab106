/**
 * A Principal is who calls, once authentication has found out. What stands here was verified; nothing else of the
 * request's headers says who somebody is.
 */
import type { Metadata } from './metadata.js';

/** The issuers of callers for whom the gateway itself vouches. No issuer of tokens is called so. */
export const API_KEY_ISSUER = 'api-key';
export const CERTIFICATE_ISSUER = 'certificate';

export interface Principal {
  /** `sub` of a token, the consumer of an API key, the name in a client certificate. */
  readonly subject: string;
  /** Who vouches for it: a token's `iss`, or one of the gateway's own. A subject or consumer is one only with it. */
  readonly issuer: string;
  /** For whom limits and plans count; undefined: a token whose `consumerClaim` is missing or no text, which counts by address. */
  readonly consumer: string | undefined;
  readonly plan: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /** A token's payload, or what `keys.yaml` says of a key. Came from outside: read own properties only. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** What proved it. */
  readonly credential: Credential;
  /** What identity adds to every upstream call: claims and consumers, under the names that the config gives them. */
  readonly metadata: Metadata;
}

/** What proved who calls, and for how long that counts. */
export interface Credential {
  /** Milliseconds since the epoch; undefined: it does not end by itself. */
  readonly endsAtMs: number | undefined;
  /** False once it was withdrawn: its key has left, or stands for something else. */
  readonly stands: () => boolean;
}

/** What identity adds to a call, under the names that the config gives; undefined: it gives none. */
export function identityMetadata(...entries: readonly (readonly [key: string | undefined, value: string])[]): Metadata {
  return Object.freeze(
    entries.flatMap(([key, value]) => (key === undefined ? [] : [Object.freeze([key, value] as const)])),
  );
}
