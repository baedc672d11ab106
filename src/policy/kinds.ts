/** THE list of the kinds of policy. What each means for a route is said in its room. */
import type { z } from 'zod';
import { auth } from './access/settings.js';
import { addresses } from './addresses/settings.js';
import { cache } from './cache/settings.js';
import { rateLimits } from './rate-limit/settings.js';
import { retry } from './retry/settings.js';
import { maxRequestBytes, successStatus, timeout } from './values/settings.js';

/** By their names in {@link PolicySettings}, in the order in which the route map tells them. */
export const KINDS = {
  addresses,
  auth,
  rateLimits,
  cache,
  timeoutMs: timeout,
  retry,
  maxRequestBytes,
  successStatus,
};

type Kinds = typeof KINDS;

/** What a declaration says; kinds that it leaves out are absent. */
export type PolicySettings = { readonly [Name in keyof Kinds]?: z.output<Kinds[Name]['schema']> } & {
  readonly labels?: readonly string[];
};

type Shape = { [Name in keyof Kinds as Kinds[Name]['key']]: z.ZodOptional<Kinds[Name]['schema']> };

/** The kinds as keys of an object in YAML. */
export const policyShape = Object.fromEntries(
  Object.values(KINDS).map(({ key, schema }) => [key, schema.optional()]),
) as Shape;

/** What was read under {@link policyShape} → the settings. */
export function settingsOf(read: Readonly<Record<string, unknown>>): PolicySettings {
  const present = Object.entries(KINDS).filter(([, { key }]) => read[key] !== undefined);
  return Object.fromEntries(present.map(([name, { key }]) => [name, read[key]]));
}

/** Short texts on what is declared, for the notes of the route map. */
export function policyNotes(settings: PolicySettings): readonly string[] {
  return Object.entries(KINDS).flatMap(([name, kind]) => {
    const declared = settings[name as keyof Kinds];
    // Each kind is given what its own schema has read.
    return declared === undefined ? [] : kind.notes(declared as never);
  });
}
