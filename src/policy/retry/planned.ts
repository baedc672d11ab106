/** `retry` of a method's policy, or else of its upstream → what is tried again on a route. */
import type { z } from 'zod';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import { Code } from '../../status/code.js';
import type { RetrySettings } from '../../upstream/retry.js';
import type { retrySettings } from './settings.js';

type Declared = z.output<typeof retrySettings>;

/** Undefined: a failure is final. */
export function retryOf(ofMethod: Declared | undefined, ofUpstream: Declared | undefined): RetrySettings | undefined {
  const declared = ofMethod ?? ofUpstream;
  if (declared === undefined) return undefined;
  const { maxAttempts, codes } = declared;
  return { maxAttempts, codes: codes.map((name) => Code[name as keyof typeof Code]) };
}

/** RFC 9110 §9.2.2, or what the method says of itself. */
export function isIdempotent(httpMethod: string, { idempotency }: MethodDescriptor): boolean {
  return idempotency !== 'unknown' || ['GET', 'HEAD', 'PUT', 'DELETE'].includes(httpMethod);
}
