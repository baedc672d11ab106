/**
 * A WireSource has the bytes of one answer while they are written as JSON, and the spans of the messages that are being
 * written: the positions of each field's values. Spans are kept on a stack of numbers, without an allocation for each:
 *
 *     0a 01 61  0a 01 62  10 05   of { repeated string names = 1; int32 size = 2; }
 *     spans (order, start, end):  (0, 0, 6)  (1, 6, 8)
 *
 * A span has one or more records of one field, with their tags, that follow each other. The pieces of a message are spans
 * too, but without a tag. A message may come in several pieces, which are merged (protobuf.dev, "Last One Wins").
 */
import { BrokenWire, WireReader } from './wire-reader.js';

/** The order of a span that does not count because another member of its oneof came later. */
export const DROPPED = -1;

/** The most spans at one time. Servers write all values of a field together, so messages have few spans. */
const MAX_SPANS = 1 << 20;
const KEPT_SPANS = 1 << 12;
const NOTHING = new Uint8Array(0);
const SMALL = 2048;

export class WireSource extends WireReader {
  /** The number of spans on the stack. */
  top = 0;
  private numbers = new Int32Array(3 * 64);
  /** A small message is copied to this place, because to create a view of it takes longer. */
  private readonly small = new Uint8Array(SMALL);
  private readonly smallView = new DataView(this.small.buffer);

  constructor() {
    super(NOTHING);
  }

  /** Starts with a new message, whose only piece is span 0. */
  open(message: Uint8Array): void {
    if (message.length > SMALL) this.load(message);
    else {
      this.small.set(message);
      this.load(this.small, this.smallView, message.length);
    }
    this.top = 0;
    this.addSpan(0, 0, message.length);
  }

  /** Releases the message, and the memory that many spans needed. */
  close(): void {
    this.unload();
    if (this.numbers.length > 3 * KEPT_SPANS) this.numbers = new Int32Array(3 * KEPT_SPANS);
  }

  addSpan(order: number, start: number, end: number): void {
    let at = this.top * 3;
    if (at === this.numbers.length) this.grow();
    const { numbers } = this;
    numbers[at++] = order;
    numbers[at++] = start;
    numbers[at] = end;
    this.top++;
  }

  order(span: number): number {
    return this.numbers[span * 3]!;
  }

  start(span: number): number {
    return this.numbers[span * 3 + 1]!;
  }

  endOf(span: number): number {
    return this.numbers[span * 3 + 2]!;
  }

  /** Narrows the reader to a span. */
  enterSpan(span: number): void {
    this.at = this.numbers[span * 3 + 1]!;
    this.end = this.numbers[span * 3 + 2]!;
  }

  /** Moves the end of the last span to the position of the reader. */
  extend(): void {
    this.numbers[this.top * 3 - 1] = this.at;
  }

  drop(span: number): void {
    this.numbers[span * 3] = DROPPED;
  }

  /** Sorts the spans from `base` on by their order. Spans of one field keep their order. */
  sort(base: number): void {
    const count = this.top - base;
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = this.order(base + i) * MAX_SPANS + i;
    keys.sort();
    const before = this.numbers.slice(base * 3, this.top * 3);
    for (let i = 0; i < count; i++) {
      const key = keys[i]!;
      const from = (key - Math.floor(key / MAX_SPANS) * MAX_SPANS) * 3;
      this.numbers.set(before.subarray(from, from + 3), (base + i) * 3);
    }
  }

  private grow(): void {
    if (this.top >= MAX_SPANS) throw new BrokenWire(`fields in more than ${MAX_SPANS} separate spans`);
    const grown = new Int32Array(this.numbers.length * 2);
    grown.set(this.numbers);
    this.numbers = grown;
  }
}
