/**
 * This module has the schemas of `rateLimits` in a policy, of `plans`, and of the behaviour while the store of the
 * counters is down.
 */
import { z } from 'zod';
import { formatDuration } from '../../base/duration.js';
import { duration } from '../../base/values.js';
import { allMessages, durationText, policyKind } from '../kind.js';

const period = duration.refine((ms) => ms >= 1, { error: 'expected a period of 1ms or more' });

const limits = z
  .array(
    z
      .strictObject({
        limit: z.int().positive().max(4_294_967_295).describe('Requests that pass in any period.'),
        period: period.describe('Of a sliding window.'),
        per: z
          .array(z.enum(['consumer', 'ip', 'route']))
          .default([])
          .describe('What has a counter of its own; absent: one for all.'),
        enforce: z.boolean().default(true).describe('false: counts and refuses nobody.'),
      })
      .transform(({ period, ...rest }) => ({ ...rest, periodMs: period })),
  )
  .describe('All that apply must let a request in; a refused one counts for none.');

const PERS = [
  ['PER_UNSPECIFIED', undefined],
  ['PER_CONSUMER', 'consumer'],
  ['PER_IP', 'ip'],
  ['PER_ROUTE', 'route'],
] as const;

export const rateLimits = policyKind({
  key: 'rateLimits',
  schema: limits,
  fromOption(policy) {
    const declared = allMessages(policy, 'rate_limits', (one) => ({
      limit: one.integer('limit'),
      period: durationText(one, 'period'),
      per: one.enums('per', PERS).filter((per) => per !== undefined),
    }));
    return declared.length === 0 ? undefined : declared;
  },
  notes: (declared) =>
    declared.map(({ limit, periodMs, per }) => {
      const counters = per.length === 0 ? '' : ` per ${per.join(' and ')}`;
      return `limit: ${limit}/${formatDuration(periodMs)}${counters}`;
    }),
});

/** One declared limit. `periodMs` is in milliseconds. */
export type RateLimitSettings = z.output<typeof limits>[number];

export const plans = z
  .record(z.string().min(1), z.strictObject({ rateLimits: limits }))
  .default({})
  .transform((record) => new Map(Object.entries(record)))
  .describe('Limits of a consumer over all routes, by the plan that its token or key names.');

export const rateLimiting = z
  .strictObject({
    onStoreFailure: z
      .enum(['local', 'open', 'closed'])
      .default('local')
      .describe('While the store is down: count in this process, let everybody in, or answer 503.'),
  })
  .prefault({})
  .describe('Rate limits as a whole.');
