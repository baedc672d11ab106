/**
 * This module writes numbers as decimal digits, without making strings. The functions write into `view` at the offset `at`.
 * A function that returns a number returns the offset after the last digit.
 */

const ZERO = 0x30;
const MINUS = 0x2d;
const QUOTE = 0x22;
const BILLION = 1_000_000_000;
/** The most bytes that writing a number may touch, with its sign, its quotes and a comma after it. */
export const MAX_NUMBER_BYTES = 32;

/** The two digits of each number below 100, as one little-endian number of 16 bits. */
const PAIRS = Uint16Array.from(
  { length: 100 },
  (_, pair) => ZERO + Math.floor(pair / 10) + ((ZERO + (pair % 10)) << 8),
);

// With `| 0`, V8 knows that a number is an integer, and replaces the division by a constant with a multiplication.

/** Writes an integer from 0 to 9,999 with four digits. */
function writeFour(view: DataView, at: number, value: number): void {
  const front = ((value | 0) / 100) | 0;
  view.setUint16(at, PAIRS[front]!, true);
  view.setUint16(at + 2, PAIRS[(value - front * 100) | 0]!, true);
}

/** Writes an integer from 0 to 99,999,999 with eight digits. */
export function writeEight(view: DataView, at: number, value: number): void {
  const front = ((value | 0) / 10_000) | 0;
  writeFour(view, at, front);
  writeFour(view, at + 4, (value - front * 10_000) | 0);
}

/** Writes an integer from 0 to 999,999,999 with nine digits. */
export function writeNine(view: DataView, at: number, value: number): number {
  const front = ((value | 0) / 100_000_000) | 0;
  view.setUint8(at, ZERO + front);
  writeEight(view, at + 1, (value - front * 100_000_000) | 0);
  return at + 9;
}

/** Writes an integer from 0 to 2^31 - 1. */
function writeSmall(view: DataView, at: number, value: number): number {
  if (value < 10) {
    view.setUint8(at, ZERO + value);
    return at + 1;
  }
  if (value < 100) {
    view.setUint16(at, PAIRS[value]!, true);
    return at + 2;
  }
  let count = 3;
  if (value >= 1000) {
    if (value < 1_000_000) count = value < 10_000 ? 4 : value < 100_000 ? 5 : 6;
    else if (value < 100_000_000) count = value < 10_000_000 ? 7 : 8;
    else count = value < BILLION ? 9 : 10;
  }
  return writePadded(view, at, value, count);
}

/** Writes the last `count` digits of an integer from 0 to 2^31 - 1, with zeros in front. */
export function writePadded(view: DataView, at: number, value: number, count: number): number {
  let rest = value | 0;
  let to = at + count;
  while (to > at + 1) {
    const front = (rest / 100) | 0;
    to -= 2;
    view.setUint16(to, PAIRS[(rest - front * 100) | 0]!, true);
    rest = front;
  }
  if (to > at) view.setUint8(at, ZERO + (rest % 10));
  return at + count;
}

/** Writes an integer from 0 to 2^53 - 1. */
export function writeWhole(view: DataView, at: number, value: number): number {
  if (value <= 0x7fffffff) return writeSmall(view, at, value | 0);
  const front = Math.floor(value / BILLION);
  return writeNine(view, writeSmall(view, at, front), (value - front * BILLION) | 0);
}

/** Writes an integer from -2^53 + 1 to 2^53 - 1. */
export function writeInteger(view: DataView, at: number, value: number): number {
  if (value >= 0) return writeWhole(view, at, value);
  view.setUint8(at, MINUS);
  return writeWhole(view, at + 1, -value);
}

/**
 * Writes a 64-bit integer, given as its two halves, in quotes. It is negative if `signed` is true and the upper half is
 * negative.
 */
export function writeWide(view: DataView, at: number, low: number, high: number, signed: boolean): number {
  view.setUint8(at, QUOTE);
  let end: number;
  if (signed && high < 0) {
    view.setUint8(at + 1, MINUS);
    end = writeUnsigned64(view, at + 2, -low | 0, (low === 0 ? -high : ~high) | 0);
  } else end = writeUnsigned64(view, at + 1, low, high);
  view.setUint8(end, QUOTE);
  return end + 1;
}

/** Writes the unsigned integer whose 32-bit halves are `low` and `high`, without a BigInt. */
function writeUnsigned64(view: DataView, at: number, low: number, high: number): number {
  if (high === 0 && low >= 0) return writeSmall(view, at, low);
  // The quotient of doubles is off by at most one. `rest` then has less than 32 bits, so it shows whether `front` must be
  // corrected.
  let front = Math.floor(((high >>> 0) * 0x1_0000_0000 + (low >>> 0)) / BILLION);
  let rest = (low - Math.imul(front | 0, BILLION)) | 0;
  if (rest < 0) {
    rest += BILLION;
    front--;
  } else if (rest >= BILLION) {
    rest -= BILLION;
    front++;
  }
  if (front === 0) return writeSmall(view, at, rest);
  return writeNine(view, writeWhole(view, at, front), rest);
}

/**
 * Writes a positive number below 10^9 that has one or two decimals, such as 0.5 or 19.99. Decimals of up to 15 digits all mean
 * different doubles, so no shorter one means the same number. Returns -1, and writes nothing, for other numbers.
 */
export function writeFewDecimals(view: DataView, at: number, value: number): number {
  const hundredths = value * 100;
  const digits = Math.floor(hundredths + 0.5);
  // The first two tests are cheap, and most numbers fail them. The division takes longer.
  if (!(value < BILLION && Math.abs(hundredths - digits) < 1e-4) || digits / 100 !== value) return -1;
  return writeHundredths(view, at, value, digits);
}

/** Does the same as {@link writeFewDecimals} for a positive float that has at most six digits. */
export function writeShortFloat(view: DataView, at: number, value: number): number {
  const hundredths = value * 100;
  if (!(hundredths < 1_000_000)) return -1;
  const digits = (hundredths + 0.5) | 0;
  return digits < 1_000_000 && Math.fround(digits * 0.01) === value ? writeHundredths(view, at, value, digits) : -1;
}

function writeHundredths(view: DataView, at: number, value: number, digits: number): number {
  const whole = Math.floor(value);
  const end = writeWhole(view, at, whole);
  const decimals = (digits - whole * 100) | 0;
  view.setUint8(end, 0x2e);
  if (decimals % 10 === 0) return writePadded(view, end + 1, decimals / 10, 1);
  view.setUint16(end + 1, PAIRS[decimals]!, true);
  return end + 3;
}
