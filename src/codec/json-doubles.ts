/**
 * This module writes doubles and floats with the fewest digits that mean the same number, as `String(number)` does for doubles,
 * but without making a string. It uses the string only for numbers that are not between 1e-6 and 2^53, and for the few for
 * which it cannot be sure of the digits.
 *
 * A number is multiplied by a power of ten, so that the product has 17 digits before the point. The product is kept exactly, as
 * the sum of two doubles (Dekker's algorithm). Every decimal that is nearer to the number than half of the distance to the next
 * double means the same double. The code finds the one of them that has the most zeros at its end.
 */
import { writeEight, writeFewDecimals, writeNine, writePadded, writeShortFloat, writeWhole } from './json-digits.js';
import { floatJson, numberJson } from './json-numbers.js';

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
/** The powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** The factor that splits a double into two halves of 26 bits (Dekker's algorithm). */
const SPLITTER = 2 ** 27 + 1;
const UPPER_HALVES = POWERS.map(upperHalf);
const LEAST = 1e-6;
const MOST = 2 ** 53;
/**
 * The exponent bits of LEAST. The tables below begin with these bits. DECIMAL_EXPONENTS has the decimal exponent of the power
 * of two that has the same exponent bits: 2^-20 = 9.5e-7 → -7.
 */
const FIRST_EXPONENT = exponentBits(LEAST);
const DECIMAL_EXPONENTS = Int8Array.from({ length: exponentBits(MOST) - FIRST_EXPONENT + 1 }, (_, index) =>
  Math.floor(Math.log10(2 ** (FIRST_EXPONENT + index - 1023))),
);
/** Half of the distance between two neighbouring doubles, for the same exponent bits. */
const HALF_STEPS = Array.from(DECIMAL_EXPONENTS, (_, index) => 2 ** (FIRST_EXPONENT + index - 1023 - 53));
/** The powers of ten from 1e-6 to 1e16, at which a number gets the next decimal exponent. */
const BOUNDS = Array.from({ length: 23 }, (_, index) => Number(`1e${index - 6}`));
/** Two numbers that differ by less than this may be equal, because of rounding errors. Then the string is used. */
const DOUBT = 1e-9;

const FLOAT = new Float64Array(1);
const HALVES = new Int32Array(FLOAT.buffer);
const [LOW, HIGH] = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? [0, 1] : [1, 0];

/**
 * Writes a number at the offset `at`: a double or, if `isFloat` is true, a float, which needs fewer digits. NaN and the
 * infinities become strings. Returns the offset after it.
 */
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

/**
 * Writes a positive number that is no integer. Returns the offset after it; -1 if the number is out of range, or if it is not
 * sure which digits are the shortest.
 */
function writeShortest(view: DataView, at: number, value: number): number {
  if (!(value >= LEAST && value < MOST)) return -1;
  FLOAT[0] = value;
  const bits = HALVES[HIGH]!;
  // The next double below a power of two is nearer than the one above it, so the table of distances does not hold.
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
 * Finds out how to round the 17 digits of a product to the shortest decimal whose distance to it is less than `half`, which is
 * at most 12. `rest` has the last eight digits, and `fraction` is what comes after them. The lowest two bits of the result are
 * the number of zeros at the end of the decimal (2 means two or more); the other bits are the number to add to `rest`. Returns
 * UNSURE if two decimals are equally near.
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
 * Does the same as {@link writeShortest} for a float: the decimal may be any number that rounds to the same float. The product
 * has only 9 digits, so a double has enough bits that its rounding does not matter.
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
      // Two decimals with the same number of digits may be equally near.
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

/** From here on, floats are integers or end in .5, and the string is used for the latter. */
const MOST_FLOAT = 2 ** 22;
/** The distance between two neighbouring floats, divided by that between two neighbouring doubles. */
const FLOAT_STEPS = 2 ** 29;
const FLOAT_DOUBT = 1e-5;
/** The reciprocals of the first powers of ten. To multiply by them is faster than to divide. */
const FRACTIONS = [1, 1e-1, 1e-2, 1e-3];

/**
 * Writes `value` as a decimal. `front` has the first nine of its 17 digits, and `rest` the other eight. The first digit is
 * worth `10^exponent`.
 */
function writeDigits(view: DataView, at: number, front: number, rest: number, value: number, exponent: number): number {
  if (exponent < 0) {
    view.setUint16(at, 0x2e30, true);
    const digits = writePadded(view, at + 2, 0, -1 - exponent);
    writeNine(view, digits, front);
    writeEight(view, digits + 9, rest);
    return digits + 17;
  }
  // The digits are written one place too far to the right. The integer part and the point then overwrite those before the
  // decimals.
  writeNine(view, at + 1, front);
  writeEight(view, at + 10, rest);
  view.setUint8(writeWhole(view, at, Math.floor(value)), POINT);
  return at + 18;
}

/** Returns the offset after the last digit before `end` that is not zero. */
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
