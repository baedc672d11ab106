/**
 * This module converts texts to scalar values in the wire format. The same rules apply to JSON strings and numbers, map keys,
 * path and query. Integers are exact: those with more than 15 digits are parsed in two parts, because a double would round
 * them. `1e3` and `1.0` are integers too.
 */
import type { EnumDescriptor, FieldType, ScalarType } from '../schema/descriptor.js';
import { Wire, type WireWriter } from './wire-writer.js';

export type IntegerType = Exclude<ScalarType, 'double' | 'float' | 'bool' | 'string' | 'bytes'>;

interface IntegerKind {
  readonly wide: boolean;
  readonly signed: boolean;
  /** Writes an integer from the halves of its two's complement. `high` is 0 or -1 for 32-bit types. */
  write(writer: WireWriter, low: number, high: number): void;
}

const varint: IntegerKind['write'] = (writer, low, high) => writer.varint64(low, high);
const fixed32: IntegerKind['write'] = (writer, low) => writer.fixed32(low);
const fixed64: IntegerKind['write'] = (writer, low, high) => writer.fixed64(low, high);
const zigzag32: IntegerKind['write'] = (writer, low) => writer.uint32((low << 1) ^ (low >> 31));
const zigzag64: IntegerKind['write'] = (writer, low, high) => {
  const sign = high >> 31;
  writer.varint64((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
};

const INTEGERS: Readonly<Record<IntegerType, IntegerKind>> = {
  int32: { wide: false, signed: true, write: varint },
  sint32: { wide: false, signed: true, write: zigzag32 },
  sfixed32: { wide: false, signed: true, write: fixed32 },
  uint32: { wide: false, signed: false, write: varint },
  fixed32: { wide: false, signed: false, write: fixed32 },
  int64: { wide: true, signed: true, write: varint },
  sint64: { wide: true, signed: true, write: zigzag64 },
  sfixed64: { wide: true, signed: true, write: fixed64 },
  uint64: { wide: true, signed: false, write: varint },
  fixed64: { wide: true, signed: false, write: fixed64 },
};

/** Returns the wire type of a scalar's values outside of packed fields. */
export function scalarWireType(scalar: ScalarType): number {
  switch (scalar) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return Wire.FIXED64;
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return Wire.FIXED32;
    case 'string':
    case 'bytes':
      return Wire.LEN;
    default:
      return Wire.VARINT;
  }
}

/** Returns the wire type of one value of a field or a map. */
export function fieldWireType(type: FieldType): number {
  if (type.kind === 'scalar') return scalarWireType(type.scalar);
  if (type.kind === 'enum') return Wire.VARINT;
  return type.delimited ? Wire.START_GROUP : Wire.LEN;
}

/** Writes a safe integer. Returns false, and writes nothing, if it is outside of the type's range. */
export function writeSmallInteger(type: IntegerType, value: number, writer: WireWriter): boolean {
  const { wide, signed, write } = INTEGERS[type];
  if (!signed && value < 0) return false;
  if (!wide && (signed ? value < -0x80000000 || value > 0x7fffffff : value > 0xffffffff)) return false;
  write(writer, value | 0, Math.floor(value / 0x100000000) | 0);
  return true;
}

/** Matches a JSON number (RFC 8259 §6): no sign except `-`, no spaces, no leading zeros. */
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/;
const ZERO = 0x30;
/** The largest uint64 has 20 digits. */
const MAX_DIGITS = 20;
/** The number of decimal digits that a double always represents exactly. */
export const SAFE_DIGITS = 15;

/**
 * Writes the integer of a text. Returns false, and writes nothing, if the text is not an integer or is out of range.
 * The time is linear in the length of the text.
 */
export function writeInteger(type: IntegerType, text: string, writer: WireWriter): boolean {
  if (text.length <= SAFE_DIGITS) {
    const short = shortInteger(Buffer.from(text), 0, Buffer.byteLength(text));
    if (!Number.isNaN(short)) return writeSmallInteger(type, short, writer);
  }
  const integer = plainDigits(text);
  if (integer === undefined) return false;
  const negative = text.charCodeAt(0) === 0x2d;
  if (integer.length <= SAFE_DIGITS)
    return writeSmallInteger(type, negative ? -Number(integer) : Number(integer), writer);
  return writeLargeInteger(type, integer, negative, writer);
}

/** The powers of ten by which a short integer can be multiplied. */
const POWERS = Array.from({ length: SAFE_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

/**
 * Returns the integer that the bytes from `start` to `end` stand for, such as `7`, `1.0` or `1.5e3`, if it has at most 15
 * digits. Returns NaN for other texts, whether they are integers or not.
 */
export function shortInteger(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > SAFE_DIGITS) return Number.NaN;
  const from = bytes[start] === 0x2d ? start + 1 : start;
  let digits = 0;
  let exponent = 0;
  let at = from;
  for (; at < end && isDigit(bytes[at]!); at++) digits = digits * 10 + (bytes[at]! - ZERO);
  if (at === from || (bytes[from] === ZERO && at > from + 1)) return Number.NaN;
  if (at === end) return from === start ? digits : -digits;
  if (bytes[at] === 0x2e) {
    const point = ++at;
    for (; at < end && isDigit(bytes[at]!); at++) digits = digits * 10 + (bytes[at]! - ZERO);
    if (at === point) return Number.NaN;
    exponent = point - at;
  }
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    at++;
    const sign = bytes[at] === 0x2d ? -1 : 1;
    if (sign < 0 || bytes[at] === 0x2b) at++;
    const first = at;
    let written = 0;
    for (; at < end && isDigit(bytes[at]!); at++) written = written * 10 + (bytes[at]! - ZERO);
    if (at === first) return Number.NaN;
    exponent += sign * written;
  }
  if (at !== end) return Number.NaN;
  if (digits === 0) exponent = 0;
  for (; exponent < 0 && digits % 10 === 0; exponent++) digits /= 10;
  if (exponent < 0 || exponent > SAFE_DIGITS) return Number.NaN;
  const value = digits * POWERS[exponent]!;
  if (value >= 1e15) return Number.NaN;
  return from === start ? value : -value;
}

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

/**
 * Returns the digits of a number's magnitude without point, exponent and leading zeros. Undefined when it is not an
 * integer or has more than 20 digits.
 */
function plainDigits(text: string): string | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const [, fraction = '', exponent = '0'] = match;
  const from = text.charCodeAt(0) === 0x2d ? 1 : 0;
  let whole = text.length;
  if (match[1] !== undefined) whole = text.indexOf('.');
  else if (match[2] !== undefined) whole = text.search(/[eE]/);
  const digits = text.slice(from, whole) + fraction;
  let start = 0;
  let end = digits.length;
  while (start < end && digits.charCodeAt(start) === ZERO) start++;
  while (end > start && digits.charCodeAt(end - 1) === ZERO) end--;
  if (start === end) return '0';
  const length = whole - from - start + Number(exponent);
  if (length > MAX_DIGITS || length < end - start) return undefined;
  return digits.slice(start, end).padEnd(length, '0');
}

function writeLargeInteger(type: IntegerType, digits: string, negative: boolean, writer: WireWriter): boolean {
  const magnitude = {
    upper: Number(digits.slice(0, -LOW_DIGITS)),
    scale: 1e9,
    lower: Number(digits.slice(-LOW_DIGITS)),
  };
  return writeMagnitude(type, magnitude, negative, writer);
}

/** The number of digits of the lower part of a large integer. */
const LOW_DIGITS = 9;

/** The parts of an integer without its sign, which is `upper * scale + lower`. It has at most 20 digits. */
interface Magnitude {
  readonly upper: number;
  readonly scale: number;
  readonly lower: number;
}

/** Writes an integer of more than 15 digits. Returns false, and writes nothing, if it is out of range. */
export function writeMagnitude(
  type: IntegerType,
  { upper, scale, lower }: Magnitude,
  negative: boolean,
  writer: WireWriter,
): boolean {
  const { wide, signed, write } = INTEGERS[type];
  if (!wide || (negative && !signed)) return false;
  // `low` is exact. `high` may be off by one, because `total` is rounded. Then its lower half differs from `low` by almost
  // 2^32.
  const total = upper * scale + lower;
  const low = (Math.imul(upper | 0, scale) + lower) >>> 0;
  let high = Math.floor(total / 0x100000000);
  const error = low - (total - high * 0x100000000);
  if (error > 0x80000000) high--;
  else if (error < -0x80000000) high++;
  if (high > 0xffffffff) return false;
  if (!signed) {
    write(writer, low | 0, high | 0);
    return true;
  }
  if (high >= 0x80000000 && !(negative && high === 0x80000000 && low === 0)) return false;
  if (!negative) write(writer, low | 0, high | 0);
  else write(writer, -low | 0, (low === 0 ? -high : ~high) | 0);
  return true;
}

/** Returns the number that a text means. Undefined when the text is not a number or is out of range. */
export function parseFloating(scalar: 'double' | 'float', text: string): number | undefined {
  if (text === 'NaN') return Number.NaN;
  if (text === 'Infinity') return Number.POSITIVE_INFINITY;
  if (text === '-Infinity') return Number.NEGATIVE_INFINITY;
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(scalar === 'float' ? Math.fround(value) : value) ? value : undefined;
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** True if the text is base64, standard or URL-safe, with or without padding. */
function isBase64(text: string): boolean {
  if (!BASE64.test(text)) return false;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (padding > 0) return text.length % 4 === 0;
  return text.length % 4 !== 1;
}

/** Writes the number of an enum. Returns false if it is not an int32, or if a closed enum does not know it. */
export function writeEnumNumber(type: EnumDescriptor, text: string, writer: WireWriter): boolean {
  if (!type.closed) return writeInteger('int32', text, writer);
  const digits = plainDigits(text);
  if (digits === undefined) return false;
  const number = text.startsWith('-') ? -Number(digits) : Number(digits);
  return type.nameOf(number) !== undefined && writeSmallInteger('int32', number, writer);
}

/** Writes the value of a text without a tag. Returns false, and writes nothing, if the text is no value of the type. */
export function writeScalarText(scalar: ScalarType, text: string, writer: WireWriter): boolean {
  switch (scalar) {
    case 'string':
      writer.string(text);
      return true;
    case 'bytes':
      if (!isBase64(text)) return false;
      writer.base64(text);
      return true;
    case 'bool':
      if (text !== 'true' && text !== 'false') return false;
      writer.uint32(text === 'true' ? 1 : 0);
      return true;
    case 'double':
    case 'float': {
      const value = parseFloating(scalar, text);
      if (value === undefined) return false;
      if (scalar === 'double') writer.double(value);
      else writer.float(value);
      return true;
    }
    default:
      return writeInteger(scalar, text, writer);
  }
}

/** Returns a description of the texts that a scalar accepts, for error texts. */
export function expectedScalar(scalar: ScalarType): string {
  if (scalar === 'bool') return 'true or false';
  return scalar === 'bytes' ? 'base64' : scalar;
}
