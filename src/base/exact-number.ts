/**
 * Returns true if a number that was read from JSON is certainly the number that was written. For example, 1234567890123456789
 * is read as …6800, which may be the id of another object. Fractions are always accepted.
 */
export function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}
