/**
 * Draws messages in wire format, as servers send them and as hostile servers might: records in any order, repeated, split,
 * packed or not, with unknown fields, long varints and values that are the default.
 */
import { fieldWireType, scalarWireType } from '../../../src/codec/scalar.js';
import { WireWriter } from '../../../src/codec/wire-writer.js';
import type { FieldDescriptor, FieldType, MessageDescriptor, ScalarType } from '../../../src/schema/descriptor.js';

type Draw = (n: number) => number;

export interface Shape {
  /** True for messages as a server of good manners sends them: fields in the order of their numbers, each once. */
  readonly tidy: boolean;
  /** True if the message is cut or has a changed byte. */
  readonly broken: boolean;
}

const TEXTS = [
  '',
  'a',
  'Müller',
  'line\nbreak "quoted" \\',
  'a plain text of more than sixteen bytes',
  '日本語',
  '\u0000\u001f',
  '😀',
  'x'.repeat(70),
];
const NUMBERS = [0, 1, 2, 127, 128, 300, 65_535, 70_000, 1e6, 123_456_789, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const DOUBLES = [
  0,
  -0,
  1,
  -1,
  0.5,
  12.25,
  0.1,
  1 / 3,
  1e21,
  1e-7,
  1e300,
  123456.789,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  0.000001,
];

export function drawWire(draw: Draw, message: MessageDescriptor, { tidy, broken }: Shape): Uint8Array {
  const wire = Buffer.concat(drawRecords(draw, message, 4, tidy));
  if (!broken || wire.length === 0) return wire;
  const at = draw(wire.length);
  if (draw(2) === 0) return wire.subarray(0, at);
  wire[at] = draw(256);
  return wire;
}

function drawRecords(draw: Draw, message: MessageDescriptor, depth: number, tidy: boolean): Buffer[] {
  const records: Buffer[] = [];
  const fields = [...message.fields].sort((a, b) => a.number - b.number);
  const taken = new Set<unknown>();
  for (const field of fields) {
    if (draw(3) === 0) continue;
    if (tidy && field.oneof !== undefined) {
      if (taken.has(field.oneof)) continue;
      taken.add(field.oneof);
    }
    const isMany = field.cardinality !== 'singular' || (!tidy && draw(6) === 0);
    const times = isMany ? 1 + draw(4) : 1;
    if (field.cardinality === 'repeated' && isPackable(field) && (tidy ? field.packed : draw(2) === 0)) {
      records.push(packed(draw, field, draw(5)));
      if (tidy) continue;
    }
    for (let i = 0; i < times; i++) records.push(drawRecord(draw, field, depth, tidy));
  }
  if (tidy) return records;
  if (draw(4) === 0) records.push(Buffer.from([0xfa, 0xff, 0x03, 2, 1, 2]), Buffer.from([0x98, 0xff, 0x03, 7]));
  if (draw(2) === 0) for (let i = records.length - 1; i > 0; i--) swap(records, i, draw(i + 1));
  return records;
}

function swap<T>(list: T[], a: number, b: number): void {
  [list[a], list[b]] = [list[b]!, list[a]!];
}

function isPackable({ type }: FieldDescriptor): boolean {
  return type.kind === 'enum' || (type.kind === 'scalar' && type.scalar !== 'string' && type.scalar !== 'bytes');
}

function record(write: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter();
  write(writer);
  return Buffer.from(writer.slice());
}

function packed(draw: Draw, field: FieldDescriptor, count: number): Buffer {
  return record((writer) => {
    writer.tag(field.number, 2);
    const start = writer.fork();
    for (let i = 0; i < count; i++) drawValue(draw, field.type, 0, true, writer, field.number);
    writer.join(start);
  });
}

function drawRecord(draw: Draw, field: FieldDescriptor, depth: number, tidy: boolean): Buffer {
  return record((writer) => {
    if (field.cardinality !== 'map') {
      writer.tag(field.number, fieldWireType(field.type));
      drawValue(draw, field.type, depth, tidy, writer, field.number);
      return;
    }
    writer.tag(field.number, 2);
    const start = writer.fork();
    const key = () => {
      writer.tag(1, scalarWireType(field.mapKey!));
      drawScalar(draw, field.mapKey!, writer, 6);
    };
    const value = () => {
      writer.tag(2, fieldWireType(field.type));
      drawValue(draw, field.type, depth, tidy, writer, 2);
    };
    if (tidy) {
      key();
      value();
    } else for (let i = draw(4); i > 0; i--) (draw(2) === 0 ? key : value)();
    writer.join(start);
  });
}

function drawValue(
  draw: Draw,
  type: FieldType,
  depth: number,
  tidy: boolean,
  writer: WireWriter,
  number: number,
): void {
  if (type.kind === 'scalar') return drawScalar(draw, type.scalar, writer, 1000);
  if (type.kind === 'enum') {
    const value = [0, 1, 2, -1, 70_000, 5, 300][draw(tidy ? 5 : 7)]!;
    return writer.varint64(value, value >> 31);
  }
  const content = drawContent(draw, type.message, depth - 1, tidy);
  if (!type.delimited) return writer.delimited(content);
  writer.raw(content);
  writer.tag(number, 4);
}

function drawContent(draw: Draw, message: MessageDescriptor, depth: number, tidy: boolean): Buffer {
  const { fullName } = message;
  if (fullName === 'google.protobuf.Any') return drawAny(draw, tidy);
  if (depth <= 0 && !/Value$|Timestamp|Duration/.test(fullName)) return Buffer.alloc(0);
  if (!/Timestamp|Duration|FieldMask|\.Value$/.test(fullName) || (!tidy && draw(4) === 0)) {
    return Buffer.concat(drawRecords(draw, message, depth, tidy));
  }
  const writer = new WireWriter();
  if (fullName.endsWith('FieldMask')) {
    for (let i = draw(3); i > 0; i--) {
      writer.tag(1, 2);
      writer.string(['a', 'display_name', 'a.b_c'][draw(3)]!);
    }
  } else if (fullName.endsWith('.Value')) {
    const kinds = [
      () => writer.raw(Buffer.from([0x08, 0])),
      () => {
        writer.tag(2, 1);
        writer.double([0, 1.5, -7, 1e10][draw(4)]!);
      },
      () => {
        writer.tag(3, 2);
        writer.string(TEXTS[draw(TEXTS.length)]!);
      },
      () => writer.raw(Buffer.from([0x20, draw(2)])),
    ];
    kinds[draw(kinds.length)]!();
  } else {
    writer.tag(1, 0);
    const seconds = draw(100_000_000) * 20;
    writer.varint64(seconds | 0, Math.floor(seconds / 2 ** 32));
    if (draw(2) === 0) {
      writer.tag(2, 0);
      writer.uint32([500_000_000, 1000, 123_456_789][draw(3)]!);
    }
  }
  return Buffer.from(writer.slice());
}

function drawAny(draw: Draw, tidy: boolean): Buffer {
  const writer = new WireWriter();
  const types = ['google.protobuf.Duration', 'google.protobuf.Empty', 'google.protobuf.StringValue', 'un.known'];
  const url = () => {
    writer.tag(1, 2);
    writer.string(`type.googleapis.com/${types[draw(types.length)]}`);
  };
  const value = () => {
    writer.tag(2, 2);
    writer.delimited(Buffer.from(draw(2) === 0 ? [] : [0x32, 1, 7]));
  };
  if (tidy) {
    url();
    value();
  } else for (let i = draw(4); i > 0; i--) (draw(2) === 0 ? url : value)();
  return Buffer.from(writer.slice());
}

function drawScalar(draw: Draw, scalar: ScalarType, writer: WireWriter, variety: number): void {
  const low = () => NUMBERS[draw(Math.min(variety, NUMBERS.length))]!;
  const high = () => (draw(3) === 0 ? low() : 0);
  switch (scalar) {
    case 'string':
      return writer.string(TEXTS[draw(Math.min(variety, TEXTS.length))]!);
    case 'bytes':
      return writer.delimited(Buffer.alloc(draw(90), draw(256)));
    case 'double':
      return writer.double(draw(2) === 0 ? DOUBLES[draw(DOUBLES.length)]! : (draw(2_000_000) - 1_000_000) / 1000);
    case 'float':
      return writer.float(draw(2) === 0 ? DOUBLES[draw(DOUBLES.length)]! : (draw(200_000) - 100_000) / 1000);
    case 'fixed32':
    case 'sfixed32':
      return writer.fixed32(low());
    case 'fixed64':
    case 'sfixed64':
      return writer.fixed64(low(), high());
    case 'bool':
      return writer.uint32(draw(3));
    default:
      // A longer varint means the same.
      if (draw(8) === 0) return writer.raw(Buffer.from([0x80 | draw(128), 0x80 | draw(128), 0x80, 0x00]));
      return scalar.endsWith('64') || draw(4) === 0 ? writer.varint64(low(), high()) : writer.uint32(low());
  }
}
