/**
 * This module converts decimal numbers to doubles without making a string. The result is the nearest double. If rounding errors
 * make it uncertain which double is nearest, the result is NaN, and the caller uses `Number(text)`.
 */
import { areDigits, numberOf } from './four-digits.js';

const ZERO = 0x30;
/** The most digits of an integer that a double always holds exactly. */
const EXACT_DIGITS = 15;
/** The most digits of a number that this module converts. */
const MOST_DIGITS = 19;
/** The powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** The factor that splits a double into two halves of 26 bits (Dekker's algorithm). */
const SPLITTER = 2 ** 27 + 1;
/** The rounding errors of {@link quotient} are smaller than its result times this factor. */
const DOUBT = 2 ** -85;

/** The offset after the number that {@link plainDecimal} returned last. */
export const parsed = { end: 0 };

/**
 * Returns the number that begins at `start`. The text ends at `end`, and `view` is a DataView of it. Returns NaN if the number
 * has an exponent or more than 19 digits, if the nearest double is uncertain, or if the text is no number.
 */
export function plainDecimal(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  const first = bytes[start] === 0x2d ? start + 1 : start;
  DIGITS.clear();
  let at = bytes[first] === ZERO ? first + 1 : DIGITS.read(bytes, view, first, end);
  if (at === first) return Number.NaN;
  let decimals = 0;
  if (bytes[at] === 0x2e) {
    const point = at + 1;
    at = DIGITS.read(bytes, view, point, end);
    decimals = at - point;
    if (decimals === 0) return Number.NaN;
  }
  if (bytes[at] === 0x65 || bytes[at] === 0x45) return Number.NaN;
  const value = DIGITS.value(decimals);
  parsed.end = at;
  return first === start ? value : -value;
}

/**
 * The digits of a number in two parts: the first 12 to 15 digits, and the digits after them. A double holds each part exactly
 * if the number has at most 20 digits.
 */
export class Digits {
  upper = 0;
  lower = 0;
  private uppers = 0;
  private lowers = 0;

  clear(): void {
    this.upper = 0;
    this.lower = 0;
    this.uppers = 0;
    this.lowers = 0;
  }

  get count(): number {
    return this.uppers + this.lowers;
  }

  /** The power of ten for which the number is `upper * scale + lower`. */
  get scale(): number {
    return POWERS[this.lowers]!;
  }

  /** Adds the digits from `start` on. Returns the offset after the last one. */
  read(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    let { upper, lower, uppers, lowers } = this;
    let at = start;
    for (; at <= end - 4; at += 4) {
      const word = view.getInt32(at, true);
      if (!areDigits(word)) break;
      if (uppers <= EXACT_DIGITS - 4 && lowers === 0) {
        upper = upper * 10_000 + numberOf(word);
        uppers += 4;
      } else {
        lower = lower * 10_000 + numberOf(word);
        lowers += 4;
      }
    }
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      if (uppers < EXACT_DIGITS && lowers === 0) {
        upper = upper * 10 + digit;
        uppers++;
      } else {
        lower = lower * 10 + digit;
        lowers++;
      }
    }
    this.upper = upper;
    this.lower = lower;
    this.uppers = uppers;
    this.lowers = lowers;
    return at;
  }

  /** Returns the digits divided by `10^decimals`; NaN if the nearest double is uncertain. */
  value(decimals: number): number {
    const { upper, lower, count } = this;
    if (count > MOST_DIGITS) return Number.NaN;
    if (this.lowers === 0) return scaled(upper, -decimals);
    const { scale } = this;
    return count <= EXACT_DIGITS ? scaled(upper * scale + lower, -decimals) : quotient(upper, lower, scale, decimals);
  }
}

const DIGITS = new Digits();

/** Returns the value of the JSON number between `start` and `end`; NaN if the nearest double is uncertain. */
export function decimal(bytes: Uint8Array, start: number, end: number): number {
  const isNegative = bytes[start] === 0x2d;
  let at = isNegative ? start + 1 : start;
  let upper = 0;
  let lower = 0;
  let digits = 0;
  let exponent = 0;
  let hasPoint = false;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) {
      if (bytes[at] !== 0x2e) break;
      hasPoint = true;
      continue;
    }
    if (hasPoint) exponent--;
    if (digit === 0 && digits === 0) continue;
    if (++digits <= EXACT_DIGITS) upper = upper * 10 + digit;
    else {
      if (digits > MOST_DIGITS) return Number.NaN;
      lower = lower * 10 + digit;
    }
  }
  if (at < end) {
    const written = exponentAt(bytes, at + 1, end);
    if (!(written < 1000 && written > -1000)) return Number.NaN;
    exponent += written;
  }
  if (digits === 0) return isNegative ? -0 : 0;
  const value =
    digits <= EXACT_DIGITS
      ? scaled(upper, exponent)
      : quotient(upper, lower, POWERS[digits - EXACT_DIGITS]!, -exponent);
  return isNegative ? -value : value;
}

function exponentAt(bytes: Uint8Array, from: number, end: number): number {
  const sign = bytes[from];
  let at = sign === 0x2d || sign === 0x2b ? from + 1 : from;
  let value = 0;
  for (; at < end; at++) value = value * 10 + (bytes[at]! - ZERO);
  return sign === 0x2d ? -value : value;
}

/**
 * Returns `value * 10^exponent`; NaN if a double does not hold the power exactly. A single operation on two exact numbers is
 * rounded only once, so the result is the nearest double.
 */
function scaled(value: number, exponent: number): number {
  if (exponent === 0) return value;
  if (exponent > 0) return exponent <= 22 ? value * POWERS[exponent]! : Number.NaN;
  return exponent >= -22 ? value / POWERS[-exponent]! : Number.NaN;
}

/**
 * Returns `(upper * scale + lower) / 10^exponent`, computed with twice the digits of a double and rounded once; NaN if the
 * nearest double is uncertain.
 */
function quotient(upper: number, lower: number, scale: number, exponent: number): number {
  if (exponent < 0 || exponent > 22) return Number.NaN;
  const product = upper * scale;
  const high = product + lower;
  const low = productError(upper, scale, product) + (lower - (high - product));
  const divisor = POWERS[exponent]!;
  const first = high / divisor;
  const back = first * divisor;
  const second = (high - back - productError(first, divisor, back) + low) / divisor;
  const doubt = first * DOUBT;
  const value = first + (second - doubt);
  return value === first + (second + doubt) ? value : Number.NaN;
}

/** Returns the exact error of a product that was rounded to a double: `a * b - product` (Dekker's algorithm). */
function productError(a: number, b: number, product: number): number {
  const aBig = SPLITTER * a;
  const aHigh = aBig - (aBig - a);
  const aLow = a - aHigh;
  const bBig = SPLITTER * b;
  const bHigh = bBig - (bBig - b);
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
