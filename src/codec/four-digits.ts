/** This module reads four decimal digits at once, from a word of four bytes whose first byte is the lowest one. */

/** True if all four bytes are digits. */
export function areDigits(word: number): boolean {
  return ((word & 0xf0f0f0f0) | (((word + 0x06060606) & 0xf0f0f0f0) >>> 4)) === DIGITS;
}

/**
 * A byte is a digit if its upper half is 3, and still is 3 after six was added to the byte. The word has four such bytes: the
 * upper halves of the bytes before, and those after, moved into the lower halves.
 */
const DIGITS = 0x33333333;

/** Returns the number that four digits are. */
export function numberOf(word: number): number {
  const digits = word & 0x0f0f0f0f;
  const pairs = (digits * 10 + (digits >>> 8)) & 0x00ff00ff;
  return (pairs & 0xff) * 100 + (pairs >>> 16);
}
