/**
 * A Principal is the caller of a request, as authentication has identified it from a verified credential. Other headers of
 * the request, such as a user id that the client writes, are not used to identify the caller.
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
   * The name by which rate limits count the caller; undefined for a token whose `consumerClaim` is missing, empty or not a
   * text. Such a caller is counted by address.
   */
  readonly consumer: string | undefined;
  readonly plan: string | undefined;
  readonly scopes: ReadonlySet<string>;
  /**
   * The payload of a token; for an API key its consumer, plan and scopes; for a certificate its names. The payload comes from
   * outside, so only own properties may be read.
   */
  readonly claims: Readonly<Record<string, unknown>>;
  readonly credential: Credential;
  /**
   * The metadata that is added to each upstream call: claims, consumer or issuer, under the keys that the config defines.
   */
  readonly metadata: Metadata;
}

/** The proof of a caller's identity, and how long it is valid. */
export interface Credential {
  /** The end of its validity, in milliseconds since the epoch; undefined when it does not expire. */
  readonly endsAtMs: number | undefined;
  /**
   * Returns false when the credential was withdrawn: the entry of the API key was removed or changed, or the key that verified
   * the token is no longer one of the issuer's keys.
   */
  readonly stands: () => boolean;
}

/** Builds the metadata that identity adds to a call. An entry whose key is undefined is left out. */
export function identityMetadata(...entries: readonly (readonly [key: string | undefined, value: string])[]): Metadata {
  return Object.freeze(
    entries.flatMap(([key, value]) => (key === undefined ? [] : [Object.freeze([key, value] as const)])),
  );
}
