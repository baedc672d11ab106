/**
 * This module writes messages in the ProtoJSON form of their types. Short forms such as a Timestamp are written at once. For
 * all other messages a frame is pushed, and the loop writes them later.
 */
import { isUtf8 } from 'node:buffer';
import type { FieldMask } from './field-mask.js';
import { numberJson } from './json-numbers.js';
import { fixed } from './json-writer.js';
import { writeCamelCase } from './mask-path.js';
import { BrokenWire, WIRE_FIXED64, WIRE_LENGTH, WIRE_VARINT } from './wire-reader.js';
import { Step, type WriteFrame } from './write-frame.js';
import type { WriteMachine } from './write-machine.js';
import { type FieldPlan, Form, Kind, type MessagePlan } from './write-plan.js';
import { Seconds, writeDuration, writeTimestamp } from './write-times.js';
import { writeNumber } from './write-values.js';

const SECONDS = new Seconds();
const INVALID_UTF8 = 'string of invalid UTF-8';
const EMPTY_OBJECT = fixed('{}');

/**
 * Writes a message whose content is the range from `start` to `end`, or pushes frames for it. The reader may have moved
 * afterwards. `depth` is the most levels of messages that it may have, itself included.
 */
export function writeMessage(
  machine: WriteMachine,
  plan: MessagePlan,
  start: number,
  end: number,
  depth: number,
  mask: FieldMask | undefined,
): void {
  switch (plan.form) {
    case Form.PLAIN:
      if (start === end && depth > 0 && plan.isEmptyObject) return machine.out.fixed(EMPTY_OBJECT);
      return machine.pushMessage(plan, start, end, depth, mask);
    case Form.TIMESTAMP:
    case Form.DURATION:
      machine.enter(start, end);
      SECONDS.clear().read(machine);
      return writeSeconds(machine, plan);
    case Form.MASK:
      machine.out.byte(QUOTE);
      machine.push(Step.PATHS, start, end).asPaths(plan);
      return;
    case Form.ANY:
      ANY.clear().read(machine, start, end);
      return writeAny(machine, ANY, depth);
    case Form.VALUE:
      if (!writeOnlyMember(machine, plan, start, end, depth)) inPieces(machine, plan, start, end, depth);
      return;
    case Form.WRAPPER:
      if (!writeWrapped(machine, plan, start, end)) inPieces(machine, plan, start, end, depth);
      return;
    default:
      writeBare(machine, plan, start, end, depth);
  }
}

/** Writes a Struct or ListValue. */
function writeBare(machine: WriteMachine, plan: MessagePlan, start: number, end: number, depth: number): void {
  const field = onlyField(plan);
  if (start === end && depth > 0) machine.out.fixed(field.unset);
  else machine.pushFields(plan, start, end, depth, undefined, field);
}

/**
 * Writes a message that is not encoded as servers usually do, such as a wrapper that has its value twice. It is treated like
 * one that came in pieces.
 */
function inPieces(machine: WriteMachine, plan: MessagePlan, start: number, end: number, depth: number): void {
  const from = machine.top;
  machine.addSpan(0, start, end);
  writePieces(machine, plan, from, from, depth, undefined);
}

/**
 * Writes a message that came in pieces, which are the spans from `from` on. They and the other spans above `base` are dropped
 * afterwards.
 */
export function writePieces(
  machine: WriteMachine,
  plan: MessagePlan,
  from: number,
  base: number,
  depth: number,
  mask: FieldMask | undefined,
): void {
  const to = machine.top;
  switch (plan.form) {
    case Form.PLAIN:
      machine.out.byte(OPEN);
      machine.pushPieces(plan, from, base, depth, mask).close = CLOSE;
      return;
    case Form.TIMESTAMP:
    case Form.DURATION:
      SECONDS.clear();
      for (let span = from; span < to; span++) {
        machine.enterSpan(span);
        SECONDS.read(machine);
      }
      writeSeconds(machine, plan);
      break;
    case Form.MASK: {
      machine.out.byte(QUOTE);
      const frame = machine.push(Step.PATHS, 0, 0);
      frame.asPaths(plan);
      frame.span = from;
      frame.base = base;
      return;
    }
    case Form.ANY:
      ANY.clear();
      for (let span = from; span < to; span++) ANY.read(machine, machine.start(span), machine.endOf(span));
      machine.top = base;
      return writeAny(machine, ANY, depth);
    case Form.VALUE:
      machine.pushPieces(plan, from, base, depth + 1, undefined, lastMember(machine, plan, from, to, depth));
      return;
    case Form.WRAPPER:
      machine.pushPieces(plan, from, base, Math.max(depth, 1), undefined, onlyField(plan));
      return;
    default:
      machine.pushPieces(plan, from, base, depth, undefined, onlyField(plan));
      return;
  }
  machine.top = base;
}

function writeSeconds({ out }: WriteMachine, plan: MessagePlan): void {
  if (plan.form === Form.TIMESTAMP) writeTimestamp(SECONDS, out);
  else writeDuration(SECONDS, out);
}

/** Returns the field with number 1, whose JSON is that of the whole message. */
function onlyField(plan: MessagePlan): FieldPlan {
  const field = plan.of(1);
  if (field === undefined) throw new BrokenWire(`${plan.descriptor.fullName} has no field that can be written`);
  return field;
}

/** Writes a wrapper that has its value once. Returns false, without output, for any other. */
function writeWrapped(machine: WriteMachine, plan: MessagePlan, start: number, end: number): boolean {
  const field = onlyField(plan);
  if (start === end) {
    machine.out.fixed(field.unset);
    return true;
  }
  machine.enter(start, end);
  if (machine.tag() !== (1 << 3) + field.wireType) return false;
  const { at } = machine;
  if (field.wireType === WIRE_LENGTH) {
    const length = machine.length();
    if (machine.at + length !== end) return false;
    if (field.kind === Kind.BYTES) machine.base64(machine.at, end);
    else machine.text(machine.at, end, field.validateUtf8);
    return true;
  }
  machine.skip(field.wireType, 0);
  if (machine.at !== end) return false;
  machine.at = at;
  writeNumber(machine, field);
  return true;
}

/** Goes on with a FieldMask: its paths (repeated string = 1) in camelCase. */
export function morePaths(machine: WriteMachine, frame: WriteFrame): void {
  const { out } = machine;
  machine.enter(frame.at, frame.end);
  for (;;) {
    if (machine.at >= machine.end) {
      if (frame.span === frame.spanEnd) break;
      machine.enterSpan(frame.span++);
      frame.end = machine.end;
      continue;
    }
    if (machine.countRecord()) {
      frame.at = machine.at;
      return;
    }
    const tag = machine.tag();
    if (tag !== (1 << 3) + WIRE_LENGTH) {
      machine.skip(tag, 1);
      continue;
    }
    const length = machine.length();
    if (isHidden(frame.plan?.hiddenNames, machine.bytes, machine.at, length)) {
      machine.at += length;
      continue;
    }
    if (frame.any) out.byte(COMMA);
    frame.any = true;
    if (!writeCamelCase(machine.bytes, machine.at, machine.at + length, out)) {
      throw new BrokenWire('FieldMask: expected paths that can be written in lowerCamelCase, got another one');
    }
    machine.at += length;
    machine.left -= length >>> 4;
  }
  out.byte(QUOTE);
  machine.pop();
}

/** True if a name in the path is that of an omitted field. */
function isHidden(names: ReadonlySet<string> | undefined, bytes: Uint8Array, at: number, length: number): boolean {
  if (names === undefined) return false;
  const path = Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('latin1');
  return path.split('.').some((name) => names.has(name));
}

/** The tags of a Value's members (struct.proto). */
const NULL_TAG = (1 << 3) + WIRE_VARINT;
const NUMBER_TAG = (2 << 3) + WIRE_FIXED64;
const STRING_TAG = (3 << 3) + WIRE_LENGTH;
const BOOL_TAG = (4 << 3) + WIRE_VARINT;
const STRUCT_TAG = (5 << 3) + WIRE_LENGTH;
const LIST_TAG = (6 << 3) + WIRE_LENGTH;

/** Writes a Value that has exactly one member, as servers send it. Returns false, without output, for any other. */
function writeOnlyMember(machine: WriteMachine, plan: MessagePlan, start: number, end: number, depth: number): boolean {
  if (start === end) return false;
  machine.enter(start, end);
  const { out } = machine;
  const tag = machine.tag();
  if ((tag & 7) === WIRE_LENGTH) {
    const length = machine.length();
    if (machine.at + length !== end) return false;
    if (tag === STRING_TAG) machine.text(machine.at, end, true);
    else if (tag === STRUCT_TAG || tag === LIST_TAG) {
      writeBare(machine, plan.of(tag >>> 3)!.message, machine.at, end, depth);
    } else return false;
    return true;
  }
  const { at } = machine;
  machine.skip(tag, depth);
  if (machine.at !== end) return false;
  if (tag === NULL_TAG) out.ascii('null');
  else if (tag === BOOL_TAG) out.ascii((machine.lowBits | machine.highBits) === 0 ? 'false' : 'true');
  else if (tag === NUMBER_TAG) {
    machine.at = at;
    out.double(checkFinite(machine.readDouble()));
  } else return false;
  return true;
}

function checkFinite(number: number): number {
  if (Number.isFinite(number)) return number;
  throw new BrokenWire(`google.protobuf.Value: expected a number that JSON has, got ${numberJson(number)}`);
}

/** Returns the member of a google.protobuf.Value that came last. `depth` is that of the Value. */
function lastMember(machine: WriteMachine, plan: MessagePlan, from: number, to: number, depth: number): FieldPlan {
  let member = 0;
  let number = 0;
  for (let span = from; span < to; span++) {
    machine.enterSpan(span);
    while (machine.at < machine.end) {
      const tag = machine.tag();
      const { at } = machine;
      machine.skip(tag, depth);
      if (tag >>> 3 <= 6) member = tag >>> 3;
      if (tag === NUMBER_TAG) number = machine.view.getFloat64(at, true);
    }
  }
  if (member === 2) checkFinite(number);
  const field = member === 0 ? undefined : plan.of(member);
  if (field === undefined) throw new BrokenWire('google.protobuf.Value: expected a kind, got none');
  return field;
}

/** The parts of an Any: `type_url` (string = 1) and `value` (bytes = 2). */
class AnyParts {
  urlStart = 0;
  urlEnd = 0;
  start = 0;
  end = 0;

  clear(): this {
    this.urlStart = 0;
    this.urlEnd = 0;
    this.start = 0;
    this.end = 0;
    return this;
  }

  read(machine: WriteMachine, from: number, to: number): void {
    machine.enter(from, to);
    while (machine.at < machine.end) {
      const tag = machine.tag();
      if ((tag & 7) !== WIRE_LENGTH) {
        machine.skip(tag, 1);
        continue;
      }
      const length = machine.length();
      const start = machine.at;
      machine.at += length;
      if (tag >>> 3 === 1) {
        // A type_url must be UTF-8 even if a later one replaces it.
        if (!isUtf8(machine.bytes.subarray(this.urlStart, this.urlEnd))) throw new BrokenWire(INVALID_UTF8);
        this.urlStart = start;
        this.urlEnd = machine.at;
      }
      if (tag >>> 3 === 2) {
        this.start = start;
        this.end = machine.at;
      }
    }
  }
}

const ANY = new AnyParts();

/** Writes an Any. If the schema does not have its type, the bytes are written as base64. */
function writeAny(machine: WriteMachine, { urlStart, urlEnd, start, end }: AnyParts, depth: number): void {
  if (depth <= 0) throw new BrokenWire('nested too deep');
  const { out } = machine;
  if (urlStart === urlEnd) {
    if (end > start) throw new BrokenWire('google.protobuf.Any: expected a type_url for the value, got none');
    return out.ascii('{}');
  }
  out.ascii('{"@type":');
  if (!out.utf8(machine.bytes, urlStart, urlEnd, machine.view)) throw new BrokenWire(INVALID_UTF8);
  machine.push(Step.CLOSE, 0, 0).close = CLOSE;
  const plan = machine.typeAt(urlStart, urlEnd);
  if (plan === undefined) {
    out.ascii(',"value":');
    machine.base64(start, end);
  } else if (plan.form === Form.PLAIN) machine.pushFields(plan, start, end, depth, undefined, undefined, true);
  else {
    out.ascii(',"value":');
    writeMessage(machine, plan, start, end, depth - 1, undefined);
  }
}

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const QUOTE = 0x22;
