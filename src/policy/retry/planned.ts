/**
 * This module decides which calls of a route are sent again: by `retry` and `hedgeAfter` of the method's policy, or else
 * by `retry` and `hedge` of its upstream.
 */
import type * as z from 'zod';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import { Code } from '../../status/code.js';
import type { RetrySettings } from '../../upstream/retry.js';
import type { retrySettings } from './settings.js';

type Declared = z.output<typeof retrySettings>;

/** Returns the retry settings. Undefined when no failure is retried. */
export function retryOf(ofMethod: Declared | undefined, ofUpstream: Declared | undefined): RetrySettings | undefined {
  const declared = ofMethod ?? ofUpstream;
  if (declared === undefined) return undefined;
  const { maxAttempts, codes } = declared;
  return { maxAttempts, codes: codes.map((name) => Code[name as keyof typeof Code]) };
}

/** True if repeating the request is safe, by its verb (RFC 9110 §9.2.2) or by the method's `idempotency_level`. */
export function isIdempotent(httpMethod: string, { idempotency }: MethodDescriptor): boolean {
  return idempotency !== 'unknown' || ['GET', 'HEAD', 'PUT', 'DELETE'].includes(httpMethod);
}

/**
 * Returns how long a call may take before a second one is sent, in milliseconds. Undefined when none is sent, as when the
 * policy says 0.
 */
export function hedgeAfterOf(ofMethod: number | undefined, ofUpstream: number | undefined): number | undefined {
  return (ofMethod ?? ofUpstream) || undefined;
}

/** True if a second call may be sent while the first one still runs: the method is unary, and it only reads. */
export function mayHedge(
  httpMethod: string,
  { clientStreaming, serverStreaming, idempotency }: MethodDescriptor,
): boolean {
  if (clientStreaming || serverStreaming) return false;
  return httpMethod === 'GET' ? idempotency !== 'idempotent' : idempotency === 'no-side-effects';
}
