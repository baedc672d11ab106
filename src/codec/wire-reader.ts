/**
 * This module reads protobuf's wire format (protobuf.dev/programming-guides/encoding) from a range of one buffer. Bytes
 * that are not the wire format throw BrokenWire, whose text is for the log.
 */

import { isUtf8 } from 'node:buffer';

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_LENGTH = 2;
export const WIRE_GROUP = 3;
export const WIRE_GROUP_END = 4;
export const WIRE_FIXED32 = 5;

export class BrokenWire extends Error {
  override readonly name = 'BrokenWire';
}

export class WireReader {
  at: number;
  /** The lower half of the varint or fixed64 that was read last, unsigned. `high` is the upper half. */
  low = 0;
  high = 0;
  bytes: Uint8Array;
  view: DataView;

  constructor(
    bytes: Uint8Array,
    start = 0,
    public end = bytes.length,
  ) {
    this.bytes = bytes;
    this.at = start;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Starts over with other bytes. */
  protected load(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
    this.end = bytes.length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Narrows the reader to a range of the same buffer. */
  enter(start: number, end: number): void {
    this.at = start;
    this.end = end;
  }

  /** A field's number and wire type as one number: `number * 8 + type`. */
  tag(): number {
    const first = this.at < this.end ? this.bytes[this.at]! : 0;
    if (first > 7 && first < 0x80) {
      this.at++;
      return first;
    }
    this.varint();
    const tag = this.low;
    if (this.high !== 0 || tag >>> 3 === 0) throw new BrokenWire(`illegal tag at byte ${this.at}`);
    return tag;
  }

  /** Reads a varint of at most ten bytes into `low` and `high`. Bits above 64 are dropped, as protobuf does. */
  varint(): void {
    const { bytes, end } = this;
    if (this.at < end && bytes[this.at]! < 0x80) {
      this.low = bytes[this.at++]!;
      this.high = 0;
      return;
    }
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
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new BrokenWire(`varint too long at byte ${this.at}`);
  }

  fixed64(): void {
    this.need(8);
    this.low = this.view.getUint32(this.at, true);
    this.high = this.view.getUint32(this.at + 4, true);
    this.at += 8;
  }

  fixed32(): void {
    this.need(4);
    this.low = this.view.getUint32(this.at, true);
    this.high = 0;
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
    if (this.high !== 0 || this.low > this.end - this.at)
      throw new BrokenWire(`length over the end at byte ${this.at}`);
    return this.low;
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
