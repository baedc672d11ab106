/**
 * This module reads JSON values that are not objects: scalars and enums. The readers write a value without a tag, or
 * throw a ReadProblem.
 */

import type { JsonScanner } from '../../../../src/codec/json-scanner.js';
import { Char } from '../../../../src/codec/read-problem.js';
import {
  expectedScalar,
  type IntegerType,
  parseFloating,
  writeEnumNumber,
  writeInteger,
  writeScalarText,
  writeSmallInteger,
} from '../../../../src/codec/scalar.js';
import type { WireWriter } from '../../../../src/codec/wire-writer.js';
import type { EnumDescriptor, FieldType, ScalarType } from '../../../../src/schema/descriptor.js';

export type ReadValue = () => void;

/** True if `null` is a value of the type and does not mean "unset": google.protobuf.Value and NullValue. */
export function takesNull(type: FieldType): boolean {
  if (type.kind === 'message') return type.message.fullName === 'google.protobuf.Value';
  return type.kind === 'enum' && isNullValue(type.enum);
}

function isNullValue(type: EnumDescriptor): boolean {
  return type.fullName === 'google.protobuf.NullValue';
}

export function compileScalar(scalar: ScalarType, scanner: JsonScanner, writer: WireWriter): ReadValue {
  const expected = expectedScalar(scalar);
  switch (scalar) {
    case 'string':
      return function readString() {
        if (scanner.peek() !== Char.QUOTE) throw scanner.unfit(expected);
        scanner.copyString(writer);
      };
    case 'bytes':
      return function readBytes() {
        if (scanner.peek() !== Char.QUOTE) throw scanner.unfit(expected);
        const at = scanner.pos;
        if (!writeScalarText('bytes', scanner.readString(), writer)) throw scanner.unfit(expected, at);
      };
    case 'bool':
      return function readBool() {
        const byte = scanner.peek();
        if (byte !== Char.T && byte !== Char.F) throw scanner.unfit(expected);
        scanner.literal(byte === Char.T ? 'true' : 'false');
        writer.uint32(byte === Char.T ? 1 : 0);
      };
    case 'double':
    case 'float':
      return compileFloating(scalar, scanner, writer);
    default:
      return compileInteger(scalar, scanner, writer);
  }
}

function compileInteger(type: IntegerType, scanner: JsonScanner, writer: WireWriter): ReadValue {
  return function readInteger() {
    const quoted = scanner.peek() === Char.QUOTE;
    const at = scanner.pos;
    if (!quoted && !atNumber(scanner)) throw scanner.unfit(type);
    if (!quoted) scanner.passNumber();
    const text = quoted ? scanner.readString() : scanner.tokenText();
    if (!writeInteger(type, text, writer)) throw scanner.unfit(type, at);
  };
}

function compileFloating(type: 'double' | 'float', scanner: JsonScanner, writer: WireWriter): ReadValue {
  return function readFloating() {
    const quoted = scanner.peek() === Char.QUOTE;
    const at = scanner.pos;
    let value: number | undefined;
    if (quoted) value = parseFloating(type, scanner.readString());
    else {
      if (!atNumber(scanner)) throw scanner.unfit(type);
      value = scanner.readNumber();
      if (!Number.isFinite(type === 'float' ? Math.fround(value) : value)) value = undefined;
    }
    if (value === undefined) throw scanner.unfit(type, at);
    if (type === 'double') writer.double(value);
    else writer.float(value);
  };
}

export function compileEnum(type: EnumDescriptor, scanner: JsonScanner, writer: WireWriter): ReadValue {
  const expected = `a value of ${type.fullName}`;
  const nullIsValue = isNullValue(type);
  return function readEnum() {
    const byte = scanner.peek();
    const at = scanner.pos;
    if (byte === Char.QUOTE) {
      const number = type.numberOf(scanner.readString());
      if (number === undefined) throw scanner.unfit(expected, at);
      writeSmallInteger('int32', number, writer);
    } else if (atNumber(scanner)) {
      scanner.passNumber();
      if (!writeEnumNumber(type, scanner.tokenText(), writer)) throw scanner.unfit(expected, at);
    } else if (nullIsValue && byte === Char.N) {
      scanner.literal('null');
      writer.uint32(0);
    } else throw scanner.unfit(expected);
  };
}

/**
 * Returns a function that skips a string which is not a name of the enum. It returns false and stays in place for
 * everything else.
 */
export function compileUnknownName(type: EnumDescriptor, scanner: JsonScanner): () => boolean {
  return function passUnknownName() {
    if (scanner.peek() !== Char.QUOTE) return false;
    const { pos } = scanner;
    if (type.numberOf(scanner.readString()) === undefined) return true;
    scanner.pos = pos;
    return false;
  };
}

function atNumber(scanner: JsonScanner): boolean {
  const byte = scanner.peek();
  return byte === Char.MINUS || (byte >= Char.ZERO && byte <= Char.NINE);
}
