/** This module writes the types whose JSON is not an object of their fields (ProtoJSON), from the wire format. */
import { isUtf8 } from 'node:buffer';
import type { MessageDescriptor } from '../schema/descriptor.js';
import { camelCasePath } from './mask-path.js';
import type { MessageWriter, Ranges, WriteMessage, Writers } from './message-writer.js';
import { numberJson } from './scalar-writer.js';
import { BrokenWire, WIRE_FIXED64, WIRE_LENGTH, WIRE_VARINT, type WireReader } from './wire-reader.js';

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
      return valueWriter(message, plain);
    default:
      return undefined;
  }
}

/** Returns the writer of a message whose JSON is the value of its only field. */
function bare(message: MessageDescriptor, name: string, plain: MessageWriter): WriteMessage {
  const field = message.fieldNamed(name);
  const nests = field !== undefined && field.cardinality !== 'singular';
  return (source, ranges, out, depth) => {
    if (field === undefined) throw new BrokenWire(`${message.fullName} has no field ${name}`);
    if (nests && depth <= 0) throw new BrokenWire('nested too deep');
    plain.writeField(joined(source, ranges), field, out, depth);
  };
}

/** Returns one reader for all pieces of a message. If there are several, which is rare, they are joined. */
function joined(source: WireReader, ranges: Ranges): WireReader {
  if (ranges.length === 2) {
    source.enter(ranges[0]!, ranges[1]!);
    return source;
  }
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < ranges.length; i += 2) pieces.push(source.bytes.subarray(ranges[i], ranges[i + 1]));
  return source.over(Buffer.concat(pieces));
}

/** Reads `seconds` (int64 = 1) and `nanos` (int32 = 2) of a Timestamp or Duration. */
function secondsAndNanos(source: WireReader, ranges: Ranges): { seconds: number; nanos: number } {
  let seconds = 0;
  let nanos = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    source.enter(ranges[i]!, ranges[i + 1]!);
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

const writeTimestamp: WriteMessage = (source, ranges, out) => {
  const { seconds, nanos } = secondsAndNanos(source, ranges);
  if (seconds < MIN_TIMESTAMP || seconds > MAX_TIMESTAMP || nanos < 0 || nanos > 999_999_999) {
    throw new BrokenWire(`Timestamp out of range: ${seconds} s, ${nanos} ns`);
  }
  const date = new Date(seconds * 1000).toISOString();
  out.ascii(`"${date.slice(0, 19)}${fraction(nanos)}Z"`);
};

const writeDuration: WriteMessage = (source, ranges, out) => {
  const { seconds, nanos } = secondsAndNanos(source, ranges);
  const mixed = (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
  if (Math.abs(seconds) > MAX_DURATION || Math.abs(nanos) > 999_999_999 || mixed) {
    throw new BrokenWire(`Duration out of range: ${seconds} s, ${nanos} ns`);
  }
  const sign = seconds < 0 || nanos < 0 ? '-' : '';
  out.ascii(`"${sign}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s"`);
};

/** Returns the fraction of a second with no, 3, 6 or 9 digits. */
function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  if (digits.endsWith('000000')) return `.${digits.slice(0, 3)}`;
  return digits.endsWith('000') ? `.${digits.slice(0, 6)}` : `.${digits}`;
}

/**
 * Writes the `paths` (repeated string = 1) of a FieldMask in camelCase. A path that camelCase cannot express is an
 * error.
 */
const writeFieldMask: WriteMessage = (source, ranges, out) => {
  const paths: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    source.enter(ranges[i]!, ranges[i + 1]!);
    while (source.at < source.end) {
      const tag = source.tag();
      if (tag !== (1 << 3) + WIRE_LENGTH) {
        source.skip(tag, 1);
        continue;
      }
      const length = source.length();
      const path = camelCasePath(textOf(source.bytes.subarray(source.at, source.at + length)));
      if (path === undefined) throw new BrokenWire('FieldMask: a path that camelCase cannot say');
      paths.push(path);
      source.at += length;
    }
  }
  out.string(paths.join(','));
};

/** Returns the bytes as text. Throws BrokenWire if they are not UTF-8. */
function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new BrokenWire('string of invalid UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/**
 * Returns the writer of Value, whose JSON is that of its only member. It does not count as a level of nesting. A Value
 * without a member has no JSON and is an error.
 */
function valueWriter(message: MessageDescriptor, plain: MessageWriter): WriteMessage {
  return (source, ranges, out, depth) => {
    const reader = joined(source, ranges);
    const { at, end } = reader;
    let member: number | undefined;
    let number = 0;
    while (reader.at < reader.end) {
      const tag = reader.tag();
      reader.skip(tag, depth);
      if (tag >>> 3 <= 6) member = tag >>> 3;
      if (tag === (2 << 3) + WIRE_FIXED64) number = doubleOf(reader);
    }
    if (member === 2 && !Number.isFinite(number))
      throw new BrokenWire(`Value: ${numberJson(number)} is no JSON number`);
    const field = member === undefined ? undefined : message.field(member);
    if (field === undefined) throw new BrokenWire('Value without a kind');
    reader.enter(at, end);
    plain.writeField(reader, field, out, depth + 1);
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
  return (source, ranges, out, depth) => {
    if (depth <= 0) throw new BrokenWire('nested too deep');
    const { typeUrl, start, end } = anyParts(source, ranges);
    if (typeUrl === '') {
      if (end > start) throw new BrokenWire('Any with a value and no type');
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
    if (writer.writeFields !== undefined) {
      writer.writeFields(source, [start, end], out, depth, undefined, false);
    } else {
      out.ascii(',"value":');
      writer.write(source, [start, end], out, depth - 1);
    }
    out.ascii('}');
  };
}

function anyParts(source: WireReader, ranges: Ranges): { typeUrl: string; start: number; end: number } {
  let typeUrl = '';
  let start = 0;
  let end = 0;
  for (let i = 0; i < ranges.length; i += 2) {
    source.enter(ranges[i]!, ranges[i + 1]!);
    while (source.at < source.end) {
      const tag = source.tag();
      if ((tag & 7) !== WIRE_LENGTH) {
        source.skip(tag, 1);
        continue;
      }
      const length = source.length();
      const from = source.at;
      source.at += length;
      if (tag >>> 3 === 1) typeUrl = textOf(source.bytes.subarray(from, source.at));
      else if (tag >>> 3 === 2) [start, end] = [from, source.at];
    }
  }
  return { typeUrl, start, end };
}
