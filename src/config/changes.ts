/** Finds the settings in which two configs differ. Only their names are shown, because values may be secrets. */
import type { Config } from './config.js';

/**
 * The most keys in the name of a setting: `upstreams.orders.timeoutMs` has three. Deeper differences are shown under that name.
 */
const MOST_KEYS = 3;

/** Returns the names of the settings that differ, such as `limits.bodyBytes`. */
export function changedSettings(before: Config, after: Config): readonly string[] {
  const found: string[] = [];
  compare(before, after, []);
  return found;

  function compare(a: unknown, b: unknown, path: readonly string[]): void {
    if (textOf(a) === textOf(b)) return;
    const [left, right] = [entriesOf(a), entriesOf(b)];
    if (left === undefined || right === undefined || path.length === MOST_KEYS) {
      found.push(path.join('.'));
      return;
    }
    for (const key of new Set([...left.keys(), ...right.keys()]))
      if (key !== 'position') compare(left.get(key), right.get(key), [...path, key]);
  }
}

/** Returns the entries of an object or a Map. Undefined for any other value, such as a list. */
function entriesOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value instanceof Map) return value as ReadonlyMap<string, unknown>;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (key, part: unknown) => {
    if (key === 'position') return undefined;
    return part instanceof Map || part instanceof Set ? [...part] : part;
  });
}
