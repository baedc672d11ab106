/** Whether an answer is for the one request that it was asked for, or may be given to others that ask for the same. */
import type { CallResponse } from './call.js';

/** Of an answer, or of a failure that an upstream has answered with. */
type Answered = Pick<CallResponse, 'headers' | 'trailers'> & Partial<Pick<CallResponse, 'notes'>>;

/** An upstream may say that its answer is for one request alone; a cookie always is. */
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
