/** `retry` of a method's policy, or else of its upstream → what is tried again; and what is wrong with a declaration. */
import { type Diagnostic, errorAt } from '../../base/diagnostic.js';
import type { PolicyDeclaration } from '../../schema/annotations.js';
import type { MethodDescriptor } from '../../schema/descriptor.js';
import { Code } from '../../status/code.js';
import type { RetrySettings } from '../../upstream/retry.js';
import type { Policy } from '../policy.js';

type RetryDeclaration = NonNullable<PolicyDeclaration['retry']>;

/** Codes that no retry is for: nothing failed, or the client has left. */
const NEVER: ReadonlySet<Code> = new Set([Code.OK, Code.CANCELLED]);

/** Undefined: a failure is final. */
export function retryOf({ settings }: Policy, ofUpstream: RetryDeclaration | undefined): RetrySettings | undefined {
  const retry = settings.retry ?? ofUpstream;
  if (retry === undefined || retry.maxAttempts < 2) return undefined;
  return {
    maxAttempts: Math.min(MOST_ATTEMPTS, retry.maxAttempts),
    codes: retry.codes.flatMap((name) => codeNamed(name) ?? []),
  };
}

const MOST_ATTEMPTS = 10;

/** Of an annotation; the config checks its own. */
export function retryProblem(method: MethodDescriptor, { settings, origins }: Policy): Diagnostic | undefined {
  const { retry } = settings;
  const position = origins.get('retry');
  if (retry === undefined || position === undefined) return undefined;
  const unknown = retry.codes.find((name) => codeNamed(name) === undefined);
  const says = (text: string) => errorAt(position, 'retry', `${method.fullName}: retry: ${text}`);
  if (unknown !== undefined)
    return says(`codes: expected the name of a gRPC code such as UNAVAILABLE, got '${unknown}'`);
  if (retry.codes.length === 0) return says('codes: expected at least one, got none');
  const { maxAttempts } = retry;
  if (maxAttempts >= 2 && maxAttempts <= MOST_ATTEMPTS) return undefined;
  return says(`max_attempts: expected 2 to ${MOST_ATTEMPTS}, the first try included, got ${maxAttempts}`);
}

function codeNamed(name: string): Code | undefined {
  const code = Object.hasOwn(Code, name) ? Code[name as keyof typeof Code] : undefined;
  return typeof code !== 'number' || NEVER.has(code) ? undefined : code;
}

/** RFC 9110 §9.2.2, or what the method says of itself. */
export function isIdempotent(httpMethod: string, { idempotency }: MethodDescriptor): boolean {
  return idempotency !== 'unknown' || ['GET', 'HEAD', 'PUT', 'DELETE'].includes(httpMethod);
}
