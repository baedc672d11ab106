/** From memory: `cache` of a policy, and the cache as a whole. */
import { z } from 'zod';
import { duration, durationAboveZero, size } from '../../config/values.js';

export const cachePolicy = z
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

export const cache = z
  .strictObject({ maxBytes: size.prefault('64MiB').describe('Of all answers that are kept in memory.') })
  .prefault({})
  .describe('The cache as a whole.');
