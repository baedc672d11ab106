/**
 * This module reads the well-known types whose JSON is a string (ProtoJSON): Timestamp, Duration and FieldMask. The readers
 * write a message's contents without tag and length. The module also lists the wrappers, such as Int32Value.
 */
import type { ScalarType } from '../schema/descriptor.js';
import { writeMaskPaths } from './mask-path.js';
import { Char } from './read-problem.js';
import { isDigit } from './scalar.js';
import { Wire, type WireWriter } from './wire-writer.js';

/** A message whose JSON is a string. */
export interface TextForm {
  /** A description of the expected text, for error texts. */
  readonly expected: string;
  /**
   * Writes the contents for the text `bytes[start, end)`. Returns false if it is not a value of the type; some bytes may have
   * been written then.
   */
  write(bytes: Uint8Array, start: number, end: number, writer: WireWriter): boolean;
}

const TEXT_FORMS: ReadonlyMap<string, TextForm> = new Map([
  ['google.protobuf.Timestamp', { expected: 'a Timestamp such as 2026-01-02T03:04:05Z', write: writeTimestamp }],
  ['google.protobuf.Duration', { expected: 'a Duration such as 3.5s', write: writeDuration }],
  ['google.protobuf.FieldMask', { expected: 'a FieldMask such as title,author.displayName', write: writeMaskPaths }],
]);

const WRAPPERS: ReadonlyMap<string, ScalarType> = new Map([
  ['google.protobuf.DoubleValue', 'double'],
  ['google.protobuf.FloatValue', 'float'],
  ['google.protobuf.Int64Value', 'int64'],
  ['google.protobuf.UInt64Value', 'uint64'],
  ['google.protobuf.Int32Value', 'int32'],
  ['google.protobuf.UInt32Value', 'uint32'],
  ['google.protobuf.BoolValue', 'bool'],
  ['google.protobuf.StringValue', 'string'],
  ['google.protobuf.BytesValue', 'bytes'],
]);

export function textFormOf(fullName: string): TextForm | undefined {
  return TEXT_FORMS.get(fullName);
}

/** Returns the scalar type of a wrapper's `value`. Undefined for other messages. */
export function wrappedScalar(fullName: string): ScalarType | undefined {
  return WRAPPERS.get(fullName);
}

/** The seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, which are the limits of a Timestamp. */
const MIN_SECONDS = -62135596800;
const MAX_SECONDS = 253402300799;

/** Parses a time of RFC 3339 (section 5.6) whose seconds have at most nine decimals, and writes it. */
function writeTimestamp(bytes: Uint8Array, start: number, end: number, writer: WireWriter): boolean {
  if (end - start < SHORTEST_TIMESTAMP) return false;
  const year = digitsAt(bytes, start, 4);
  const month = digitsAt(bytes, start + 5, 2);
  const day = digitsAt(bytes, start + 8, 2);
  const hour = digitsAt(bytes, start + 11, 2);
  const minute = digitsAt(bytes, start + 14, 2);
  const second = digitsAt(bytes, start + 17, 2);
  if (bytes[start + 4] !== Char.MINUS || bytes[start + 7] !== Char.MINUS || bytes[start + 10] !== LETTER_T)
    return false;
  if (bytes[start + 13] !== Char.COLON || bytes[start + 16] !== Char.COLON) return false;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return false;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return false;
  const zone = endOfFraction(bytes, start + 19, end);
  const seconds =
    daysSince1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zoneOffset(bytes, zone, end);
  if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) return false;
  writeSecondsAndNanos(seconds, nanosAt(bytes, start + 19, zone), writer);
  return true;
}

const SHORTEST_TIMESTAMP = '2026-01-02T03:04:05Z'.length;
const PLUS = 0x2b;
const LETTER_T = 0x54;
const LETTER_Z = 0x5a;
const LETTER_S = 0x73;

/** Returns the number that the `count` digits at `at` stand for; NaN if there are not that many. */
function digitsAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = bytes[i]! - Char.ZERO;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Returns the end of a fraction of a second with one to nine digits; `at` if there is none. */
function endOfFraction(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] !== Char.POINT) return at;
  const most = Math.min(end, at + 10);
  let to = at + 1;
  while (to < most && isDigit(bytes[to]!)) to++;
  return to > at + 1 ? to : at;
}

const NANOS_OF_DIGIT = Array.from({ length: 10 }, (_, count) => 10 ** (9 - count));

/** Returns the nanoseconds of the fraction between `at` and `end`. */
function nanosAt(bytes: Uint8Array, at: number, end: number): number {
  return end === at ? 0 : digitsAt(bytes, at + 1, end - at - 1) * NANOS_OF_DIGIT[end - at - 1]!;
}

/** Returns the seconds that a zone such as `Z` or `+01:00`, at the end of the text, is ahead of UTC; NaN if it is none. */
function zoneOffset(bytes: Uint8Array, at: number, end: number): number {
  const sign = bytes[at];
  if (sign === LETTER_Z && end === at + 1) return 0;
  if (end !== at + 6 || (sign !== PLUS && sign !== Char.MINUS) || bytes[at + 3] !== Char.COLON) return Number.NaN;
  const hours = digitsAt(bytes, at + 1, 2);
  const minutes = digitsAt(bytes, at + 4, 2);
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN;
  return (sign === Char.MINUS ? -1 : 1) * (hours * 60 + minutes) * 60;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * Returns the days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so that a leap day is the
 * last day of its year.
 */
function daysSince1970(year: number, month: number, day: number): number {
  const from = month > 2 ? year : year - 1;
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return from * 365 + Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400) + ofYear - 719468;
}

/** The limit of a Duration, which is about 10,000 years (duration.proto). */
const MAX_DURATION_SECONDS = 315576000000;

/** Parses seconds such as `-1.5s`, with one to twelve digits before the point, and writes them. */
function writeDuration(bytes: Uint8Array, start: number, end: number, writer: WireWriter): boolean {
  const isNegative = bytes[start] === Char.MINUS;
  const from = isNegative ? start + 1 : start;
  const most = Math.min(end, from + 12);
  let to = from;
  let seconds = 0;
  for (; to < most && isDigit(bytes[to]!); to++) seconds = seconds * 10 + (bytes[to]! - Char.ZERO);
  const unit = endOfFraction(bytes, to, end);
  if (to === from || unit !== end - 1 || bytes[unit] !== LETTER_S || seconds > MAX_DURATION_SECONDS) return false;
  const nanos = nanosAt(bytes, to, unit);
  writeSecondsAndNanos(isNegative ? -seconds : seconds, isNegative ? -nanos : nanos, writer);
  return true;
}

/** Returns the range that was expected, or undefined if seconds and nanos are a valid value. */
type Range = (seconds: number, nanos: number) => string | undefined;

/** Returns the check of a Timestamp or a Duration; undefined for other messages. */
export function rangeOf(fullName: string): Range | undefined {
  return RANGES.get(fullName);
}

const MAX_NANOS = 999_999_999;

const RANGES: ReadonlyMap<string, Range> = new Map<string, Range>([
  [
    'google.protobuf.Timestamp',
    (seconds, nanos) => {
      if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) return `seconds from ${MIN_SECONDS} to ${MAX_SECONDS}`;
      return nanos < 0 || nanos > MAX_NANOS ? `nanos from 0 to ${MAX_NANOS}` : undefined;
    },
  ],
  [
    'google.protobuf.Duration',
    (seconds, nanos) => {
      if (Math.abs(seconds) > MAX_DURATION_SECONDS)
        return `seconds from -${MAX_DURATION_SECONDS} to ${MAX_DURATION_SECONDS}`;
      if (Math.abs(nanos) > MAX_NANOS) return `nanos from -${MAX_NANOS} to ${MAX_NANOS}`;
      return seconds * nanos < 0 ? 'seconds and nanos of one sign' : undefined;
    },
  ],
]);

function writeSecondsAndNanos(seconds: number, nanos: number, writer: WireWriter): void {
  if (seconds !== 0) {
    writer.tag(1, Wire.VARINT);
    writer.whole(seconds);
  }
  if (nanos !== 0) {
    writer.tag(2, Wire.VARINT);
    writer.whole(nanos);
  }
}
