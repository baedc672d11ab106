/** This module joins all blocks of the config, with their defaults. Unknown keys are errors. */
import * as z from 'zod';
import { authBlock } from '../policy/access/settings.js';
import { cacheBlock } from '../policy/cache/settings.js';
import { plans, rateLimiting } from '../policy/rate-limit/settings.js';
import * as blocks from './blocks.js';
import { cors, policies } from './policies.js';
import { stores } from './stores.js';
import { surfaces } from './surfaces.js';
import { upstreams } from './upstream-blocks.js';

export const configSchema = z.strictObject({
  version: z.literal(1).describe('The version of this format.'),
  listen: blocks.listen,
  admin: blocks.admin,
  workers: blocks.workers,
  trustedProxies: blocks.trustedProxies,
  forwardedHeader: blocks.forwardedHeader,
  schema: blocks.schema,
  upstreams,
  auth: authBlock,
  plans,
  policies,
  cors,
  metadata: blocks.metadata,
  json: blocks.json,
  query: blocks.query,
  errors: blocks.errors,
  limits: blocks.limits,
  drain: blocks.drain,
  rateLimiting,
  stores,
  cache: cacheBlock,
  log: blocks.log,
  tracing: blocks.tracing,
  surfaces,
});

/** The config as people write it: durations and sizes are text, and nearly everything is optional. */
export type ConfigInput = z.input<typeof configSchema>;
/** The config as the code reads it: with all defaults, and with durations in milliseconds and sizes in bytes. */
export type Config = z.output<typeof configSchema>;
