/**
 * The value of an option, the same from `.proto` text and from a descriptor set: fields by proto name, each a list of
 * values in the order in which they were written. And a reader that takes it apart: what is unknown or of the wrong type
 * becomes a diagnostic at its place.
 */
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';

export type OptionValue = string | number | boolean | OptionTree;
export type OptionTree = ReadonlyMap<string, readonly OptionValue[]>;

/** Finds the place of a value by its path in the option: `additional_bindings[0].get[0]`; of the option by ``. */
export type PlaceOf = (path: string) => Position;

/**
 * A plain object as both front ends of protobufjs give it → a tree. A repeated field given once is no array there. `kept`:
 * makes of each text the one that is kept.
 */
export function toOptionTree(value: object, kept: (text: string) => string = (text) => text): OptionTree {
  const tree = new Map<string, OptionValue[]>();
  for (const [name, one] of Object.entries(value)) addValues(tree, name, one, kept);
  return tree;
}

/** Two statements of one option (`option (x).a = 1; option (x).b = 2;`) are one value. */
export function mergeOptionTrees(trees: readonly OptionTree[]): OptionTree {
  if (trees.length === 1) return trees[0]!;
  const merged = new Map<string, OptionValue[]>();
  for (const tree of trees) {
    for (const [name, values] of tree) merged.set(name, [...(merged.get(name) ?? []), ...values]);
  }
  return merged;
}

function addValues(
  tree: Map<string, OptionValue[]>,
  name: string,
  value: unknown,
  kept: (text: string) => string,
): void {
  const values = tree.get(name) ?? [];
  tree.set(name, values);
  for (const one of Array.isArray(value) ? value : [value]) {
    if (typeof one === 'object' && one !== null) values.push(toOptionTree(one, kept));
    else if (typeof one === 'string') values.push(kept(one));
    else if (typeof one === 'number' || typeof one === 'boolean') values.push(one);
  }
}

const NONE: readonly never[] = [];

/** Reads the fields of one message of an option. Call `close` at the end: what nobody asked for is unknown. */
export class OptionReader {
  readonly #asked = new Set<string>();
  #position: Position | undefined;

  constructor(
    private readonly tree: OptionTree,
    private readonly path: string,
    private readonly placeOf: PlaceOf,
    /** Rule id of the findings, and the option's name in them. */
    private readonly rule: string,
    private readonly diagnostics: Diagnostic[],
  ) {}

  /** Of the message itself. */
  get position(): Position {
    this.#position ??= this.placeOf(this.path);
    return this.#position;
  }

  has(name: string): boolean {
    return (this.tree.get(name)?.length ?? 0) > 0;
  }

  /** Of what is not there: where it would be. */
  positionOf(name: string, index = 0): Position {
    return this.has(name) ? this.placeOf(this.#pathOf(name, index)) : this.position;
  }

  string(name: string): string {
    const values = this.strings(name);
    if (values.length > 1) this.error(name, `${name}: expected one value, got ${values.length}`);
    return values.at(-1) ?? '';
  }

  strings(name: string): readonly string[] {
    return this.#values(name, 'a string', (value) => (typeof value === 'string' ? value : undefined));
  }

  boolean(name: string): boolean {
    return (
      this.#values(name, 'true or false', (value) => (typeof value === 'boolean' ? value : undefined)).at(-1) ?? false
    );
  }

  /** An unsigned integer; 0 when absent. */
  integer(name: string): number {
    return this.#values(name, 'a whole number', wholeNumber).at(-1) ?? 0;
  }

  /** Enum values by name; descriptor sets may have numbers. */
  enums<T>(name: string, values: readonly (readonly [name: string, value: T])[]): readonly T[] {
    const expected = `one of ${values.map(([one]) => one).join(', ')}`;
    return this.#values(name, expected, (value) => values.find(([one], i) => one === value || i === value)?.[1]);
  }

  hasMessage(name: string): boolean {
    return this.tree.get(name)?.at(-1) instanceof Map;
  }

  messages(name: string, expected = 'a message'): readonly OptionReader[] {
    const trees = this.#values(name, expected, (value) => (value instanceof Map ? (value as OptionTree) : undefined));
    return trees.map(
      (tree, i) => new OptionReader(tree, this.#pathOf(name, i), this.placeOf, this.rule, this.diagnostics),
    );
  }

  /** google.protobuf.Duration → milliseconds; undefined when absent. */
  durationMs(name: string): number | undefined {
    const reader = this.messages(name, 'a duration such as { seconds: 30 }').at(-1);
    if (reader === undefined) return undefined;
    const ms = reader.integer('seconds') * 1000 + reader.integer('nanos') / 1e6;
    reader.close();
    return ms;
  }

  /** Reports the fields that nobody asked for. */
  close(): void {
    for (const name of this.tree.keys()) {
      if (!this.#asked.has(name)) this.error(name, `unknown field '${name}'${meantHint(name, this.#asked)}`);
    }
  }

  error(name: string, text: string): void {
    this.diagnostics.push(errorAt(this.positionOf(name), this.rule, `${this.rule}: ${text}`));
  }

  #values<T>(name: string, expected: string, read: (value: OptionValue) => T | undefined): readonly T[] {
    this.#asked.add(name);
    const values = this.tree.get(name);
    // Of all that an option may have most have little.
    if (values === undefined) return NONE;
    return values.flatMap((value, i) => {
      const result = read(value);
      if (result !== undefined) return [result];
      const found = typeof value === 'object' ? 'a message' : JSON.stringify(value);
      const text = `${this.rule}: ${name}: expected ${expected}, got ${found}`;
      this.diagnostics.push(errorAt(this.positionOf(name, i), this.rule, text));
      return [];
    });
  }

  #pathOf(name: string, index: number): string {
    return `${this.path === '' ? '' : `${this.path}.`}${name}[${index}]`;
  }
}

function wholeNumber(value: OptionValue): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
