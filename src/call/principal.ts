/**
 * A Principal is the caller of a request, as authentication has identified it. Its fields were verified. No other
 * header of the request identifies the caller.
 */
import type { Metadata } from './metadata.js';

/** The issuers of callers that the gateway itself identifies. No issuer of tokens may have one of these names. */
export const API_KEY_ISSUER = 'api-key';
export const CERTIFICATE_ISSUER = 'certificate';

/** The caller of a request. Requests with the same credential share the object, so it must not be changed. */
export interface Principal {
  /** The subject: `sub` of a token, the consumer of an API key, or the name in a client certificate. */
  readonly subject: string;
  /**
   * The issuer of the identity: a token's `iss`, or one of the two above. A subject or consumer is unique only together
   * with it.
   */
  readonly issuer: string;
  /**
   * The name for which limits and plans count; undefined for a token whose `consumerClaim` is missing or not a text.
   * Such a caller is counted by address.
   */
  readonly consumer: string | undefined;
  readonly plan: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /**
   * The payload of a token, or the entry of a key in `keys.yaml`. It comes from outside, so only own properties may be
   * read.
   */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly credential: Credential;
  /**
   * The metadata that is added to each upstream call: claims and consumers, under the names that the config defines.
   */
  readonly metadata: Metadata;
}

/** The proof of a caller's identity, and how long it is valid. */
export interface Credential {
  /** The end of its validity, in milliseconds since the epoch; undefined when it does not expire. */
  readonly endsAtMs: number | undefined;
  /** Returns false when the credential was withdrawn: its key was removed, or its entry in the key file has changed. */
  readonly stands: () => boolean;
}

/** Builds the metadata that identity adds to a call. An entry whose key is undefined is left out. */
export function identityMetadata(...entries: readonly (readonly [key: string | undefined, value: string])[]): Metadata {
  return Object.freeze(
    entries.flatMap(([key, value]) => (key === undefined ? [] : [Object.freeze([key, value] as const)])),
  );
}
