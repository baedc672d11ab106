/**
 * This module decides whether an answer is only for the request that caused the call, or may be given to other requests
 * too.
 */
import type { CallResponse } from './call.js';

/** The parts of an answer that {@link isForOneRequest} reads. A failure from an upstream has headers and trailers only. */
type Answered = Pick<CallResponse, 'headers' | 'trailers'> & Partial<Pick<CallResponse, 'notes'>>;

/** True if the answer sets a cookie, has `cache-control: no-store`, `no-cache` or `private`, or is marked in its notes. */
export function isForOneRequest({ headers, trailers, notes }: Answered): boolean {
  return (
    notes?.forOneRequest === true ||
    [...headers, ...trailers].some(
      ([key, value]) =>
        key === 'set-cookie' ||
        (key === 'cache-control' && typeof value === 'string' && /\b(no-store|no-cache|private)\b/i.test(value)),
    )
  );
}
