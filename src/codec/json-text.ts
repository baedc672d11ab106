/**
 * This module copies UTF-8 bytes into a JSON string: four bytes at a time while none of them needs an escape. It does not
 * check that the bytes are UTF-8, but tells whether some are not ASCII.
 */

/**
 * The offsets behind the last copied byte, in the source and in the target. {@link copyText} sets them, so that it allocates
 * no result.
 */
export const copied = { from: 0, to: 0 };

/** The byte that stands behind the backslash of a short escape, 0x75 (`u`) for a long one, or 0 where none is needed. */
const ESCAPES = new Uint8Array(256).fill(0x75, 0, 0x20);
for (const [letter, meaning] of ['""', '\\\\', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  ESCAPES[meaning!.charCodeAt(0)] = letter!.charCodeAt(0);
}
const HEX = Buffer.from('0123456789abcdef');
/** True for ASCII that needs no escape. */
export function isPlain(byte: number): boolean {
  return byte < 0x80 && ESCAPES[byte] === 0;
}

/** The most bytes that one byte of text becomes. */
export const MAX_ESCAPE = 6;

/**
 * Copies the bytes from `start` to `end` to `to`, with escapes, as long as `room` is enough. Afterwards `copied` has the
 * offsets behind the last byte that was read and written. Returns a number whose bits of 0x80808080 are set if a byte is
 * not ASCII.
 */
export function copyText(
  source: DataView,
  bytes: Uint8Array,
  start: number,
  end: number,
  target: DataView,
  buffer: Uint8Array,
  to: number,
  room: number,
): number {
  let from = start;
  let at = to;
  let seen = 0;
  const words = end - 4;
  for (;;) {
    // While no byte is escaped, a byte of the text is a byte of the string.
    const last = Math.min(words, from + (room - at) - MAX_ESCAPE - 4);
    while (from <= last) {
      const word = source.getInt32(from, true);
      const quote = word ^ 0x22222222;
      const backslash = word ^ 0x5c5c5c5c;
      const special =
        (((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash)) &
        0x80808080;
      if (special !== 0) break;
      target.setInt32(at, word, true);
      seen |= word;
      from += 4;
      at += 4;
    }
    // The last word has a byte that needs an escape, or fewer than four bytes are left. These are copied byte by byte.
    const stop = Math.min(end, from + 4);
    while (from < stop) {
      if (at + MAX_ESCAPE > room) {
        copied.from = from;
        copied.to = at;
        return seen;
      }
      const byte = bytes[from++]!;
      const letter = ESCAPES[byte]!;
      if (letter === 0) {
        buffer[at++] = byte;
        seen |= byte;
        continue;
      }
      buffer[at++] = 0x5c;
      buffer[at++] = letter;
      if (letter !== 0x75) continue;
      buffer[at++] = 0x30;
      buffer[at++] = 0x30;
      buffer[at++] = HEX[byte >>> 4]!;
      buffer[at++] = HEX[byte & 15]!;
    }
    if (from === end) {
      copied.from = from;
      copied.to = at;
      return seen;
    }
  }
}
