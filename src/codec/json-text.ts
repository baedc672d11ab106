/**
 * This module copies UTF-8 bytes into a JSON string: four bytes at a time while none of them needs an escape. For short text it
 * also checks that the bytes are UTF-8; longer text is checked before.
 */
import { LETTERS } from './escapes.js';

/**
 * The offsets after the last copied byte, in the source and in the target. {@link copyText} sets them instead of returning
 * them, so that it allocates no result.
 */
export const copied = { from: 0, to: 0 };

const HEX = Buffer.from('0123456789abcdef');
/**
 * The JSON of each byte of a text: one or two bytes in the lower 16 bits, and their number in the bits above. It is -1
 * for a byte that needs a long escape. To write two bytes each time is faster than a branch that depends on the text.
 */
const COPIES = Int32Array.from(LETTERS, (letter, byte) => {
  if (letter === 0) return byte | (1 << 16);
  return letter === 0x75 ? -1 : 0x5c | (letter << 8) | (2 << 16);
});
/** True for ASCII that needs no escape. */
export function isPlain(byte: number): boolean {
  return byte < 0x80 && LETTERS[byte] === 0;
}

/** The most bytes that one byte of text becomes, as in `\u001f`. */
export const MAX_ESCAPE = 6;

/**
 * Copies the bytes from `start` to `end` into the target at `to`, with escapes, until all are copied or the target is full. The
 * target ends at the offset `room`. Afterwards {@link copied} has the offsets after the last byte that was read and written.
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
): void {
  let from = start;
  let at = to;
  const words = end - 4;
  for (;;) {
    const begun = from;
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
      from += 4;
      at += 4;
    }
    // The next word has a byte that needs an escape, or fewer than four bytes are left. Where special bytes are close to
    // each other, it is faster to copy single bytes.
    const stop = Math.min(end, from + (from - begun < CLOSE ? DENSE : 4), from + (((room - at) / MAX_ESCAPE) | 0));
    if (stop === from) break;
    for (; from < stop; from++) {
      const byte = bytes[from]!;
      const copy = COPIES[byte]!;
      if (copy < 0) break;
      target.setUint16(at, copy, true);
      at += copy >>> 16;
    }
    if (from < stop) at = writeLongEscape(buffer, at, bytes[from++]!);
    if (from === end) break;
  }
  copied.from = from;
  copied.to = at;
}

/**
 * Special bytes with fewer than CLOSE bytes between them are close to each other. Then the next DENSE bytes are copied one by
 * one.
 */
const CLOSE = 32;
const DENSE = 256;

function writeLongEscape(buffer: Uint8Array, at: number, byte: number): number {
  buffer[at] = 0x5c;
  buffer[at + 1] = 0x75;
  buffer[at + 2] = 0x30;
  buffer[at + 3] = 0x30;
  buffer[at + 4] = HEX[byte >>> 4]!;
  buffer[at + 5] = HEX[byte & 15]!;
  return at + 6;
}

/**
 * Copies a text with escapes and checks that it is UTF-8 (RFC 3629). The target must have room for MAX_ESCAPE bytes for each
 * byte. Returns the offset after the text in `target`, or -1 if it is not UTF-8. For short text this is faster than native
 * functions.
 */
export function copyShortText(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: DataView,
  buffer: Uint8Array,
  to: number,
): number {
  let at = to;
  let from = start;
  for (;;) {
    for (; from < end; from++) {
      const copy = SHORT_COPIES[bytes[from]!]!;
      if (copy < 0) break;
      target.setUint16(at, copy, true);
      at += copy >>> 16;
    }
    if (from === end) return at;
    const byte = bytes[from]!;
    if (byte < 0x80) {
      at = writeLongEscape(buffer, at, byte);
      from++;
      continue;
    }
    const size = sequenceSize(bytes, from, end);
    if (size === 0) return -1;
    for (const next = from + size; from < next; ) buffer[at++] = bytes[from++]!;
  }
}

/** True if none of the four bytes needs an escape, and all are ASCII. */
export function isPlainWord(word: number): boolean {
  // The highest bit of a byte is set if the byte is a control character, a quote, a backslash or not ASCII.
  const special = word | (word - 0x20202020) | ((word ^ 0x22222222) - 0x01010101) | ((word ^ 0x5c5c5c5c) - 0x01010101);
  return (special & 0x80808080) === 0;
}

/** The same as COPIES, but also -1 for each byte that is not ASCII. */
const SHORT_COPIES = COPIES.map((copy, byte) => (byte < 0x80 ? copy : -1));

/** Returns the number of bytes of the character at `from`, which is not ASCII; 0 if it is not UTF-8. */
function sequenceSize(bytes: Uint8Array, from: number, end: number): number {
  const first = bytes[from]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (from + size > end) return 0;
  const second = bytes[from + 1]!;
  if (!isTail(second)) return 0;
  if (size === 2) return 2;
  if (!isTail(bytes[from + 2]!)) return 0;
  if (size === 3) {
    // UTF-8 forbids a form that is longer than needed, and surrogates.
    const isBad = first === 0xe0 ? second < 0xa0 : first === 0xed && second > 0x9f;
    return isBad ? 0 : 3;
  }
  const isBad = first === 0xf0 ? second < 0x90 : first === 0xf4 && second > 0x8f;
  return isBad || !isTail(bytes[from + 3]!) ? 0 : 4;
}

function isTail(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}
