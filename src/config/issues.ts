/**
 * This module turns the issues of zod into error texts with the path of the key, what was expected, what was found, and a hint.
 * The texts never contain a secret.
 */
import { meantHint } from '../base/did-you-mean.js';
import { expectation, type Issue, mostSpecific, withFound } from '../base/expectations.js';
import { foundAt } from '../base/found.js';
import { configSchema } from './config.js';
import { knownKeys } from './json-schema.js';

export interface IssueText {
  readonly rule: 'unknown-key' | 'config-value';
  /** The keys that lead to the value. For an unknown key, the last one is that key. */
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

/** Parses a value as the whole config. If a schema has no error text of its own, `expectation` makes the text. */
export function readConfig(value: unknown) {
  return configSchema.safeParse(value, { error: expectation });
}

/**
 * Returns the error texts of issues. `value` is the config that was read. `substituted` contains the texts that came from
 * environment variables or files; they are not shown.
 */
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

/** The most known keys that the error for an unknown key lists. */
const MAX_LISTED = 8;

function unknownKey(parent: readonly PropertyKey[], key: string): IssueText {
  const path = [...parent, key];
  const known = knownKeys(parent);
  const hint = meantHint(key, known);
  const list = hint === '' && known.length > 0 && known.length <= MAX_LISTED ? `, expected ${known.join(', ')}` : hint;
  const text = `${path.map(String).join('.')}: unknown key${list}`;
  return { rule: 'unknown-key', path, text };
}
