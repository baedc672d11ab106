/**
 * A WriteFrame is the state of one message, list or map that is being written: how far its bytes are read, and what its JSON
 * needs next.
 */
import type { FieldMask } from './field-mask.js';
import type { KeyTable } from './key-table.js';
import type { FieldPlan, MessagePlan } from './write-plan.js';

/** The steps that a frame can be at. */
export const Step = {
  /** The fields of a message are written. */
  FIELDS: 0,
  /** The spans of a message's fields are collected, so that they can be put in order. */
  ORDER: 1,
  /** The elements of a packed record are written. */
  PACKED: 2,
  /** A long string is written. */
  TEXT: 3,
  /** Long bytes are written as base64. */
  BYTES: 4,
  /** The paths of a FieldMask are written. */
  PATHS: 5,
  /** Only the closing bracket is missing. */
  CLOSE: 6,
} as const;

export class WriteFrame {
  step: number = Step.FIELDS;
  plan: MessagePlan | undefined;
  /** The field whose elements are written, for PACKED. */
  field: FieldPlan | undefined;
  /** The field that is the whole JSON. Undefined if the JSON is an object of all fields. */
  only: FieldPlan | undefined;
  mask: FieldMask | undefined;
  /** The largest number of levels of messages in this one, itself included. */
  depth = 0;

  /** The spans that are still to be read: from `span` to the one before `spanEnd`. */
  span = 0;
  spanEnd = 0;
  /** The number of spans that the source had before this frame. */
  base = 0;
  /** `at` and `end` are the range of the current span that is still to be read. */
  at = 0;
  end = 0;
  /** The offset at which the message or the value begins. */
  start = 0;
  /** True if the spans are in the order of the fields, with all records of a field together. */
  ordered = false;

  /** The length of the JSON before the message. */
  text = 0;
  /** True if a comma comes before the first key. */
  following = false;
  /** True if a comma comes before the next key. */
  comma = false;
  /** The bracket at the end, or 0. */
  close = 0;

  /** The field of the record that was read last. */
  last: FieldPlan | undefined;
  /** The order of the first field whose default has not been considered yet. */
  next = 0;
  /** The closing bracket of the list or map that is being written, or 0. */
  open = 0;
  /** True if the map or FieldMask that is being written has an element. */
  any = false;
  /** The keys of the map that is being written. */
  keys: KeyTable | undefined;
  /** The offsets of the last entries of all keys. Only a map with repeated keys has them. */
  lastEntries: KeyTable | undefined;
  /**
   * The four numbers with `map` in their names are the place where the map begins, so that it can be written again: the length
   * of the JSON before it, the next span, and the range of the current span that is still to be read.
   */
  mapText = 0;
  mapSpan = 0;
  mapAt = 0;
  mapEnd = 0;

  /**
   * While spans are collected, `growing` is the field whose span ends at the reader, and `inOrder` is true if no field was out
   * of order.
   */
  growing: FieldPlan | undefined;
  inOrder = true;

  /** Prepares the frame for the paths of a FieldMask. */
  asPaths(plan: MessagePlan): void {
    this.any = false;
    this.plan = plan.hiddenNames === undefined ? undefined : plan;
  }

  /** Forgets the message, so that nothing is kept in memory. */
  clear(): void {
    this.plan = undefined;
    this.field = undefined;
    this.only = undefined;
    this.mask = undefined;
    this.last = undefined;
    this.keys = undefined;
    this.lastEntries = undefined;
    this.growing = undefined;
  }
}
