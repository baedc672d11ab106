/** This module finds the name of one element of a collection: `shelves` → `shelf`. */

const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ['people', 'person'],
  ['children', 'child'],
  ['indices', 'index'],
  ['matrices', 'matrix'],
  ['vertices', 'vertex'],
  ['analyses', 'analysis'],
  ['statuses', 'status'],
  ['aliases', 'alias'],
  ['buses', 'bus'],
  ['shelves', 'shelf'],
  ['leaves', 'leaf'],
  ['halves', 'half'],
  ['movies', 'movie'],
  ['cookies', 'cookie'],
  ['series', 'series'],
  ['species', 'species'],
]);

/** Returns the singular of an English collection name. Words that do not look like a plural stay as they are. */
export function singularOf(collection: string): string {
  const known = IRREGULAR.get(collection.toLowerCase());
  if (known !== undefined) return known;
  if (/[^aeiou]ies$/.test(collection)) return `${collection.slice(0, -3)}y`;
  if (/(?:ss|x|sh|[trn]ch)es$/.test(collection)) return collection.slice(0, -2);
  if (/[^su]s$/.test(collection) && !/is$/.test(collection)) return collection.slice(0, -1);
  return collection;
}
