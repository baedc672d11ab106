/** This module has the schema of `deprecated` in a policy: since when clients should no longer use a method. */
import * as z from 'zod';
import { lastMessage, policyKind } from '../kind.js';

const DATE = { error: 'expected a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z' };
const LINK = { error: 'expected a URL such as https://example.com/migrate' };

/** A date, which stands for its beginning at midnight in UTC, or a time. The output is in milliseconds since the epoch. */
const date = z
  .string(DATE)
  .refine((text) => timeOf(text) !== undefined, DATE)
  .transform((text) => timeOf(text) ?? 0);

const settings = z
  .strictObject({
    since: date.describe('The date from which the method is deprecated.'),
    sunset: date.optional().describe('The date from which the method may no longer exist.'),
    link: z
      .url({ protocol: /^https?$/, ...LINK })
      .optional()
      .describe('A page that says what to use instead.'),
  })
  .refine(({ since, sunset }) => sunset === undefined || sunset >= since, {
    path: ['sunset'],
    // RFC 9745, section 4.
    error: 'expected a date that is not before since',
  })
  .transform(({ since, sunset, link }) => ({ sinceMs: since, sunsetMs: sunset, link }))
  .describe('Tells clients with every answer that they should no longer use the method.');

export const deprecated = policyKind({
  key: 'deprecated',
  schema: settings,
  fromOption: (policy) =>
    lastMessage(policy, 'deprecated', (one) => ({
      since: one.string('since'),
      sunset: one.string('sunset') || undefined,
      link: one.string('link') || undefined,
    })),
  notes: ({ sinceMs, sunsetMs }) => [
    `deprecated: since ${dayOf(sinceMs)}${sunsetMs === undefined ? '' : `, until ${dayOf(sunsetMs)}`}`,
  ],
  describe: ({ sinceMs, sunsetMs, link }) => [
    [
      `since ${dayOf(sinceMs)}`,
      ...(sunsetMs === undefined ? [] : [`until ${dayOf(sunsetMs)}`]),
      ...(link === undefined ? [] : [`clients are referred to ${link}`]),
    ].join(', '),
  ],
});

export type DeprecatedSettings = z.output<typeof settings>;

/** Returns milliseconds since the epoch. Undefined when the text is neither a date nor a time. */
function timeOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const ms = Date.parse(text);
  // Date.parse takes 2027-02-30 for a day in March.
  if (Number.isNaN(ms) || (text.length === 10 && new Date(ms).toISOString().slice(0, 10) !== text)) return undefined;
  return ms;
}

/** Returns the day of a time in UTC, such as 2027-01-31. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
