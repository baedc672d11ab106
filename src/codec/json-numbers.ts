/** This module writes numbers as JSON text (ProtoJSON: NaN and the infinities are strings). */

/** Returns the JSON of a double. -0 keeps its sign. */
export function numberJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return `"${value}"`;
}

/** Returns the shortest JSON of a number that is stored as a float: 0.1, not 0.10000000149011612. */
export function floatJson(number: number): string {
  const value = Math.fround(number);
  if (!Number.isFinite(value) || Number.isInteger(value)) return numberJson(value);
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return numberJson(shorter);
  }
  return numberJson(Number(value.toPrecision(9)));
}
