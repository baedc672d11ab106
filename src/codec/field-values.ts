/**
 * This module reads and writes the values of one field in a message's bytes, and decodes nothing else. A value is
 * encoded, but has no tag and no length: it is, for example, the bytes of a message or the varint of a number.
 *
 *     ListOrdersResponse { 1: <order> 1: <order> 2: "next" }, field 1   →   [<order>, <order>]
 */

import type { FieldDescriptor } from '../schema/descriptor.js';
import { encodeText } from './bound.js';
import { fieldWireType } from './scalar.js';
import { WIRE_FIXED32, WIRE_FIXED64, WIRE_GROUP, WIRE_LENGTH, WIRE_VARINT, WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** The most levels of nested groups that are skipped. Deeper ones throw BrokenWire. */
const MAX_DEPTH = 100;

/**
 * Returns the values of a field: all elements of a list, all entries of a map, or at most one value otherwise. If a
 * singular field occurs several times, messages are merged and the last scalar counts.
 */
export function fieldValues(message: Uint8Array, field: FieldDescriptor): readonly Uint8Array[] {
  const wireType = fieldWireType(field.cardinality === 'map' ? MAP_ENTRY : field.type);
  const values: Uint8Array[] = [];
  const reader = new WireReader(message);
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if (tag >>> 3 !== field.number) {
      reader.skip(tag, MAX_DEPTH);
      continue;
    }
    const found = tag & 7;
    if (found === WIRE_LENGTH && (wireType === WIRE_LENGTH || isPackable(field))) {
      const length = reader.length();
      const start = reader.at;
      if (wireType === WIRE_LENGTH) values.push(message.subarray(start, start + length));
      else unpack(message, start, start + length, wireType, values);
      reader.at = start + length;
    } else if (found === wireType) {
      const start = reader.at;
      const end = found === WIRE_GROUP ? reader.group(tag, MAX_DEPTH) : void reader.skip(tag, MAX_DEPTH);
      values.push(message.subarray(start, end ?? reader.at));
    } else reader.skip(tag, MAX_DEPTH);
  }
  if (values.length < 2 || field.cardinality !== 'singular') return values;
  return field.type.kind === 'message' ? [Buffer.concat(values)] : values.slice(-1);
}

const MAP_ENTRY = { kind: 'scalar', scalar: 'bytes' } as const;

function isPackable({ cardinality, type }: FieldDescriptor): boolean {
  return cardinality === 'repeated' && type.kind !== 'message';
}

function unpack(message: Uint8Array, start: number, end: number, wireType: number, values: Uint8Array[]): void {
  const reader = new WireReader(message, start, end);
  while (reader.at < end) {
    const from = reader.at;
    if (wireType === WIRE_VARINT) reader.varint();
    else if (wireType === WIRE_FIXED64) reader.fixed64();
    else if (wireType === WIRE_FIXED32) reader.fixed32();
    values.push(message.subarray(from, reader.at));
  }
}

/** Encodes a text as a value of the field, without tag and length. Throws BindError if the text does not fit. */
export function encodeValue(field: FieldDescriptor, text: string): Uint8Array {
  const encoded = encodeText(field, text);
  const reader = new WireReader(encoded);
  switch (fieldWireType(field.type)) {
    case WIRE_LENGTH:
      reader.length();
      return encoded.subarray(reader.at);
    case WIRE_GROUP:
      return encoded.subarray(0, reader.group(field.number * 8 + WIRE_GROUP, MAX_DEPTH));
    default:
      return encoded;
  }
}

/** Writes values as a field, with tags. The default value of a singular field without presence is not written. */
export function writeFieldValues(writer: WireWriter, field: FieldDescriptor, values: readonly Uint8Array[]): void {
  if (values.length === 0) return;
  const { number, cardinality, packed, presence } = field;
  const wireType = fieldWireType(cardinality === 'map' ? MAP_ENTRY : field.type);
  if (cardinality === 'repeated' && packed && wireType !== WIRE_LENGTH) {
    writer.tag(number, WIRE_LENGTH);
    const start = writer.fork();
    for (const value of values) writer.raw(value);
    writer.join(start);
    return;
  }
  for (const value of values) {
    if (cardinality === 'singular' && presence === 'implicit' && isZero(value, wireType)) continue;
    writer.tag(number, wireType);
    if (wireType === WIRE_LENGTH) writer.delimited(value);
    else writer.raw(value);
    if (wireType === WIRE_GROUP) writer.tag(number, WIRE_GROUP + 1);
  }
}

/**
 * True if a value is the default of its type. False for every message, because a message that is present is not a
 * default.
 */
export function isDefaultValue({ type }: Pick<FieldDescriptor, 'type'>, value: Uint8Array): boolean {
  return type.kind !== 'message' && isZero(value, fieldWireType(type));
}

function isZero(value: Uint8Array, wireType: number): boolean {
  if (wireType === WIRE_LENGTH) return value.length === 0;
  // A varint can encode zero with any number of bytes.
  return value.every((byte) => (wireType === WIRE_VARINT ? (byte & 0x7f) === 0 : byte === 0));
}
