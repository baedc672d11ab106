/** The schemas of `policies`, the rules of operators that replace settings of the protos, and of `cors`. */
import * as z from 'zod';
import { duration } from '../base/values.js';
import { policyShape, settingsOf } from '../policy/kinds.js';
import type { PolicyDeclaration } from '../policy/policy.js';
import { methodSelector, SOMEWHERE } from './blocks.js';

const rule = z
  .strictObject({
    selector: methodSelector.describe(
      'The methods that the rule is for: a method, a service or package with `.*`, `label:NAME`, or `*`.',
    ),
    ...policyShape,
  })
  .transform(({ selector, ...declared }) => {
    const declaration: PolicyDeclaration = { settings: settingsOf(declared), position: SOMEWHERE };
    return { selector, declaration };
  });

export const policies = z
  .array(rule)
  .default([])
  .describe(
    'Policies that operators set for selected methods. A key replaces the same key of the protos and of earlier entries.',
  );

const origin = z.string().refine(isOrigin, { error: 'expected an origin such as https://app.example.com, or *' });

export const cors = z
  .strictObject({
    origins: z
      .array(origin)
      .min(1)
      .describe(
        'The origins whose pages may call and open WebSockets. `*` stands for all, but not with `credentials`.',
      ),
    credentials: z.boolean().default(false).describe('Lets browsers send cookies and client certificates.'),
    maxAge: duration.prefault('10m').describe('How long a browser may keep the answer to its preflight request.'),
  })
  .refine(({ origins, credentials }) => !(credentials && origins.includes('*')), {
    path: ['origins'],
    error: 'expected origins by name with credentials: true, got *',
  })
  .transform(({ maxAge, ...rest }) => ({ ...rest, maxAgeMs: maxAge }))
  .optional()
  .describe(
    'Which web pages may read answers and open WebSockets. Without it only pages of the gateway’s own origin may read answers.',
  );

function isOrigin(text: string): boolean {
  if (text === '*') return true;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text;
}
