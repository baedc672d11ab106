/**
 * This module checks that bytes are a message of a type, as protobuf's own parsers do: the wire format of all known
 * fields, and UTF-8 where it is required. Values that only the JSON mapping forbids, such as a Timestamp out of range,
 * are accepted.
 */
import { isUtf8 } from 'node:buffer';
import type { FieldDescriptor, MessageDescriptor } from '../schema/descriptor.js';
import { BrokenWire, WIRE_GROUP, WIRE_LENGTH, WireReader } from './wire-reader.js';

/**
 * Throws BrokenWire if the bytes are not a message of the type. `maxDepth` is the deepest nesting of messages and
 * groups.
 */
export function validateWire(message: MessageDescriptor, wire: Uint8Array, maxDepth: number): void {
  validate(new WireReader(wire), message, 0, wire.length, maxDepth);
}

function validate(reader: WireReader, message: MessageDescriptor, start: number, end: number, depth: number): void {
  if (depth <= 0) throw new BrokenWire('nested too deep');
  reader.enter(start, end);
  while (reader.at < reader.end) {
    const tag = reader.tag();
    const field = message.field(tag >>> 3);
    const wireType = tag & 7;
    if (field === undefined || (wireType !== WIRE_LENGTH && wireType !== WIRE_GROUP)) {
      reader.skip(tag, depth);
      continue;
    }
    const delimited = field.type.kind === 'message' && field.type.delimited;
    if (wireType === WIRE_GROUP) {
      const from = reader.at;
      const contentEnd = reader.group(tag, depth);
      const next = reader.at;
      if (delimited && field.type.kind === 'message') validate(reader, field.type.message, from, contentEnd, depth - 1);
      reader.enter(next, end);
      continue;
    }
    const length = reader.length();
    const from = reader.at;
    validateLength(reader, field, from, from + length, depth);
    reader.enter(from + length, end);
  }
}

function validateLength(reader: WireReader, field: FieldDescriptor, start: number, end: number, depth: number): void {
  const { type } = field;
  if (field.cardinality === 'map') return validateEntry(reader, field, start, end, depth - 1);
  if (type.kind === 'message') {
    if (!type.delimited) validate(reader, type.message, start, end, depth - 1);
  } else if (type.kind === 'scalar' && type.scalar === 'string') validateText(reader, field, start, end);
  else if (!(type.kind === 'scalar' && type.scalar === 'bytes')) validatePacked(reader, field, start, end);
}

function validateEntry(reader: WireReader, field: FieldDescriptor, start: number, end: number, depth: number): void {
  const { type } = field;
  reader.enter(start, end);
  while (reader.at < reader.end) {
    const tag = reader.tag();
    if ((tag & 7) !== WIRE_LENGTH) {
      reader.skip(tag, depth);
      continue;
    }
    const length = reader.length();
    const from = reader.at;
    const text = tag >>> 3 === 1 ? field.mapKey === 'string' : type.kind === 'scalar' && type.scalar === 'string';
    if (text) validateText(reader, field, from, from + length);
    else if (tag >>> 3 === 2 && type.kind === 'message') validate(reader, type.message, from, from + length, depth);
    reader.enter(from + length, end);
  }
}

/** Checks packed values. Only a repeated field may be packed; in other fields such bytes are an unknown field. */
function validatePacked(reader: WireReader, field: FieldDescriptor, start: number, end: number): void {
  if (field.cardinality !== 'repeated') return;
  const width = fixedWidth(field);
  if (width > 0) {
    if ((end - start) % width !== 0) throw new BrokenWire(`packed values cut at byte ${end}`);
    return;
  }
  reader.enter(start, end);
  while (reader.at < reader.end) reader.varint();
}

function fixedWidth({ type }: FieldDescriptor): number {
  if (type.kind !== 'scalar') return 0;
  if (type.scalar === 'double' || type.scalar.endsWith('fixed64')) return 8;
  return type.scalar === 'float' || type.scalar.endsWith('fixed32') ? 4 : 0;
}

function validateText(
  { bytes }: WireReader,
  { validateUtf8, fullName }: FieldDescriptor,
  start: number,
  end: number,
): void {
  if (!validateUtf8 || isShortAscii(bytes, start, end) || isUtf8(bytes.subarray(start, end))) return;
  throw new BrokenWire(`${fullName}: invalid UTF-8`);
}

/** True if a text is short and ASCII. For short texts a loop is faster than a view of the bytes. */
function isShortAscii(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 64) return false;
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7f) return false;
  return true;
}
