/**
 * This module reads JSON objects that are messages, as a part of the loop in `json-to-wire.ts`: their members, and the values
 * of path and query that are added to them (`read-bound.ts`).
 */
import { meantHint } from '../base/did-you-mean.js';
import { skipValue } from './json-skip.js';
import { claimOneof, finish, readAgainstBound, readWithBound, writeBoundMessage } from './read-bound.js';
import { readField } from './read-contents.js';
import type { ReadFrame } from './read-frame.js';
import { hasNext } from './read-lists.js';
import type { ReadMachine } from './read-machine.js';
import { type MemberPlan, type MessagePlan, Shape } from './read-plan.js';
import { Char, duplicateKey, ReadProblem } from './read-problem.js';

/** Reads members until the object ends, a value is left to a frame, or other requests should run. */
export function moreMembers(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner, seen } = machine;
  const plan = frame.plan!;
  // A frame for an empty object is pushed only if fields are required or bound.
  if (frame.isFirst && scanner.isEmpty(Char.CLOSE_OBJECT)) return endObject(machine, frame);
  while (hasNext(machine, frame, Char.CLOSE_OBJECT)) {
    scanner.peek();
    const keyAt = scanner.pos;
    const member = readMemberKey(machine, plan, frame.member);
    if (member === undefined) {
      passUnknown(machine, frame, plan, keyAt);
      if (machine.frame !== frame || scanner.pos >= machine.stop) return;
      continue;
    }
    frame.member = member.next;
    if (member.ordinal >= 0) {
      if (!seen.add(frame.base, member.ordinal)) throw duplicateKey(keyAt);
    } else if (!frame.addOther(member)) throw duplicateKey(keyAt);
    scanner.colon();
    if (readMember(machine, frame, plan, member) || scanner.pos >= machine.stop) return;
  }
  endObject(machine, frame);
}

/**
 * Reads a key. `guess` is the member that is probably next. Returns undefined for an unknown key, which is then the scanner's
 * last string.
 */
function readMemberKey(
  { scanner }: ReadMachine,
  plan: MessagePlan,
  guess: MemberPlan | undefined,
): MemberPlan | undefined {
  if (guess !== undefined) {
    if (scanner.takeKey(guess.key)) return guess;
    if (guess.next !== undefined && scanner.takeKey(guess.next.key)) return guess.next;
  }
  const stop = scanner.passKey();
  const member = scanner.escaped ? undefined : plan.at(scanner.bytes, scanner.tokenStart + 1, stop);
  return member ?? plan.named(scanner.stringText());
}

function endObject(machine: ReadMachine, { plan, base, bound, start }: ReadFrame): void {
  finish(machine, plan!, base, bound, start);
  machine.pop();
}

/**
 * Skips the value of the unknown key that was read last. Throws a ReadProblem if unknown keys are not ignored; `@type` in the
 * value of an Any is always skipped.
 */
export function passUnknown(
  machine: ReadMachine,
  frame: ReadFrame,
  plan: MessagePlan | undefined,
  keyAt: number,
): void {
  const { scanner } = machine;
  const name = scanner.stringText();
  const isType = frame.inAny && name === '@type';
  if (!isType && !machine.plans.ignoresUnknown) {
    throw new ReadProblem('value', keyAt, `unknown field${meantHint(name, plan?.nameList ?? [])}`);
  }
  if (!frame.addOther(name)) throw duplicateKey(keyAt);
  scanner.colon();
  skipValue(machine, frame.depth + 1);
}

/** Reads the value of a key, at which the scanner must be. Returns true if it is left to a frame. */
export function readMember(machine: ReadMachine, frame: ReadFrame, plan: MessagePlan, member: MemberPlan): boolean {
  const { scanner } = machine;
  const { bound } = frame;
  if (member.shape === Shape.UNPREPARED) member.prepare(machine.plans);
  const entry = bound === undefined ? undefined : bound.entry(member.field);
  if (scanner.peek() === Char.N && !member.takesNull) {
    const isWritten = bound?.writesField(member.field) === true;
    if (member.field.presence === 'required' && !isWritten) throw scanner.unfit('a value');
    scanner.literal('null');
    if (entry?.kind === 'message' && isWritten) writeBoundMessage(machine, member, entry.message);
    return false;
  }
  if (member.oneof >= 0) claimOneof(machine, plan, member, frame);
  if (entry === undefined) return readField(machine, member, frame.depth + 1);
  if (entry.kind === 'message') readWithBound(machine, member, entry.message, frame.depth + 1);
  else readAgainstBound(machine, member, entry, frame.depth + 1);
  return true;
}
