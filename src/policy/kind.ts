/**
 * A kind of policy is one key that a backend team declares in `protogate.v1.Policy` and an operator in `policies`. One
 * schema reads both, because the option is first turned into the YAML of the same declaration.
 *
 *     option   rate_limits: { limit: 60 period: { seconds: 60 } per: PER_IP }
 *     YAML     rateLimits: [{ limit: 60, period: 60000ms, per: [ip] }]
 */
import type * as z from 'zod';
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import { expectation, withFound } from '../base/expectations.js';
import { foundAt } from '../base/found.js';
import { isMessage, type OptionMessage, OptionReader, type OptionValue } from '../schema/option-tree.js';

export interface PolicyKind<Key extends string = string, Schema extends z.ZodType = z.ZodType> {
  /** The key in YAML. The field of `protogate.v1.Policy` has the same name in snake_case. */
  readonly key: Key;
  /** Reads the YAML value. The rest of the code works with its output. */
  readonly schema: Schema;
  /** Returns the YAML value of the option. Undefined when the option declares nothing of this kind. */
  readonly fromOption: (policy: OptionReader) => unknown;
  /** Returns short texts for the notes of the route map. The list is empty when there is nothing to show. */
  readonly notes: (settings: z.output<Schema>) => readonly string[];
  /** Returns the settings in words, one line for each declared thing, for `explain`. */
  readonly describe: (settings: z.output<Schema>) => readonly string[];
}

/** Returns its argument. TypeScript infers the exact types of the key and the schema from the call. */
export function policyKind<const Key extends string, Schema extends z.ZodType>(
  kind: PolicyKind<Key, Schema>,
): PolicyKind<Key, Schema> {
  return kind;
}

/** The settings of one declaration, by the names of `KINDS` (`kinds.ts`), and the problems in it. */
export interface ReadOption {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a `protogate.v1.Policy`. A kind whose declaration is wrong is left out of `settings`, and is an error. */
export function readPolicyOption(option: OptionMessage, kinds: Readonly<Record<string, PolicyKind>>): ReadOption {
  const diagnostics: Diagnostic[] = [];
  const reader = new OptionReader(option, 'policy', diagnostics);
  const settings: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(kinds)) {
    const before = diagnostics.length;
    const value = kind.fromOption(reader);
    // Values of a wrong type are already reported. The schema would report the rest of such a value as a second
    // mistake.
    if (value === undefined || diagnostics.length > before) continue;
    const result = kind.schema.safeParse(value, { error: expectation });
    if (result.success) settings[name] = result.data;
    else diagnostics.push(...result.error.issues.map((issue) => diagnosticOf(option, kind.key, value, issue)));
  }
  // Only protos declare labels. The selectors of operators' rules match methods by their labels.
  const labels = reader.strings('labels');
  if (labels.length > 0) settings.labels = labels;
  reader.close();
  return { settings, diagnostics };
}

function diagnosticOf(option: OptionMessage, key: string, value: unknown, issue: z.core.$ZodIssue): Diagnostic {
  const path = [key, ...issue.path];
  const text = withFound(issue, foundAt(value, issue.path, NOTHING_HIDDEN));
  return errorAt(positionAt(option, path), 'policy', `policy: ${nameOf(path)}: ${inOptions(text)}`);
}

const NOTHING_HIDDEN: ReadonlySet<string> = new Set();

/** Returns the path as a name in the option: `['rateLimits', 0, 'periodMs']` becomes `rate_limits[0].period_ms`. */
function nameOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${snakeCase(String(key))}`))
    .join('')
    .slice(1);
}

/**
 * Rewords a schema's text for options. The schema describes durations as YAML has them, and an option writes them as a
 * message.
 */
function inOptions(text: string): string {
  return text.replace('such as 300ms, 2s or 1m', 'such as { seconds: 30 }');
}

/** Returns the position of the value at `path`, or of the nearest value that contains it. */
function positionAt(option: OptionMessage, path: readonly PropertyKey[]): Position {
  let found: OptionValue = option;
  for (const [i, key] of path.entries()) {
    if (typeof key === 'number') continue;
    const next = path[i + 1];
    const values = isMessage(found) ? found.value.get(snakeCase(String(key))) : undefined;
    const value = values?.[typeof next === 'number' ? next : values.length - 1];
    if (value === undefined) break;
    found = value;
  }
  return found.position;
}

function snakeCase(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Reads the last message of a field and reports what is unknown in it. Undefined when the field is absent. */
export function lastMessage<T>(reader: OptionReader, name: string, read: (message: OptionReader) => T): T | undefined {
  return allMessages(reader, name, read).at(-1);
}

/** Reads all messages of a repeated field and reports what is unknown in them. */
export function allMessages<T>(reader: OptionReader, name: string, read: (message: OptionReader) => T): readonly T[] {
  return reader.messages(name).map((message) => {
    const value = read(message);
    message.close();
    return value;
  });
}

/** Returns a google.protobuf.Duration as the text that YAML would have. Undefined when the field is absent. */
export function durationText(reader: OptionReader, name: string): string | undefined {
  const ms = reader.durationMs(name);
  // Nanoseconds are exact with six digits after the point of a millisecond.
  return ms === undefined ? undefined : `${Number(ms.toFixed(6))}ms`;
}
