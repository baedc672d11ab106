/** The operators' word on who may and how: `policies` and `cors`. */
import { z } from 'zod';
import { cachePolicy } from '../policy/cache/settings.js';
import { rateLimits } from '../policy/rate-limit/settings.js';
import type { PolicyDeclaration } from '../schema/annotations.js';
import { methodSelector, retry, SOMEWHERE } from './blocks.js';
import { duration, durationAboveZero, size } from './values.js';

const auth = z.strictObject({
  mode: z.enum(['required', 'optional', 'public']).optional(),
  scopes: z
    .array(z.string().regex(/^[^\s"\\]+$/, { error: 'expected a scope without spaces; a|b is either' }))
    .default([])
    .describe('All of them; a|b is either.'),
  require: z
    .array(z.string())
    .default([])
    .describe('Equalities over the request and its caller: request.customer = caller.claims.customer.'),
});

const rule = z
  .strictObject({
    selector: methodSelector.describe('shop.v1.Orders.*, shop.v1.Orders/ListOrders, label:mobile, *.'),
    auth: auth.optional(),
    rateLimits: rateLimits.optional(),
    cache: cachePolicy.optional(),
    timeout: durationAboveZero.optional().describe('Deadline of the call.'),
    retry: retry.optional().describe('Of unary calls that fail.'),
    maxRequestBytes: size.optional().describe('Of a request body, also of one that streams; more is 413.'),
    successStatus: z.int().min(200).max(299).optional().describe('HTTP status of an OK.'),
  })
  .transform(({ selector, auth, rateLimits, cache, timeout, retry, maxRequestBytes, successStatus }) => {
    const declaration: PolicyDeclaration = {
      ...(auth === undefined ? {} : { auth: withoutUndefined(auth) }),
      ...(rateLimits === undefined ? {} : { rateLimits }),
      ...(cache === undefined ? {} : { cache }),
      ...(timeout === undefined ? {} : { timeoutMs: timeout }),
      ...(retry === undefined ? {} : { retry }),
      ...(maxRequestBytes === undefined ? {} : { maxRequestBytes }),
      ...(successStatus === undefined ? {} : { successStatus }),
      position: SOMEWHERE,
    };
    return { selector, declaration };
  });

export const policies = z
  .array(rule)
  .default([])
  .describe('Over what the protos declare, key by key; later rules win.');

function withoutUndefined({ mode, scopes, require }: z.output<typeof auth>): NonNullable<PolicyDeclaration['auth']> {
  return mode === undefined ? { scopes, require } : { mode, scopes, require };
}

const origin = z.string().refine(isOrigin, { error: 'expected an origin such as https://app.example.com, or *' });

export const cors = z
  .strictObject({
    origins: z.array(origin).min(1).describe('Who may call from a browser: https://app.example.com, or *.'),
    credentials: z.boolean().default(false).describe('Let browsers send cookies and certificates.'),
    maxAge: duration.prefault('10m').describe('How long a browser may remember the answer.'),
  })
  .refine(({ origins, credentials }) => !(credentials && origins.includes('*')), {
    path: ['origins'],
    error: 'expected named origins where credentials are true, got *',
  })
  .transform(({ maxAge, ...rest }) => ({ ...rest, maxAgeMs: maxAge }))
  .optional()
  .describe('Which web pages may call; absent: none but the gateway’s own origin.');

function isOrigin(text: string): boolean {
  if (text === '*') return true;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text;
}
