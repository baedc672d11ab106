/**
 * This module reads the well-known types whose JSON is not an object of their fields (ProtoJSON): Timestamp, Duration,
 * FieldMask and wrappers from text; Struct, Value and ListValue from any JSON. All readers write a message's contents
 * without tag and length.
 */
import type { ScalarType } from '../schema/descriptor.js';
import { Char, type JsonScanner } from './json-scanner.js';
import { duplicateKey } from './json-skip.js';
import { maskPaths } from './mask-path.js';
import { parseFloating, writeSmallInteger } from './scalar.js';
import { Wire, type WireWriter } from './wire-writer.js';

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
  ['google.protobuf.FieldMask', { expected: 'a FieldMask such as title,author.displayName', write: writeFieldMask }],
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

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;
/** The seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, which are the limits of a Timestamp. */
const MIN_SECONDS = -62135596800;
const MAX_SECONDS = 253402300799;

function writeTimestamp(text: string, writer: WireWriter): boolean {
  const match = TIMESTAMP.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [offsetHour, offsetMinute] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return false;
  // Date.UTC reads years below 100 as 19xx, so 400 years are added. The calendar repeats after 400 years.
  const local = Date.UTC(year + 400, month - 1, day, hour, minute, second) / 1000 - 12622780800;
  const offset = (offsetHour * 60 + offsetMinute) * 60;
  const seconds = match[8] === '-' ? local + offset : local - offset;
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) return false;
  writeSecondsAndNanos(seconds, nanosOf(match[7]), writer);
  return true;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const DURATION = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/;
/** The limit of a Duration, which is about 10,000 years (duration.proto). */
const MAX_DURATION_SECONDS = 315576000000;

function writeDuration(text: string, writer: WireWriter): boolean {
  const match = DURATION.exec(text);
  if (match === null) return false;
  const seconds = Number(match[2]);
  const nanos = nanosOf(match[3]);
  if (seconds > MAX_DURATION_SECONDS) return false;
  const sign = match[1] === '-' ? -1 : 1;
  writeSecondsAndNanos(sign * seconds, sign * nanos, writer);
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

function nanosOf(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.padEnd(9, '0'));
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

function writeFieldMask(text: string, writer: WireWriter): boolean {
  const paths = maskPaths(text);
  for (const path of paths ?? []) {
    writer.tag(1, Wire.LEN);
    writer.string(path);
  }
  return paths !== undefined;
}

/** Reads any JSON value as the contents of one of the three types of struct.proto. */
export interface StructReader {
  value(depth: number): void;
  struct(depth: number): void;
  list(depth: number): void;
}

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
        framed(5, struct, depth);
        return;
      case Char.OPEN_LIST:
        framed(6, list, depth);
        return;
      default:
        number();
    }
  }

  function number(): void {
    const at = scanner.pos;
    scanner.passNumber();
    const parsed = parseFloating('double', scanner.tokenText());
    if (parsed === undefined) throw scanner.unfit('a finite number', at);
    writer.tag(2, Wire.FIXED64);
    writer.double(parsed);
  }

  function struct(depth: number): void {
    scanner.open(Char.OPEN_OBJECT, depth);
    if (scanner.isEmpty(Char.CLOSE_OBJECT)) return;
    const keys = new Set<string>();
    do {
      const key = scanner.readKey();
      if (keys.has(key)) throw duplicateKey(scanner.tokenStart);
      keys.add(key);
      scanner.colon();
      writer.tag(1, Wire.LEN);
      const entry = writer.fork();
      writer.tag(1, Wire.LEN);
      writer.string(key);
      framed(2, value, depth + 1);
      writer.join(entry);
    } while (scanner.hasMore(Char.CLOSE_OBJECT));
  }

  function list(depth: number): void {
    scanner.open(Char.OPEN_LIST, depth);
    if (scanner.isEmpty(Char.CLOSE_LIST)) return;
    do framed(1, value, depth + 1);
    while (scanner.hasMore(Char.CLOSE_LIST));
  }

  function framed(number: number, read: (depth: number) => void, depth: number): void {
    writer.tag(number, Wire.LEN);
    const start = writer.fork();
    read(depth);
    writer.join(start);
  }
}
