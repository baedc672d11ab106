/**
 * This module begins to read the JSON of a message or of a field. A string, a number or another short value is read at once.
 * For an object or a list that is not empty, a frame is pushed, which the loop in `json-to-wire.ts` reads later: the value is
 * "left to a frame". The functions that return a boolean return true if they pushed a frame.
 */
import type { BoundMessage } from './bound.js';
import { AnyState, Close, type ReadFrame, Step } from './read-frame.js';
import type { ReadMachine } from './read-machine.js';
import { Form, Framing, type MemberPlan, type MessagePlan, Shape } from './read-plan.js';
import { Char } from './read-problem.js';
import { passUnknownName, readTextForm, readValue, readWrapper } from './read-value.js';
import { Wire } from './wire-writer.js';

/**
 * Reads the contents of a message, without tag and length. `depth` is the number of objects and lists around it. Returns true
 * if a frame was pushed that reads the contents.
 */
export function readContents(machine: ReadMachine, plan: MessagePlan, depth: number): boolean {
  const { scanner } = machine;
  switch (plan.form) {
    case Form.OBJECT:
      scanner.open(Char.OPEN_OBJECT, depth);
      if (plan.required.length === 0 && scanner.isEmpty(Char.CLOSE_OBJECT)) return false;
      pushObject(machine, plan, depth, undefined);
      return true;
    case Form.TEXT:
      readTextForm(machine, plan.text!);
      return false;
    case Form.WRAPPER:
      readWrapper(machine, plan.wrappedTag, plan.wrapped!);
      return false;
    case Form.VALUE:
      return readStructValue(machine, depth);
    case Form.STRUCT:
      return openStruct(machine, depth);
    case Form.LIST:
      return openListValue(machine, depth);
    default:
      return openAny(machine, depth);
  }
}

/** Pushes a frame for an object whose opening bracket has been read. */
export function pushObject(
  machine: ReadMachine,
  plan: MessagePlan,
  depth: number,
  bound: BoundMessage | undefined,
): ReadFrame {
  const frame = machine.push(Step.OBJECT, depth);
  frame.start = machine.scanner.pos - 1;
  frame.plan = plan;
  frame.bound = bound;
  frame.member = plan.first;
  frame.base = machine.seen.push(plan.slots);
  frame.inAny = false;
  return frame;
}

function openAny(machine: ReadMachine, depth: number): boolean {
  const { scanner } = machine;
  scanner.open(Char.OPEN_OBJECT, depth);
  const start = scanner.pos - 1;
  if (scanner.isEmpty(Char.CLOSE_OBJECT)) return false;
  const frame = machine.push(Step.ANY, depth);
  frame.start = start;
  frame.state = AnyState.BEGIN;
  return true;
}

/**
 * Reads the value of a field, with tags. `depth` is the number of objects and lists around it. Returns true if a frame was
 * pushed that reads the value.
 */
export function readField(machine: ReadMachine, member: MemberPlan, depth: number): boolean {
  const { writer, scanner } = machine;
  const { value } = member;
  switch (member.shape) {
    case Shape.IMPLICIT: {
      if (value.enum !== undefined && passUnknownName(machine, value)) return false;
      const start = writer.pos;
      writer.uint32(member.tag);
      const valueStart = writer.pos;
      readValue(machine, value);
      if (writer.isDefault(valueStart)) writer.pos = start;
      return false;
    }
    case Shape.SCALAR:
      if (value.enum !== undefined && passUnknownName(machine, value)) return false;
      writer.uint32(member.tag);
      readValue(machine, value);
      return false;
    case Shape.MESSAGE:
      return readMessage(machine, member, depth);
    case Shape.MAP:
      scanner.open(Char.OPEN_OBJECT, depth);
      if (scanner.isEmpty(Char.CLOSE_OBJECT)) return false;
      machine.push(Step.MAP, depth).member = member;
      machine.frame.keys = scanner.keys.push();
      return true;
    case Shape.MESSAGES:
      return openList(machine, Step.MESSAGES, member, depth);
    case Shape.SCALARS:
      return openList(machine, Step.SCALARS, member, depth);
    default:
      if (!openList(machine, Step.SCALARS, member, depth)) return false;
      machine.closeWithLength(writer.begin(member.tag));
      return true;
  }
}

function openList(machine: ReadMachine, step: number, member: MemberPlan, depth: number): boolean {
  const { scanner } = machine;
  scanner.open(Char.OPEN_LIST, depth);
  if (scanner.isEmpty(Char.CLOSE_LIST)) return false;
  machine.push(step, depth).member = member;
  return true;
}

/** Reads a message with its tag and its length, or as a group. Returns true if a frame was pushed that reads it. */
export function readMessage(machine: ReadMachine, member: MemberPlan, depth: number): boolean {
  const part = beginMessage(machine, member);
  const isLeft = readContents(machine, member.value.message!, depth);
  endMessage(machine, member, part, isLeft);
  return isLeft;
}

/** Writes the bytes before the contents of a message. Returns the offset at which the contents begin in the writer. */
export function beginMessage({ writer }: ReadMachine, { framing, tag, number }: MemberPlan): number {
  if (framing === Framing.ITEM) {
    // Group 1 with type_id = 2 and message = 3 (descriptor.proto, message_set_wire_format).
    writer.tag(1, Wire.START_GROUP);
    writer.tag(2, Wire.VARINT);
    writer.uint32(number);
    return writer.begin((3 << 3) | Wire.LEN);
  }
  writer.uint32(tag);
  return framing === Framing.GROUP ? writer.pos : writer.fork();
}

/** Writes the end of a message, or lets the frame on top write it if the message is left to this frame. */
export function endMessage(
  { writer, frame }: ReadMachine,
  { framing, number }: MemberPlan,
  part: number,
  isLeft: boolean,
): void {
  if (isLeft) {
    frame.close = CLOSES[framing]!;
    frame.part = part;
    frame.number = number;
    return;
  }
  if (framing === Framing.GROUP) writer.tag(number, Wire.END_GROUP);
  else writer.join(part);
  if (framing === Framing.ITEM) writer.tag(1, Wire.END_GROUP);
}

/** The bytes that end a message, by its {@link Framing}. */
const CLOSES = [Close.LENGTH, Close.GROUP, Close.ITEM];

/** The tag of field 1 in the messages of struct.proto: the entries of a Struct, their keys, and the values of a ListValue. */
export const ENTRY_TAG = (1 << 3) + Wire.LEN;
/** The tags of a Value's members `struct_value` and `list_value`. */
const STRUCT_TAG = (5 << 3) + Wire.LEN;
const LIST_TAG = (6 << 3) + Wire.LEN;

/** Reads any JSON value as the contents of a google.protobuf.Value. Returns true if a frame was pushed that reads them. */
export function readStructValue(machine: ReadMachine, depth: number): boolean {
  const { scanner, writer } = machine;
  switch (scanner.peek()) {
    case Char.N:
      scanner.literal('null');
      writer.byte((1 << 3) + Wire.VARINT);
      writer.byte(0);
      return false;
    case Char.QUOTE:
      writer.byte((3 << 3) + Wire.LEN);
      scanner.copyString(writer);
      return false;
    case Char.T:
      scanner.literal('true');
      writer.byte((4 << 3) + Wire.VARINT);
      writer.byte(1);
      return false;
    case Char.F:
      scanner.literal('false');
      writer.byte((4 << 3) + Wire.VARINT);
      writer.byte(0);
      return false;
    case Char.OPEN_OBJECT:
      return nested(machine, STRUCT_TAG, openStruct(machine, depth));
    case Char.OPEN_LIST:
      return nested(machine, LIST_TAG, openListValue(machine, depth));
    default: {
      const at = scanner.pos;
      const number = scanner.readNumber();
      if (!Number.isFinite(number)) throw scanner.unfit('a finite number', at);
      writer.byte((2 << 3) + Wire.FIXED64);
      writer.double(number);
      return false;
    }
  }
}

/**
 * Writes the tag of an object or a list in a Value. Its length is written at once if it is empty, and otherwise by its frame.
 * Returns `isLeft`.
 */
function nested({ writer, frame }: ReadMachine, tag: number, isLeft: boolean): boolean {
  const part = writer.begin(tag);
  if (isLeft) frame.inner = part;
  else writer.join(part);
  return isLeft;
}

function openStruct(machine: ReadMachine, depth: number): boolean {
  const { scanner } = machine;
  scanner.open(Char.OPEN_OBJECT, depth);
  if (scanner.isEmpty(Char.CLOSE_OBJECT)) return false;
  machine.push(Step.STRUCT, depth).keys = scanner.keys.push();
  return true;
}

function openListValue(machine: ReadMachine, depth: number): boolean {
  const { scanner } = machine;
  scanner.open(Char.OPEN_LIST, depth);
  if (scanner.isEmpty(Char.CLOSE_LIST)) return false;
  machine.push(Step.LIST, depth);
  return true;
}
