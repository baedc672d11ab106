/**
 * This module converts scalars from the wire format to JSON (ProtoJSON: 64-bit numbers and NaN are strings, bytes are
 * base64).
 */
import type { ScalarType } from '../schema/descriptor.js';
import type { JsonWriter } from './json-writer.js';
import { BrokenWire, WIRE_FIXED32, WIRE_FIXED64, WIRE_LENGTH, WIRE_VARINT, type WireReader } from './wire-reader.js';

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

function wide(low: number, high: number, signed: boolean): string {
  if (high === 0) return String(low);
  if (signed && high === 0xffffffff && low !== 0) return String(low - TWO_32);
  if (high < 0x200000) return String(high * TWO_32 + low);
  const value = (BigInt(high) << 32n) | BigInt(low);
  return String(signed ? BigInt.asIntN(64, value) : value);
}

function readNumber(scalar: ScalarType): (reader: WireReader) => string {
  switch (scalar) {
    case 'int32':
    case 'sfixed32':
      return ({ low }) => String(low | 0);
    case 'uint32':
    case 'fixed32':
      return ({ low }) => String(low);
    case 'sint32':
      return ({ low }) => String((low >>> 1) ^ -(low & 1));
    case 'int64':
    case 'sfixed64':
      return ({ low, high }) => `"${wide(low, high, true)}"`;
    case 'uint64':
    case 'fixed64':
      return ({ low, high }) => `"${wide(low, high, false)}"`;
    case 'sint64':
      return ({ low, high }) => {
        const sign = -(low & 1);
        return `"${wide((((low >>> 1) | (high << 31)) ^ sign) >>> 0, ((high >>> 1) ^ sign) >>> 0, true)}"`;
      };
    case 'float':
      return ({ low }) => floatText(low);
    case 'double':
      return ({ low, high }) => doubleText(low, high);
    default:
      return ({ low, high }) => (low === 0 && high === 0 ? 'false' : 'true');
  }
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
  const textOf = readNumber(scalar);
  const quoted = textOf({ low: 0, high: 0 } as WireReader);
  return {
    wireType,
    packable: true,
    defaultJson: quoted,
    write(reader, out) {
      read(reader, wireType);
      out.ascii(textOf(reader));
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
        out.ascii(`"${Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('base64')}"`);
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
