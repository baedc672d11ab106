/**
 * This module reads one scalar of a message from its bytes, as the text that a `require` compares. It decodes nothing
 * else.
 *
 *     [request.book, Book.name]  over  UpdateBookRequest { 1: book { 1: "shelves/1" } }  →  shelves/1
 */
import { BrokenWire, WIRE_GROUP, WIRE_LENGTH, WireReader } from '../codec/wire-reader.js';
import type { EnumDescriptor, FieldDescriptor, ScalarType } from '../schema/descriptor.js';

/** The most levels of nested groups that are skipped. Deeper ones throw BrokenWire. */
const MAX_DEPTH = 100;

/**
 * Returns the text of the singular scalar or enum at the end of `path`: integers in decimal, enums by their name, bytes
 * in base64. For an unset field it returns the default, or undefined if the field has presence. If there are several
 * values, the last one counts, as everywhere in protobuf. Throws BrokenWire.
 */
export function readFieldText(wire: Uint8Array, path: readonly FieldDescriptor[]): string | undefined {
  const reader = new WireReader(wire);
  return valueIn(reader, path, 0) ?? defaultText(path[path.length - 1]!);
}

/**
 * Returns the text of one encoded value of a scalar or enum, without its tag. Without a value it returns the default,
 * or undefined if the field has presence.
 */
export function valueText(
  field: Pick<FieldDescriptor, 'type' | 'presence'>,
  value: Uint8Array | undefined,
): string | undefined {
  if (value === undefined) return defaultText(field);
  const { type } = field;
  if (type.kind !== 'scalar' || (type.scalar !== 'string' && type.scalar !== 'bytes')) {
    return scalarText(new WireReader(value), 0, field);
  }
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return bytes.toString(type.scalar === 'bytes' ? 'base64' : 'utf8');
}

/** Returns the text of the field's last value in the reader's range. Undefined when there is none. */
function valueIn(reader: WireReader, path: readonly FieldDescriptor[], index: number): string | undefined {
  const field = path[index]!;
  let text: string | undefined;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag >>> 3 !== field.number) reader.skip(tag, MAX_DEPTH);
    else if (index < path.length - 1) text = nested(reader, tag, path, index) ?? text;
    else text = scalarText(reader, tag, field);
  }
  return text;
}

function nested(reader: WireReader, tag: number, path: readonly FieldDescriptor[], index: number): string | undefined {
  const { end } = reader;
  let start: number;
  let contentEnd: number;
  let after: number;
  if ((tag & 7) === WIRE_LENGTH) {
    const length = reader.length();
    start = reader.at;
    contentEnd = start + length;
    after = contentEnd;
  } else if ((tag & 7) === WIRE_GROUP) {
    start = reader.at;
    contentEnd = reader.group(tag, MAX_DEPTH);
    after = reader.at;
  } else throw new BrokenWire(`wire type ${tag & 7} of a message at byte ${reader.at}`);
  reader.enter(start, contentEnd);
  const text = valueIn(reader, path, index + 1);
  reader.enter(after, end);
  return text;
}

function scalarText(reader: WireReader, tag: number, { type }: Pick<FieldDescriptor, 'type'>): string {
  if (type.kind === 'message') throw new TypeError('expected a path to a scalar');
  if (type.kind === 'enum') {
    reader.varint();
    return enumText(type.enum, reader.low | 0);
  }
  if ((tag & 7) === WIRE_LENGTH) {
    const length = reader.length();
    const bytes = Buffer.from(reader.bytes.buffer, reader.bytes.byteOffset + reader.at, length);
    reader.at += length;
    return bytes.toString(type.scalar === 'bytes' ? 'base64' : 'utf8');
  }
  return numberText(reader, type.scalar);
}

function numberText(reader: WireReader, scalar: ScalarType): string {
  switch (scalar) {
    case 'double':
      reader.fixed64();
      return String(reader.view.getFloat64(reader.at - 8, true));
    case 'float':
      reader.fixed32();
      return String(reader.view.getFloat32(reader.at - 4, true));
    case 'fixed64':
    case 'sfixed64':
      reader.fixed64();
      return integerText(reader, scalar === 'sfixed64');
    case 'fixed32':
      reader.fixed32();
      return String(reader.low);
    case 'sfixed32':
      reader.fixed32();
      return String(reader.low | 0);
    case 'bool':
      reader.varint();
      return String(reader.low !== 0 || reader.high !== 0);
    case 'uint32':
      reader.varint();
      return String(reader.low);
    case 'int32':
      reader.varint();
      return String(reader.low | 0);
    case 'sint32':
      reader.varint();
      return String((reader.low >>> 1) ^ -(reader.low & 1));
    case 'sint64': {
      reader.varint();
      const zigzag = BigInt(reader.high) * 0x100000000n + BigInt(reader.low);
      return String((zigzag >> 1n) ^ -(zigzag & 1n));
    }
    default:
      reader.varint();
      return integerText(reader, scalar === 'int64');
  }
}

function integerText({ low, high }: WireReader, signed: boolean): string {
  const value = BigInt(high) * 0x100000000n + BigInt(low);
  return String(signed ? BigInt.asIntN(64, value) : value);
}

function enumText(type: EnumDescriptor, number: number): string {
  return type.nameOf(number) ?? String(number);
}

function defaultText({ type, presence }: Pick<FieldDescriptor, 'type' | 'presence'>): string | undefined {
  if (presence !== 'implicit') return undefined;
  if (type.kind === 'enum') return enumText(type.enum, 0);
  if (type.kind !== 'scalar' || type.scalar === 'string' || type.scalar === 'bytes') return '';
  return type.scalar === 'bool' ? 'false' : '0';
}
