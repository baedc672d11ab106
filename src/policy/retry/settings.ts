/**
 * This module has the schema of `retry` in a policy and in an upstream: the failures of a unary call that are retried,
 * and how often. It also has `hedgeAfter`: when a second call is sent although the first one has not failed.
 */
import * as z from 'zod';
import { formatDuration } from '../../base/duration.js';
import { duration } from '../../base/values.js';
import { Code } from '../../status/code.js';
import { durationText, lastMessage, policyKind } from '../kind.js';

/** The status codes that can be retried. OK is not a failure, and after CANCELLED no client waits for an answer. */
const RETRYABLE = Object.keys(Code).filter((name) => !/^\d|^OK$|^CANCELLED$/.test(name));

/** The schema is the same in `upstreams` and in `policies`. */
export const retrySettings = z.strictObject({
  maxAttempts: z.int().min(2).max(10).describe('How often a call is made at most, with the first attempt.'),
  codes: z
    .array(z.enum(RETRYABLE, { error: 'expected the name of a gRPC code such as UNAVAILABLE' }))
    .min(1)
    .describe('The gRPC codes after which a call is made again.'),
});

export const retry = policyKind({
  key: 'retry',
  schema: retrySettings.describe('Which unary calls are made again after a failure.'),
  fromOption: (policy) =>
    lastMessage(policy, 'retry', (one) => ({ maxAttempts: one.integer('max_attempts'), codes: one.strings('codes') })),
  notes: () => [],
  describe: ({ maxAttempts, codes }) => [`at most ${maxAttempts} attempts, after ${codes.join(' or ')}`],
});

export const hedgeAfter = policyKind({
  key: 'hedgeAfter',
  schema: duration.describe(
    'How long a unary call that only reads may take before a second one is sent. The first answer counts. 0s sends none.',
  ),
  fromOption: (policy) => durationText(policy, 'hedge_after'),
  notes: () => [],
  describe: (ms) => [ms === 0 ? 'no second call' : `a second call after ${formatDuration(ms)}`],
});
