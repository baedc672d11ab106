/**
 * This module decides which failures are retried on a route: by `retry` of the method's policy, or else by that of its
 * upstream.
 */
import type { z } from 'zod';
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
