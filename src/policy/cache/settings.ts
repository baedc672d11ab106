/** This module has the schemas of `cache` in a policy, and of the config's `cache` block. */
import * as z from 'zod';
import { formatDuration } from '../../base/duration.js';
import { duration, durationAboveZero, size } from '../../base/values.js';
import { durationText, lastMessage, policyKind } from '../kind.js';

const settings = z
  .strictObject({
    ttl: durationAboveZero.describe('How long an answer is fresh.'),
    scope: z
      .enum(['consumer', 'public'])
      .default('consumer')
      .describe(
        '`consumer` keeps an answer for each caller. `public` keeps one for everybody, and the service is not told who calls.',
      ),
    staleWhileRevalidate: duration
      .optional()
      .describe('How long an answer may still be sent after its `ttl` while a new one is fetched.'),
    staleIfError: duration
      .optional()
      .describe('How long an answer may still be sent after its `ttl` if the service fails.'),
  })
  .transform(({ ttl, scope, staleWhileRevalidate, staleIfError }) => ({
    ttlMs: ttl,
    scope,
    ...(staleWhileRevalidate === undefined ? {} : { staleWhileRevalidateMs: staleWhileRevalidate }),
    ...(staleIfError === undefined ? {} : { staleIfErrorMs: staleIfError }),
  }))
  .describe('How long answers of GET routes are kept. Without this key, no answer is kept.');

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
  describe: ({ ttlMs, scope, staleWhileRevalidateMs, staleIfErrorMs }) => [
    [
      `an answer is fresh for ${formatDuration(ttlMs)}, ${scope === 'public' ? 'the same for all callers' : 'kept for each consumer'}`,
      ...(staleWhileRevalidateMs === undefined
        ? []
        : [`stale for ${formatDuration(staleWhileRevalidateMs)} more while a new one is fetched`]),
      ...(staleIfErrorMs === undefined
        ? []
        : [`stale for ${formatDuration(staleIfErrorMs)} more if the service fails`]),
    ].join(', '),
  ],
});

export const cacheBlock = z
  .strictObject({
    maxBytes: size.prefault('64MiB').describe('How many bytes of memory all kept answers may take together.'),
  })
  .prefault({})
  .describe('The cache for all routes.');

export type CacheSettings = z.output<typeof settings>;
