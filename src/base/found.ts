/**
 * Describes the value at a place of the config for error texts: `"5 sec"`, `99999`, `a list`, `nothing`. It never shows a
 * secret.
 */

const MOST_CHARS = 40;

/**
 * Returns the description of the value at `path`; undefined if the value must not be shown. `substituted` contains the texts
 * that came from environment variables or files.
 */
export function foundAt(
  root: unknown,
  path: readonly PropertyKey[],
  substituted: ReadonlySet<string>,
): string | undefined {
  let value = root;
  for (const key of path) value = isContainer(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  if (value === undefined || value === null) return 'nothing';
  if (isSecret(path)) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (substituted.has(String(value))) return 'a substituted value';
  if (typeof value !== 'string') return typeof value === 'function' ? 'a function' : String(value);
  // The text may be a URL with a user and a password before the `@`.
  if (value.includes('@')) return undefined;
  return JSON.stringify(value.length <= MOST_CHARS ? value : `${value.slice(0, MOST_CHARS)}…`);
}

function isSecret(path: readonly PropertyKey[]): boolean {
  return path[0] === 'stores' || path.includes('secret') || path.includes('password');
}

function isContainer(value: unknown): value is Readonly<Record<PropertyKey, unknown>> {
  return typeof value === 'object' && value !== null;
}
