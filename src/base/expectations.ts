/** Issues of zod in the words of this project: what was expected, what was found. */
import type { z } from 'zod';

export type Issue = z.core.$ZodIssue;

/** Of a union's issues, those of the member that the value came closest to: the one whose issues lie deepest. */
export function mostSpecific(errors: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return errors.find((issues) => issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'));
}

/**
 * The issue's text as `expected …, got …`, unless its message says already what it means.
 * `found`: what stands at the place, undefined if it must not be shown.
 */
export function withFound(issue: Issue, found: string | undefined): string {
  const { code, message } = issue;
  // The place names an invalid key already.
  if (code === 'invalid_key' || !message.startsWith('expected ') || / got /.test(message)) return message;
  // The message is about several keys: that an object holds them says nothing.
  if (found === undefined || (code === 'custom' && found === 'an object')) return message;
  // A text where a block belongs may be anything, also a secret.
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

/** What zod should say of an issue whose schema says nothing of its own. Undefined: zod's words. */
export function expectation(issue: z.core.$ZodRawIssue): string | undefined {
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
