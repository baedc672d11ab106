/**
 * This module has a growing buffer of protobuf wire format. The length of a part is written after its contents: {@link
 * WireWriter.fork} reserves one byte for it, and {@link WireWriter.join} fills that byte, and shifts the contents when
 * the length needs more bytes. 64-bit integers are passed as two's complement halves, so no BigInt is needed.
 */

/** Wire types (protobuf.dev/programming-guides/encoding). */
export const Wire = { VARINT: 0, FIXED64: 1, LEN: 2, START_GROUP: 3, END_GROUP: 4, FIXED32: 5 } as const;

const FIRST_SIZE = 4096;
/** The largest buffer, in bytes, that is kept after a large message. */
const KEPT_SIZE = 1 << 20;

export class WireWriter {
  bytes = Buffer.allocUnsafeSlow(FIRST_SIZE);
  pos = 0;

  /** Starts a new text. The results of {@link slice} stay valid. */
  reset(): void {
    this.pos = 0;
    if (this.bytes.length > KEPT_SIZE) this.bytes = Buffer.allocUnsafeSlow(FIRST_SIZE);
  }

  /**
   * Returns a copy of what was written since `from`. Small copies share a buffer, so code that keeps one for long
   * should copy it again.
   */
  slice(from = 0): Uint8Array {
    const copy = Buffer.allocUnsafe(this.pos - from);
    this.bytes.copy(copy, 0, from, this.pos);
    return copy;
  }

  /** Makes room for `size` more bytes. */
  reserve(size: number): void {
    const needed = this.pos + size;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.pos);
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.pos++] = value;
  }

  tag(number: number, wireType: number): void {
    this.uint32((number << 3) | wireType);
  }

  /** Writes the 32 bits of `value` as an unsigned varint. */
  uint32(value: number): void {
    this.reserve(5);
    const { bytes } = this;
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

  fixed32(value: number): void {
    this.reserve(4);
    this.pos = this.bytes.writeInt32LE(value | 0, this.pos);
  }

  fixed64(low: number, high: number): void {
    this.fixed32(low);
    this.fixed32(high);
  }

  float(value: number): void {
    this.reserve(4);
    this.pos = this.bytes.writeFloatLE(value, this.pos);
  }

  double(value: number): void {
    this.reserve(8);
    this.pos = this.bytes.writeDoubleLE(value, this.pos);
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

  /** Begins a length-delimited part. The result must be passed to {@link join}. */
  fork(): number {
    this.reserve(1);
    return ++this.pos;
  }

  join(start: number): void {
    const length = this.pos - start;
    if (length < 0x80) {
      this.bytes[start - 1] = length;
      return;
    }
    const extra = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
    this.reserve(extra);
    this.bytes.copyWithin(start + extra, start, this.pos);
    const end = this.pos + extra;
    this.pos = start - 1;
    this.uint32(length);
    this.pos = end;
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
