/**
 * This module writes numbers, bools and enums from the wire, and recognizes their defaults. The reader is at the value, after
 * its tag.
 */
import { writeInteger, writeWide } from './json-digits.js';
import { writeDecimal } from './json-doubles.js';
import { fixed } from './json-writer.js';
import { WIRE_FIXED64, WIRE_LENGTH, WIRE_VARINT } from './wire-reader.js';
import type { WriteMachine } from './write-machine.js';
import { type FieldPlan, Kind } from './write-plan.js';

const TRUE = fixed('true');
const FALSE = fixed('false');

/** Reads a number of any size. */
function readNumber(machine: WriteMachine, wireType: number): void {
  if (wireType === WIRE_VARINT) machine.varint();
  else if (wireType === WIRE_FIXED64) machine.fixed64();
  else machine.fixed32();
}

/** Writes a number, bool or enum. */
export function writeNumber(machine: WriteMachine, field: FieldPlan): void {
  const { out } = machine;
  if (hasDigits(field)) {
    const at = out.beginNumbers(1);
    out.endNumbers(writeDigits(machine, field, out.target, at));
    return;
  }
  machine.varint();
  if (field.kind === Kind.ENUM) writeEnum(machine, field);
  else out.fixed((machine.lowBits | machine.highBits) === 0 ? FALSE : TRUE);
}

/** True if {@link writeDigits} writes the values, as it does for all numbers. False for enums and bools. */
export function hasDigits({ kind }: FieldPlan): boolean {
  return kind !== Kind.ENUM && kind !== Kind.BOOL;
}

/** Reads a number and writes it to `target` at the offset `at`. Returns the offset after it. */
export function writeDigits(
  machine: WriteMachine,
  { kind, wireType }: FieldPlan,
  target: DataView,
  at: number,
): number {
  if (kind === Kind.DOUBLE) return writeDecimal(target, at, machine.readDouble(), false);
  if (kind === Kind.FLOAT) return writeDecimal(target, at, machine.readFloat(), true);
  readNumber(machine, wireType);
  const low = machine.lowBits;
  const high = machine.highBits;
  switch (kind) {
    case Kind.INT32:
      return writeInteger(target, at, low);
    case Kind.UINT32:
      return writeInteger(target, at, low >>> 0);
    case Kind.SINT32:
      return writeInteger(target, at, (low >>> 1) ^ -(low & 1));
    case Kind.INT64:
      return writeWide(target, at, low, high, true);
    case Kind.UINT64:
      return writeWide(target, at, low, high, false);
    default: {
      const sign = -(low & 1);
      return writeWide(target, at, ((low >>> 1) | (high << 31)) ^ sign, (high >>> 1) ^ sign, true);
    }
  }
}

function writeEnum({ out, lowBits }: WriteMachine, field: FieldPlan): void {
  const json = field.enum!.json(lowBits);
  if (json !== undefined) out.fixed(json);
  else if (field.enum!.isNull) out.ascii('null');
  else out.integer(lowBits);
}

/** True if a closed enum does not declare this number, so that it counts as an unknown field. Does not move the reader. */
export function isUnknownEnum(machine: WriteMachine, field: FieldPlan): boolean {
  if (!field.closed) return false;
  const { at } = machine;
  machine.varint();
  machine.at = at;
  return field.enum!.json(machine.lowBits) === undefined;
}

/** True if the value is the default of its type. Does not move the reader. */
export function isDefault(machine: WriteMachine, { kind, wireType }: FieldPlan): boolean {
  const first = machine.bytes[machine.at];
  // Only varints may begin with 0x80 and be zero: `80 00`.
  if (first !== 0 && first !== 0x80) return false;
  const { at } = machine;
  if (wireType === WIRE_LENGTH) {
    const length = machine.length();
    machine.at = at;
    return length === 0;
  }
  readNumber(machine, wireType);
  machine.at = at;
  // A 32-bit type has only the low half of its varint.
  const isNarrow = kind === Kind.INT32 || kind === Kind.UINT32 || kind === Kind.SINT32 || kind === Kind.ENUM;
  return machine.lowBits === 0 && (isNarrow || machine.highBits === 0);
}

/**
 * Narrows the reader to the last known value of a number, string or bytes in the records that lie in the spans from `from`
 * to `to`. Returns false if there is none.
 */
export function seekLast(machine: WriteMachine, field: FieldPlan, from: number, to: number): boolean {
  let at = -1;
  let end = -1;
  for (let span = from; span < to; span++) {
    machine.enterSpan(span);
    while (machine.at < machine.end) {
      const tag = machine.tag();
      if (isUnknownEnum(machine, field)) {
        machine.skip(tag, 0);
        continue;
      }
      at = machine.at;
      if (field.wireType === WIRE_LENGTH) {
        const length = machine.length();
        at = machine.at;
        machine.at += length;
      } else machine.skip(tag, 0);
      end = machine.at;
    }
  }
  if (at < 0) return false;
  machine.enter(at, end);
  return true;
}
