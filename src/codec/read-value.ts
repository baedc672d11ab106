/**
 * This module reads JSON values that are neither objects nor lists: scalars, enums, and messages whose JSON is a string. The
 * readers write a value without a tag, or throw a ReadProblem.
 */
import { Digits } from './decimal.js';
import type { JsonScanner } from './json-scanner.js';
import type { ReadMachine } from './read-machine.js';
import { type EnumPlan, Kind, type ValuePlan } from './read-plan.js';
import { Char } from './read-problem.js';
import { type IntegerType, parseFloating, writeEnumNumber, writeInteger, writeMagnitude } from './scalar.js';
import type { TextForm } from './well-known-reader.js';
import type { WireWriter } from './wire-writer.js';

export function readValue({ scanner, writer }: ReadMachine, value: ValuePlan): void {
  switch (value.kind) {
    case Kind.STRING:
      if (scanner.peek() !== Char.QUOTE) throw scanner.unfit(value.expected);
      scanner.copyString(writer);
      return;
    case Kind.BOOL:
      readBool(scanner, writer, value);
      return;
    case Kind.DOUBLE:
      writer.double(readFloating(scanner, value, 'double'));
      return;
    case Kind.FLOAT:
      writer.float(readFloating(scanner, value, 'float'));
      return;
    case Kind.ENUM:
      readEnum(scanner, writer, value, value.enum!);
      return;
    case Kind.BYTES:
      if (scanner.peek() !== Char.QUOTE) throw scanner.unfit(value.expected);
      if (!scanner.copyBase64(writer)) throw scanner.unfit(value.expected, scanner.tokenStart);
      return;
    default:
      readInteger(scanner, writer, value);
  }
}

function readBool(scanner: JsonScanner, writer: WireWriter, value: ValuePlan): void {
  const byte = scanner.peek();
  if (byte !== Char.T && byte !== Char.F) throw scanner.unfit(value.expected);
  scanner.literal(byte === Char.T ? 'true' : 'false');
  writer.byte(byte === Char.T ? 1 : 0);
}

function readInteger(scanner: JsonScanner, writer: WireWriter, value: ValuePlan): void {
  const isQuoted = scanner.peek() === Char.QUOTE;
  const at = scanner.pos;
  if (!isQuoted && !atNumber(scanner)) throw scanner.unfit(value.expected);
  const whole = isQuoted ? scanner.quotedWhole() : scanner.shortWhole();
  if (!(whole >= value.least && whole <= value.most && writeWhole(writer, value.kind, whole))) {
    scanner.pos = at;
    if (!readLargeInteger(scanner, writer, value.scalar as IntegerType, isQuoted))
      throw scanner.unfit(value.expected, at);
  }
}

/** Writes a safe integer in the encoding of its kind. Returns true, so that a condition can call it. */
function writeWhole(writer: WireWriter, kind: number, value: number): boolean {
  switch (kind) {
    case Kind.VARINT:
      writer.whole(value);
      break;
    case Kind.ZIGZAG:
      writer.zigzag(value);
      break;
    case Kind.FIXED32:
      writer.fixed32(value);
      break;
    default:
      writer.fixed64(value | 0, Math.floor(value / 0x100000000) | 0);
  }
  return true;
}

const DIGITS = new Digits();
/** The largest uint64 has 20 digits. */
const MOST_DIGITS = 20;

/**
 * Reads an integer that has many digits, a point or an exponent, or is out of range. Returns false if it is no integer of the
 * type.
 */
function readLargeInteger(scanner: JsonScanner, writer: WireWriter, type: IntegerType, isQuoted: boolean): boolean {
  const { bytes, view, pos, end } = scanner;
  const start = isQuoted ? pos + 1 : pos;
  const isNegative = bytes[start] === Char.MINUS;
  const first = isNegative ? start + 1 : start;
  DIGITS.clear();
  const at = DIGITS.read(bytes, view, first, end);
  const next = bytes[at];
  const isWhole = isQuoted ? next === Char.QUOTE : next !== Char.POINT && next !== 0x65 && next !== 0x45;
  const { count } = DIGITS;
  if (isWhole && count > 0 && count <= MOST_DIGITS && bytes[first] !== Char.ZERO) {
    scanner.tokenStart = pos;
    scanner.pos = isQuoted ? at + 1 : at;
    return writeMagnitude(type, DIGITS, isNegative, writer);
  }
  if (isQuoted) return writeInteger(type, scanner.readString(), writer);
  scanner.passNumber();
  return writeInteger(type, scanner.tokenText(), writer);
}

function readFloating(scanner: JsonScanner, value: ValuePlan, type: 'double' | 'float'): number {
  const isQuoted = scanner.peek() === Char.QUOTE;
  const at = scanner.pos;
  let number: number | undefined;
  if (isQuoted) number = parseFloating(type, scanner.readString());
  else {
    if (!atNumber(scanner)) throw scanner.unfit(value.expected);
    number = scanner.readNumber();
    if (!Number.isFinite(type === 'float' ? Math.fround(number) : number)) number = undefined;
  }
  if (number === undefined) throw scanner.unfit(value.expected, at);
  return number;
}

function readEnum(scanner: JsonScanner, writer: WireWriter, value: ValuePlan, { descriptor, names }: EnumPlan): void {
  const byte = scanner.peek();
  const at = scanner.pos;
  if (byte === Char.QUOTE) {
    const stop = scanner.passString();
    const number = scanner.escaped ? descriptor.numberOf(scanner.stringText()) : names.get(scanner.bytes, at + 1, stop);
    if (number === undefined) throw scanner.unfit(value.expected, at);
    writer.whole(number);
  } else if (atNumber(scanner)) {
    if (!readEnumNumber(scanner, writer, value, descriptor)) throw scanner.unfit(value.expected, at);
  } else if (value.takesNull && byte === Char.N) {
    scanner.literal('null');
    writer.byte(0);
  } else throw scanner.unfit(value.expected);
}

function readEnumNumber(
  scanner: JsonScanner,
  writer: WireWriter,
  { least, most }: ValuePlan,
  descriptor: EnumPlan['descriptor'],
): boolean {
  const whole = scanner.shortWhole();
  if (Number.isNaN(whole)) {
    scanner.passNumber();
    return writeEnumNumber(descriptor, scanner.tokenText(), writer);
  }
  if (whole < least || whole > most || (descriptor.closed && descriptor.nameOf(whole) === undefined)) return false;
  writer.whole(whole);
  return true;
}

/**
 * Skips a string that is not a name of the enum, if such names are ignored (protobuf's conformance suite:
 * IgnoreUnknownEnum…). Returns false and stays in place for everything else.
 */
export function passUnknownName({ scanner }: ReadMachine, { enum: plan }: ValuePlan): boolean {
  if (plan === undefined || !plan.skipsUnknown || scanner.peek() !== Char.QUOTE) return false;
  const { pos } = scanner;
  if (plan.descriptor.numberOf(scanner.readString()) === undefined) return true;
  scanner.pos = pos;
  return false;
}

/** Reads a string that is a message, such as a Timestamp. */
export function readTextForm({ scanner, writer }: ReadMachine, form: TextForm): void {
  if (scanner.peek() !== Char.QUOTE) throw scanner.unfit(form.expected);
  const at = scanner.pos;
  const stop = scanner.passString();
  if (!scanner.escaped) {
    if (form.write(scanner.bytes, at + 1, stop, writer)) return;
  } else {
    const text = Buffer.from(scanner.stringText());
    if (form.write(text, 0, text.length, writer)) return;
  }
  throw scanner.unfit(form.expected, at);
}

/** Reads the `value` of a wrapper. */
export function readWrapper(machine: ReadMachine, tag: number, value: ValuePlan): void {
  const { writer } = machine;
  const start = writer.pos;
  writer.uint32(tag);
  const valueStart = writer.pos;
  readValue(machine, value);
  if (writer.isDefault(valueStart)) writer.pos = start;
}

function atNumber(scanner: JsonScanner): boolean {
  const byte = scanner.peek();
  return byte === Char.MINUS || (byte >= Char.ZERO && byte <= Char.NINE);
}
