/**
 * This module finds out whether a message sets a field. A message after the first of its stream need not repeat what the first
 * one set. But for most types, a field that is left out and a field that has its default look the same on the wire:
 *
 *     a bool, an enum or a number                 cannot be left out: a reader of the message sees false or 0
 *     a string or bytes without presence          is left out if it is empty
 *     a string or bytes with presence, a message  is left out if it is absent
 *     each of these in a oneof                    is not left out if another member is set: that member unsets the field
 */
import { BrokenWire, WIRE_GROUP, WIRE_LENGTH, WireReader } from '../codec/wire-reader.js';
import type { FieldDescriptor } from '../schema/descriptor.js';

/** The checks for one field. They throw BrokenWire for broken bytes. */
export interface FieldPresence {
  /**
   * True if the message sets the first field of the path or another member of its oneof, or if that field cannot be
   * left out.
   */
  isSet(message: Uint8Array): boolean;
  /**
   * True if the message sets the field itself, or a member of a oneof that excludes it. A message on the path may be
   * there without the field.
   */
  decides(message: Uint8Array): boolean;
}

/** Compiles the checks for the field at the end of `path`, a singular scalar or enum. */
export function compilePresence(path: readonly FieldDescriptor[]): FieldPresence {
  const levels = path.map((field) => ({
    field,
    rivals: field.oneof?.fields.filter((other) => other !== field).map(({ number }) => number) ?? [],
  }));
  const decides = (message: Uint8Array) => mentions(new WireReader(message), levels, 0);
  if (path.length > 1) {
    const top = levels.slice(0, 1);
    return { decides, isSet: (message) => mentions(new WireReader(message), top, 0) };
  }
  return { decides, isSet: isAlwaysSet(path[0]!) ? () => true : decides };
}

/** True for a bool, an enum or a number, which cannot be left out. */
export function isAlwaysSet({ type }: FieldDescriptor): boolean {
  return type.kind === 'enum' || (type.kind === 'scalar' && type.scalar !== 'string' && type.scalar !== 'bytes');
}

interface Level {
  readonly field: FieldDescriptor;
  /** The numbers of the other members of the field's oneof. */
  readonly rivals: readonly number[];
}

/** The most levels of nested groups that are skipped. Deeper ones throw BrokenWire. */
const MAX_DEPTH = 100;

/** True if the reader's range contains the last of the fields, or another member of the oneof of one of them. */
function mentions(reader: WireReader, levels: readonly Level[], index: number): boolean {
  const { field, rivals } = levels[index]!;
  while (reader.at < reader.end) {
    const tag = reader.tag();
    const number = tag >>> 3;
    if (rivals.includes(number)) return true;
    if (number !== field.number) reader.skip(tag, MAX_DEPTH);
    else if (index === levels.length - 1 ? hasValue(reader, tag, field) : mentionsInside(reader, tag, levels, index))
      return true;
  }
  return false;
}

/** True if the value at the reader counts. An empty value of a field without presence does not. */
function hasValue(reader: WireReader, tag: number, { presence }: FieldDescriptor): boolean {
  if (presence !== 'implicit' || (tag & 7) !== WIRE_LENGTH) return true;
  const length = reader.length();
  reader.at += length;
  return length > 0;
}

/**
 * True if the message at the reader contains the last of the fields, or another member of a oneof of them. Moves the reader
 * past the message.
 */
function mentionsInside(reader: WireReader, tag: number, levels: readonly Level[], index: number): boolean {
  const { end } = reader;
  const isGroup = (tag & 7) === WIRE_GROUP;
  if (!isGroup && (tag & 7) !== WIRE_LENGTH) {
    throw new BrokenWire(`wire type ${tag & 7} of a message at byte ${reader.at}`);
  }
  const length = isGroup ? 0 : reader.length();
  const start = reader.at;
  const contentEnd = isGroup ? reader.group(tag, MAX_DEPTH) : start + length;
  const after = isGroup ? reader.at : contentEnd;
  reader.enter(start, contentEnd);
  const found = mentions(reader, levels, index + 1);
  reader.enter(after, end);
  return found;
}
