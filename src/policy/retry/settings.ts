/** `retry` of a policy and of an upstream: which failures of a unary call are tried again, and how often. */
import { z } from 'zod';
import { Code } from '../../status/code.js';
import { lastMessage, policyKind } from '../kind.js';

/** Nothing failed with OK, and after CANCELLED nobody waits for an answer. */
const RETRYABLE = Object.keys(Code).filter((name) => !/^\d|^OK$|^CANCELLED$/.test(name));

/** The same in `upstreams` and `policies`. */
export const retrySettings = z.strictObject({
  maxAttempts: z.int().min(2).max(10).describe('The first try included.'),
  codes: z
    .array(z.enum(RETRYABLE, { error: 'expected the name of a gRPC code such as UNAVAILABLE' }))
    .min(1)
    .describe('gRPC codes: UNAVAILABLE.'),
});

export const retry = policyKind({
  key: 'retry',
  schema: retrySettings.describe('Of unary calls that fail.'),
  fromOption: (policy) =>
    lastMessage(policy, 'retry', (one) => ({ maxAttempts: one.integer('max_attempts'), codes: one.strings('codes') })),
  notes: () => [],
});
