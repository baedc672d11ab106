/** This module has the schemas of `policies`, the operators' rules that override the protos, and of `cors`. */
import { z } from 'zod';
import { duration } from '../base/values.js';
import { policyShape, settingsOf } from '../policy/kinds.js';
import type { PolicyDeclaration } from '../policy/policy.js';
import { methodSelector, SOMEWHERE } from './blocks.js';

const rule = z
  .strictObject({
    selector: methodSelector.describe('shop.v1.Orders.*, shop.v1.Orders/ListOrders, label:mobile, *.'),
    ...policyShape,
  })
  .transform(({ selector, ...declared }) => {
    const declaration: PolicyDeclaration = { settings: settingsOf(declared), position: SOMEWHERE };
    return { selector, declaration };
  });

export const policies = z
  .array(rule)
  .default([])
  .describe('Over what the protos declare, key by key; later rules win.');

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
