/**
 * Whether a number that was read from JSON is surely the one that was written: 1234567890123456789 is read as
 * …6800, which may be somebody else's. Fractions are taken as they are read.
 */
export function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}
