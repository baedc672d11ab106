/**
 * This module writes the fields of a message in one pass, while they come in the order of their declaration and each in
 * one place. As soon as they do not, the text of the message is taken back, and its fields are put in order first
 * (`write-order.ts`). Then the same code writes them from the spans.
 *
 *     0a 01 61  10 05   of { string name = 1; int32 size = 2; }   →   {"name":"a","size":5}
 */
import { WIRE_LENGTH } from './wire-reader.js';
import { Step, type WriteFrame } from './write-frame.js';
import type { WriteMachine } from './write-machine.js';
import { closeMap, openMap, writeEntry, writeValues } from './write-map.js';
import { writeMessage } from './write-message.js';
import { isOutOfOrder } from './write-order.js';
import { type FieldPlan, Kind, Shape } from './write-plan.js';
import { hasDigits, isDefault, isUnknownEnum, seekLast, writeDigits, writeNumber } from './write-values.js';

/** Writes the next fields of a message until it ends, a frame is pushed, or other requests should run. */
export function moreFields(machine: WriteMachine, frame: WriteFrame): void {
  const plan = frame.plan!;
  const { count } = machine;
  machine.enter(frame.at, frame.end);
  while (machine.count === count && frame.step === Step.FIELDS) {
    if (machine.at >= machine.end && !nextSpan(machine, frame)) return finish(machine, frame);
    if (machine.countRecord()) {
      frame.at = machine.at;
      return;
    }
    const start = machine.at;
    const tag = machine.tag();
    const field = plan.byNumber[tag >>> 3] ?? plan.of(tag >>> 3);
    if (field === undefined || ((tag & 7) !== field.wireType && !field.accepts(tag & 7))) {
      machine.skip(tag, frame.depth);
      continue;
    }
    if (field !== frame.last || field.shape === Shape.SINGULAR) {
      if (field.closed && field.oneof !== undefined && isUnknownEnum(machine, field)) {
        // Such a number is an unknown field, so it does not replace other members.
        machine.skip(tag, frame.depth);
        continue;
      }
      if (!enterField(machine, frame, field)) return;
    }
    if (isHidden(frame, field)) {
      machine.skip(tag, frame.depth);
      continue;
    }
    if (frame.ordered && field.shape === Shape.SINGULAR) writeMerged(machine, frame, field, start);
    else writeRecord(machine, frame, field, tag, start);
    // The reader may be anywhere now.
    machine.at = frame.at;
    machine.end = frame.end;
  }
}

/** Narrows the reader to the next span. Returns false if there is none. */
function nextSpan(machine: WriteMachine, frame: WriteFrame): boolean {
  while (frame.span < frame.spanEnd) {
    const span = frame.span++;
    if (machine.order(span) < 0) continue;
    machine.enterSpan(span);
    frame.end = machine.end;
    return true;
  }
  return false;
}

/**
 * Begins the next field of a message. Returns false if the fields of the message are not in order: then its
 * text is taken back, and it is written again from its beginning.
 */
function enterField(machine: WriteMachine, frame: WriteFrame, field: FieldPlan): boolean {
  const { last } = frame;
  if (last !== undefined && !frame.ordered && (field === last || isOutOfOrder(field, last))) {
    putInOrder(machine, frame);
    return false;
  }
  leaveField(machine, frame);
  frame.last = field;
  if (frame.plan!.hasDefaults) writeDefaults(machine, frame, field.order);
  frame.next = field.order + 1;
  return true;
}

function isHidden({ only, mask }: WriteFrame, field: FieldPlan): boolean {
  if (only !== undefined) return field !== only;
  return mask !== undefined && !mask.has(field.field!);
}

/** Removes the JSON of the message that is written already, and lets its fields be put in order first. */
function putInOrder(machine: WriteMachine, frame: WriteFrame): void {
  if (frame.keys !== undefined) closeMap(machine, frame);
  machine.out.cut(frame.text);
  frame.plan!.unordered = true;
  frame.comma = frame.following;
  frame.last = undefined;
  frame.next = 0;
  frame.open = 0;
  machine.orderFirst(frame);
}

/** Writes one record, or pushes a frame for it. Afterwards `frame.at` is the offset after the record. */
function writeRecord(machine: WriteMachine, frame: WriteFrame, field: FieldPlan, tag: number, start: number): void {
  const mask = frame.only === undefined ? frame.mask?.get(field.field!) : frame.mask;
  if (field.shape === Shape.SINGULAR) {
    if ((field.implicit && isDefault(machine, field)) || (field.closed && isUnknownEnum(machine, field))) {
      machine.skip(tag, frame.depth);
      frame.at = machine.at;
      return writeDefault(machine, frame, field);
    }
    writeKey(machine, frame, field);
  } else if (field.shape === Shape.MAP) {
    if (frame.open === 0) {
      writeKey(machine, frame, field);
      if (!openMap(machine, frame, field, start)) return;
    }
    const length = machine.length();
    const content = machine.at;
    frame.at = content + length;
    return writeEntry(machine, frame, field, content, content + length, mask);
  } else {
    if ((tag & 7) !== field.wireType) return writePacked(machine, frame, field);
    if (field.closed && isUnknownEnum(machine, field)) {
      machine.varint();
      frame.at = machine.at;
      return;
    }
    beginElement(machine, frame, field);
  }
  if (field.kind < Kind.STRING) {
    writeNumber(machine, field);
    frame.at = machine.at;
    return;
  }
  if (field.wireType !== WIRE_LENGTH) {
    const content = machine.at;
    const end = machine.group(tag, frame.depth);
    frame.at = machine.at;
    return writeMessage(machine, field.message, content, end, frame.depth - 1, mask);
  }
  if (field.kind === Kind.STRING) return writeTexts(machine, frame, field, tag);
  const length = machine.length();
  const content = machine.at;
  const end = content + length;
  frame.at = end;
  if (field.kind === Kind.BYTES) machine.base64(content, end);
  else writeMessage(machine, field.message, content, end, frame.depth - 1, mask);
}

/** Writes a string, and the strings of the same list that directly follow it. */
function writeTexts(machine: WriteMachine, frame: WriteFrame, field: FieldPlan, tag: number): void {
  const { count, bytes } = machine;
  const isList = field.shape === Shape.REPEATED && tag < 0x80;
  for (;;) {
    const length = machine.length();
    const start = machine.at;
    machine.at = start + length;
    machine.text(start, machine.at, field.validateUtf8);
    // A long text is left to a frame.
    if (!isList || machine.at >= machine.end || bytes[machine.at] !== tag || machine.count !== count) break;
    if (machine.isTired) break;
    machine.left--;
    machine.at++;
    machine.out.byte(COMMA);
  }
  frame.at = machine.at;
}

function writeKey({ out }: WriteMachine, frame: WriteFrame, field: FieldPlan): void {
  if (frame.only === undefined) out.fixed(frame.comma ? field.nextKey : field.key);
  frame.comma = true;
}

function beginElement(machine: WriteMachine, frame: WriteFrame, field: FieldPlan): void {
  const { out } = machine;
  if (frame.open !== 0) return out.byte(COMMA);
  writeKey(machine, frame, field);
  out.byte(LIST);
  frame.open = LIST_END;
}

/** Closes the list or map that was written. A list without an element that counts is like an unset field. */
function leaveField(machine: WriteMachine, frame: WriteFrame): void {
  if (frame.open === 0) {
    if (frame.last?.shape === Shape.REPEATED) writeDefault(machine, frame, frame.last);
    return;
  }
  machine.out.byte(frame.open);
  frame.open = 0;
  if (frame.keys !== undefined) closeMap(machine, frame);
}

/** Writes the elements of a packed record. */
function writePacked(machine: WriteMachine, frame: WriteFrame, field: FieldPlan): void {
  const length = machine.length();
  const start = machine.at;
  frame.at = start + length;
  const packed = machine.push(Step.PACKED, start, start + length);
  packed.field = field;
  morePacked(machine, packed);
}

/** Goes on with a packed record. The frame below this one is that of the message. */
export function morePacked(machine: WriteMachine, frame: WriteFrame): void {
  const field = frame.field!;
  const { parent } = machine;
  machine.enter(frame.at, frame.end);
  while (machine.at < machine.end) {
    machine.left--;
    if (machine.isTired) {
      frame.at = machine.at;
      return;
    }
    if (field.closed && isUnknownEnum(machine, field)) {
      machine.varint();
      continue;
    }
    beginElement(machine, parent, field);
    if (hasDigits(field)) writeSomeNumbers(machine, field);
    else writeNumber(machine, field);
  }
  machine.pop();
}

/** Writes up to 64 numbers with commas between them. Room for all of them is made once. */
function writeSomeNumbers(machine: WriteMachine, field: FieldPlan): void {
  const { out, end } = machine;
  const most = Math.min(NUMBERS, end - machine.at);
  let to = out.beginNumbers(most);
  const { target } = out;
  let count = 1;
  for (; ; count++) {
    to = writeDigits(machine, field, target, to);
    if (count === most || machine.at >= end) break;
    target.setUint8(to++, COMMA);
  }
  out.endNumbers(to);
  machine.left -= count;
}

/** The most numbers that are written before room for more is made, and before the machine may stop for other requests. */
const NUMBERS = 64;

/**
 * Writes a singular field of a message whose fields were put in order. All its records make one value: the last scalar, or the
 * merged message.
 */
function writeMerged(machine: WriteMachine, frame: WriteFrame, field: FieldPlan, start: number): void {
  const from = machine.top;
  machine.addSpan(0, start, machine.end);
  while (frame.span < frame.spanEnd && machine.order(frame.span) === field.order) {
    const span = frame.span++;
    machine.addSpan(0, machine.start(span), machine.endOf(span));
  }
  frame.at = 0;
  frame.end = 0;
  const mask = frame.only === undefined ? frame.mask?.get(field.field!) : frame.mask;
  if (field.kind !== Kind.MESSAGE && !hasValue(machine, field, from)) {
    machine.top = from;
    return writeDefault(machine, frame, field);
  }
  writeKey(machine, frame, field);
  writeValues(machine, field, from, frame.depth - 1, mask);
}

/** Returns false if the last value is a default that is not shown, or if a closed enum knows none of the values. */
function hasValue(machine: WriteMachine, field: FieldPlan, from: number): boolean {
  if (!seekLast(machine, field, from, machine.top)) return false;
  if (!field.implicit) return true;
  return field.kind < Kind.STRING ? !isDefault(machine, field) : machine.at < machine.end;
}

/** Writes the defaults of the unset fields before `order`, if `emitDefaults` is set. */
function writeDefaults(machine: WriteMachine, frame: WriteFrame, order: number): void {
  if (frame.only !== undefined) return;
  const { declared } = frame.plan!;
  const end = Math.min(order, declared.length);
  for (let next = frame.next; next < end; next++) writeDefault(machine, frame, declared[next]!);
}

function writeDefault(machine: WriteMachine, frame: WriteFrame, field: FieldPlan): void {
  if (field.emitted === undefined || frame.only !== undefined || isHidden(frame, field)) return;
  writeKey(machine, frame, field);
  machine.out.fixed(field.emitted);
}

function finish(machine: WriteMachine, frame: WriteFrame): void {
  leaveField(machine, frame);
  const { only, close } = frame;
  if (only !== undefined) {
    if (!frame.comma) machine.out.fixed(only.unset);
  } else if (frame.plan!.hasDefaults) writeDefaults(machine, frame, Number.POSITIVE_INFINITY);
  if (close !== 0) machine.out.byte(close);
  machine.pop();
}

const LIST = 0x5b;
const LIST_END = 0x5d;
const COMMA = 0x2c;
