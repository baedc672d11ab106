/**
 * This module converts the wire format to JSON, from bytes to bytes. It first finds the spans of a message's fields
 * (`wire-source.ts`). Then it writes the fields in the order of their declaration, and extensions after them. Servers
 * mostly send the fields in this order; otherwise the spans are sorted. So fields that an upstream splits, repeats or
 * sends in another order are merged as protobuf defines it.
 *
 *     0a 01 61  10 05  0a 01 62   of { string name = 1; int32 size = 2; }   →   {"name":"b","size":5}
 */

import type { FieldMask } from '../../../src/codec/field-mask.js';
import type { JsonOptions } from '../../../src/codec/json-options.js';
import { KeyTable } from '../../../src/codec/key-table.js';
import { BrokenWire } from '../../../src/codec/wire-reader.js';
import { DROPPED, type WireSource } from '../../../src/codec/wire-source.js';
import type { FieldDescriptor, MessageDescriptor, OneofDescriptor, Registry } from '../../../src/schema/descriptor.js';
import { compileField, type FieldWriter } from './field-writer.js';
import type { JsonWriter } from './json-writer.js';
import type { MessageWriter, WriteField, WriteFields, WriteMessage, Writers } from './message-writer.js';
import { NO_KEY } from './value-writer.js';
import { wellKnownWriter } from './well-known-writer.js';

/** Creates the writers of all message types. Each is compiled on first use. */
export function createWriters(registry: Registry, options: JsonOptions): Writers {
  const known = new Map<MessageDescriptor, MessageWriter>();
  const writers: Writers = {
    registry,
    options,
    keys: new KeyTable(),
    of(message) {
      let writer = known.get(message);
      if (writer === undefined) {
        const plain = new PlainMessageWriter(message, writers);
        const special = wellKnownWriter(message, writers, plain);
        writer =
          special === undefined ? plain : { write: special, writeFields: undefined, writeField: plain.writeField };
        known.set(message, writer);
      }
      return writer;
    },
  };
  return writers;
}

/** The highest number of the fields that are found by index. A map has the others. */
const MAX_DIRECT = 255;

class PlainMessageWriter implements MessageWriter {
  /** The fields in the order of their declaration. Undefined until the first message is written. */
  private declared: readonly FieldWriter[] | undefined;
  private readonly byNumber: (FieldWriter | undefined)[] = [];
  private readonly others = new Map<number, FieldWriter>();
  private hasDefaults = false;
  /** False if other fields are declared between the members of a oneof. Then fields in order may be two members of it. */
  private inOrder = true;

  constructor(
    private readonly message: MessageDescriptor,
    private readonly writers: Writers,
  ) {}

  readonly write: WriteMessage = (source, from, to, out, depth, mask) => {
    out.byte(OPEN);
    this.writeFields(source, from, to, out, depth, mask, false);
    out.byte(CLOSE);
  };

  readonly writeFields: WriteFields = (source, from, to, out, depth, mask, comma) => {
    if (depth <= 0) throw new BrokenWire('nested too deep');
    const declared = this.declared ?? this.compile();
    const base = source.top;
    this.findSpans(source, from, to, depth);
    const { top } = source;
    let following = comma;
    let next = 0;
    for (let span = base; span < top; ) {
      const order = source.order(span);
      const first = span++;
      if (order === DROPPED) continue;
      while (span < top && source.order(span) === order) span++;
      if (this.hasDefaults) {
        while (next < order && next < declared.length)
          following = writeDefault(declared[next++]!, out, mask, following);
        next = order + 1;
      }
      const writer = declared[order] ?? this.writerOf(order - declared.length)!;
      if (mask !== undefined && !mask.has(writer.field)) continue;
      const key = following ? writer.nextKey : writer.key;
      if (writer.write(source, first, span, out, depth - 1, mask?.get(writer.field), key)) following = true;
      else following = writeDefault(writer, out, mask, following);
    }
    if (this.hasDefaults) {
      while (next < declared.length) following = writeDefault(declared[next++]!, out, mask, following);
    }
    source.top = base;
  };

  readonly writeField: WriteField = (source, from, to, field, out, depth, mask) => {
    if (this.declared === undefined) this.compile();
    const writer = this.writerOf(field.number);
    if (writer === undefined) return out.ascii('null');
    const base = source.top;
    this.findSpans(source, from, to, depth);
    const { top } = source;
    let first = base;
    while (first < top && source.order(first) !== writer.order) first++;
    let last = first;
    while (last < top && source.order(last) === writer.order) last++;
    if (first === last || !writer.write(source, first, last, out, depth - 1, mask, NO_KEY)) out.ascii(writer.unset);
    source.top = base;
  };

  /**
   * Pushes the spans of the known fields in the order of their declaration. In a oneof only the member that came last
   * counts.
   */
  private findSpans(source: WireSource, from: number, to: number, depth: number): void {
    const base = source.top;
    let last: FieldWriter | undefined;
    let { inOrder } = this;
    for (let piece = from; piece < to; piece++) {
      source.enterSpan(piece);
      // The field whose span ends at the reader.
      let open: FieldWriter | undefined;
      while (source.at < source.end) {
        const start = source.at;
        const tag = source.tag();
        const writer = this.writerOf(tag >>> 3);
        if (writer === undefined || !writer.accepts(tag & 7) || writer.hides?.(source) === true) {
          source.skip(tag, depth);
          open = undefined;
          continue;
        }
        source.skip(tag, depth);
        if (writer === open) {
          source.extend();
          continue;
        }
        source.addSpan(writer.order, start, source.at);
        if (last !== undefined && writer !== last && (writer.order < last.order || isSameOneof(writer, last))) {
          inOrder = false;
        }
        last = writer;
        open = writer;
      }
    }
    if (!inOrder) this.arrange(source, base);
  }

  /** Sorts the spans from `base` on, and drops the spans of oneof members that another member has replaced. */
  private arrange(source: WireSource, base: number): void {
    // For each oneof the member that came last, or null once an earlier span of another member was found.
    const holders = new Map<OneofDescriptor, FieldWriter | null>();
    const { declared = [] } = this;
    for (let span = source.top - 1; span >= base; span--) {
      const order = source.order(span);
      const writer = declared[order];
      const oneof = writer?.field.oneof;
      if (writer === undefined || oneof === undefined) continue;
      const holder = holders.get(oneof);
      if (holder === undefined) holders.set(oneof, writer);
      else if (holder !== writer) {
        holders.set(oneof, null);
        source.drop(span);
      }
    }
    source.sort(base);
  }

  private writerOf(number: number): FieldWriter | undefined {
    const known = number <= MAX_DIRECT ? this.byNumber[number] : this.others.get(number);
    if (known !== undefined) return known;
    const extension = this.message.field(number);
    if (extension === undefined || this.isOmitted(extension)) return undefined;
    const writer = compileField(extension, this.orderOf(number), this.writers);
    if (number <= MAX_DIRECT) this.byNumber[number] = writer;
    else this.others.set(number, writer);
    return writer;
  }

  /** Returns the order of an extension: after all fields, by number. */
  private orderOf(number: number): number {
    return this.declared!.length + number;
  }

  private compile(): readonly FieldWriter[] {
    const fields = this.message.fields.filter((field) => !this.isOmitted(field));
    const declared = fields.map((field, order) => compileField(field, order, this.writers));
    this.declared = declared;
    const oneofs = new Map<OneofDescriptor, number>();
    for (const writer of declared) {
      const { oneof } = writer.field;
      if (oneof !== undefined) {
        if ((oneofs.get(oneof) ?? writer.order - 1) < writer.order - 1) this.inOrder = false;
        oneofs.set(oneof, writer.order);
      }
      if (writer.emitted !== undefined) this.hasDefaults = true;
      if (writer.field.number <= MAX_DIRECT) this.byNumber[writer.field.number] = writer;
      else this.others.set(writer.field.number, writer);
    }
    return declared;
  }

  private isOmitted({ fullName }: FieldDescriptor): boolean {
    return this.writers.options.omitFields.has(fullName);
  }
}

/** Writes the default of an unset field, if defaults are written. Returns true if a comma comes before the next field. */
function writeDefault(writer: FieldWriter, out: JsonWriter, mask: FieldMask | undefined, following: boolean): boolean {
  const { field, emitted, key, nextKey } = writer;
  if (emitted === undefined || (mask !== undefined && !mask.has(field))) return following;
  out.raw(following ? nextKey : key);
  out.raw(emitted);
  return true;
}

function isSameOneof({ field }: FieldWriter, { field: other }: FieldWriter): boolean {
  return field.oneof !== undefined && field.oneof === other.oneof;
}

const OPEN = 0x7b;
const CLOSE = 0x7d;
