/** zod's issues in the words of this project: key path, what was expected, what was found, a hint; never a secret. */
import { meantHint } from '../base/did-you-mean.js';
import { expectation, type Issue, mostSpecific, withFound } from '../base/expectations.js';
import { foundAt } from '../base/found.js';
import { configSchema } from './config.js';
import { knownKeys } from './json-schema.js';

export interface IssueText {
  readonly rule: 'unknown-key' | 'config-value';
  /** Keys down to the place; of an unknown key the key itself included. */
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/** Reads the whole; where a key says nothing of its own about what it expects, `expectation` does. */
export function readConfig(value: unknown) {
  return configSchema.safeParse(value, { error: expectation });
}

/** `value`: what was read. `substituted`: texts in it that came from elsewhere, and are not shown. */
export function issueTexts(
  issues: readonly Issue[],
  value: unknown,
  substituted: ReadonlySet<string> = new Set(),
): readonly IssueText[] {
  return issues.flatMap((issue) => textsOf(issue, (path) => foundAt(value, path, substituted)));
}

type Find = (path: readonly PropertyKey[]) => string | undefined;

function textsOf(issue: Issue, find: Find): readonly IssueText[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key));
  const nested = issue.code === 'invalid_union' ? mostSpecific(issue.errors) : undefined;
  if (nested !== undefined) {
    return nested.flatMap((one) => textsOf({ ...one, path: [...issue.path, ...one.path] }, find));
  }
  const where = issue.path.length === 0 ? 'config' : issue.path.map(String).join('.');
  return [{ rule: 'config-value', path: issue.path, text: `${where}: ${withFound(issue, find(issue.path))}` }];
}

function unknownKey(parent: readonly PropertyKey[], key: string): IssueText {
  const path = [...parent, key];
  const text = `${path.map(String).join('.')}: unknown key${meantHint(key, knownKeys(parent))}`;
  return { rule: 'unknown-key', path, text };
}
