/**
 * This module has a growing buffer of protobuf wire format. The length of a part is written after its contents: {@link
 * WireWriter.fork} reserves one byte for it, and {@link WireWriter.join} fills that byte, and shifts the contents when
 * the length needs more bytes. 64-bit integers are passed as two's complement halves, so no BigInt is needed.
 */
import { viewOf } from './view-of.js';

/** Wire types (protobuf.dev/programming-guides/encoding). */
export const Wire = { VARINT: 0, FIXED64: 1, LEN: 2, START_GROUP: 3, END_GROUP: 4, FIXED32: 5 } as const;

const FIRST_SIZE = 4096;
/** The largest buffer, in bytes, that is kept after a large message. */
const KEPT_SIZE = 1 << 20;

/** Shorter parts are shifted word by word, which is faster than a call of a native function. */
const SHORT_PART = 192;
/** Longer text is copied by a native function, not word by word. */
const LONG_TEXT = 512;

export class WireWriter {
  bytes = Buffer.allocUnsafeSlow(FIRST_SIZE);
  pos = 0;
  /** A DataView of `bytes`. */
  view = viewOf(this.bytes);

  /** Starts a new message. The results of {@link slice} stay valid. */
  reset(): void {
    this.pos = 0;
    if (this.bytes.length > KEPT_SIZE) this.use(Buffer.allocUnsafeSlow(FIRST_SIZE));
  }

  private use(bytes: Buffer<ArrayBuffer>): void {
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  /**
   * Returns a copy of the bytes that were written since `from`. Small copies share a buffer, so code that keeps one for long
   * should copy it again.
   */
  slice(from = 0): Uint8Array {
    const copy = Buffer.allocUnsafe(this.pos - from);
    this.bytes.copy(copy, 0, from, this.pos);
    return copy;
  }

  /** Returns the bytes that were written since {@link reset}. A large buffer is returned itself, without a copy. */
  take(): Uint8Array {
    const { bytes, pos } = this;
    if (pos <= KEPT_SIZE || pos * 2 < bytes.length) return this.slice();
    this.use(Buffer.allocUnsafeSlow(FIRST_SIZE));
    this.pos = 0;
    return bytes.subarray(0, pos);
  }

  /** Makes room for `size` more bytes. */
  reserve(size: number): void {
    const needed = this.pos + size;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.pos);
    this.use(grown);
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.pos++] = value;
  }

  tag(number: number, wireType: number): void {
    this.uint32((number << 3) | wireType);
  }

  /** Writes a tag and begins a length-delimited part, as {@link fork} does. */
  begin(tag: number): number {
    this.uint32(tag);
    return this.fork();
  }

  /** Writes the 32 bits of `value` as an unsigned varint. */
  uint32(value: number): void {
    this.reserve(5);
    const { bytes } = this;
    if (value >= 0 && value < 0x80) {
      bytes[this.pos++] = value;
      return;
    }
    let rest = value >>> 0;
    let at = this.pos;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.pos = at;
  }

  varint64(low: number, high: number): void {
    if (high === 0) {
      this.uint32(low);
      return;
    }
    this.reserve(10);
    const { bytes } = this;
    let lo = low >>> 0;
    let hi = high >>> 0;
    let at = this.pos;
    while (hi !== 0 || lo > 0x7f) {
      bytes[at++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    bytes[at++] = lo;
    this.pos = at;
  }

  /** Writes a safe integer as a varint of its two's complement. */
  whole(value: number): void {
    if (value >= 0 && value <= 0x7fffffff) this.uint32(value);
    else this.varint64(value | 0, Math.floor(value / 0x100000000) | 0);
  }

  /** Writes an integer of at most 52 bits in the zigzag encoding, which has the sign in the lowest bit. */
  zigzag(value: number): void {
    const encoded = value < 0 ? -2 * value - 1 : 2 * value;
    if (encoded <= 0x7fffffff) this.uint32(encoded);
    else this.varint64(encoded | 0, Math.floor(encoded / 0x100000000) | 0);
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.view.setInt32(this.pos, value | 0, true);
    this.pos += 4;
  }

  fixed64(low: number, high: number): void {
    this.fixed32(low);
    this.fixed32(high);
  }

  float(value: number): void {
    this.reserve(4);
    this.view.setFloat32(this.pos, value, true);
    this.pos += 4;
  }

  double(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.pos, value, true);
    this.pos += 8;
  }

  /** Writes bytes without a length. */
  raw(source: Uint8Array, from = 0, to = source.length): void {
    const size = to - from;
    this.reserve(size);
    // For a short text, a loop is faster than a native copy.
    if (size < 32) {
      const { bytes, pos } = this;
      for (let i = 0; i < size; i++) bytes[pos + i] = source[from + i]!;
    } else {
      this.bytes.set(source.subarray(from, to), this.pos);
    }
    this.pos += size;
  }

  /** Writes a length and the bytes of `source` from `from` to `to`. `view` is a DataView of `source`. */
  text(source: Buffer, view: DataView, from: number, to: number): void {
    const size = to - from;
    this.reserve(size + 5);
    this.uint32(size);
    let at = this.pos;
    this.pos = at + size;
    if (size > LONG_TEXT) {
      source.copy(this.bytes, at, from, to);
      return;
    }
    const { bytes, view: own } = this;
    let next = from;
    for (; next <= to - 4; next += 4, at += 4) own.setInt32(at, view.getInt32(next, true), true);
    for (; next < to; next++, at++) bytes[at] = source[next]!;
  }

  /** Writes a length and bytes. */
  delimited(source: Uint8Array, from = 0, to = source.length): void {
    this.uint32(to - from);
    this.raw(source, from, to);
  }

  /** Writes a length and a text as UTF-8. */
  string(text: string): void {
    const start = this.fork();
    this.reserve(text.length * 3);
    this.pos += this.bytes.write(text, this.pos, 'utf8');
    this.join(start);
  }

  /** Writes a length and the bytes of a base64 text, which must be valid. */
  base64(text: string): void {
    const start = this.fork();
    this.reserve(Math.ceil(text.length / 4) * 3);
    this.pos += this.bytes.write(text, this.pos, 'base64');
    this.join(start);
  }

  /** Begins a length-delimited part: reserves a byte for its length. The result must be passed to {@link join} at its end. */
  fork(): number {
    this.reserve(1);
    return ++this.pos;
  }

  /** Ends the part for which {@link fork} returned `start`: writes its length in front of it. */
  join(start: number): void {
    const length = this.pos - start;
    if (length < 0x80) {
      this.bytes[start - 1] = length;
      return;
    }
    const extra = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
    this.reserve(extra);
    if (length < SHORT_PART) this.shift(start, extra);
    else this.bytes.copyWithin(start + extra, start, this.pos);
    const end = this.pos + extra;
    this.pos = start - 1;
    this.uint32(length);
    this.pos = end;
  }

  /**
   * Ends two parts of which one is inside of the other, and moves their contents only once. `outer` and `inner` are the results
   * of {@link fork}; between them are only the inner part's tag of one byte and its length.
   */
  joinBoth(outer: number, inner: number): void {
    const length = this.pos - inner;
    if (length < 0x7e || length >= 0x3ffc) {
      this.join(inner);
      this.join(outer);
      return;
    }
    // The inner length needs two bytes, or one if it is 0x7e or 0x7f; the outer one always needs two.
    const size = length < 0x80 ? 1 : 2;
    this.reserve(size);
    const tag = this.bytes[outer]!;
    if (length < SHORT_PART) this.shift(inner, size);
    else this.bytes.copyWithin(inner + size, inner, this.pos);
    const end = this.pos + size;
    this.pos = outer - 1;
    this.uint32(1 + size + length);
    this.bytes[this.pos++] = tag;
    this.uint32(length);
    this.pos = end;
  }

  /** Moves the bytes from `start` on to offsets that are higher by `by`. */
  private shift(start: number, by: number): void {
    const { view, bytes } = this;
    let at = this.pos - 4;
    for (; at >= start; at -= 4) view.setInt32(at + by, view.getInt32(at, true), true);
    for (at += 3; at >= start; at--) bytes[at + by] = bytes[at]!;
  }

  /**
   * True if the bytes since `from` are one default value: a zero of any scalar type, an empty string or an empty
   * message.
   */
  isDefault(from: number): boolean {
    const { bytes, pos } = this;
    for (let i = from; i < pos; i++) if (bytes[i] !== 0) return false;
    return true;
  }
}
