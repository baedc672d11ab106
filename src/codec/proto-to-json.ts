/**
 * This module converts the wire format to JSON, from bytes to bytes. It first finds the positions of each field's
 * values in all pieces of a message. Then it writes the fields in the order of their declaration, and extensions after
 * them. So fields that an upstream splits, repeats or sends in another order are merged as protobuf defines it.
 *
 *     0a 01 61  10 05  0a 01 62   of { string name = 1; int32 size = 2; }   →   {"name":"b","size":5}
 */
import type { EnumDescriptor, FieldDescriptor, MessageDescriptor, Registry, ScalarType } from '../schema/descriptor.js';
import { declaredDefault } from './declared-default.js';
import type { FieldMask } from './field-mask.js';
import type { JsonOptions } from './json-options.js';
import { JsonWriter } from './json-writer.js';
import type { MessageWriter, Ranges, WriteMessage, Writers } from './message-writer.js';
import { type ScalarCodec, scalarCodec } from './scalar-writer.js';
import { wellKnownWriter } from './well-known-writer.js';
import { BrokenWire, WIRE_GROUP, WIRE_LENGTH, type WireReader } from './wire-reader.js';

/** Creates the writers of all message types. Each is compiled on first use. */
export function createWriters(registry: Registry, options: JsonOptions): Writers {
  const known = new Map<MessageDescriptor, MessageWriter>();
  const writers: Writers = {
    registry,
    options,
    of(message) {
      let writer = known.get(message);
      if (writer === undefined) {
        writer = new PlainMessageWriter(message, writers);
        const special = wellKnownWriter(message, writers, writer);
        if (special !== undefined) writer = { ...bindField(writer), write: special, writeFields: undefined };
        known.set(message, writer);
      }
      return writer;
    },
  };
  return writers;
}

function bindField(writer: MessageWriter): Pick<MessageWriter, 'writeField'> {
  return { writeField: (...args) => writer.writeField(...args) };
}

/**
 * The positions of a field's values: the wire type, the start and the end of each. For a value with a length they are
 * those of its content.
 */
type Values = number[];

/** Writes the values of one field as one JSON value. */
type WriteValues = (source: WireReader, values: Values, out: JsonWriter, depth: number, mask?: FieldMask) => void;

interface FieldWriter {
  readonly field: FieldDescriptor;
  /** The key with a colon: `"displayName":`. */
  readonly key: Buffer;
  readonly accepts: (wireType: number) => boolean;
  /** Returns false if no value is to be written: a default without presence, or an unknown number of a closed enum. */
  readonly shows: (source: WireReader, values: Values) => boolean;
  readonly write: WriteValues;
  /** The JSON of the unset field if `emitDefaults` is set. Undefined when the field is not written even then. */
  readonly emitted: string | undefined;
  /** The JSON of the unset field when the field is the whole answer. */
  readonly unset: string;
}

class PlainMessageWriter implements MessageWriter {
  private fields: Map<number, FieldWriter> | undefined;
  private order: readonly FieldWriter[] = [];

  constructor(
    private readonly message: MessageDescriptor,
    private readonly writers: Writers,
  ) {}

  readonly write: WriteMessage = (source, ranges, out, depth, mask) => {
    out.byte(OPEN);
    this.writeFields(source, ranges, out, depth, mask, true);
    out.byte(CLOSE);
  };

  readonly writeFields = (
    source: WireReader,
    ranges: Ranges,
    out: JsonWriter,
    depth: number,
    mask: FieldMask | undefined,
    first: boolean,
  ): void => {
    if (depth <= 0) throw new BrokenWire('nested too deep');
    if (this.fields === undefined) this.compile();
    const found = this.index(source, ranges, depth);
    let comma = !first;
    const writeOne = (writer: FieldWriter, values: Values | undefined) => {
      if (mask !== undefined && !mask.has(writer.field)) return;
      const shown = values !== undefined && writer.shows(source, values);
      if (!shown && writer.emitted === undefined) return;
      if (comma) out.byte(COMMA);
      comma = true;
      out.raw(writer.key);
      if (shown) writer.write(source, values, out, depth - 1, mask?.get(writer.field));
      else out.ascii(writer.emitted!);
    };
    for (const writer of this.order) {
      writeOne(writer, found.get(writer));
      found.delete(writer);
    }
    if (found.size === 0) return;
    // The fields that remain are extensions.
    const extensions = [...found].sort(([a], [b]) => a.field.number - b.field.number);
    for (const [writer, values] of extensions) writeOne(writer, values);
  };

  writeField(source: WireReader, field: FieldDescriptor, out: JsonWriter, depth: number, mask?: FieldMask): void {
    const values = this.index(source, [source.at, source.end], depth);
    const writer = this.writerOf(field.number);
    const found = writer === undefined ? undefined : values.get(writer);
    if (writer === undefined) out.ascii('null');
    else if (
      found === undefined ||
      (field.cardinality === 'singular' && field.type.kind !== 'message' && !writer.shows(source, found))
    ) {
      out.ascii(writer.unset);
    } else writer.write(source, found, out, depth - 1, mask);
  }

  /** Finds the positions of the values of all known fields. In a oneof only the member that came last counts. */
  private index(source: WireReader, ranges: Ranges, depth: number): Map<FieldWriter, Values> {
    const found = new Map<FieldWriter, Values>();
    for (let i = 0; i < ranges.length; i += 2) {
      source.enter(ranges[i]!, ranges[i + 1]!);
      while (source.at < source.end) this.indexOne(source, found, depth);
    }
    return found;
  }

  private indexOne(source: WireReader, found: Map<FieldWriter, Values>, depth: number): void {
    const tag = source.tag();
    const wireType = tag & 7;
    const writer = this.writerOf(tag >>> 3);
    if (writer === undefined || !writer.accepts(wireType)) return source.skip(tag, depth);
    let start = source.at;
    let end: number;
    if (wireType === WIRE_GROUP) end = source.group(tag, depth);
    else if (wireType === WIRE_LENGTH) {
      const length = source.length();
      start = source.at;
      end = start + length;
      source.at = end;
    } else {
      source.skip(tag, depth);
      end = source.at;
    }
    const { field } = writer;
    if (field.oneof !== undefined) {
      if (isOfClosedEnum(field) && !isShown(source, writer, [wireType, start, end])) return;
      for (const other of field.oneof.fields) {
        const member = other === field ? undefined : this.fields!.get(other.number);
        if (member !== undefined) found.delete(member);
      }
    }
    const values = found.get(writer);
    if (values === undefined) found.set(writer, [wireType, start, end]);
    else values.push(wireType, start, end);
  }

  private writerOf(number: number): FieldWriter | undefined {
    if (this.fields === undefined) this.compile();
    const known = this.fields!.get(number);
    if (known !== undefined) return known;
    const extension = this.message.field(number);
    if (extension === undefined || this.isOmitted(extension)) return undefined;
    const writer = compileField(extension, this.writers);
    this.fields!.set(number, writer);
    return writer;
  }

  private compile(): void {
    this.fields = new Map();
    const order: FieldWriter[] = [];
    for (const field of this.message.fields) {
      if (this.isOmitted(field)) continue;
      const writer = compileField(field, this.writers);
      this.fields.set(field.number, writer);
      order.push(writer);
    }
    this.order = order;
  }

  private isOmitted({ fullName }: FieldDescriptor): boolean {
    return this.writers.options.omitFields.has(fullName);
  }
}

function isOfClosedEnum({ type }: FieldDescriptor): boolean {
  return type.kind === 'enum' && type.enum.closed;
}

/** True if the field has a value to write. The position of the reader does not change. */
function isShown(source: WireReader, writer: FieldWriter, value: Values): boolean {
  const { at, end } = source;
  const shown = writer.shows(source, value);
  source.enter(at, end);
  return shown;
}

function compileField(field: FieldDescriptor, writers: Writers): FieldWriter {
  const { options } = writers;
  const name = options.protoNames && !field.extension ? field.name : field.jsonName;
  const key = Buffer.from(`${JSON.stringify(name)}:`);
  const kind = compileKind(field, writers);
  const emitted = options.emitDefaults && field.presence === 'implicit' ? kind.unset : undefined;
  return { field, key, emitted, ...kind };
}

type Kind = Pick<FieldWriter, 'accepts' | 'shows' | 'write' | 'unset'>;

/** The properties of a field that decide how its values are written. */
type ValueShape = Pick<
  FieldDescriptor,
  'type' | 'cardinality' | 'presence' | 'validateUtf8' | 'mapKey' | 'defaultText'
>;

function compileKind(field: ValueShape, writers: Writers): Kind {
  if (field.cardinality === 'map') return mapKind(field, writers);
  const { type } = field;
  if (type.kind === 'message') return messageKind(field, type.message, type.delimited, writers);
  const scalar = type.kind === 'enum' ? enumCodec(type.enum, writers, field.defaultText) : scalarOf(field, type.scalar);
  return field.cardinality === 'repeated' ? listKind(scalar) : singularKind(field, scalar);
}

function scalarOf({ validateUtf8, defaultText }: ValueShape, scalar: ScalarType): ScalarCodec {
  const codec = scalarCodec(scalar, validateUtf8);
  return defaultText === undefined ? codec : { ...codec, defaultJson: declaredDefault(scalar, defaultText) };
}

const always = () => true;

function singularKind(field: ValueShape, scalar: EnumCodec | ScalarCodec): Kind {
  const implicit = field.presence === 'implicit';
  return {
    accepts: (wireType) => wireType === scalar.wireType,
    unset: scalar.defaultJson,
    shows(source, values) {
      dropUnknown(source, values, scalar);
      if (values.length === 0) return false;
      if (!implicit) return true;
      enterValue(source, values, values.length - 3);
      return !scalar.isDefault(source);
    },
    write(source, values, out) {
      enterValue(source, values, values.length - 3);
      scalar.write(source, out);
    },
  };
}

/** Limits the reader to one value. */
function enterValue(source: WireReader, values: Values, index: number): void {
  source.enter(values[index + 1]!, values[index + 2]!);
}

function listKind(scalar: EnumCodec | ScalarCodec): Kind {
  return {
    accepts: (wireType) => wireType === scalar.wireType || (scalar.packable && wireType === WIRE_LENGTH),
    unset: '[]',
    shows(source, values) {
      for (let i = 0; i < values.length; i += 3) {
        enterValue(source, values, i);
        if (toKnown(source, scalar, values[i] !== scalar.wireType)) return true;
      }
      return false;
    },
    write(source, values, out) {
      out.byte(LIST);
      let comma = false;
      for (let i = 0; i < values.length; i += 3) {
        enterValue(source, values, i);
        const packed = values[i] !== scalar.wireType;
        while (toKnown(source, scalar, packed)) {
          if (comma) out.byte(COMMA);
          comma = true;
          scalar.write(source, out);
          if (!packed) break;
        }
      }
      out.byte(LIST_END);
    },
  };
}

/** Moves to the next value of a list that is written. Returns false if there is none. */
function toKnown(source: WireReader, scalar: EnumCodec | ScalarCodec, packed: boolean): boolean {
  if (!packed) return !isUnknown(source, scalar);
  while (source.at < source.end) if (!isUnknown(source, scalar)) return true;
  return false;
}

function messageKind(field: ValueShape, message: MessageDescriptor, delimited: boolean, writers: Writers): Kind {
  const wireType = delimited ? WIRE_GROUP : WIRE_LENGTH;
  const accepts = (found: number) => found === wireType;
  const write = lazily(message, writers);
  if (field.cardinality === 'repeated') {
    return {
      accepts,
      unset: '[]',
      shows: always,
      write(source, values, out, depth, mask) {
        out.byte(LIST);
        for (let i = 0; i < values.length; i += 3) {
          if (i > 0) out.byte(COMMA);
          write()(source, [values[i + 1]!, values[i + 2]!], out, depth, mask);
        }
        out.byte(LIST_END);
      },
    };
  }
  return {
    accepts,
    unset: NULL_WHEN_UNSET.test(message.fullName) ? 'null' : '{}',
    shows: always,
    write(source, values, out, depth, mask) {
      write()(source, rangesOf(values), out, depth, mask);
    },
  };
}

/** The types whose JSON is not an object. An unset field of such a type is null. */
const NULL_WHEN_UNSET =
  /^google\.protobuf\.(Value|ListValue|Timestamp|Duration|FieldMask|(Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value)$/;

/** Returns a function that looks up the writer of a type on first use, so that types may contain themselves. */
function lazily(message: MessageDescriptor, writers: Writers): () => WriteMessage {
  let write: WriteMessage | undefined;
  return () => {
    write ??= writers.of(message).write;
    return write;
  };
}

function rangesOf(values: Values): Ranges {
  const ranges: number[] = [];
  for (let i = 0; i < values.length; i += 3) ranges.push(values[i + 1]!, values[i + 2]!);
  return ranges;
}

interface EnumCodec extends ScalarCodec {
  /**
   * Returns false if a closed enum has no name for the number, which then is an unknown field. Undefined when the enum
   * is not closed.
   */
  readonly isKnown: ((reader: WireReader) => boolean) | undefined;
}

function enumCodec(descriptor: EnumDescriptor, { options }: Writers, declared: string | undefined): EnumCodec {
  const isNull = descriptor.fullName === 'google.protobuf.NullValue';
  const jsonOf = (number: number) => {
    if (isNull) return 'null';
    const name = options.enumsAsInts ? undefined : descriptor.nameOf(number);
    return name === undefined ? String(number) : `"${name}"`;
  };
  const first = descriptor.closed ? (descriptor.values[0]?.number ?? 0) : 0;
  const defaultNumber = (declared === undefined ? undefined : descriptor.numberOf(declared)) ?? first;
  return {
    ...scalarCodec('int32', true),
    defaultJson: jsonOf(defaultNumber),
    write(reader, out) {
      reader.varint();
      out.ascii(jsonOf(reader.low | 0));
    },
    isKnown: descriptor.closed
      ? (reader) => {
          const { at } = reader;
          reader.varint();
          reader.at = at;
          return descriptor.nameOf(reader.low | 0) !== undefined;
        }
      : undefined,
  };
}

/** Returns true, and skips the number, if a closed enum does not know it. */
function isUnknown(source: WireReader, scalar: EnumCodec | ScalarCodec): boolean {
  if (!('isKnown' in scalar) || scalar.isKnown === undefined || scalar.isKnown(source)) return false;
  source.varint();
  return true;
}

/** Removes the last values of a singular field while a closed enum does not know them. */
function dropUnknown(source: WireReader, values: Values, scalar: EnumCodec | ScalarCodec): void {
  while (values.length > 0) {
    enterValue(source, values, values.length - 3);
    if (!isUnknown(source, scalar)) return;
    values.length -= 3;
  }
}

/**
 * Returns the writer of a map, which is a list of entries { key = 1, value = 2 }. If a key occurs several times, the
 * last entry wins.
 */
function mapKind(field: ValueShape, writers: Writers): Kind {
  const keyCodec = scalarCodec(field.mapKey ?? 'string', field.validateUtf8);
  const value = compileKind(entryValue(field), writers);
  const absent = isEmptyWhenAbsent(field) ? EMPTY_MESSAGE : NO_VALUES;
  return {
    accepts: (wireType) => wireType === WIRE_LENGTH,
    unset: '{}',
    shows: always,
    write(source, values, out, depth, mask) {
      const entries = new Map<string, Values>();
      for (let i = 0; i < values.length; i += 3) {
        const entry = readEntry(source, values[i + 1]!, values[i + 2]!, keyCodec, value, depth);
        if (entry.values.length > 0 && !value.shows(source, entry.values)) continue;
        entries.delete(entry.key);
        entries.set(entry.key, entry.values.length > 0 ? entry.values : absent);
      }
      out.byte(OPEN);
      let comma = false;
      for (const [key, entryValues] of entries) {
        if (comma) out.byte(COMMA);
        comma = true;
        out.string(key);
        out.byte(COLON);
        if (entryValues.length > 0) value.write(source, entryValues, out, depth, mask);
        else out.ascii(value.unset);
      }
      out.byte(CLOSE);
    },
  };
}

const NO_VALUES: Values = [];
const EMPTY_MESSAGE: Values = [WIRE_LENGTH, 0, 0];

/**
 * True if the value of an entry without a value is an empty message. Some encoders, such as prost, leave out such
 * values. False for a Value, because an empty one has no JSON.
 */
function isEmptyWhenAbsent({ type }: ValueShape): boolean {
  return type.kind === 'message' && type.message.fullName !== 'google.protobuf.Value';
}

/** Returns the value of a map's entry as a field of its own, which is always written. */
function entryValue(field: ValueShape): ValueShape {
  const { type, validateUtf8 } = field;
  const none = { mapKey: undefined, defaultText: undefined };
  return { type, cardinality: 'singular', presence: 'explicit', validateUtf8, ...none };
}

function readEntry(
  source: WireReader,
  start: number,
  end: number,
  keyCodec: ScalarCodec,
  value: Kind,
  depth: number,
): { key: string; values: Values } {
  let key = keyText(keyCodec.defaultJson);
  const values: Values = [];
  source.enter(start, end);
  while (source.at < source.end) {
    const tag = source.tag();
    const wireType = tag & 7;
    if (tag >>> 3 === 1 && wireType === keyCodec.wireType) {
      if (wireType === WIRE_LENGTH) {
        const length = source.length();
        source.enter(source.at, source.at + length);
      }
      key = keyText(KEY_OUT.collectString((out) => keyCodec.write(source, out)));
      source.enter(source.at, end);
    } else if (tag >>> 3 === 2 && value.accepts(wireType)) {
      const valueStart = source.at;
      if (wireType === WIRE_GROUP) values.push(wireType, valueStart, source.group(tag, depth));
      else if (wireType === WIRE_LENGTH) {
        const length = source.length();
        values.push(wireType, source.at, source.at + length);
        source.at += length;
      } else {
        source.skip(tag, depth);
        values.push(wireType, valueStart, source.at);
      }
    } else source.skip(tag, depth);
  }
  return { key, values };
}

/** Returns the JSON of a key as text. Numbers and booleans become text, and strings lose their quotes. */
function keyText(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

/** The writer into which keys are written, so that they can be compared. */
const KEY_OUT = new JsonWriter();

const OPEN = 0x7b;
const CLOSE = 0x7d;
const LIST = 0x5b;
const LIST_END = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
