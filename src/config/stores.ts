/** This module has the schema of `stores`, which several gateways share. */
import { z } from 'zod';
import { port } from '../base/values.js';

const node = z
  .union(
    [
      z.string().regex(/^[^\s:/@]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, { error: 'expected HOST:PORT' }),
      z.strictObject({ host: z.string().min(1), port }),
    ],
    { error: 'expected HOST:PORT' },
  )
  .transform((value) => {
    if (typeof value !== 'string') return value;
    const colon = value.lastIndexOf(':');
    return { host: value.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(value.slice(colon + 1)) };
  });

const redis = z
  .strictObject({
    url: z
      .string()
      .refine((text) => URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol), {
        error: 'expected redis://HOST:PORT or rediss://HOST:PORT',
      })
      .optional()
      .describe('A single server: redis://HOST:PORT/DB, rediss:// for TLS; "${REDIS_URL}".'),
    sentinels: z.array(node).min(1).optional().describe('Or the Sentinels that know it: [HOST:PORT].'),
    name: z.string().min(1).optional().describe('Of the master that the Sentinels watch.'),
    cluster: z.array(node).min(1).optional().describe('Or some nodes of a Cluster.'),
    password: z.string().optional().describe('With sentinels or cluster: "${REDIS_PASSWORD}".'),
  })
  .transform(({ url, sentinels, name, cluster, password }, { addIssue }) => {
    const secret = password === undefined ? {} : { password };
    if (url !== undefined && sentinels === undefined && cluster === undefined) return { url };
    if (sentinels !== undefined && name !== undefined && url === undefined && cluster === undefined) {
      return { sentinels, name, ...secret };
    }
    if (cluster !== undefined && url === undefined && sentinels === undefined) return { cluster, ...secret };
    addIssue({ code: 'custom', message: 'expected one of url, sentinels with a name, and cluster' });
    return z.NEVER;
  });

export const stores = z
  .strictObject({ redis: redis.optional().describe('Where counters and cached answers are; absent: in memory.') })
  .prefault({})
  .describe('What several gateways share.');
