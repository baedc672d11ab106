/** This module has the schemas of `cache` in a policy, and of the config's `cache` block. */
import { z } from 'zod';
import { formatDuration } from '../../base/duration.js';
import { duration, durationAboveZero, size } from '../../base/values.js';
import { durationText, lastMessage, policyKind } from '../kind.js';

const settings = z
  .strictObject({
    ttl: durationAboveZero.describe('An answer is fresh so long.'),
    scope: z
      .enum(['consumer', 'public'])
      .default('consumer')
      .describe(
        'consumer: an answer is for its caller alone. public: for everybody; identity does not reach the upstream.',
      ),
    staleWhileRevalidate: duration.optional().describe('Then it is given for so long while a fresh one is fetched.'),
    staleIfError: duration.optional().describe('Or when the upstream fails.'),
  })
  .transform(({ ttl, scope, staleWhileRevalidate, staleIfError }) => ({
    ttlMs: ttl,
    scope,
    ...(staleWhileRevalidate === undefined ? {} : { staleWhileRevalidateMs: staleWhileRevalidate }),
    ...(staleIfError === undefined ? {} : { staleIfErrorMs: staleIfError }),
  }))
  .describe('Of the GET routes; absent: nothing is kept.');

const SCOPES = [
  ['SCOPE_UNSPECIFIED', undefined],
  ['SCOPE_CONSUMER', 'consumer'],
  ['SCOPE_PUBLIC', 'public'],
] as const;

export const cache = policyKind({
  key: 'cache',
  schema: settings,
  fromOption: (policy) =>
    lastMessage(policy, 'cache', (one) => ({
      ttl: durationText(one, 'ttl'),
      scope: one.enums('scope', SCOPES).at(-1),
      staleWhileRevalidate: durationText(one, 'stale_while_revalidate'),
      staleIfError: durationText(one, 'stale_if_error'),
    })),
  notes: ({ ttlMs, scope }) => [`cache: ${formatDuration(ttlMs)} ${scope}`],
});

export const cacheBlock = z
  .strictObject({ maxBytes: size.prefault('64MiB').describe('Of all answers that are kept in memory.') })
  .prefault({})
  .describe('The cache as a whole.');

export type CacheSettings = z.output<typeof settings>;
