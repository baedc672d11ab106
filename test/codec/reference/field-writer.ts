/** This module compiles how the values of a field become JSON, once for each field and each set of options. */

import { WIRE_GROUP, WIRE_LENGTH } from '../../../src/codec/wire-reader.js';
import type { WireSource } from '../../../src/codec/wire-source.js';
import type { FieldDescriptor, MessageDescriptor, ScalarType } from '../../../src/schema/descriptor.js';
import { declaredDefault } from './declared-default.js';
import { type EnumCodec, enumCodec } from './enum-writer.js';
import { mapWriter } from './map-writer.js';
import type { WriteMessage, Writers } from './message-writer.js';
import { scalarCodec } from './scalar-writer.js';
import type { ValueShape, ValueWriter } from './value-writer.js';

export interface FieldWriter extends ValueWriter {
  readonly field: FieldDescriptor;
  /** The position of the field among the fields of its message. */
  readonly order: number;
  /** The key with a colon: `"displayName":`. */
  readonly key: Uint8Array;
  /** The same text after a comma: `,"displayName":`. */
  readonly nextKey: Uint8Array;
  /** The JSON of the unset field if `emitDefaults` is set. Undefined when the field is not written even then. */
  readonly emitted: Uint8Array | undefined;
  /** Returns true if the value at the reader, after its tag, does not replace other members of its oneof. */
  readonly hides: ((source: WireSource) => boolean) | undefined;
}

export function compileField(field: FieldDescriptor, order: number, writers: Writers): FieldWriter {
  const { options } = writers;
  const name = JSON.stringify(options.protoNames && !field.extension ? field.name : field.jsonName);
  const value = compileValue(field, writers);
  return {
    field,
    order,
    key: Buffer.from(`${name}:`),
    nextKey: Buffer.from(`,${name}:`),
    emitted: options.emitDefaults && field.presence === 'implicit' ? Buffer.from(value.unset) : undefined,
    hides: field.oneof === undefined ? undefined : value.isUnknown,
    ...value,
  };
}

export function compileValue(shape: ValueShape, writers: Writers): ValueWriter {
  const { type } = shape;
  if (shape.cardinality === 'map') return mapWriter(shape, compileValue(entryValue(shape), writers), writers.keys);
  if (type.kind === 'message') {
    const write = lazily(type.message, writers);
    return shape.cardinality === 'repeated'
      ? messagesWriter(write, type.delimited)
      : messageWriter(write, type.delimited, unsetMessage(type.message));
  }
  const codec =
    type.kind === 'enum' ? enumCodec(type.enum, writers.options, shape.defaultText) : scalarOf(shape, type.scalar);
  return shape.cardinality === 'repeated' ? listWriter(codec) : singularWriter(shape, codec);
}

function scalarOf({ validateUtf8, defaultText }: ValueShape, scalar: ScalarType): EnumCodec {
  const codec = { ...scalarCodec(scalar, validateUtf8), isUnknown: undefined };
  return defaultText === undefined ? codec : { ...codec, defaultJson: declaredDefault(scalar, defaultText) };
}

/** Returns the value of a map's entry as a field. Such a value is written even if it is the default. */
function entryValue({ type, validateUtf8 }: ValueShape): ValueShape {
  const none = { mapKey: undefined, defaultText: undefined };
  return { type, cardinality: 'singular', presence: 'explicit', validateUtf8, ...none };
}

/** Returns the writer of a singular scalar or enum. The last value counts. */
function singularWriter({ presence }: ValueShape, codec: EnumCodec): ValueWriter {
  const implicit = presence === 'implicit';
  return {
    accepts: (wireType) => wireType === codec.wireType,
    unset: codec.defaultJson,
    isUnknown: codec.isUnknown,
    write(source, from, to, out, _depth, _mask, key) {
      if (!seekLast(source, from, to, codec)) return false;
      if (implicit) {
        const { at } = source;
        if (codec.isDefault(source)) return false;
        source.at = at;
      }
      out.raw(key);
      codec.write(source, out);
      return true;
    },
  };
}

/** Narrows the reader to the last known value. Returns false if there is none. */
function seekLast(source: WireSource, from: number, to: number, { wireType, isUnknown }: EnumCodec): boolean {
  let at = -1;
  let end = -1;
  for (let span = from; span < to; span++) {
    source.enterSpan(span);
    while (source.at < source.end) {
      const tag = source.tag();
      if (wireType === WIRE_LENGTH) {
        const length = source.length();
        at = source.at;
        source.at += length;
      } else if (isUnknown?.(source) === true) {
        source.skip(tag, 0);
        continue;
      } else {
        at = source.at;
        source.skip(tag, 0);
      }
      end = source.at;
    }
  }
  if (at < 0) return false;
  source.enter(at, end);
  return true;
}

function listWriter(codec: EnumCodec): ValueWriter {
  const { wireType, packable, isUnknown } = codec;
  return {
    accepts: (found) => found === wireType || (packable && found === WIRE_LENGTH),
    unset: '[]',
    isUnknown: undefined,
    write(source, from, to, out, _depth, _mask, key) {
      let any = false;
      for (let span = from; span < to; span++) {
        source.enterSpan(span);
        const spanEnd = source.end;
        while (source.at < spanEnd) {
          const found = source.tag() & 7;
          if (found === WIRE_LENGTH) {
            const length = source.length();
            source.end = source.at + length;
          }
          // An empty string is an element, while an empty packed list has no elements.
          while (source.at < source.end || found === wireType) {
            if (isUnknown?.(source) === true) source.varint();
            else {
              if (any) out.byte(COMMA);
              else {
                out.raw(key);
                out.byte(LIST);
                any = true;
              }
              codec.write(source, out);
            }
            if (found === wireType) break;
          }
          source.end = spanEnd;
        }
      }
      if (any) out.byte(LIST_END);
      return any;
    },
  };
}

function messagesWriter(writeOf: () => WriteMessage, delimited: boolean): ValueWriter {
  return {
    accepts: acceptsMessage(delimited),
    unset: '[]',
    isUnknown: undefined,
    write(source, from, to, out, depth, mask, key) {
      const write = writeOf();
      out.raw(key);
      let separator = LIST;
      const content = source.top;
      for (let span = from; span < to; span++) {
        source.enterSpan(span);
        const { end } = source;
        while (source.at < end) {
          pushContent(source, depth);
          const next = source.at;
          out.byte(separator);
          separator = COMMA;
          write(source, content, content + 1, out, depth, mask);
          source.top = content;
          source.enter(next, end);
        }
      }
      out.byte(LIST_END);
      return true;
    },
  };
}

/** Returns the writer of a singular message. All its pieces together are the message. */
function messageWriter(writeOf: () => WriteMessage, delimited: boolean, unset: string): ValueWriter {
  return {
    accepts: acceptsMessage(delimited),
    unset,
    isUnknown: undefined,
    write(source, from, to, out, depth, mask, key) {
      const content = source.top;
      for (let span = from; span < to; span++) {
        source.enterSpan(span);
        while (source.at < source.end) pushContent(source, depth);
      }
      out.raw(key);
      writeOf()(source, content, source.top, out, depth, mask);
      source.top = content;
      return true;
    },
  };
}

function acceptsMessage(delimited: boolean): (wireType: number) => boolean {
  const wireType = delimited ? WIRE_GROUP : WIRE_LENGTH;
  return (found) => found === wireType;
}

/** Reads a message, whose tag is at the reader, and pushes its content as a span. */
function pushContent(source: WireSource, depth: number): void {
  const tag = source.tag();
  if ((tag & 7) === WIRE_GROUP) {
    const start = source.at;
    source.addSpan(0, start, source.group(tag, depth + 1));
    return;
  }
  const length = source.length();
  source.addSpan(0, source.at, source.at + length);
  source.at += length;
}

/** The types whose JSON is not an object. The JSON of an unset field of such a type is null. */
const NULL_WHEN_UNSET =
  /^google\.protobuf\.(Value|ListValue|Timestamp|Duration|FieldMask|(Double|Float|U?Int64|U?Int32|Bool|String|Bytes)Value)$/;

function unsetMessage({ fullName }: MessageDescriptor): string {
  return NULL_WHEN_UNSET.test(fullName) ? 'null' : '{}';
}

/** Returns a function that finds the writer of a type when it is first needed, because types may contain themselves. */
function lazily(message: MessageDescriptor, writers: Writers): () => WriteMessage {
  let write: WriteMessage | undefined;
  return () => {
    write ??= writers.of(message).write;
    return write;
  };
}

const LIST = 0x5b;
const LIST_END = 0x5d;
const COMMA = 0x2c;
