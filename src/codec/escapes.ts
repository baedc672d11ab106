/** This module has the tables of the escapes of JSON strings (RFC 8259 section 7). */

/** The byte that each byte means behind a backslash. It is 0 for a byte that begins no short escape. */
export const MEANINGS = new Uint8Array(256);
/** The byte that stands behind the backslash of a short escape, 0x75 (`u`) for a long one, or 0 where none is needed. */
export const LETTERS = new Uint8Array(256).fill(0x75, 0, 0x20);
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  MEANINGS[letter!.charCodeAt(0)] = meaning!.charCodeAt(0);
  if (letter !== '/') LETTERS[meaning!.charCodeAt(0)] = letter!.charCodeAt(0);
}
