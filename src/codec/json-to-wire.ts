/**
 * This module converts JSON to the wire format (ProtoJSON). It scans the bytes once and writes bytes, without a message object.
 * The values of path and query are added while an object is read. Each object or list that is open has a frame on a stack. One
 * loop does the next step of the topmost frame, and can stop after each step, so that other requests run
 * (docs/decisions/0017-one-loop.md).
 */
import type { FieldDescriptor, MessageDescriptor, Registry } from '../schema/descriptor.js';
import { invalidRequest } from '../status/status-error.js';
import type { BoundMessage } from './bound.js';
import type { JsonOptions } from './json-options.js';
import { violationOf } from './json-path.js';
import { skipElements, skipMembers } from './json-skip.js';
import { moreAny, moreAnyMembers } from './read-any.js';
import { compareMessage, compareValue, finish, NOWHERE, readTop, writeBoundContents } from './read-bound.js';
import { type ReadFrame, Step } from './read-frame.js';
import { moreEntries, moreListValue, moreMessages, moreScalars, moreStruct } from './read-lists.js';
import { ReadMachine } from './read-machine.js';
import { moreMembers, readMember } from './read-object.js';
import { Form, ReadPlans } from './read-plan.js';
import { ReadProblem } from './read-problem.js';

/** A JSON text to read, and what it is read as. */
export interface ReadTask {
  readonly message: MessageDescriptor;
  /** The field whose value the text is. Undefined if the text is the whole message. */
  readonly field: FieldDescriptor | undefined;
  /** The text. Undefined if the request has no body. */
  readonly json: Uint8Array | undefined;
  readonly bound: BoundMessage | undefined;
}

/** The rest of a text whose first part has been read. */
export interface UnfinishedRead {
  /** Reads the next part, for some milliseconds. Returns the message when all is read. Throws as `read` does. */
  more(): Uint8Array | undefined;
}

/** Reads JSON for the codecs of all message types. */
export interface JsonReader {
  /** Reads the text. Throws a StatusError (INVALID_ARGUMENT). */
  read(task: ReadTask): Uint8Array;
  /** Begins to read the text. A large text is read only in part; the result then reads the rest. */
  begin(task: ReadTask): Uint8Array | UnfinishedRead;
}

const NO_JSON = new Uint8Array(0);
const EMPTY_OBJECT = Buffer.from('{}');
/** The number of bytes of JSON that are read before other requests run. The slowest shapes take about 10 ms for them. */
const PART_BYTES = 1 << 18;
/** The size of JSON, in bytes, from which the writer reserves all of its memory at once. */
const LARGE_JSON = 1 << 15;

/**
 * Creates the reader of JSON for all message types. Tests pass a small `partBytes`, so that it stops at each possible place.
 */
export function createJsonReader(registry: Registry, options: JsonOptions, partBytes = PART_BYTES): JsonReader {
  const plans = new ReadPlans(registry, options);
  const newMachine = () => new ReadMachine(plans, options.maxDepth, partBytes);
  /** The machine for the next text. A text that is not finished keeps its machine, and this variable gets a new one. */
  let machine = newMachine();

  return {
    read(task) {
      let wire = start(machine, task);
      while (wire === undefined) wire = goOn(machine, task);
      return wire;
    },
    begin(task) {
      const wire = start(machine, task);
      if (wire !== undefined) return wire;
      const own = machine;
      machine = newMachine();
      return { more: () => goOn(own, task) };
    },
  };
}

/** Begins to read. Returns the message if all is read, and undefined otherwise. */
function start(machine: ReadMachine, task: ReadTask): Uint8Array | undefined {
  return guarded(machine, task, beginText);
}

function goOn(machine: ReadMachine, task: ReadTask): Uint8Array | undefined {
  return guarded(machine, task, more);
}

function guarded(
  machine: ReadMachine,
  task: ReadTask,
  read: (machine: ReadMachine, task: ReadTask) => boolean,
): Uint8Array | undefined {
  try {
    if (!read(machine, task)) return undefined;
    const wire = machine.writer.take();
    machine.release();
    return wire;
  } catch (error) {
    machine.release();
    if (!(error instanceof ReadProblem)) throw error;
    throw invalidRequest('INVALID_BODY', [violationOf(error, task.json ?? NO_JSON, task.field ?? task.message)]);
  }
}

/** Begins to read the text. Returns true if all is read. */
function beginText(machine: ReadMachine, task: ReadTask): boolean {
  const { message, field, bound } = task;
  const { scanner, writer, plans, seen } = machine;
  const plan = plans.of(message);
  const json = field === undefined ? task.json : (task.json ?? emptyField(plans, field));
  machine.begin(json ?? NO_JSON);
  // The message is mostly shorter than its JSON.
  if (json !== undefined && json.length > LARGE_JSON) writer.reserve(json.length);
  if (json === undefined || (field !== undefined && scanner.peek() < 0)) {
    writeBoundContents(machine, plan, bound);
    return true;
  }
  const end = machine.push(Step.END, -1);
  end.bound = bound;
  end.plan = undefined;
  if (field === undefined) readTop(machine, plan, bound);
  else {
    end.plan = plan;
    end.base = seen.push(plan.slots);
    const member = plan.memberOf(field);
    if (member.ordinal >= 0) seen.add(end.base, member.ordinal);
    readMember(machine, end, plan, member);
  }
  return run(machine);
}

function more(machine: ReadMachine): boolean {
  machine.refresh();
  return run(machine);
}

/** Does steps until all is read, or until other requests should run. Returns false in the second case. */
function run(machine: ReadMachine): boolean {
  const { scanner } = machine;
  while (machine.count > 0) {
    step(machine, machine.frame);
    if (scanner.pos >= machine.stop && machine.count > 0) {
      machine.rest();
      return false;
    }
  }
  return true;
}

function step(machine: ReadMachine, frame: ReadFrame): void {
  switch (frame.step) {
    case Step.OBJECT:
      return moreMembers(machine, frame);
    case Step.SCALARS:
      return moreScalars(machine, frame);
    case Step.MESSAGES:
      return moreMessages(machine, frame);
    case Step.MAP:
      return moreEntries(machine, frame);
    case Step.STRUCT:
      return moreStruct(machine, frame);
    case Step.LIST:
      return moreListValue(machine, frame);
    case Step.ANY:
      return moreAny(machine, frame);
    case Step.ANY_VALUE:
      return moreAnyMembers(machine, frame);
    case Step.SKIP_OBJECT:
      return skipMembers(machine, frame);
    case Step.SKIP_LIST:
      return skipElements(machine, frame);
    case Step.AGAINST:
      return compareValue(machine, frame);
    case Step.AGAINST_MESSAGE:
      return compareMessage(machine, frame);
    default:
      return end(machine, frame);
  }
}

function end(machine: ReadMachine, { plan, base, bound }: ReadFrame): void {
  machine.scanner.expectEnd();
  if (plan !== undefined) finish(machine, plan, base, bound, NOWHERE);
  machine.pop();
}

/**
 * Returns the JSON that is read in place of a missing body: `{}` for a message whose JSON is an object of its fields, so that
 * the field is set to an empty message. Undefined for other fields, and for a member of a oneof, because another member may be
 * set.
 */
function emptyField(plans: ReadPlans, { type, cardinality, oneof }: FieldDescriptor): Uint8Array | undefined {
  if (type.kind !== 'message' || cardinality !== 'singular' || oneof !== undefined) return undefined;
  return plans.of(type.message).form === Form.OBJECT ? EMPTY_OBJECT : undefined;
}
