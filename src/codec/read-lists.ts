/**
 * This module reads the lists and maps of fields and of struct.proto, as a part of the loop in `json-to-wire.ts`. A function
 * returns when the list ends, when an element is left to a frame, or when other requests should run.
 */
import type { ScalarType } from '../schema/descriptor.js';
import type { KeyTable } from './key-table.js';
import { ENTRY_TAG, readMessage, readStructValue } from './read-contents.js';
import type { ReadFrame } from './read-frame.js';
import type { ReadMachine } from './read-machine.js';
import { Shape } from './read-plan.js';
import { Char, duplicateKey } from './read-problem.js';
import { passUnknownName, readValue } from './read-value.js';
import { expectedScalar, type IntegerType, writeScalarText, writeSmallInteger } from './scalar.js';
import { Wire } from './wire-writer.js';

/**
 * Reads the comma before the next element or member, or the closing bracket. Returns true if there is a next one. There is
 * always a first one, because no frame is pushed for an empty list or object.
 */
export function hasNext({ scanner }: ReadMachine, frame: ReadFrame, close: number): boolean {
  if (!frame.isFirst) return scanner.hasMore(close);
  frame.isFirst = false;
  return true;
}

export function moreScalars(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner, writer } = machine;
  const { value, shape, tag } = frame.member!;
  const isPacked = shape === Shape.PACKED;
  while (hasNext(machine, frame, Char.CLOSE_LIST)) {
    if (value.enum === undefined || !passUnknownName(machine, value)) {
      if (!isPacked) writer.uint32(tag);
      readValue(machine, value);
    }
    if (scanner.pos >= machine.stop) return;
  }
  machine.pop();
}

export function moreMessages(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner } = machine;
  const member = frame.member!;
  while (hasNext(machine, frame, Char.CLOSE_LIST)) {
    if (readMessage(machine, member, frame.depth + 1)) return;
    if (scanner.pos >= machine.stop) return;
  }
  machine.pop();
}

export function moreEntries(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner, writer } = machine;
  const { field, tag, keyTag, entry } = frame.member!;
  const { value } = entry!;
  endEntry(machine, frame);
  while (hasNext(machine, frame, Char.CLOSE_OBJECT)) {
    const start = writer.pos;
    const part = writer.begin(tag);
    writer.uint32(keyTag);
    readMapKey(machine, field.mapKey!, frame.keys!);
    scanner.colon();
    if (value.message !== undefined) {
      if (readMessage(machine, entry!, frame.depth + 1)) {
        frame.entry = part;
        return;
      }
      writer.join(part);
    } else if (value.enum !== undefined && passUnknownName(machine, value)) writer.pos = start;
    else {
      writer.uint32(entry!.tag);
      readValue(machine, value);
      writer.join(part);
    }
    if (scanner.pos >= machine.stop) return;
  }
  scanner.keys.pop();
  machine.pop();
}

/** Writes the length of the map entry whose value was left to a frame, if there is one. */
function endEntry({ writer }: ReadMachine, frame: ReadFrame): void {
  if (frame.entry < 0) return;
  writer.join(frame.entry);
  frame.entry = -1;
}

function readMapKey({ scanner, writer }: ReadMachine, type: ScalarType, keys: KeyTable): void {
  if (type === 'string') return scanner.copyKey(keys, writer);
  const start = writer.pos;
  if (scanner.peek() !== Char.QUOTE) throw scanner.syntax('a key in double quotes');
  const keyAt = scanner.pos;
  const small = type === 'bool' ? Number.NaN : scanner.quotedWhole();
  const written = Number.isNaN(small)
    ? writeScalarText(type, scanner.readString(), writer)
    : writeSmallInteger(type as IntegerType, small, writer);
  if (!written) throw scanner.unfit(`${expectedScalar(type)} as key`, keyAt);
  // `7` and `7.0` are the same key.
  if (!keys.put(writer.bytes, start, writer.pos)) throw duplicateKey(keyAt);
}

const ENTRY_VALUE_TAG = (2 << 3) + Wire.LEN;

export function moreStruct(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner, writer } = machine;
  endEntry(machine, frame);
  while (hasNext(machine, frame, Char.CLOSE_OBJECT)) {
    const entry = writer.begin(ENTRY_TAG);
    writer.byte(ENTRY_TAG);
    scanner.copyKey(frame.keys!, writer);
    scanner.colon();
    const part = writer.begin(ENTRY_VALUE_TAG);
    if (readStructValue(machine, frame.depth + 1)) {
      machine.closeWithLength(part);
      frame.entry = entry;
      return;
    }
    writer.join(part);
    writer.join(entry);
    if (scanner.pos >= machine.stop) return;
  }
  scanner.keys.pop();
  machine.pop();
}

export function moreListValue(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner, writer } = machine;
  while (hasNext(machine, frame, Char.CLOSE_LIST)) {
    const part = writer.begin(ENTRY_TAG);
    if (readStructValue(machine, frame.depth + 1)) {
      machine.closeWithLength(part);
      return;
    }
    writer.join(part);
    if (scanner.pos >= machine.stop) return;
  }
  machine.pop();
}
