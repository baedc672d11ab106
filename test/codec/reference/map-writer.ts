/**
 * This module writes maps as JSON. On the wire a map is a list of entries { key = 1, value = 2 }. The last entry of a key
 * counts.
 */

import type { FieldMask } from '../../../src/codec/field-mask.js';
import type { KeyTable } from '../../../src/codec/key-table.js';
import { WIRE_LENGTH } from '../../../src/codec/wire-reader.js';
import type { WireSource } from '../../../src/codec/wire-source.js';
import type { ScalarType } from '../../../src/schema/descriptor.js';
import type { JsonWriter } from './json-writer.js';
import { scalarCodec } from './scalar-writer.js';
import { NO_KEY, type ValueShape, type ValueWriter } from './value-writer.js';

/** Returns the writer of a map. It uses `keys` only until it writes the first value. */
export function mapWriter(shape: ValueShape, value: ValueWriter, keys: KeyTable): ValueWriter {
  const key = compileKey(shape.mapKey ?? 'string', shape.validateUtf8);
  const isMessage = isEmptyWhenAbsent(shape);

  return {
    accepts: (wireType) => wireType === WIRE_LENGTH,
    unset: '{}',
    isUnknown: undefined,
    write(source, from, to, out, depth, mask, fieldKey) {
      out.raw(fieldKey);
      const last = repeatedKeys(source, from, to, out, depth);
      let separator = OPEN;
      forEachEntry(source, from, to, depth, (entry, keyAt, keyEnd, values) => {
        if (last !== undefined && key.get(last, source, keyAt, keyEnd) !== entry) return;
        const { length } = out;
        out.byte(separator);
        key.write(source, keyAt, keyEnd, out);
        out.byte(COLON);
        if (writeValue(source, values, out, depth, mask)) separator = COMMA;
        else out.cut(length);
      });
      if (separator === OPEN) out.byte(OPEN);
      out.byte(CLOSE);
      return true;
    },
  };

  /** Writes a value. Returns false if a closed enum does not know its number, and so the entry does not count. */
  function writeValue(source: WireSource, values: number, out: JsonWriter, depth: number, mask?: FieldMask): boolean {
    if (values === source.top && !isMessage) out.ascii(value.unset);
    else return value.write(source, values, source.top, out, depth, mask, NO_KEY);
    return true;
  }

  /** Returns a table that has the offset of the last entry of each key. Undefined if no key is repeated. */
  function repeatedKeys(source: WireSource, from: number, to: number, out: JsonWriter, depth: number) {
    let repeats = false;
    const putAll = (withOffsets: boolean) =>
      forEachEntry(source, from, to, depth, (entry, keyAt, keyEnd, values) => {
        if (!counts(source, values, out, depth)) return;
        if (!key.put(keys, source, keyAt, keyEnd, withOffsets ? entry : 0)) repeats = true;
      });
    keys.clear();
    putAll(false);
    if (!repeats) {
      keys.clear();
      return undefined;
    }
    // Most maps repeat no key, so the offsets get memory only now.
    putAll(true);
    return keys.take();
  }

  /** Returns false if a closed enum does not know the value, so that the entry does not replace an earlier one. */
  function counts(source: WireSource, values: number, out: JsonWriter, depth: number): boolean {
    if (value.isUnknown === undefined) return true;
    const { length } = out;
    const written = writeValue(source, values, out, depth);
    out.cut(length);
    return written;
  }

  /**
   * Calls `visit` for each entry with its offset, the range of its key (empty if it has none), and the first span of its
   * value.
   */
  function forEachEntry(
    source: WireSource,
    from: number,
    to: number,
    depth: number,
    visit: (entry: number, keyAt: number, keyEnd: number, values: number) => void,
  ): void {
    const values = source.top;
    for (let span = from; span < to; span++) {
      source.enterSpan(span);
      const spanEnd = source.end;
      while (source.at < spanEnd) {
        source.tag();
        const length = source.length();
        const entry = source.at;
        source.end = entry + length;
        let keyAt = entry;
        let keyEnd = entry;
        while (source.at < source.end) {
          const start = source.at;
          const tag = source.tag();
          if (tag === key.tag) {
            if (key.isText) {
              const size = source.length();
              keyAt = source.at;
              source.at += size;
            } else {
              keyAt = source.at;
              source.skip(tag, depth);
            }
            keyEnd = source.at;
          } else {
            source.skip(tag, depth);
            if (tag >>> 3 === 2 && value.accepts(tag & 7)) source.addSpan(0, start, source.at);
          }
        }
        visit(entry, keyAt, keyEnd, values);
        source.top = values;
        source.enter(entry + length, spanEnd);
      }
    }
  }
}

interface KeyCodec {
  readonly tag: number;
  readonly isText: boolean;
  /** Writes the key as a JSON string. */
  write(source: WireSource, at: number, end: number, out: JsonWriter): void;
  /** Sets the key's number in the table. Returns true if the table had no equal key. */
  put(keys: KeyTable, source: WireSource, at: number, end: number, number: number): boolean;
  get(keys: KeyTable, source: WireSource, at: number, end: number): number | undefined;
}

const KEY_NUMBER = 1;
const HALVES = new Uint32Array(2);
const NUMBER = new Uint8Array(HALVES.buffer);

function compileKey(type: ScalarType, validateUtf8: boolean): KeyCodec {
  const codec = scalarCodec(type, validateUtf8);
  const isText = type === 'string';
  const tag = KEY_NUMBER * 8 + codec.wireType;
  if (isText) {
    return {
      tag,
      isText,
      write(source, at, end, out) {
        source.enter(at, end);
        codec.write(source, out);
      },
      put: (keys, { bytes }, at, end, number) => keys.put(bytes, at, end, number),
      get: (keys, { bytes }, at, end) => keys.get(bytes, at, end),
    };
  }
  const isQuoted = codec.defaultJson.startsWith('"');
  const absent = isQuoted ? codec.defaultJson : `"${codec.defaultJson}"`;
  const size = isQuoted ? 8 : 4;
  /** Loads the number of a key: equal keys may be encoded in different ways, for example as a longer varint. */
  const load = (source: WireSource, at: number, end: number) => {
    source.lowBits = 0;
    source.highBits = 0;
    source.enter(at, end);
    if (at < end) source.skip(tag, 0);
    HALVES[0] = type === 'bool' ? Math.min(1, source.low + source.high) : source.low;
    HALVES[1] = source.high;
  };
  return {
    tag,
    isText,
    write(source, at, end, out) {
      if (at === end) return out.ascii(absent);
      source.enter(at, end);
      if (!isQuoted) out.byte(QUOTE);
      codec.write(source, out);
      if (!isQuoted) out.byte(QUOTE);
    },
    put(keys, source, at, end, number) {
      load(source, at, end);
      return keys.put(NUMBER, 0, size, number);
    },
    get(keys, source, at, end) {
      load(source, at, end);
      return keys.get(NUMBER, 0, size);
    },
  };
}

/**
 * Returns true if an entry without a value has an empty message (prost omits defaults). An empty Value has no JSON.
 */
function isEmptyWhenAbsent({ type }: ValueShape): boolean {
  return type.kind === 'message' && type.message.fullName !== 'google.protobuf.Value';
}

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
