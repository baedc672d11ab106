/**
 * This module has the value of an option as a tree, which is the same for `.proto` text and descriptor sets: fields by
 * their proto names, each with a list of values in the order in which they were written. A reader takes such a tree
 * apart, and reports unknown fields and values of a wrong type at their place.
 */

import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';
import type { RuleId } from '../base/rules.js';

export interface OptionValue {
  readonly value: string | number | boolean | OptionTree;
  readonly position: Position;
}

export type OptionTree = ReadonlyMap<string, readonly OptionValue[]>;

/** A value that is a message. */
export interface OptionMessage extends OptionValue {
  readonly value: OptionTree;
}

export function isMessage(value: OptionValue): value is OptionMessage {
  return value.value instanceof Map;
}

/**
 * Returns the content of an option in a form that can be compared: without positions, with fields sorted by name, and
 * without default values, which a descriptor set leaves out.
 */
export function plainOption(option: OptionMessage | undefined): unknown {
  return option === undefined ? undefined : plainTree(option.value);
}

function plainTree(tree: OptionTree): unknown {
  const entries = [...tree].map(([name, values]) => [name, values.filter(isSaid).map(plainValue)] as const);
  return entries.filter(([, values]) => values.length > 0).sort(([a], [b]) => (a < b ? -1 : 1));
}

function plainValue({ value }: OptionValue): unknown {
  return value instanceof Map ? plainTree(value) : value;
}

function isSaid({ value }: OptionValue): boolean {
  return value !== 0 && value !== '' && value !== false && !(typeof value === 'string' && /_UNSPECIFIED$/.test(value));
}

/** Returns the option itself. It is the reader for options that `policy/` or `aggregate/` interprets. */
export function asWritten(option: OptionMessage): OptionMessage {
  return option;
}

const NONE: readonly never[] = [];

/**
 * Reads the fields of one message of an option. `close` must be called at the end: it reports all fields that were not
 * read as unknown.
 */
export class OptionReader {
  private readonly asked = new Set<string>();

  constructor(
    private readonly message: OptionMessage,
    /** The rule id of the diagnostics, which is also the option's name in their texts. */
    private readonly rule: RuleId,
    private readonly diagnostics: Diagnostic[],
  ) {}

  /** The position of the message itself. */
  get position(): Position {
    return this.message.position;
  }

  has(name: string): boolean {
    return (this.message.value.get(name)?.length ?? 0) > 0;
  }

  /** Returns the position of a field's value, or of the message if the field is absent. */
  positionOf(name: string, index = 0): Position {
    return (this.message.value.get(name)?.[index] ?? this.message).position;
  }

  string(name: string): string {
    const values = this.strings(name);
    if (values.length > 1) this.error(name, `${name}: expected one value, got ${values.length}`);
    return values.at(-1) ?? '';
  }

  strings(name: string): readonly string[] {
    return this.values(name, 'a string', ({ value }) => (typeof value === 'string' ? value : undefined));
  }

  boolean(name: string): boolean {
    const values = this.values(name, 'true or false', ({ value }) => (typeof value === 'boolean' ? value : undefined));
    return values.at(-1) ?? false;
  }

  /** Returns an unsigned integer; 0 when the field is absent. */
  integer(name: string): number {
    return this.values(name, 'a whole number', wholeNumber).at(-1) ?? 0;
  }

  /** Returns the values of an enum field. They are given by name; descriptor sets may have numbers. */
  enums<T>(name: string, values: readonly (readonly [name: string, value: T])[]): readonly T[] {
    const expected = `one of ${values.map(([one]) => one).join(', ')}`;
    return this.values(name, expected, ({ value }) => values.find(([one], i) => one === value || i === value)?.[1]);
  }

  hasMessage(name: string): boolean {
    return this.message.value.get(name)?.at(-1)?.value instanceof Map;
  }

  messages(name: string, expected = 'a message'): readonly OptionReader[] {
    const messages = this.values(name, expected, (value) => (isMessage(value) ? value : undefined));
    return messages.map((message) => new OptionReader(message, this.rule, this.diagnostics));
  }

  /** Returns a google.protobuf.Duration in milliseconds. Undefined when the field is absent. */
  durationMs(name: string): number | undefined {
    const reader = this.messages(name, 'a duration such as { seconds: 30 }').at(-1);
    if (reader === undefined) return undefined;
    const ms = reader.integer('seconds') * 1000 + reader.integer('nanos') / 1e6;
    reader.close();
    return ms;
  }

  /** Reports the fields that were not read. */
  close(): void {
    for (const name of this.message.value.keys()) {
      if (!this.asked.has(name)) this.error(name, `unknown field '${name}'${meantHint(name, this.asked)}`);
    }
  }

  error(name: string, text: string): void {
    this.diagnostics.push(errorAt(this.positionOf(name), this.rule, `${this.rule}: ${text}`));
  }

  private values<T>(name: string, expected: string, read: (value: OptionValue) => T | undefined): readonly T[] {
    this.asked.add(name);
    const values = this.message.value.get(name);
    // Most fields are absent in most options.
    if (values === undefined) return NONE;
    return values.flatMap((one) => {
      const result = read(one);
      if (result !== undefined) return [result];
      const found = isMessage(one) ? 'a message' : JSON.stringify(one.value);
      const text = `${this.rule}: ${name}: expected ${expected}, got ${found}`;
      this.diagnostics.push(errorAt(one.position, this.rule, text));
      return [];
    });
  }
}

function wholeNumber({ value }: OptionValue): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
