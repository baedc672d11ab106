/** This module writes numbers as JSON text (ProtoJSON: NaN and the infinities are strings). */

/** Returns the JSON of a double. -0 keeps its sign. */
export function numberJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return `"${value}"`;
}

/** Returns the shortest JSON of a number that is stored as a float: 0.1, not 0.10000000149011612. */
export function floatJson(number: number): string {
  return numberJson(shortestFloat(Math.fround(number)));
}

/** Returns the number with the fewest digits that is stored as this float: 0.10000000149011612 → 0.1. */
export function shortestFloat(float: number): number {
  if (!Number.isFinite(float) || Number.isInteger(float)) return float;
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(float.toPrecision(digits));
    if (Math.fround(shorter) === float) return shorter;
  }
  return Number(float.toPrecision(9));
}
