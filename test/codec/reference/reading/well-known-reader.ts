/**
 * This module reads the well-known types whose JSON is not an object of their fields (ProtoJSON): Timestamp, Duration,
 * FieldMask and wrappers from text; Struct, Value and ListValue from any JSON. All readers write a message's contents
 * without tag and length.
 */

import type { JsonScanner } from '../../../../src/codec/json-scanner.js';
import { Char } from '../../../../src/codec/read-problem.js';
import { writeSmallInteger } from '../../../../src/codec/scalar.js';
import { Wire, type WireWriter } from '../../../../src/codec/wire-writer.js';
import { writeMaskPaths } from './mask-path.js';

/** A message whose JSON is a string. */
export interface TextForm {
  /** A description of the expected text, for error texts. */
  readonly expected: string;
  /**
   * Writes the contents. Returns false if the text is not a value of the type; some bytes may have been written then.
   */
  write(text: string, writer: WireWriter): boolean;
}

const TEXT_FORMS: ReadonlyMap<string, TextForm> = new Map([
  ['google.protobuf.Timestamp', { expected: 'a Timestamp such as 2026-01-02T03:04:05Z', write: writeTimestamp }],
  ['google.protobuf.Duration', { expected: 'a Duration such as 3.5s', write: writeDuration }],
  ['google.protobuf.FieldMask', { expected: 'a FieldMask such as title,author.displayName', write: writeMaskPaths }],
]);

export function textFormOf(fullName: string): TextForm | undefined {
  return TEXT_FORMS.get(fullName);
}

/** The seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, which are the limits of a Timestamp. */
const MIN_SECONDS = -62135596800;
const MAX_SECONDS = 253402300799;

/** Parses RFC 3339 (section 5.6) with at most nine digits of a second. */
function writeTimestamp(text: string, writer: WireWriter): boolean {
  const year = digitsAt(text, 0, 4);
  const month = digitsAt(text, 5, 2);
  const day = digitsAt(text, 8, 2);
  const hour = digitsAt(text, 11, 2);
  const minute = digitsAt(text, 14, 2);
  const second = digitsAt(text, 17, 2);
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':' || text[16] !== ':') return false;
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return false;
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return false;
  const zone = endOfFraction(text, 19);
  const offset = zoneOffset(text, zone);
  // Date.UTC takes years below 100 for 19xx; 400 years are a whole number of days that repeat.
  const local = Date.UTC(year + 400, month - 1, day, hour, minute, second) / 1000 - 12622780800;
  const seconds = local - offset;
  if (!(seconds >= MIN_SECONDS && seconds <= MAX_SECONDS)) return false;
  writeSecondsAndNanos(seconds, nanosAt(text, 19, zone), writer);
  return true;
}

/** Returns the number that `count` digits at `at` are; NaN if there are not that many. */
function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Returns where a fraction of a second with one to nine digits ends; `at` if there is none. */
function endOfFraction(text: string, at: number): number {
  if (text[at] !== '.') return at;
  let end = at + 1;
  while (end <= at + 9 && !Number.isNaN(digitsAt(text, end, 1))) end++;
  return end > at + 1 ? end : at;
}

/** Returns the nanoseconds of the fraction between `at` and `end`. */
function nanosAt(text: string, at: number, end: number): number {
  return end === at ? 0 : digitsAt(text, at + 1, end - at - 1) * 10 ** (10 - (end - at));
}

/** Returns the seconds that a zone such as `Z` or `+01:00`, at the end of the text, is ahead of UTC; NaN if it is none. */
function zoneOffset(text: string, at: number): number {
  if (text[at] === 'Z' && text.length === at + 1) return 0;
  const hours = digitsAt(text, at + 1, 2);
  const minutes = digitsAt(text, at + 4, 2);
  const isZone = text.length === at + 6 && text[at + 3] === ':' && hours <= 23 && minutes <= 59;
  if (!isZone || (text[at] !== '+' && text[at] !== '-')) return Number.NaN;
  return (text[at] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** The limit of a Duration, which is about 10,000 years (duration.proto). */
const MAX_DURATION_SECONDS = 315576000000;

/** Parses seconds such as `-1.5s`, with one to twelve digits before the point. */
function writeDuration(text: string, writer: WireWriter): boolean {
  const from = text[0] === '-' ? 1 : 0;
  let end = from;
  while (end < from + 12 && !Number.isNaN(digitsAt(text, end, 1))) end++;
  const seconds = digitsAt(text, from, end - from);
  const unit = endOfFraction(text, end);
  if (end === from || text[unit] !== 's' || text.length !== unit + 1 || seconds > MAX_DURATION_SECONDS) return false;
  const nanos = nanosAt(text, end, unit);
  writeSecondsAndNanos(from === 1 ? -seconds : seconds, from === 1 ? -nanos : nanos, writer);
  return true;
}

function writeSecondsAndNanos(seconds: number, nanos: number, writer: WireWriter): void {
  if (seconds !== 0) {
    writer.tag(1, Wire.VARINT);
    writeSmallInteger('int64', seconds, writer);
  }
  if (nanos !== 0) {
    writer.tag(2, Wire.VARINT);
    writeSmallInteger('int32', nanos, writer);
  }
}

/** Reads any JSON value as the contents of one of the three types of struct.proto. */
export interface StructReader {
  value(depth: number): void;
  struct(depth: number): void;
  list(depth: number): void;
}

/** The tags of struct.proto: of the entries of a Struct, of their keys and of the values of a list; of an entry's value; and of a Value's members. */
const ENTRY_TAG = (1 << 3) + Wire.LEN;
const ENTRY_VALUE_TAG = (2 << 3) + Wire.LEN;
const STRUCT_TAG = (5 << 3) + Wire.LEN;
const LIST_TAG = (6 << 3) + Wire.LEN;

export function createStructReader(scanner: JsonScanner, writer: WireWriter): StructReader {
  return { value, struct, list };

  function value(depth: number): void {
    switch (scanner.peek()) {
      case Char.N:
        scanner.literal('null');
        writer.tag(1, Wire.VARINT);
        writer.uint32(0);
        return;
      case Char.QUOTE:
        writer.tag(3, Wire.LEN);
        scanner.copyString(writer);
        return;
      case Char.T:
        scanner.literal('true');
        writer.tag(4, Wire.VARINT);
        writer.uint32(1);
        return;
      case Char.F:
        scanner.literal('false');
        writer.tag(4, Wire.VARINT);
        writer.uint32(0);
        return;
      case Char.OPEN_OBJECT:
      case Char.OPEN_LIST:
        writer.join(nested(depth));
        return;
      default:
        number();
    }
  }

  function number(): void {
    const at = scanner.pos;
    const parsed = scanner.readNumber();
    if (!Number.isFinite(parsed)) throw scanner.unfit('a finite number', at);
    writer.tag(2, Wire.FIXED64);
    writer.double(parsed);
  }

  function struct(depth: number): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    if (scanner.isEmpty(Char.CLOSE_OBJECT)) return;
    const keys = scanner.keys.push();
    do {
      const entry = writer.begin(ENTRY_TAG);
      writer.uint32(ENTRY_TAG);
      scanner.copyKey(keys, writer);
      scanner.colon();
      part(ENTRY_VALUE_TAG, depth + 1);
      writer.join(entry);
    } while (scanner.hasMore(Char.CLOSE_OBJECT));
    scanner.keys.pop();
  }

  function list(depth: number): void {
    scanner.open(Char.OPEN_LIST, depth);
    if (scanner.isEmpty(Char.CLOSE_LIST)) return;
    do part(ENTRY_TAG, depth + 1);
    while (scanner.hasMore(Char.CLOSE_LIST));
  }

  /** Reads a value, and writes it as a part with a tag. */
  function part(tag: number, depth: number): void {
    const start = writer.begin(tag);
    const byte = scanner.peek();
    if (byte === Char.OPEN_OBJECT || byte === Char.OPEN_LIST) writer.joinBoth(start, nested(depth));
    else {
      value(depth);
      writer.join(start);
    }
  }

  /** Reads an object or a list as a member of a Value. Returns the start of its part. */
  function nested(depth: number): number {
    const isObject = scanner.peek() === Char.OPEN_OBJECT;
    const start = writer.begin(isObject ? STRUCT_TAG : LIST_TAG);
    if (isObject) struct(depth);
    else list(depth);
    return start;
  }
}
