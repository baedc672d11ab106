/** This module has the only list of the kinds of policy. The folder of each kind explains what it means for a route. */
import type * as z from 'zod';
import { auth } from './access/settings.js';
import { addresses } from './addresses/settings.js';
import { cache } from './cache/settings.js';
import { deprecated } from './deprecated/settings.js';
import { rateLimits } from './rate-limit/settings.js';
import { hedgeAfter, retry } from './retry/settings.js';
import { maxRequestBytes, successStatus, timeout } from './values/settings.js';

/** The kinds by their names in {@link PolicySettings}, in the order in which the route map shows them. */
export const KINDS = {
  addresses,
  auth,
  rateLimits,
  cache,
  timeoutMs: timeout,
  retry,
  hedgeAfterMs: hedgeAfter,
  maxRequestBytes,
  successStatus,
  deprecated,
};

type Kinds = typeof KINDS;

/** The settings of one declaration. Kinds that it does not declare are absent. */
export type PolicySettings = { readonly [Name in keyof Kinds]?: z.output<Kinds[Name]['schema']> } & {
  readonly labels?: readonly string[];
};

type Shape = { [Name in keyof Kinds as Kinds[Name]['key']]: z.ZodOptional<Kinds[Name]['schema']> };

/** The kinds as keys of an object in YAML. */
export const policyShape = Object.fromEntries(
  Object.values(KINDS).map(({ key, schema }) => [key, schema.optional()]),
) as Shape;

/** Returns the settings that were read under {@link policyShape}. */
export function settingsOf(read: Readonly<Record<string, unknown>>): PolicySettings {
  const present = Object.entries(KINDS).filter(([, { key }]) => read[key] !== undefined);
  return Object.fromEntries(present.map(([name, { key }]) => [name, read[key]]));
}

/** Returns the settings of one kind in words, one text for each declared thing, with the key in front: `timeout: 5s`. */
export function describePolicy(settings: PolicySettings, name: keyof PolicySettings): readonly string[] {
  if (name === 'labels') return [`labels: ${(settings.labels ?? []).join(', ')}`];
  const kind = KINDS[name];
  // Each kind receives the output of its own schema.
  return kind.describe(settings[name] as never).map((text) => `${kind.key}: ${text}`);
}

/** Returns short texts about the declared settings, for the notes of the route map. */
export function policyNotes(settings: PolicySettings): readonly string[] {
  return Object.entries(KINDS).flatMap(([name, kind]) => {
    const declared = settings[name as keyof Kinds];
    // Each kind receives the output of its own schema.
    return declared === undefined ? [] : kind.notes(declared as never);
  });
}
