/** This module has the tables of the escapes of JSON strings (RFC 8259 section 7). */

/** The byte that a short escape means, by the byte after the backslash: `n` → 0x0a. It is 0 where there is no such escape. */
export const MEANINGS = new Uint8Array(256);
/**
 * The byte after the backslash in the escape of a byte: 0x0a → `n`. It is `u` if only a long escape such as `\u001f` exists,
 * and 0 if the byte needs no escape.
 */
export const LETTERS = new Uint8Array(256).fill(0x75, 0, 0x20);
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  MEANINGS[letter!.charCodeAt(0)] = meaning!.charCodeAt(0);
  if (letter !== '/') LETTERS[meaning!.charCodeAt(0)] = letter!.charCodeAt(0);
}
