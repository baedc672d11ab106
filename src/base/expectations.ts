/** Turns the issues that zod finds in the config into error texts in the form `expected …, got …`. */
import type * as z from 'zod';

export type Issue = z.core.$ZodIssue;

/**
 * Returns the issues of the alternative of a union that fits the value best: the first alternative with an issue inside the
 * value, or about an unknown key. Undefined when there is none. `errors` has the issues of each alternative.
 */
export function mostSpecific(errors: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  return errors.find((issues) => issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'));
}

/**
 * Returns the text of an issue as `expected …, got …`. A message that needs no `got` is returned unchanged. `found` describes
 * the value; it is undefined if the value must not be shown.
 */
export function withFound(issue: Issue, found: string | undefined): string {
  const { code, message } = issue;
  // For an invalid key, the place in front of the message already names it.
  if (code === 'invalid_key' || !message.startsWith('expected ') || / got /.test(message)) return message;
  // The message is about several keys of an object, so `got an object` would not help.
  if (found === undefined || (code === 'custom' && found === 'an object')) return message;
  // A text where an object or a list is expected may be anything, even a secret, so it is not shown.
  const isBlock = code === 'invalid_type' && ['object', 'record', 'array'].includes(issue.expected);
  return `${message}, got ${isBlock && found.startsWith('"') ? 'a string' : found}`;
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  record: 'an object',
  object: 'an object',
  array: 'a list',
};

/** Returns the text for an issue whose schema has no message of its own; undefined if zod's text should be used. */
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
      if (issue.origin === 'string') return 'expected a string that is not empty';
      if (issue.origin === 'array') return `expected at least ${issue.minimum} in the list`;
      return `expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    default:
      return undefined;
  }
}
