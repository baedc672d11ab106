/** zod's issues in the words of this project: key path, what was expected, what was found, a hint; never a secret. */
import type { z } from 'zod';
import { meantHint } from '../base/did-you-mean.js';
import { configSchema } from './config.js';
import { foundAt } from './found.js';
import { knownKeys } from './json-schema.js';

export interface IssueText {
  readonly rule: 'unknown-key' | 'config-value';
  /** Keys down to the place; of an unknown key the key itself included. */
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

type Issue = z.core.$ZodIssue;

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
  const nested = issue.code === 'invalid_union' ? deepest(issue.errors) : undefined;
  if (nested !== undefined) {
    return nested.flatMap((one) => textsOf({ ...one, path: [...issue.path, ...one.path] }, find));
  }
  const where = issue.path.length === 0 ? 'config' : issue.path.map(String).join('.');
  return [{ rule: 'config-value', path: issue.path, text: `${where}: ${withFound(issue, find)}` }];
}

function unknownKey(parent: readonly PropertyKey[], key: string): IssueText {
  const path = [...parent, key];
  const text = `${path.map(String).join('.')}: unknown key${meantHint(key, knownKeys(parent))}`;
  return { rule: 'unknown-key', path, text };
}

/** Of a union's complaints those of the member that the value came closest to: the one that complains deep inside. */
function deepest(errors: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return errors.find((issues) => issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'));
}

/** `expected …, got …`, unless the message says already what it means. */
function withFound(issue: Issue, find: Find): string {
  const { code, message, path } = issue;
  // Of a key its name has been said.
  if (code === 'invalid_key' || !message.startsWith('expected ') || / got /.test(message)) return message;
  const found = find(path);
  // A demand over several keys: that they are in an object helps nobody.
  if (found === undefined || (code === 'custom' && found === 'an object')) return message;
  // Where a whole block belongs, a text may be anything, a key for instance.
  const isBlock = code === 'invalid_type' && ['object', 'record', 'array'].includes(issue.expected);
  return `${message}, got ${isBlock && found.startsWith('"') ? 'a text' : found}`;
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  record: 'an object',
  object: 'an object',
  array: 'a list',
};

/** Undefined: zod's own words. */
function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message;
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    case 'too_small':
      if (issue.origin === 'string') return 'expected a text that is not empty';
      if (issue.origin === 'array') return `expected ${issue.minimum} or more`;
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    default:
      return undefined;
  }
}
