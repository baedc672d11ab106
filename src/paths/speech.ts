/**
 * What a message says of a field. A message behind the first of its stream need not say again what the first one said; but
 * for most types it is the same on the wire to leave a field out and to give it its default:
 *
 *     a bool, an enum or a number                 cannot be left out: who reads the message sees false or 0
 *     a string or bytes without presence          is left out where it is empty
 *     a string or bytes with presence, a message  is left out where it is absent
 *     each of these in a oneof                    is not left out where another member is set: that one speaks of it too
 */
import { BrokenWire, WIRE_GROUP, WIRE_LENGTH, WireReader } from '../codec/wire-reader.js';
import type { FieldDescriptor } from '../schema/descriptor.js';

/** Of one field. Throws BrokenWire. */
export interface Speech {
  /** The message says something of the field, or of a message on the way to it. */
  speaks(message: Uint8Array): boolean;
  /** The message says what the field is, or that it is none. A message on the way may be there without it. */
  decides(message: Uint8Array): boolean;
}

/** `path`: to a singular scalar or enum. */
export function compileSpeech(path: readonly FieldDescriptor[]): Speech {
  const levels = path.map((field) => ({
    field,
    rivals: field.oneof?.fields.filter((other) => other !== field).map(({ number }) => number) ?? [],
  }));
  const decides = (message: Uint8Array) => mentions(new WireReader(message), levels, 0);
  if (path.length > 1) {
    const top = levels.slice(0, 1);
    return { decides, speaks: (message) => mentions(new WireReader(message), top, 0) };
  }
  return { decides, speaks: alwaysSpeaks(path[0]!) ? () => true : decides };
}

/** True for a scalar or enum that can't be left out. */
export function alwaysSpeaks({ type }: FieldDescriptor): boolean {
  return type.kind === 'enum' || (type.kind === 'scalar' && type.scalar !== 'string' && type.scalar !== 'bytes');
}

interface Level {
  readonly field: FieldDescriptor;
  /** Numbers of the other members of its oneof. */
  readonly rivals: readonly number[];
}

/** Nesting of groups that is stepped over. */
const MAX_DEPTH = 100;

/** Whether the reader's range has the last of the fields, or a rival of one of them. */
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

/** At a value of the field: an empty one without presence is none. */
function hasValue(reader: WireReader, tag: number, { presence }: FieldDescriptor): boolean {
  if (presence !== 'implicit' || (tag & 7) !== WIRE_LENGTH) return true;
  const length = reader.length();
  reader.at += length;
  return length > 0;
}

/** At the content of a message. */
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
