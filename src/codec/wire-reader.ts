/**
 * This module reads protobuf's wire format (protobuf.dev/programming-guides/encoding) from a range of one buffer. Bytes
 * that are not the wire format throw BrokenWire, whose text is for the log.
 */

import { isUtf8 } from 'node:buffer';
import { viewOf } from './view-of.js';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_LENGTH = 2;
export const WIRE_GROUP = 3;
export const WIRE_GROUP_END = 4;
export const WIRE_FIXED32 = 5;

export class BrokenWire extends Error {
  override readonly name = 'BrokenWire';
}

const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

export class WireReader {
  at: number;
  /**
   * `lowBits` and `highBits` are the halves of the number that was read last, as signed integers, which V8 keeps without an
   * allocation.
   */
  lowBits = 0;
  highBits = 0;
  bytes: Uint8Array;
  view: DataView;

  constructor(
    bytes: Uint8Array,
    start = 0,
    public end = bytes.length,
  ) {
    this.bytes = bytes;
    this.at = start;
    this.view = viewOf(bytes);
  }

  /** Forgets the bytes. */
  protected unload(): void {
    this.bytes = NOTHING;
    this.view = NO_VIEW;
    this.at = 0;
    this.end = 0;
  }

  /** Starts to read the first `length` bytes of another buffer. */
  protected load(bytes: Uint8Array, view = viewOf(bytes), length = bytes.length): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = length;
    this.view = view;
  }

  /** The lower half of the number that was read last, unsigned. */
  get low(): number {
    return this.lowBits >>> 0;
  }

  /** The upper half of the number that was read last, unsigned. */
  get high(): number {
    return this.highBits >>> 0;
  }

  /** Narrows the reader to a range of the same buffer. */
  enter(start: number, end: number): void {
    this.at = start;
    this.end = end;
  }

  /** Reads a tag: a field's number and wire type as one number, `number * 8 + type`. */
  tag(): number {
    const first = this.at < this.end ? this.bytes[this.at]! : 0;
    if (first > 7 && first < 0x80) {
      this.at++;
      return first;
    }
    this.varint();
    const tag = this.low;
    if (this.highBits !== 0 || tag >>> 3 === 0) throw new BrokenWire(`illegal tag at byte ${this.at}`);
    return tag;
  }

  /** Reads a varint of at most ten bytes. Bits above 64 are dropped, as protobuf does. */
  varint(): void {
    const first = this.at < this.end ? this.bytes[this.at]! : 0x80;
    if (first >= 0x80) return this.longVarint();
    this.at++;
    this.lowBits = first;
    this.highBits = 0;
  }

  /** Reads a varint of several bytes. It is a function of its own so that V8 inlines {@link varint}. */
  private longVarint(): void {
    const { bytes, end } = this;
    let { at } = this;
    if (end - at < 10) return this.lastVarint();
    let low = bytes[at++]! & 0x7f;
    let high = 0;
    let byte = bytes[at++]!;
    low |= (byte & 0x7f) << 7;
    if (byte >= 0x80) {
      byte = bytes[at++]!;
      low |= (byte & 0x7f) << 14;
    }
    if (byte >= 0x80) {
      byte = bytes[at++]!;
      low |= (byte & 0x7f) << 21;
    }
    if (byte >= 0x80) {
      byte = bytes[at++]!;
      low |= byte << 28;
      high = (byte & 0x7f) >>> 4;
      for (let shift = 3; byte >= 0x80; shift += 7) {
        if (shift > 31) throw new BrokenWire(`varint too long at byte ${at}`);
        byte = bytes[at++]!;
        high |= (byte & 0x7f) << shift;
      }
    }
    this.lowBits = low;
    this.highBits = high;
    this.at = at;
  }

  /** Reads a varint of several bytes if fewer than ten bytes are left. */
  private lastVarint(): void {
    const { bytes, end } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new BrokenWire(`varint cut at byte ${this.at}`);
      const byte = bytes[this.at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.lowBits = low;
        this.highBits = high;
        return;
      }
    }
    throw new BrokenWire(`varint too long at byte ${this.at}`);
  }

  fixed64(): void {
    this.need(8);
    this.lowBits = this.view.getInt32(this.at, true);
    this.highBits = this.view.getInt32(this.at + 4, true);
    this.at += 8;
  }

  fixed32(): void {
    this.need(4);
    this.lowBits = this.view.getInt32(this.at, true);
    this.highBits = 0;
    this.at += 4;
  }

  readDouble(): number {
    this.need(8);
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  readFloat(): number {
    this.need(4);
    const value = this.view.getFloat32(this.at, true);
    this.at += 4;
    return value;
  }

  /** Reads a length. Throws BrokenWire if the value would not fit into the range. */
  length(): number {
    const first = this.at < this.end ? this.bytes[this.at]! : 0x80;
    if (first < this.end - this.at && first < 0x80) {
      this.at++;
      return first;
    }
    this.varint();
    if (this.highBits !== 0 || this.lowBits < 0 || this.lowBits > this.end - this.at)
      throw new BrokenWire(`length over the end at byte ${this.at}`);
    return this.lowBits;
  }

  /** Skips a value. `depth` is the number of groups that may still be nested. */
  skip(tag: number, depth: number): void {
    switch (tag & 7) {
      case WIRE_VARINT:
        return this.varint();
      case WIRE_FIXED64:
        return this.fixed64();
      case WIRE_LENGTH: {
        const length = this.length();
        this.at += length;
        return;
      }
      case WIRE_GROUP:
        this.group(tag, depth);
        return;
      case WIRE_FIXED32:
        return this.fixed32();
      default:
        throw new BrokenWire(`wire type ${tag & 7} at byte ${this.at}`);
    }
  }

  /** Skips the content and the end tag of a group. Returns the offset at which the content ends. */
  group(tag: number, depth: number): number {
    if (depth <= 0) throw new BrokenWire('nested too deep');
    for (;;) {
      const contentEnd = this.at;
      const inner = this.tag();
      if ((inner & 7) === WIRE_GROUP_END) {
        if (inner >>> 3 !== tag >>> 3) throw new BrokenWire(`group ends as another at byte ${contentEnd}`);
        return contentEnd;
      }
      this.skip(inner, depth - 1);
    }
  }

  private need(count: number): void {
    if (this.end - this.at < count) throw new BrokenWire(`value cut at byte ${this.at}`);
  }
}

/** Returns the bytes as text. Throws BrokenWire if they are not UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new BrokenWire('string of invalid UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
