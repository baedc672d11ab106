/**
 * This module adds the values of path and query to a message while its JSON is read. For a field that has such a value, the
 * body may have no value, the default or the same value, but no other one:
 *
 *     bound { name: "shelves/1" }   {"name": "", "theme": "SF"}   →   Shelf { 2: "SF", 1: "shelves/1" }
 */
import { type BoundEntry, type BoundMessage, encodeBound, writeBoundEntry } from './bound.js';
import { beginMessage, endMessage, pushObject, readContents, readField } from './read-contents.js';
import { type ReadFrame, Step } from './read-frame.js';
import type { ReadMachine } from './read-machine.js';
import { Form, type MemberPlan, type MessagePlan, Shape } from './read-plan.js';
import { Char, ReadProblem } from './read-problem.js';
import { fieldWireType } from './scalar.js';

/** The offset of problems that have no place in the JSON. It stands for the whole message. */
export const NOWHERE = -1;

type BoundValue = Exclude<BoundEntry, { kind: 'message' }>;

/**
 * Records that a member of a oneof is set. Throws a ReadProblem if another member of it is set, by the JSON or by path and
 * query.
 */
export function claimOneof(
  { seen, scanner }: ReadMachine,
  plan: MessagePlan,
  { field, oneof, ordinal }: MemberPlan,
  { base, bound }: ReadFrame,
): void {
  const holder = seen.holder(base, oneof);
  const other =
    holder >= 0
      ? plan.members[holder]?.field
      : bound?.entries.find(
          (entry) => entry.field.oneof === field.oneof && entry.field !== field && bound.writes(entry),
        )?.field;
  if (other !== undefined) {
    const description = `expected at most one member of oneof ${field.oneof?.name}, found ${other.name} and ${field.name}`;
    throw new ReadProblem('value', scanner.pos, description);
  }
  seen.hold(base, oneof, ordinal);
}

/**
 * Begins to read a message for which path or query have some of the fields. The frame that is pushed reads the rest of the
 * message, and adds these fields.
 */
export function readWithBound(machine: ReadMachine, member: MemberPlan, bound: BoundMessage, depth: number): void {
  const plan = member.value.message!;
  const part = beginMessage(machine, member);
  openWithBound(machine, plan, bound, depth);
  endMessage(machine, member, part, true);
  // A message whose JSON is not an object of fields is read by another frame, on top of the one that compares it afterwards.
  if (machine.frame.step === Step.AGAINST_MESSAGE) readContents(machine, plan, depth);
}

/**
 * Pushes a frame for a message for which path or query have some of the fields. If the JSON of its type is not an object of
 * fields, the frame only compares the message, and the caller must read the contents on top of it.
 */
function openWithBound(machine: ReadMachine, plan: MessagePlan, bound: BoundMessage, depth: number): void {
  const { scanner, writer } = machine;
  if (plan.form === Form.OBJECT) {
    scanner.open(Char.OPEN_OBJECT, depth);
    pushObject(machine, plan, depth, bound);
    return;
  }
  scanner.peek();
  const frame = machine.push(Step.AGAINST_MESSAGE, depth);
  frame.start = scanner.pos;
  frame.state = writer.pos;
  frame.plan = plan;
  frame.bound = bound;
}

/** Begins to read the whole text as a message. */
export function readTop(machine: ReadMachine, plan: MessagePlan, bound: BoundMessage | undefined): void {
  if (bound === undefined || bound.entries.length === 0) {
    readContents(machine, plan, 0);
    return;
  }
  openWithBound(machine, plan, bound, 0);
  if (machine.frame.step === Step.AGAINST_MESSAGE) readContents(machine, plan, 0);
}

/**
 * Compares a message whose JSON is not an object of its fields, such as a wrapper, after it has been read. Throws a ReadProblem
 * if it is neither empty nor equal to the bound value.
 */
export function compareMessage(machine: ReadMachine, frame: ReadFrame): void {
  const { writer, scanner } = machine;
  const { start: at, state: start } = frame;
  const bound = frame.bound!;
  const end = writer.pos;
  writer.raw(encodeBound(bound));
  const { bytes, pos } = writer;
  const equal = bytes.subarray(start, end).equals(bytes.subarray(end, pos));
  writer.pos = end;
  if (!equal) {
    if (end > start) throw scanner.unfit(`the value that the ${bound.source} has`, at);
    writeBoundContents(machine, frame.plan!, bound);
  }
  machine.pop();
}

/**
 * Begins to read a value for a bound field, which {@link compareValue} compares when it has been read. It must be equal to the
 * bound value or be the default.
 */
export function readAgainstBound(machine: ReadMachine, member: MemberPlan, entry: BoundValue, depth: number): void {
  const { scanner, writer } = machine;
  const frame = machine.push(Step.AGAINST, depth);
  frame.start = scanner.pos;
  frame.state = writer.pos;
  frame.against = entry;
  readField(machine, member, depth);
}

/**
 * Compares a value in the body, which has just been read, with the value that the path or the query has for this field. Throws
 * a ReadProblem if it is neither equal nor the default. Then drops the value of the body, because {@link finish} writes the bound
 * one. Only for a `fixed` entry the value of the body stays.
 */
export function compareValue(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner, writer } = machine;
  const { start: at, state: start } = frame;
  const entry = frame.against!;
  machine.pop();
  const end = writer.pos;
  writeBoundEntry(entry, writer);
  const { bytes, pos } = writer;
  const equal = bytes.subarray(start, end).equals(bytes.subarray(end, pos));
  writer.pos = start;
  writer.tag(entry.field.number, fieldWireType(entry.field.type));
  const valueStart = writer.pos;
  writer.pos = end;
  const isOne = entry.kind === 'leaf' || entry.kind === 'fixed';
  const isDefault = end <= valueStart || (isOne && writer.isDefault(valueStart));
  // `finish` does not write a fixed entry, so the value from the JSON stays.
  writer.pos = entry.kind === 'fixed' ? end : start;
  if (equal || isDefault) return;
  const expected = isOne ? `${JSON.stringify(entry.text)} as in the ${entry.source}` : 'the value that the query has';
  throw scanner.unfit(expected, at);
}

/** Ends an object: checks that required fields are present, and writes the bound values that the JSON did not contain. */
export function finish(
  machine: ReadMachine,
  plan: MessagePlan,
  base: number,
  bound: BoundMessage | undefined,
  start: number,
): void {
  const { seen, writer } = machine;
  for (const member of plan.required) {
    if (seen.has(base, member.ordinal) || bound?.writesField(member.field) === true) continue;
    throw new ReadProblem('value', start, 'expected a value for this required field, got none', member.field.jsonName);
  }
  if (bound !== undefined) {
    for (const entry of bound.entries) {
      if (!bound.writes(entry)) continue;
      if (entry.kind !== 'message') writeBoundEntry(entry, writer);
      else {
        const member = plan.memberOf(entry.field);
        if (!seen.has(base, member.ordinal)) writeBoundMessage(machine, member, entry.message);
      }
    }
  }
  seen.pop(base);
}

/** Writes a message field whose values come from path and query alone. */
export function writeBoundMessage(machine: ReadMachine, member: MemberPlan, bound: BoundMessage): void {
  if (member.shape === Shape.UNPREPARED) member.prepare(machine.plans);
  const part = beginMessage(machine, member);
  writeBoundContents(machine, member.value.message!, bound);
  endMessage(machine, member, part, false);
}

/** Writes the contents of a message whose values come from path and query alone. */
export function writeBoundContents(machine: ReadMachine, plan: MessagePlan, bound: BoundMessage | undefined): void {
  finish(machine, plan, machine.seen.push(plan.slots), bound, NOWHERE);
}
