/**
 * This module converts scalars from the wire format to JSON (ProtoJSON: 64-bit numbers and NaN are strings, bytes are
 * base64).
 */

import {
  BrokenWire,
  WIRE_FIXED32,
  WIRE_FIXED64,
  WIRE_LENGTH,
  WIRE_VARINT,
  type WireReader,
} from '../../../src/codec/wire-reader.js';
import type { ScalarType } from '../../../src/schema/descriptor.js';
import type { JsonWriter } from './json-writer.js';

export interface ScalarCodec {
  readonly wireType: number;
  /** True if values of the type may be packed. */
  readonly packable: boolean;
  /** Writes the value at the reader as JSON. For strings and bytes the reader must be limited to the value. */
  write(reader: WireReader, out: JsonWriter): void;
  /** True if the value at the reader is the type's default; may move the reader. */
  isDefault(reader: WireReader): boolean;
  /** The default of the type as JSON. */
  readonly defaultJson: string;
}

const TWO_32 = 0x1_0000_0000;

/** Writes a 64-bit number in quotes. */
function writeWide(low: number, high: number, signed: boolean, out: JsonWriter): void {
  out.byte(QUOTE);
  const top = signed ? high | 0 : high;
  if (top >= 0 ? top < 0x200000 : top > -0x200000) out.integer(top * TWO_32 + low);
  else {
    const value = (BigInt(high) << 32n) | BigInt(low);
    out.ascii(String(signed ? BigInt.asIntN(64, value) : value));
  }
  out.byte(QUOTE);
}

/** Writes the number that was read last. */
function numberWriter(scalar: ScalarType): (reader: WireReader, out: JsonWriter) => void {
  switch (scalar) {
    case 'int32':
    case 'sfixed32':
      return ({ low }, out) => out.integer(low | 0);
    case 'uint32':
    case 'fixed32':
      return ({ low }, out) => out.integer(low);
    case 'sint32':
      return ({ low }, out) => out.integer((low >>> 1) ^ -(low & 1));
    case 'int64':
    case 'sfixed64':
      return ({ low, high }, out) => writeWide(low, high, true, out);
    case 'uint64':
    case 'fixed64':
      return ({ low, high }, out) => writeWide(low, high, false, out);
    case 'sint64':
      return ({ low, high }, out) => {
        const sign = -(low & 1);
        writeWide((((low >>> 1) | (high << 31)) ^ sign) >>> 0, ((high >>> 1) ^ sign) >>> 0, true, out);
      };
    case 'float':
      return ({ low }, out) => out.ascii(floatText(low));
    case 'double':
      return ({ low, high }, out) => out.ascii(doubleText(low, high));
    default:
      return ({ low, high }, out) => out.ascii(low === 0 && high === 0 ? 'false' : 'true');
  }
}

/** The JSON of zero. */
function zeroJson(scalar: ScalarType): string {
  if (scalar === 'bool') return 'false';
  return scalar.endsWith('64') ? '"0"' : '0';
}

const FLOAT = new DataView(new ArrayBuffer(8));

function doubleText(low: number, high: number): string {
  FLOAT.setUint32(0, low, true);
  FLOAT.setUint32(4, high, true);
  return numberJson(FLOAT.getFloat64(0, true));
}

/** Returns the JSON of a number that is stored as a float. */
export function floatJson(value: number): string {
  FLOAT.setFloat32(0, value, true);
  return floatText(FLOAT.getUint32(0, true));
}

/** Returns the shortest decimal for a float: 0.1, not 0.10000000149011612. */
function floatText(bits: number): string {
  FLOAT.setUint32(0, bits, true);
  const value = FLOAT.getFloat32(0, true);
  if (!Number.isFinite(value) || Number.isInteger(value)) return numberJson(value);
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return numberJson(shorter);
  }
  return numberJson(Number(value.toPrecision(9)));
}

/**
 * Returns the JSON of a number. JSON has no NaN and no infinities, so ProtoJSON writes them as strings. -0 keeps its
 * sign.
 */
export function numberJson(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return `"${value}"`;
}

function wireTypeOf(scalar: ScalarType): number {
  switch (scalar) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return WIRE_FIXED64;
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return WIRE_FIXED32;
    case 'string':
    case 'bytes':
      return WIRE_LENGTH;
    default:
      return WIRE_VARINT;
  }
}

function read(reader: WireReader, wireType: number): void {
  if (wireType === WIRE_VARINT) reader.varint();
  else if (wireType === WIRE_FIXED64) reader.fixed64();
  else reader.fixed32();
}

/** Returns the codec of a scalar. With `validateUtf8`, invalid text is an error; otherwise it is shown with U+FFFD. */
export function scalarCodec(scalar: ScalarType, validateUtf8: boolean): ScalarCodec {
  if (scalar === 'string' || scalar === 'bytes') return lengthCodec(scalar, validateUtf8);
  const wireType = wireTypeOf(scalar);
  const writeNumber = numberWriter(scalar);
  return {
    wireType,
    packable: true,
    defaultJson: zeroJson(scalar),
    write(reader, out) {
      read(reader, wireType);
      writeNumber(reader, out);
    },
    isDefault(reader) {
      read(reader, wireType);
      // For 32-bit types only the low half of a varint counts.
      const narrow = scalar === 'int32' || scalar === 'uint32' || scalar === 'sint32';
      return reader.low === 0 && (narrow || reader.high === 0);
    },
  };
}

function lengthCodec(scalar: 'string' | 'bytes', validateUtf8: boolean): ScalarCodec {
  return {
    wireType: WIRE_LENGTH,
    packable: false,
    defaultJson: '""',
    write(reader, out) {
      const { at, end, bytes } = reader;
      const length = end - at;
      reader.at = end;
      if (scalar === 'bytes') {
        out.base64(bytes, at, end);
      } else if (!out.utf8(bytes, at, end)) {
        if (validateUtf8) throw new BrokenWire(`string of invalid UTF-8 at byte ${at}`);
        out.string(Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('utf8'));
      }
    },
    isDefault({ at, end }) {
      return at === end;
    },
  };
}

const QUOTE = 0x22;
