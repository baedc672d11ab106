/** This module writes the types whose JSON is not an object of their fields (ProtoJSON), from the wire format. */

import { writeCamelCase } from '../../../src/codec/mask-path.js';
import {
  BrokenWire,
  utf8Text,
  WIRE_FIXED64,
  WIRE_LENGTH,
  WIRE_VARINT,
  type WireReader,
} from '../../../src/codec/wire-reader.js';
import type { WireSource } from '../../../src/codec/wire-source.js';
import type { MessageDescriptor } from '../../../src/schema/descriptor.js';
import type { JsonWriter } from './json-writer.js';
import type { MessageWriter, WriteMessage, Writers } from './message-writer.js';
import { numberJson } from './scalar-writer.js';

const PREFIX = 'google.protobuf.';

const WRAPPER = /^(Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value$/;

/** Returns the writer of a well-known type. Undefined for all others. `plain` writes the type's fields. */
export function wellKnownWriter(
  message: MessageDescriptor,
  writers: Writers,
  plain: MessageWriter,
): WriteMessage | undefined {
  if (!message.fullName.startsWith(PREFIX)) return undefined;
  const name = message.fullName.slice(PREFIX.length);
  if (WRAPPER.test(name)) return bare(message, 'value', plain);
  switch (name) {
    case 'Timestamp':
      return writeTimestamp;
    case 'Duration':
      return writeDuration;
    case 'FieldMask':
      return writeFieldMask;
    case 'Any':
      return anyWriter(writers);
    case 'Struct':
      return bare(message, 'fields', plain);
    case 'ListValue':
      return bare(message, 'values', plain);
    case 'Value':
      return valueWriter(message, plain, writers);
    default:
      return undefined;
  }
}

/** Returns the writer of a message whose JSON is the value of its only field. */
function bare(message: MessageDescriptor, name: string, plain: MessageWriter): WriteMessage {
  const field = message.fieldNamed(name);
  const nests = field !== undefined && field.cardinality !== 'singular';
  return (source, from, to, out, depth) => {
    if (field === undefined) throw new BrokenWire(`${message.fullName} has no field ${name}`);
    if (nests && depth <= 0) throw new BrokenWire('nested too deep');
    plain.writeField(source, from, to, field, out, depth);
  };
}

/** Reads `seconds` (int64 = 1) and `nanos` (int32 = 2) of a Timestamp or Duration. */
function secondsAndNanos(source: WireSource, from: number, to: number): { seconds: number; nanos: number } {
  let seconds = 0;
  let nanos = 0;
  for (let piece = from; piece < to; piece++) {
    source.enterSpan(piece);
    while (source.at < source.end) {
      const tag = source.tag();
      source.skip(tag, 1);
      if (tag === (1 << 3) + WIRE_VARINT) seconds = (source.high | 0) * 0x1_0000_0000 + source.low;
      else if (tag === (2 << 3) + WIRE_VARINT) nanos = source.low | 0;
    }
  }
  return { seconds, nanos };
}

/** The seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, which are the limits of a Timestamp. */
const MIN_TIMESTAMP = -62_135_596_800;
const MAX_TIMESTAMP = 253_402_300_799;
const MAX_DURATION = 315_576_000_000;
const MAX_NANOS = 999_999_999;

const writeTimestamp: WriteMessage = (source, from, to, out) => {
  const { seconds, nanos } = secondsAndNanos(source, from, to);
  if (seconds < MIN_TIMESTAMP || seconds > MAX_TIMESTAMP || nanos < 0 || nanos > MAX_NANOS) {
    throw new BrokenWire(`Timestamp out of range: ${seconds} s, ${nanos} ns`);
  }
  const day = Math.floor(seconds / 86_400);
  const second = seconds - day * 86_400;
  out.byte(QUOTE);
  writeDate(day, out);
  out.byte(0x54);
  out.padded(Math.floor(second / 3600), 2);
  out.byte(COLON);
  out.padded(Math.floor(second / 60) % 60, 2);
  out.byte(COLON);
  out.padded(second % 60, 2);
  writeFraction(nanos, out);
  out.byte(0x5a);
  out.byte(QUOTE);
};

/** The days from 0000-03-01 to 1970-01-01, and the days of 400 years. */
const EPOCH_DAYS = 719_468;
const ERA_DAYS = 146_097;

/**
 * Writes a date such as `2026-11-30`. `day` counts from 1970-01-01. The calculation uses years that begin in March, so
 * that a leap day is the last day of its year.
 */
function writeDate(day: number, out: JsonWriter): void {
  const days = day + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const dayOfEra = days - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  out.padded(era * 400 + yearOfEra + (month <= 2 ? 1 : 0), 4);
  out.byte(DASH);
  out.padded(month, 2);
  out.byte(DASH);
  out.padded(dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1, 2);
}

const writeDuration: WriteMessage = (source, from, to, out) => {
  const { seconds, nanos } = secondsAndNanos(source, from, to);
  const mixed = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
  if (Math.abs(seconds) > MAX_DURATION || Math.abs(nanos) > MAX_NANOS || mixed) {
    throw new BrokenWire(`Duration out of range: ${seconds} s, ${nanos} ns`);
  }
  out.byte(QUOTE);
  if (seconds < 0 || nanos < 0) out.byte(DASH);
  out.integer(Math.abs(seconds));
  writeFraction(Math.abs(nanos), out);
  out.byte(0x73);
  out.byte(QUOTE);
};

/** Writes the fraction of a second with no, 3, 6 or 9 digits. */
function writeFraction(nanos: number, out: JsonWriter): void {
  if (nanos === 0) return;
  out.byte(0x2e);
  if (nanos % 1_000_000 === 0) out.padded(nanos / 1_000_000, 3);
  else if (nanos % 1000 === 0) out.padded(nanos / 1000, 6);
  else out.padded(nanos, 9);
}

/**
 * Writes the `paths` (repeated string = 1) of a FieldMask in camelCase. A path that camelCase cannot express is an
 * error.
 */
const writeFieldMask: WriteMessage = (source, from, to, out) => {
  let separator = QUOTE;
  for (let piece = from; piece < to; piece++) {
    source.enterSpan(piece);
    while (source.at < source.end) {
      const tag = source.tag();
      if (tag !== (1 << 3) + WIRE_LENGTH) {
        source.skip(tag, 1);
        continue;
      }
      const length = source.length();
      out.byte(separator);
      separator = COMMA;
      if (!writeCamelCase(source.bytes, source.at, source.at + length, out)) {
        throw new BrokenWire('FieldMask: expected paths that can be written in lowerCamelCase, got another one');
      }
      source.at += length;
    }
  }
  if (separator === QUOTE) out.byte(QUOTE);
  out.byte(QUOTE);
};

/**
 * Returns the writer of Value, whose JSON is that of its only member. It does not count as a level of nesting. A Value
 * without a member has no JSON and is an error.
 */
function valueWriter(message: MessageDescriptor, plain: MessageWriter, writers: Writers): WriteMessage {
  const struct = memberWriter(message, 'struct_value', writers);
  const list = memberWriter(message, 'list_value', writers);
  return (source, from, to, out, depth) => {
    if (to - from === 1 && writeOnlyMember(source, from, out, depth)) return;
    let member: number | undefined;
    let number = 0;
    for (let piece = from; piece < to; piece++) {
      source.enterSpan(piece);
      while (source.at < source.end) {
        const tag = source.tag();
        source.skip(tag, depth);
        if (tag >>> 3 <= 6) member = tag >>> 3;
        if (tag === NUMBER_TAG) number = doubleOf(source);
      }
    }
    if (member === 2 && !Number.isFinite(number))
      throw new BrokenWire(`google.protobuf.Value: expected a number that JSON has, got ${numberJson(number)}`);
    const field = member === undefined ? undefined : message.field(member);
    if (field === undefined) throw new BrokenWire('google.protobuf.Value: expected a kind, got none');
    plain.writeField(source, from, to, field, out, depth + 1);
  };

  /** Writes a Value that has exactly one member, as servers send it. Returns false, without output, for any other. */
  function writeOnlyMember(source: WireSource, piece: number, out: JsonWriter, depth: number): boolean {
    source.enterSpan(piece);
    const { end } = source;
    if (source.at === end) return false;
    const tag = source.tag();
    if ((tag & 7) === WIRE_LENGTH) {
      const length = source.length();
      const start = source.at;
      if (start + length !== end) return false;
      if (tag === STRING_TAG) {
        if (!out.utf8(source.bytes, start, end)) throw new BrokenWire('string of invalid UTF-8');
        return true;
      }
      const write = tag === STRUCT_TAG ? struct() : tag === LIST_TAG ? list() : undefined;
      if (write === undefined) return false;
      const content = source.top;
      source.addSpan(0, start, end);
      write(source, content, content + 1, out, depth);
      source.top = content;
      return true;
    }
    source.skip(tag, depth);
    if (source.at !== end) return false;
    if (tag === NULL_TAG) out.ascii('null');
    else if (tag === BOOL_TAG) out.ascii(source.low === 0 && source.high === 0 ? 'false' : 'true');
    else if (tag === NUMBER_TAG) {
      const number = doubleOf(source);
      if (!Number.isFinite(number))
        throw new BrokenWire(`google.protobuf.Value: expected a number that JSON has, got ${numberJson(number)}`);
      if (Number.isSafeInteger(number) && !Object.is(number, -0)) out.integer(number);
      else out.ascii(numberJson(number));
    } else return false;
    return true;
  }
}

/** The tags of a Value's members (struct.proto). */
const NULL_TAG = (1 << 3) + WIRE_VARINT;
const NUMBER_TAG = (2 << 3) + WIRE_FIXED64;
const STRING_TAG = (3 << 3) + WIRE_LENGTH;
const BOOL_TAG = (4 << 3) + WIRE_VARINT;
const STRUCT_TAG = (5 << 3) + WIRE_LENGTH;
const LIST_TAG = (6 << 3) + WIRE_LENGTH;

/** Returns a function that finds the writer of a field's message type, and finds it only once. */
function memberWriter(message: MessageDescriptor, name: string, writers: Writers): () => WriteMessage | undefined {
  let write: WriteMessage | undefined;
  return () => {
    if (write === undefined) {
      const type = message.fieldNamed(name)?.type;
      if (type?.kind === 'message') write = writers.of(type.message).write;
    }
    return write;
  };
}

const DOUBLE = new DataView(new ArrayBuffer(8));

function doubleOf({ low, high }: WireReader): number {
  DOUBLE.setUint32(0, low, true);
  DOUBLE.setUint32(4, high, true);
  return DOUBLE.getFloat64(0, true);
}

/**
 * Returns the writer of Any: `type_url` (string = 1), `value` (bytes = 2). If the schema does not have the type, the
 * bytes are written as base64.
 */
function anyWriter(writers: Writers): WriteMessage {
  return (source, from, to, out, depth) => {
    if (depth <= 0) throw new BrokenWire('nested too deep');
    const { typeUrl, start, end } = anyParts(source, from, to);
    if (typeUrl === '') {
      if (end > start) throw new BrokenWire('google.protobuf.Any: expected a type_url for the value, got none');
      out.ascii('{}');
      return;
    }
    out.ascii('{"@type":');
    out.string(typeUrl);
    const slash = typeUrl.lastIndexOf('/');
    const message = slash < 0 ? undefined : writers.registry.message(typeUrl.slice(slash + 1));
    if (message === undefined) {
      out.ascii(',"value":"');
      out.ascii(Buffer.from(source.bytes.subarray(start, end)).toString('base64'));
      out.ascii('"}');
      return;
    }
    const writer = writers.of(message);
    const content = source.top;
    source.addSpan(0, start, end);
    if (writer.writeFields !== undefined) {
      writer.writeFields(source, content, content + 1, out, depth, undefined, true);
    } else {
      out.ascii(',"value":');
      writer.write(source, content, content + 1, out, depth - 1);
    }
    source.top = content;
    out.ascii('}');
  };
}

function anyParts(source: WireSource, from: number, to: number): { typeUrl: string; start: number; end: number } {
  let typeUrl = '';
  let start = 0;
  let end = 0;
  for (let piece = from; piece < to; piece++) {
    source.enterSpan(piece);
    while (source.at < source.end) {
      const tag = source.tag();
      if ((tag & 7) !== WIRE_LENGTH) {
        source.skip(tag, 1);
        continue;
      }
      const length = source.length();
      const contentStart = source.at;
      source.at += length;
      if (tag >>> 3 === 1) typeUrl = utf8Text(source.bytes.subarray(contentStart, source.at));
      else if (tag >>> 3 === 2) [start, end] = [contentStart, source.at];
    }
  }
  return { typeUrl, start, end };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const DASH = 0x2d;
const COLON = 0x3a;
