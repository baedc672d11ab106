/**
 * This module writes doubles and floats with the fewest digits that mean the same number, as `String(number)` does for doubles, but
 * without a string. It is sure of its digits for almost all numbers from 1e-6 to 2^53, and uses the string for others.
 *
 * Such a number times a power of ten is an integer with 17 digits and a fraction. The product is exact as the sum of two
 * doubles (Dekker). Every decimal that is nearer than half of the distance to the next double means the same double, so the
 * search is for the decimal with the most zeros at its end that is as near.
 */
import { writeEight, writeFewDecimals, writeNine, writePadded, writeShortFloat, writeWhole } from './json-digits.js';
import { floatJson, numberJson } from './json-numbers.js';

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
/** The powers of ten that a double has exactly, and the upper halves of their digits. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** Splits a double into two halves of 26 bits (Dekker). */
const SPLITTER = 2 ** 27 + 1;
const UPPER_HALVES = POWERS.map(upperHalf);
const LEAST = 1e-6;
const MOST = 2 ** 53;
/**
 * The exponent bits of the least number. The table below has the decimal exponent of the power of two for these bits and for
 * all larger ones.
 */
const FIRST_EXPONENT = exponentBits(LEAST);
const DECIMAL_EXPONENTS = Int8Array.from({ length: exponentBits(MOST) - FIRST_EXPONENT + 1 }, (_, index) =>
  Math.floor(Math.log10(2 ** (FIRST_EXPONENT + index - 1023))),
);
/** Half of the distance to the next double, for the same exponents. */
const HALF_STEPS = Array.from(DECIMAL_EXPONENTS, (_, index) => 2 ** (FIRST_EXPONENT + index - 1023 - 53));
/** The powers of ten from 1e-6 to 1e16. Each is the smallest number with one more digit before the point. */
const BOUNDS = Array.from({ length: 23 }, (_, index) => Number(`1e${index - 6}`));
/** Two numbers of the search that differ by less may be equal. */
const DOUBT = 1e-9;

const FLOAT = new Float64Array(1);
const HALVES = new Int32Array(FLOAT.buffer);
const [LOW, HIGH] = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** Writes a double, or a float with the fewest digits that a float needs. NaN and the infinities become strings. */
export function writeDecimal(view: DataView, at: number, value: number, isFloat: boolean): number {
  const size = Math.abs(value);
  let from = at;
  // -0 keeps its sign.
  if (value < 0 || Object.is(value, -0)) view.setUint8(from++, MINUS);
  if (size < MOST && Math.floor(size) === size) return writeWhole(view, from, size);
  let end = isFloat ? writeShortFloat(view, from, size) : writeFewDecimals(view, from, size);
  if (end < 0) end = isFloat ? writeShortestFloat(view, from, size) : writeShortest(view, from, size);
  return end < 0 ? writeAscii(view, at, isFloat ? floatJson(value) : numberJson(value)) : end;
}

function writeAscii(view: DataView, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
  return at + text.length;
}

/** Writes a positive number that is no integer. Returns the offset behind it, or -1 if it does not write it. */
function writeShortest(view: DataView, at: number, value: number): number {
  if (!(value >= LEAST && value < MOST)) return -1;
  FLOAT[0] = value;
  const bits = HALVES[HIGH]!;
  // Below a power of two the next double is nearer.
  if (HALVES[LOW] === 0 && (bits & 0xfffff) === 0) return -1;
  const index = (bits >>> 20) - FIRST_EXPONENT;
  let exponent = DECIMAL_EXPONENTS[index]!;
  if (value >= BOUNDS[exponent + 7]!) exponent++;
  const scale = 16 - exponent;
  const power = POWERS[scale]!;
  const half = HALF_STEPS[index]! * power;
  // The product is `high + low`, and has 17 digits.
  const high = value * power;
  const valueUpper = upperHalf(value);
  const valueLower = value - valueUpper;
  const powerUpper = UPPER_HALVES[scale]!;
  const powerLower = power - powerUpper;
  const low =
    valueLower * powerLower - (high - valueUpper * powerUpper - valueLower * powerUpper - valueUpper * powerLower);
  const whole = Math.floor(low);
  const fraction = low - whole;
  let front = Math.floor(high * 1e-8);
  let rest = high - front * 1e8 + whole;
  if (rest < 0) {
    front--;
    rest += 1e8;
  } else if (rest >= 1e8) {
    front++;
    rest -= 1e8;
  }
  const rounding = roundingOf(rest | 0, fraction, half);
  if (rounding === UNSURE) return -1;
  rest += rounding >> ZEROS_BITS;
  if (rest >= 1e8) {
    front++;
    rest -= 1e8;
  }
  const end = writeDigits(view, at, front | 0, rest | 0, value, exponent);
  const zeros = rounding & 3;
  return zeros < 2 ? end - zeros : withoutZeros(view, end - zeros);
}

const ZEROS_BITS = 2;
const UNSURE = 1 << 20;

/**
 * Finds the shortest decimal whose distance is less than `half`, which is at most 12. The upper bits of the result are what has
 * to be added to the last eight digits; the lowest two are the zeros at the end: 0, 1, or 2 for two and more. Returns UNSURE
 * if two decimals are equally good.
 */
function roundingOf(rest: number, fraction: number, half: number): number {
  const pair = rest % 100;
  const down = pair + fraction;
  const up = 100 - down;
  const nearest = Math.min(down, up);
  if (Math.abs(nearest - half) < DOUBT) return UNSURE;
  if (nearest < half) return ((down < up ? -pair : 100 - pair) << ZEROS_BITS) | 2;
  const digit = pair % 10;
  const downTen = digit + fraction;
  const upTen = 10 - downTen;
  const nearestTen = Math.min(downTen, upTen);
  if (Math.abs(nearestTen - half) < DOUBT || Math.abs(downTen - upTen) < DOUBT) return UNSURE;
  if (nearestTen < half) return ((downTen < upTen ? -digit : 10 - digit) << ZEROS_BITS) | 1;
  if (Math.abs(fraction - 0.5) < DOUBT) return UNSURE;
  return fraction < 0.5 ? 0 : 1 << ZEROS_BITS;
}

/**
 * Does the same as {@link writeShortest} for a number that is a float: the decimal may be anything that rounds to the same float. A
 * product with 9 digits leaves enough bits of a double that its rounding does not matter.
 */
function writeShortestFloat(view: DataView, at: number, value: number): number {
  if (!(value >= LEAST && value < MOST_FLOAT)) return -1;
  FLOAT[0] = value;
  const bits = HALVES[HIGH]!;
  if (HALVES[LOW] === 0 && (bits & 0xfffff) === 0) return -1;
  const index = (bits >>> 20) - FIRST_EXPONENT;
  let exponent = DECIMAL_EXPONENTS[index]!;
  if (value >= BOUNDS[exponent + 7]!) exponent++;
  const power = POWERS[8 - exponent]!;
  const half = HALF_STEPS[index]! * FLOAT_STEPS * power;
  const product = value * power;
  let digits = 0;
  for (let zeros = 3; ; zeros--) {
    const step = POWERS[zeros]!;
    digits = ((product * FRACTIONS[zeros]! + 0.5) | 0) * step;
    const distance = Math.abs(product - digits);
    if (Math.abs(distance - half) < FLOAT_DOUBT) return -1;
    if (distance < half) {
      // Two decimals with as many digits may be equally near.
      if (step / 2 - distance < FLOAT_DOUBT) return -1;
      break;
    }
    if (zeros === 0) return -1;
  }
  if (digits >= 1e9) return -1;
  let end: number;
  if (exponent < 0) {
    view.setUint16(at, 0x2e30, true);
    end = writeNine(view, writePadded(view, at + 2, 0, -1 - exponent), digits | 0);
  } else {
    end = writeNine(view, at + 1, digits | 0);
    view.setUint8(writeWhole(view, at, Math.floor(value)), POINT);
  }
  return withoutZeros(view, end);
}

/** Larger floats are integers, or have few decimals. */
const MOST_FLOAT = 2 ** 22;
/** The distance of two floats, in distances of doubles. */
const FLOAT_STEPS = 2 ** 29;
const FLOAT_DOUBT = 1e-5;
/** The reciprocals of the first powers of ten. To multiply by them is faster than to divide. */
const FRACTIONS = [1, 1e-1, 1e-2, 1e-3];

/** Writes the 17 digits of `front` and `rest`, of which the first is worth `10^exponent`, as the decimal of `value`. */
function writeDigits(view: DataView, at: number, front: number, rest: number, value: number, exponent: number): number {
  if (exponent < 0) {
    view.setUint16(at, 0x2e30, true);
    const digits = writePadded(view, at + 2, 0, -1 - exponent);
    writeNine(view, digits, front);
    writeEight(view, digits + 9, rest);
    return digits + 17;
  }
  // The digits are written one place too far. The integer and the point then take the place of those before the decimals.
  writeNine(view, at + 1, front);
  writeEight(view, at + 10, rest);
  view.setUint8(writeWhole(view, at, Math.floor(value)), POINT);
  return at + 18;
}

/** Returns the offset behind the last digit before `end` that is not zero. */
function withoutZeros(view: DataView, end: number): number {
  let last = end;
  while (view.getUint8(last - 1) === ZERO) last--;
  return last;
}

function upperHalf(value: number): number {
  const big = SPLITTER * value;
  return big - (big - value);
}

function exponentBits(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getUint16(0) >>> 4;
}
