/** zod's issues in the words of this project: key path, what was expected, a hint; never a value. */
import type { z } from 'zod';
import { didYouMean } from '../base/did-you-mean.js';
import { knownKeys } from './json-schema.js';

export interface IssueText {
  readonly rule: 'unknown-key' | 'config-value';
  /** Keys down to the place; of an unknown key the key itself included. */
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

export function issueTexts(issue: z.core.$ZodIssue): readonly IssueText[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key));
  const nested = issue.code === 'invalid_union' ? deepest(issue.errors) : undefined;
  if (nested !== undefined) return nested.flatMap((one) => issueTexts({ ...one, path: [...issue.path, ...one.path] }));
  const where = issue.path.length === 0 ? 'config' : issue.path.map(String).join('.');
  return [{ rule: 'config-value', path: issue.path, text: `${where}: ${plain(issue.message)}` }];
}

function unknownKey(parent: readonly PropertyKey[], key: string): IssueText {
  const hint = didYouMean(key, knownKeys(parent));
  const path = [...parent, key];
  const text = `${path.map(String).join('.')}: unknown key${hint === undefined ? '' : `, did you mean '${hint}'?`}`;
  return { rule: 'unknown-key', path, text };
}

/** Of a union's complaints those of the member that the value came closest to: the one that complains deep inside. */
function deepest(errors: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  return errors.find((issues) => issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'));
}

/** `Invalid input: expected number, received string` → `expected number, got string`. */
function plain(message: string): string {
  return message.replace(/^Invalid (input|option|string|key): /, '').replace(', received ', ', got ');
}
