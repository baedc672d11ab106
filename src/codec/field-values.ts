/**
 * The values of one field, read from a message's bytes and nothing else of it decoded. A value is what travels, without
 * its tag and length: of a message its bytes, of a number its varint.
 *
 *     ListOrdersResponse { 1: <order> 1: <order> 2: "next" }, field 1   →   [<order>, <order>]
 */

import type { FieldDescriptor } from '../schema/descriptor.js';
import { encodeText } from './bound.js';
import { fieldWireType } from './scalar.js';
import { WIRE_FIXED32, WIRE_FIXED64, WIRE_GROUP, WIRE_LENGTH, WIRE_VARINT, WireReader } from './wire-reader.js';
import type { WireWriter } from './wire-writer.js';

/** Nesting of groups that is stepped over. */
const MAX_DEPTH = 100;

/** Of a list all, of a map its entries, otherwise one or none: pieces of a message are merged, of scalars the last counts. */
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

/** The value that a text stands for. Throws BindError: it does not fit. */
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

/** Writes values as a field, tags included. A lone default without presence is nothing. */
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

/** Whether a value is its type's default; a message that is there is none. */
export function isDefaultValue({ type }: Pick<FieldDescriptor, 'type'>, value: Uint8Array): boolean {
  return type.kind !== 'message' && isZero(value, fieldWireType(type));
}

function isZero(value: Uint8Array, wireType: number): boolean {
  if (wireType === WIRE_LENGTH) return value.length === 0;
  // A varint may say zero at any length.
  return value.every((byte) => (wireType === WIRE_VARINT ? (byte & 0x7f) === 0 : byte === 0));
}
