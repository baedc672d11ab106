/**
 * This module computes the key under which an answer is kept. The key covers everything that the answer may depend on
 * (docs/caching.md#cache-key).
 */
import { createHash } from 'node:crypto';
import type { CallRequest } from '../../call/call.js';
import type { Principal } from '../../call/principal.js';

/**
 * Returns a part of the key: a property of the caller or of the client's address that affects the answer, as a value
 * that JSON can represent.
 */
export type CallerRead = (caller: Principal | undefined, clientAddress: string) => unknown;

/**
 * Returns everything of the caller that an embedder's interceptors may read. They run only if the cache has no answer, so the
 * answer may depend on all of it.
 */
export const wholeCaller: CallerRead = (caller) => caller && [caller.claims, [...caller.scopes], caller.plan];

/** The metadata that differs for each request and does not affect the answer. */
const NOT_IN_KEY: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'x-request-id']);

/** Returns the key as a digest. A digest is short, and does not reveal who sent which request. */
export function cacheKey(
  { method, message, metadata, context }: CallRequest,
  dependsOn: readonly CallerRead[],
): string {
  const { surface, principal, clientAddress, mask, subsets } = context;
  const who = principal === undefined ? null : [principal.issuer, principal.subject, principal.consumer];
  const asked = metadata
    .filter(([key]) => !NOT_IN_KEY.has(key))
    .map(([key, value]) => [key, typeof value === 'string' ? value : Buffer.from(value).toString('base64')]);
  const read = dependsOn.map((part) => part(principal, clientAddress));
  const hash = createHash('sha256').update(
    JSON.stringify([surface, method.path, who, asked, mask, read, subsets && [...subsets]]),
  );
  if (message instanceof Uint8Array) hash.update('\n').update(message);
  return hash.digest('base64url');
}
