/** This module reads four decimal digits at once, from a 32-bit integer that has the first digit in its lowest byte. */

/** True if all four bytes are digits. */
export function areDigits(word: number): boolean {
  return ((word & 0xf0f0f0f0) | (((word + 0x06060606) & 0xf0f0f0f0) >>> 4)) === DIGITS;
}

/**
 * The number that {@link areDigits} computes for four digits. The upper half of a digit's byte (0x30 to 0x39) is 3, and is
 * still 3 after six was added to the byte. Each byte of this number has both halves: that from before the addition above, and
 * that from after it below.
 */
const DIGITS = 0x33333333;

/** Returns the number that four digits stand for: the bytes of `2026` → 2026. */
export function numberOf(word: number): number {
  const digits = word & 0x0f0f0f0f;
  const pairs = (digits * 10 + (digits >>> 8)) & 0x00ff00ff;
  return (pairs & 0xff) * 100 + (pairs >>> 16);
}
