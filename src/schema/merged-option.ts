/** This module merges the statements of one option into one message. */
import { isMessage, type OptionMessage, type OptionValue } from './option-tree.js';
import type { OptionNode } from './syntax-tree.js';

type MutableTree = Map<string, OptionValue[]>;

/**
 * Merges the statements of an option: `option (x).a = 1; option (x) = { b: 2 };` becomes `{ a: 1 b: 2 }` at the position of the
 * first value. Returns undefined if no statement sets a field or has a message.
 */
export function mergedOption(options: readonly OptionNode[]): OptionMessage | undefined {
  const usable = options.filter(({ path, value }) => path.length > 0 || isMessage(value));
  const [first] = usable;
  if (first === undefined) return undefined;
  if (usable.length === 1 && first.path.length === 0 && isMessage(first.value)) return first.value;
  const tree: MutableTree = new Map();
  for (const { path, value } of usable) {
    if (path.length > 0) insert(tree, path, value);
    else if (isMessage(value)) {
      for (const [name, values] of value.value) for (const one of values) valuesOf(tree, name).push(one);
    }
  }
  return { value: tree, position: first.value.position };
}

/**
 * Inserts a value at a path. `timeout.seconds` and `timeout.nanos` in two statements become fields of one `timeout`.
 */
function insert(tree: MutableTree, path: readonly string[], value: OptionValue): void {
  const [name = '', ...inner] = path;
  const values = valuesOf(tree, name);
  if (inner.length === 0) values.push(value);
  else {
    const known = values.at(-1)?.value;
    const message = known instanceof Map ? known : new Map();
    if (message !== known) values.push({ value: message, position: value.position });
    insert(message, inner, value);
  }
}

function valuesOf(tree: MutableTree, name: string): OptionValue[] {
  const values = tree.get(name) ?? [];
  tree.set(name, values);
  return values;
}
