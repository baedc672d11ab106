/** Functions for List methods with page tokens (AIP-158), and for Update methods with field masks (AIP-134). */
import { invalid } from './refusal.js';

/**
 * Returns one page of `all`. The token of the next page is the offset at which it begins. Throws INVALID_ARGUMENT for a
 * negative size.
 */
export function page<T>(all: readonly T[], pageSize: number, pageToken: string): { items: T[]; nextPageToken: string } {
  if (pageSize < 0) throw invalid('page_size', `expected 0 or more, got ${pageSize}`);
  if (!/^\d{0,6}$/.test(pageToken)) throw invalid('page_token', 'expected the next_page_token of an earlier page');
  const start = Number(pageToken);
  const end = start + Math.min(pageSize === 0 ? 10 : pageSize, 50);
  return { items: all.slice(start, end), nextPageToken: end < all.length ? String(end) : '' };
}

export interface FieldMask {
  readonly paths: readonly string[];
}

type Fields = Record<string, unknown>;

/**
 * Returns a copy of `target` with the fields of `source` that the mask names. `*` names all fields; without a mask, all fields
 * that are set in `source` are copied. `updatable` has the paths that a client may name, in proto names. Throws
 * INVALID_ARGUMENT for any other path.
 */
export function update<T extends object>(
  target: T,
  source: object,
  mask: FieldMask | null,
  updatable: readonly string[],
): T {
  const top = updatable.filter((path) => !path.includes('.'));
  const named = mask?.paths ?? [];
  const paths = named.includes('*') ? top : named.length > 0 ? named : top.filter((path) => isSet(source, path));
  const copy = structuredClone(target);
  for (const path of paths) {
    if (!updatable.includes(path)) {
      throw invalid('update_mask', `expected paths out of ${updatable.join(', ')}, got ${JSON.stringify(path)}`);
    }
    copyPath(copy as Fields, source as Fields, path.split('.').map(camelCase));
  }
  return copy;
}

/** Returns the top-level fields of `message` that the mask names. Only the first part of each path counts. */
export function pick(message: object, mask: FieldMask | null): object {
  const named = mask?.paths ?? [];
  if (named.length === 0 || named.includes('*')) return message;
  const wanted = new Set(named.map((path) => camelCase(path.split('.')[0] ?? '')));
  return Object.fromEntries(Object.entries(message).filter(([key]) => wanted.has(key)));
}

function copyPath(target: Fields, source: Fields, path: readonly string[]): void {
  const [first = '', ...rest] = path;
  if (rest.length === 0) {
    if (source[first] === undefined) delete target[first];
    else target[first] = source[first];
    return;
  }
  target[first] ??= {};
  copyPath(target[first] as Fields, (source[first] ?? {}) as Fields, rest);
}

function isSet(source: object, path: string): boolean {
  const field = (source as Fields)[camelCase(path)];
  if (field === undefined || field === null || field === '' || field === 0 || field === '0') return false;
  if (Array.isArray(field)) return field.length > 0;
  return typeof field !== 'object' || Object.keys(field).length > 0;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
