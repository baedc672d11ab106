/** This module parses sizes as people write them in the config: `1024`, `16KiB`, `4MiB`, `1GiB`. */

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

/** Returns a size in bytes. Undefined when the text is not a size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB)?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * UNIT_BYTES.get(match[2] ?? '')!;
}
