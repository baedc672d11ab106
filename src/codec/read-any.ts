/**
 * This module reads google.protobuf.Any as a part of the loop in `json-to-wire.ts`: `{"@type": URL, …}` becomes type_url = 1
 * and value = 2.
 */
import { skipValue } from './json-skip.js';
import { KeyBytes } from './key-bytes.js';
import { pushObject, readContents } from './read-contents.js';
import { AnyState, type ReadFrame, Step } from './read-frame.js';
import { hasNext } from './read-lists.js';
import type { AnyType, ReadMachine } from './read-machine.js';
import { passUnknown } from './read-object.js';
import { Form } from './read-plan.js';
import { Char, duplicateKey, ReadProblem } from './read-problem.js';
import { Wire } from './wire-writer.js';

const TYPE_KEY = new KeyBytes('"@type"');
const VALUE_KEY = new KeyBytes('"value"');

export function moreAny(machine: ReadMachine, frame: ReadFrame): void {
  switch (frame.state) {
    case AnyState.BEGIN:
      return findType(machine, frame);
    case AnyState.FOUND: {
      const typeAt = machine.typeOffsets?.get(frame.start);
      if (typeAt === undefined) {
        throw new ReadProblem('value', frame.start, 'expected a type URL, got none', '@type');
      }
      return beginValue(machine, frame, typeAt);
    }
    default:
      endValue(machine, frame);
  }
}

/**
 * Finds the `@type`, which may be at any place in the object. If it is not the first key, the object is skipped first to find
 * it.
 */
function findType(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner } = machine;
  scanner.peek();
  if (scanner.takeKey(TYPE_KEY) || scanner.readKey() === '@type') {
    scanner.colon();
    scanner.peek();
    return beginValue(machine, frame, scanner.pos);
  }
  frame.state = AnyState.FOUND;
  machine.typeOffsets ??= new Map();
  if (machine.typeOffsets.has(frame.start)) return;
  machine.rewind(frame.start);
  skipValue(machine, frame.depth, machine.typeOffsets);
}

/** Reads and writes the type URL at `typeAt`, and pushes the frame that reads the members of the object. */
function beginValue(machine: ReadMachine, frame: ReadFrame, typeAt: number): void {
  const { scanner, writer } = machine;
  const { start, depth } = frame;
  const { url, plan } = readType(machine, typeAt);
  writer.tag(1, Wire.LEN);
  writer.delimited(url);
  frame.state = AnyState.VALUE;
  frame.number = writer.pos;
  frame.entry = writer.begin((2 << 3) | Wire.LEN);
  machine.rewind(start);
  scanner.open(Char.OPEN_OBJECT, depth);
  const isEmptyMessage = plan.descriptor.fullName === 'google.protobuf.Empty';
  if (plan.form === Form.OBJECT && !isEmptyMessage) {
    pushObject(machine, plan, depth, undefined).inAny = true;
    return;
  }
  const members = machine.push(Step.ANY_VALUE, depth);
  members.plan = plan;
  members.start = isEmptyMessage ? -1 : start;
  members.inAny = true;
  members.hasType = false;
  members.hasValue = false;
}

function endValue(machine: ReadMachine, frame: ReadFrame): void {
  const { writer } = machine;
  if (writer.pos === frame.entry) writer.pos = frame.number;
  else writer.join(frame.entry);
  machine.pop();
}

function readType(machine: ReadMachine, typeAt: number): AnyType {
  const { scanner, lastType, plans } = machine;
  scanner.pos = typeAt;
  if (scanner.peek() !== Char.QUOTE) throw scanner.unfit('a type URL');
  // Lists of Any mostly have one type.
  if (lastType !== undefined && scanner.takeKey(lastType.quoted)) return lastType;
  const url = scanner.readString();
  const slash = url.lastIndexOf('/');
  if (slash < 0) throw scanner.unfit('a type URL such as type.googleapis.com/pkg.Message', typeAt);
  const message = plans.registry.message(url.slice(slash + 1));
  if (message === undefined) throw scanner.unfit('a type URL with a message type of this API', typeAt);
  const type = { url: Buffer.from(url), quoted: new KeyBytes(JSON.stringify(url)), plan: plans.of(message) };
  machine.lastType = type;
  return type;
}

/**
 * Goes on with an object such as `{"@type": …, "value": "3.5s"}`, whose type has another JSON form than an object of fields.
 */
export function moreAnyMembers(machine: ReadMachine, frame: ReadFrame): void {
  const { scanner } = machine;
  while (hasNext(machine, frame, Char.CLOSE_OBJECT)) {
    scanner.peek();
    const keyAt = scanner.pos;
    if (scanner.takeKey(VALUE_KEY)) readAnyValue(machine, frame, keyAt);
    else if (!frame.hasType && scanner.takeKey(TYPE_KEY)) {
      frame.hasType = true;
      scanner.colon();
      skipValue(machine, frame.depth + 1);
    } else if (scanner.readKey() === 'value') readAnyValue(machine, frame, keyAt);
    else {
      if (frame.hasType) frame.addOther('@type');
      const isType = scanner.stringText() === '@type';
      passUnknown(machine, frame, undefined, keyAt);
      frame.hasType ||= isType;
    }
    if (machine.frame !== frame || scanner.pos >= machine.stop) return;
  }
  if (frame.start >= 0 && !frame.hasValue) {
    throw new ReadProblem('value', frame.start, 'expected a value, got none', 'value');
  }
  machine.pop();
}

function readAnyValue(machine: ReadMachine, frame: ReadFrame, keyAt: number): void {
  if (frame.hasValue) throw duplicateKey(keyAt);
  frame.hasValue = true;
  machine.scanner.colon();
  readContents(machine, frame.plan!, frame.depth + 1);
}
