/**
 * This module has the schemas of `rateLimits` in a policy, of `plans`, and of the behaviour while the store of the
 * counters is down.
 */
import * as z from 'zod';
import { formatDuration } from '../../base/duration.js';
import { duration } from '../../base/values.js';
import { allMessages, durationText, policyKind } from '../kind.js';

const period = duration.refine((ms) => ms >= 1, { error: 'expected a period of 1ms or more' });

const limits = z
  .array(
    z
      .strictObject({
        limit: z.int().positive().max(4_294_967_295).describe('How many requests pass in each period.'),
        period: period.describe('The length of the window, at least 1ms. The window slides.'),
        per: z
          .array(z.enum(['consumer', 'ip', 'route']))
          .default([])
          .describe(
            'Each consumer, each client address or each route gets a counter of its own. Without it, all requests have one counter (in a plan, all of a consumer).',
          ),
        enforce: z.boolean().default(true).describe('`false` counts requests but refuses none.'),
      })
      .transform(({ period, ...rest }) => ({ ...rest, periodMs: period })),
  )
  .describe(
    'The rate limits. A request must pass all of them. If one refuses it, the request counts for none of them.',
  );

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
  describe: (declared) =>
    declared.map(({ limit, periodMs, per, enforce }) => {
      const requests = `${limit} ${limit === 1 ? 'request' : 'requests'} in ${formatDuration(periodMs)}`;
      const counters = per.length === 0 ? 'for all callers together' : `for each ${per.join(' and ')}`;
      return `${requests} ${counters}${enforce ? '' : ', counted but not refused (enforce: false)'}`;
    }),
});

/** One declared limit. `periodMs` is in milliseconds. */
export type RateLimitSettings = z.output<typeof limits>[number];

export const plans = z
  .record(z.string().min(1), z.strictObject({ rateLimits: limits }))
  .default({})
  .transform((record) => new Map(Object.entries(record)))
  .describe('Rate limits of a consumer over all routes. A token or an API key names the plan.');

export const rateLimiting = z
  .strictObject({
    onStoreFailure: z
      .enum(['local', 'open', 'closed'])
      .default('local')
      .describe(
        'What happens while the store does not answer: `local` counts in this process, `open` lets everybody pass, `closed` answers 503.',
      ),
  })
  .prefault({})
  .describe('Rate limits for all routes.');
