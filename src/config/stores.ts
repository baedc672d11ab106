/** The schema of `stores`, the databases that several gateways share. */
import * as z from 'zod';
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

/** Returns true for a Redis URL with a host. Without a host, as in `redis:/HOST`, the client would connect to this machine. */
function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return /^rediss?:$/.test(protocol) && hostname !== '';
}

const redis = z
  .strictObject({
    url: z
      .string()
      .refine(isRedisUrl, { error: 'expected redis://HOST:PORT or rediss://HOST:PORT' })
      .optional()
      .describe('A single server: `redis://HOST:PORT/DB`, or `rediss://` for TLS.'),
    sentinels: z.array(node).min(1).optional().describe('The addresses of the Sentinels, instead of `url`.'),
    name: z.string().min(1).optional().describe('The name of the master that the Sentinels watch.'),
    cluster: z.array(node).min(1).optional().describe('Some nodes of a Cluster, instead of `url`.'),
    password: z.string().optional().describe('The password, for `sentinels` and `cluster`.'),
  })
  .transform(({ url, sentinels, name, cluster, password }, { addIssue }) => {
    const secret = password === undefined ? {} : { password };
    if (url !== undefined && sentinels === undefined && cluster === undefined) return { url };
    if (sentinels !== undefined && name !== undefined && url === undefined && cluster === undefined) {
      return { sentinels, name, ...secret };
    }
    if (cluster !== undefined && url === undefined && sentinels === undefined) return { cluster, ...secret };
    addIssue({ code: 'custom', message: 'expected exactly one of url, sentinels (with name) and cluster' });
    return z.NEVER;
  });

export const stores = z
  .strictObject({
    redis: redis
      .optional()
      .describe(
        'The Redis that keeps counters and cached answers. Without this block, they are in the memory of the process.',
      ),
  })
  .prefault({})
  .describe('The stores of the state that several gateways share.');
