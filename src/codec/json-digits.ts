/** This module writes numbers as decimal digits into a buffer, without strings. All functions return the offset behind the last digit. */

const ZERO = 0x30;
const BILLION = 1_000_000_000;
/** The most bytes that a number of this module needs, with a sign. */
export const MAX_NUMBER_BYTES = 24;

/** The two digits of each number below 100, as one little-endian number of 16 bits. */
const PAIRS = Uint16Array.from(
  { length: 100 },
  (_, pair) => ZERO + Math.floor(pair / 10) + ((ZERO + (pair % 10)) << 8),
);

/** Writes an integer from 0 to 2^31 - 1. */
function writeSmall(buffer: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    buffer[at] = ZERO + value;
    return at + 1;
  }
  let count = 2;
  if (value >= 100) {
    if (value < 10_000) count = value < 1000 ? 3 : 4;
    else if (value < 1_000_000) count = value < 100_000 ? 5 : 6;
    else if (value < 100_000_000) count = value < 10_000_000 ? 7 : 8;
    else count = value < BILLION ? 9 : 10;
  }
  return writePadded(buffer, at, value, count);
}

/** Writes the last `count` digits of an integer from 0 to 2^31 - 1, with zeros in front. */
export function writePadded(buffer: Uint8Array, at: number, value: number, count: number): number {
  let rest = value;
  let to = at + count;
  while (to > at + 1) {
    const front = (rest / 100) | 0;
    const pair = PAIRS[rest - front * 100]!;
    to -= 2;
    buffer[to] = pair & 0xff;
    buffer[to + 1] = pair >>> 8;
    rest = front;
  }
  if (to > at) buffer[at] = ZERO + (rest % 10);
  return at + count;
}

/** Writes an integer from 0 to 2^53 - 1. */
export function writeWhole(buffer: Uint8Array, at: number, value: number): number {
  if (value <= 0x7fffffff) return writeSmall(buffer, at, value | 0);
  const front = Math.floor(value / BILLION);
  return writePadded(buffer, writeSmall(buffer, at, front), value - front * BILLION, 9);
}

/** Writes the unsigned integer whose 32-bit halves are `low` and `high`, without a BigInt. */
export function writeUnsigned64(buffer: Uint8Array, at: number, low: number, high: number): number {
  const upper = high >>> 0;
  if (upper < 0x200000) return writeWhole(buffer, at, upper * 0x1_0000_0000 + (low >>> 0));
  // A long division by 10^9, in digits of 16 bits: a remainder and one digit always fit into a double.
  const top = Math.floor(upper / BILLION);
  let rest = (upper - top * BILLION) * 0x10000 + (low >>> 16);
  const middle = Math.floor(rest / BILLION);
  rest = (rest - middle * BILLION) * 0x10000 + (low & 0xffff);
  const bottom = Math.floor(rest / BILLION);
  const front = (top * 0x10000 + middle) * 0x10000 + bottom;
  return writePadded(buffer, writeWhole(buffer, at, front), rest - bottom * BILLION, 9);
}

/**
 * Writes a positive number that has few decimals. A decimal of at most 15 digits that rounds to a double is the shortest
 * one that does. Returns -1, and writes nothing, for other numbers.
 */
export function writeFewDecimals(buffer: Uint8Array, at: number, value: number): number {
  if (!(value < BILLION)) return -1;
  let decimals = 2;
  let scale = 100;
  let digits = Math.round(value * scale);
  if (digits / scale !== value) {
    decimals = 6;
    scale = 1_000_000;
    digits = Math.round(value * scale);
    if (digits / scale !== value) return -1;
  }
  return writeFraction(buffer, at, digits, decimals, scale);
}

/** Writes a positive float of at most six digits with at most two decimals; otherwise as {@link writeFewDecimals}. */
export function writeShortFloat(buffer: Uint8Array, at: number, value: number): number {
  const digits = Math.round(value * 100);
  if (!(digits < 1_000_000) || Math.fround(digits / 100) !== value) return -1;
  return writeFraction(buffer, at, digits, 2, 100);
}

function writeFraction(buffer: Uint8Array, at: number, digits: number, decimals: number, scale: number): number {
  const whole = Math.floor(digits / scale);
  let end = writeWhole(buffer, at, whole);
  buffer[end] = 0x2e;
  end = writePadded(buffer, end + 1, digits - whole * scale, decimals);
  while (buffer[end - 1] === ZERO) end--;
  return end;
}
