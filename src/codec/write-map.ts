/**
 * This module writes maps as JSON. On the wire a map is a list of entries { key = 1, value = 2 }, and the last entry of a key
 * counts. The entries are written as they come, until a key comes again: then the map is written from the start again, and all
 * entries but the last of each key are left out.
 */
import type { FieldMask } from './field-mask.js';
import type { KeyTable } from './key-table.js';
import { BrokenWire, WIRE_GROUP, WIRE_LENGTH } from './wire-reader.js';
import type { WriteFrame } from './write-frame.js';
import type { WriteMachine } from './write-machine.js';
import { writeMessage, writePieces } from './write-message.js';
import { type FieldPlan, Form, Kind } from './write-plan.js';
import { isUnknownEnum, seekLast, writeNumber } from './write-values.js';

/**
 * The parts of the entry that {@link readEntry} read last: the range of its key, the offset of the record of its last value,
 * and the number of its values.
 */
const ENTRY = { keyAt: 0, keyEnd: 0, valueAt: 0, values: 0 };

/** Reads the parts of an entry into ENTRY. */
function readEntry(machine: WriteMachine, field: FieldPlan, start: number, end: number, depth: number): void {
  const key = field.mapKey!;
  const value = field.mapValue!;
  machine.enter(start, end);
  ENTRY.keyAt = start;
  ENTRY.keyEnd = start;
  ENTRY.values = 0;
  while (machine.at < end) {
    const recordAt = machine.at;
    const tag = machine.tag();
    if (tag === 8 + key.wireType) {
      if (key.kind === Kind.STRING) {
        const length = machine.length();
        ENTRY.keyAt = machine.at;
        machine.at += length;
      } else {
        ENTRY.keyAt = machine.at;
        machine.skip(tag, depth);
      }
      ENTRY.keyEnd = machine.at;
    } else {
      machine.skip(tag, depth);
      if (tag !== 16 + value.wireType) continue;
      ENTRY.valueAt = recordAt;
      ENTRY.values++;
    }
  }
}

/** Adds the records of an entry's values as spans. Returns the index of the first one. */
function addValues(machine: WriteMachine, value: FieldPlan, start: number, end: number, depth: number): number {
  const from = machine.top;
  machine.enter(start, end);
  while (machine.at < end) {
    const recordAt = machine.at;
    const tag = machine.tag();
    machine.skip(tag, depth);
    if (tag === 16 + value.wireType) machine.addSpan(0, recordAt, machine.at);
  }
  return from;
}

/** Returns false if a closed enum does not know the value, so that the entry does not replace an earlier one. */
function counts(machine: WriteMachine, value: FieldPlan, start: number, end: number, depth: number): boolean {
  if (!value.closed || ENTRY.values === 0) return true;
  if (ENTRY.values === 1) {
    machine.enter(ENTRY.valueAt, end);
    machine.tag();
    return !isUnknownEnum(machine, value);
  }
  const from = addValues(machine, value, start, end, depth);
  const known = seekLast(machine, value, from, machine.top);
  machine.top = from;
  return known;
}

/**
 * Opens a map, whose name was written. `recordAt` is the offset of its first entry. Returns false if the machine is careful:
 * then the keys of all entries have been read, and the frame is at the first entry again.
 */
export function openMap(machine: WriteMachine, frame: WriteFrame, field: FieldPlan, recordAt: number): boolean {
  machine.out.byte(OPEN);
  frame.open = CLOSE;
  frame.any = false;
  frame.keys = machine.tables.push();
  frame.lastEntries = undefined;
  frame.mapText = machine.out.length;
  frame.mapSpan = frame.span;
  frame.mapAt = recordAt;
  frame.mapEnd = frame.end;
  if (machine.isCareful) beginAgain(machine, frame, field, frame.depth - 1);
  return !machine.isCareful;
}

/** Writes the entry whose content is the range from `start` to `end`, or pushes a frame for its value. */
export function writeEntry(
  machine: WriteMachine,
  frame: WriteFrame,
  field: FieldPlan,
  start: number,
  end: number,
  mask: FieldMask | undefined,
): void {
  const { out } = machine;
  const key = field.mapKey!;
  const value = field.mapValue!;
  const depth = frame.depth - 1;
  readEntry(machine, field, start, end, depth);
  const { keyAt, keyEnd, valueAt, values } = ENTRY;
  if (frame.lastEntries !== undefined) {
    if (getKey(machine, frame.lastEntries, key, keyAt, keyEnd) !== start) return;
  } else {
    if (!counts(machine, value, start, end, depth)) return;
    if (!putKey(machine, frame.keys!, key, keyAt, keyEnd, 0)) return beginAgain(machine, frame, field, depth);
  }
  if (frame.any) out.byte(COMMA);
  frame.any = true;
  writeKey(machine, key, keyAt, keyEnd);
  out.byte(COLON);
  if (values === 1) {
    machine.enter(valueAt, end);
    writeValue(machine, value, machine.tag(), depth, mask);
  } else if (values > 1) {
    const from = addValues(machine, value, start, end, depth);
    writeValues(machine, value, from, depth, mask);
  } else if (value.kind === Kind.MESSAGE && value.message.form !== Form.VALUE) {
    // An entry without a value has an empty message: prost (Rust) omits defaults. An empty Value has no JSON.
    writeMessage(machine, value.message, 0, 0, depth, mask);
  } else out.fixed(value.unset);
}

/**
 * Removes the JSON of the map, records the last entry of each key, and moves the frame to the map's start. So the map is
 * written again without the entries that a later one replaces.
 */
function beginAgain(machine: WriteMachine, frame: WriteFrame, field: FieldPlan, depth: number): void {
  const { plan } = frame;
  const last = frame.keys!;
  machine.out.cut(frame.mapText);
  last.clear();
  let span = frame.mapSpan;
  let at = frame.mapAt;
  let end = frame.mapEnd;
  for (;;) {
    machine.enter(at, end);
    while (machine.at < end) {
      const tag = machine.tag();
      const found = plan!.of(tag >>> 3);
      if (found !== field || (tag & 7) !== WIRE_LENGTH) {
        // In a message whose fields are in order the map ends at another field.
        if (!frame.ordered && found?.accepts(tag & 7) === true && !(found.closed && isUnknownEnum(machine, found)))
          break;
        machine.skip(tag, depth + 1);
        continue;
      }
      const length = machine.length();
      const start = machine.at;
      readEntry(machine, field, start, start + length, depth);
      const { keyAt, keyEnd } = ENTRY;
      if (counts(machine, field.mapValue!, start, start + length, depth)) {
        putKey(machine, last, field.mapKey!, keyAt, keyEnd, start);
      }
      machine.enter(start + length, end);
    }
    if (!frame.ordered || span === frame.spanEnd || machine.order(span) !== field.order) break;
    at = machine.start(span);
    end = machine.endOf(span++);
  }
  frame.lastEntries = last;
  frame.any = false;
  frame.span = frame.mapSpan;
  frame.at = frame.mapAt;
  frame.end = frame.mapEnd;
}

/** Closes the map, and gives its table back. */
export function closeMap(machine: WriteMachine, frame: WriteFrame): void {
  frame.keys = undefined;
  frame.lastEntries = undefined;
  machine.tables.pop();
}

/** Writes one value, whose tag was read, or pushes a frame for it. */
export function writeValue(
  machine: WriteMachine,
  value: FieldPlan,
  tag: number,
  depth: number,
  mask: FieldMask | undefined,
): void {
  if (value.kind < Kind.STRING) return writeNumber(machine, value);
  if ((tag & 7) === WIRE_GROUP) {
    const start = machine.at;
    return writeMessage(machine, value.message, start, machine.group(tag, depth + 1), depth, mask);
  }
  const length = machine.length();
  const start = machine.at;
  if (value.kind === Kind.STRING) machine.text(start, start + length, value.validateUtf8);
  else if (value.kind === Kind.BYTES) machine.base64(start, start + length);
  else writeMessage(machine, value.message, start, start + length, depth, mask);
}

/**
 * Writes the values in the records that lie in the spans from `from` on as one value: the last scalar, or the merged message.
 * The spans are dropped afterwards. If the values are of a closed enum, it must declare at least one of them.
 */
export function writeValues(
  machine: WriteMachine,
  value: FieldPlan,
  from: number,
  depth: number,
  mask: FieldMask | undefined,
): void {
  const to = machine.top;
  if (value.kind !== Kind.MESSAGE) {
    seekLast(machine, value, from, to);
    machine.top = from;
    if (value.kind === Kind.STRING) machine.text(machine.at, machine.end, value.validateUtf8);
    else if (value.kind === Kind.BYTES) machine.base64(machine.at, machine.end);
    else writeNumber(machine, value);
    return;
  }
  for (let span = from; span < to; span++) {
    machine.enterSpan(span);
    while (machine.at < machine.end) {
      const tag = machine.tag();
      if ((tag & 7) === WIRE_GROUP) {
        const start = machine.at;
        machine.addSpan(0, start, machine.group(tag, depth + 1));
        continue;
      }
      const length = machine.length();
      machine.addSpan(0, machine.at, machine.at + length);
      machine.at += length;
    }
  }
  if (machine.top > to + 1) return writePieces(machine, value.message, to, from, depth, mask);
  machine.top = from;
  writeMessage(machine, value.message, machine.start(to), machine.endOf(to), depth, mask);
}

const HALVES = new Int32Array(2);
const NUMBER = new Uint8Array(HALVES.buffer);

/** Reads a key that is a number into NUMBER: equal keys may be encoded in different ways, for example as a longer varint. */
function loadNumber(machine: WriteMachine, { kind, wireType }: FieldPlan, at: number, end: number): void {
  machine.lowBits = 0;
  machine.highBits = 0;
  machine.enter(at, end);
  if (at < end) machine.skip(wireType, 0);
  const { lowBits, highBits } = machine;
  HALVES[0] = kind === Kind.BOOL && (lowBits | highBits) !== 0 ? 1 : lowBits;
  HALVES[1] = kind === Kind.INT64 || kind === Kind.UINT64 || kind === Kind.SINT64 ? highBits : 0;
}

/** Sets the key's number in the table. Returns true if the table had no equal key. */
function putKey(machine: WriteMachine, keys: KeyTable, key: FieldPlan, at: number, end: number, number: number) {
  if (key.kind === Kind.STRING) return keys.put(machine.bytes, at, end, number);
  loadNumber(machine, key, at, end);
  return keys.put(NUMBER, 0, 8, number);
}

function getKey(machine: WriteMachine, keys: KeyTable, key: FieldPlan, at: number, end: number) {
  if (key.kind === Kind.STRING) return keys.get(machine.bytes, at, end);
  loadNumber(machine, key, at, end);
  return keys.get(NUMBER, 0, 8);
}

/** Writes a key as a JSON string. */
function writeKey(machine: WriteMachine, key: FieldPlan, at: number, end: number): void {
  const { out } = machine;
  if (key.kind === Kind.STRING) {
    if (out.utf8(machine.bytes, at, end, machine.view)) return;
    if (key.validateUtf8) throw new BrokenWire(`string of invalid UTF-8 at byte ${at}`);
    return out.string(Buffer.from(machine.bytes.subarray(at, end)).toString('utf8'));
  }
  const isQuoted = key.kind === Kind.INT64 || key.kind === Kind.UINT64 || key.kind === Kind.SINT64;
  if (!isQuoted) out.byte(QUOTE);
  if (at === end) out.fixed(key.unset);
  else {
    machine.enter(at, end);
    writeNumber(machine, key);
  }
  if (!isQuoted) out.byte(QUOTE);
}

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
