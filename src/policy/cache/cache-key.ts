/** Under what an answer is kept: everything that it may depend on. */
import { createHash } from 'node:crypto';
import type { CallRequest } from '../../call/call.js';
import type { Principal } from '../../call/principal.js';

/** A part of a key: something of the caller, or of the address from which he calls, that decides the answer, as a value that JSON can write. */
export type CallerRead = (caller: Principal | undefined, clientAddress: string) => unknown;

/** Everything of the caller that an embedder's interceptors, which run behind the cache, may read. */
export const wholeCaller: CallerRead = (caller) => caller && [caller.claims, [...caller.scopes], caller.plan];

/** What differs from request to request and decides nothing. */
const NOT_IN_KEY: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'x-request-id']);

/** A digest: keys tell nobody who asked for what, and are short. */
export function cacheKey(
  { method, message, metadata, context }: CallRequest,
  dependsOn: readonly CallerRead[],
): string {
  const { surface, principal, clientAddress, mask } = context;
  const who = principal === undefined ? null : [principal.issuer, principal.subject, principal.consumer];
  const asked = metadata
    .filter(([key]) => !NOT_IN_KEY.has(key))
    .map(([key, value]) => [key, typeof value === 'string' ? value : Buffer.from(value).toString('base64')]);
  const read = dependsOn.map((part) => part(principal, clientAddress));
  const hash = createHash('sha256').update(JSON.stringify([surface, method.path, who, asked, mask, read]));
  if (message instanceof Uint8Array) hash.update('\n').update(message);
  return hash.digest('base64url');
}
