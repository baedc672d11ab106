/**
 * This module writes JSON as UTF-8 without a copy at the end: several texts share a buffer, and each is returned as a part of
 * it. A caller that passes a writer to a codec can write into the same text before and after the message.
 */
import { isUtf8 } from 'node:buffer';
import { gatewayError, type StatusError } from '../status/status-error.js';
import { MAX_NUMBER_BYTES, writeInteger, writePadded } from './json-digits.js';
import { writeDecimal } from './json-doubles.js';
import { copied, copyShortText, copyText, isPlain, isPlainWord, MAX_ESCAPE } from './json-text.js';
import { LONG_TEXT, PIECE, textSimd } from './text-simd.js';
import { viewOf } from './view-of.js';

/** The size of a buffer that small texts share. */
const SHARED_BYTES = 16 * 1024;
/** The size of the buffer for texts of medium size. The part of it that is never written to takes no physical memory. */
const MEDIUM_BYTES = 512 * 1024;
const NOTHING = Buffer.alloc(0);
/** The number of free bytes that must be left after a text, because text is copied in whole words and escapes. */
const SLACK = MAX_ESCAPE + 10;

/** A text that is written often, such as the key of a field, as words of four bytes. */
export interface Fixed {
  readonly words: Int32Array;
  readonly length: number;
}

export function fixed(text: string): Fixed {
  const bytes = Buffer.from(text);
  const words = new Int32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return { words, length: bytes.length };
}

export class JsonWriter {
  /** The bytes before `start` were returned to callers, and are never written again. */
  private buffer: Buffer = NOTHING;
  private view = viewOf(NOTHING);
  private start = 0;
  private at = 0;
  /** While a larger text has a buffer of its own, `shared` is the buffer of small texts and `free` its first free offset. */
  private shared: Buffer = NOTHING;
  private free = 0;
  /** The buffer for texts of medium size, which are copied when they are complete. It is zeroed after each text. */
  private medium: Buffer | undefined;
  /** `most` is the most bytes that the current text may have. `maxBytes` is the argument of `limit`, for the error text. */
  private most = Number.POSITIVE_INFINITY;
  private maxBytes = Number.POSITIVE_INFINITY;

  constructor(private readonly simd = textSimd) {}

  /**
   * Returns the JSON that `write` writes; the caller owns the bytes. If `write` throws, its text is dropped. Callers can share
   * a writer if they do not `await` while they write. Calls of `collect` cannot be nested.
   */
  collect(write: (out: this) => void): Uint8Array {
    try {
      write(this);
      return this.taken();
    } finally {
      this.begin();
    }
  }

  /** Returns the JSON that `write` writes as a string. The bytes in the buffer are used again. */
  collectString(write: (out: this) => void): string {
    const { buffer, start } = this;
    try {
      write(this);
      return this.buffer.toString('utf8', this.start, this.at);
    } finally {
      if (this.buffer === buffer && this.start === start) this.at = start;
      this.begin();
    }
  }

  /** Moves the current text, with its buffer and its limit, to a new writer and returns that. This writer begins a new text. */
  handOver(): JsonWriter {
    const other = new JsonWriter();
    other.buffer = this.buffer;
    other.view = this.view;
    other.start = this.start;
    other.at = this.at;
    other.medium = this.medium;
    other.most = this.most;
    other.maxBytes = this.maxBytes;
    this.buffer = NOTHING;
    this.shared = NOTHING;
    this.medium = undefined;
    this.at = 0;
    this.free = 0;
    this.begin();
    return other;
  }

  private taken(): Uint8Array {
    const { buffer, start, at } = this;
    if (buffer !== this.medium) return buffer.subarray(start, at);
    // Memory that was not written to is not used, so a buffer that is more than half full is returned without a copy.
    if (at - start > MEDIUM_BYTES / 2) {
      this.medium = undefined;
      return buffer.subarray(start, at);
    }
    const copy = Buffer.allocUnsafeSlow(at - start);
    buffer.copy(copy, 0, start, at);
    return copy;
  }

  /** Begins a new text after the last one. A large buffer is not shared: one small text would keep all of it in memory. */
  private begin(): void {
    if (this.buffer === this.medium) this.buffer.fill(0, 0, this.at);
    if (this.buffer.length > SHARED_BYTES) {
      this.buffer = this.shared;
      this.view = viewOf(this.shared);
      this.at = this.free;
    }
    this.start = this.at;
    this.most = Number.POSITIVE_INFINITY;
  }

  /**
   * Allows `maxBytes` more bytes until `endLimit`. For more than these the writer throws a StatusError (502), at the
   * latest in `endLimit`.
   */
  limit(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.most = this.at - this.start + maxBytes;
  }

  endLimit(): void {
    // `grow` does not notice bytes for which the buffer had room.
    if (this.at - this.start > this.most) throw this.tooLarge();
    this.most = Number.POSITIVE_INFINITY;
  }

  byte(code: number): void {
    if (this.at === this.buffer.length) this.grow(1);
    this.buffer[this.at++] = code;
  }

  /** The number of bytes that the current text has. */
  get length(): number {
    return this.at - this.start;
  }

  /** Removes everything that was written since the text had `length` bytes. */
  cut(length: number): void {
    this.at = this.start + length;
  }

  /** Writes text that is ASCII and needs no escape: numbers, punctuation. */
  ascii(text: string): void {
    const { length } = text;
    if (this.buffer.length - this.at < length) this.grow(length);
    if (length > SHORT) {
      this.at += this.buffer.write(text, this.at, 'latin1');
      return;
    }
    const { buffer } = this;
    let { at } = this;
    for (let i = 0; i < length; i++) buffer[at++] = text.charCodeAt(i);
    this.at = at;
  }

  /** Writes a text that was prepared with {@link fixed}. */
  fixed({ words, length }: Fixed): void {
    if (this.buffer.length - this.at < length + 3) this.grow(length, SLACK);
    const { view, at } = this;
    // The last word may be longer than the rest of the text; the next write overwrites its end.
    for (let i = 0; i < words.length; i++) view.setInt32(at + i * 4, words[i]!, true);
    this.at = at + length;
  }

  /** Writes an integer from -2^53 + 1 to 2^53 - 1. */
  integer(value: number): void {
    const at = this.beginNumbers(1);
    this.at = writeInteger(this.view, at, value);
  }

  /** Writes a double. NaN and the infinities become strings. */
  double(value: number): void {
    const at = this.beginNumbers(1);
    this.at = writeDecimal(this.view, at, value, false);
  }

  /** Makes room for `count` numbers. The caller writes them into {@link target}, beginning at the offset that is returned. */
  beginNumbers(count: number): number {
    const size = count * MAX_NUMBER_BYTES;
    if (this.buffer.length - this.at < size) this.grow(count, size);
    return this.at;
  }

  /** Ends the text at the offset in {@link target} after the last number. */
  endNumbers(at: number): void {
    this.at = at;
  }

  /** A DataView of the buffer. It is replaced when a call makes room. */
  get target(): DataView {
    return this.view;
  }

  /** Writes the last `count` decimal digits of an integer from 0 to 2^31 - 1, with zeros in front. */
  padded(value: number, count: number): void {
    if (this.buffer.length - this.at < count) this.grow(count);
    this.at = writePadded(this.view, this.at, value, count);
  }

  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.buffer.length - this.at < length) this.grow(length);
    if (length > SHORT) this.buffer.set(bytes, this.at);
    else {
      const { buffer, at } = this;
      for (let i = 0; i < length; i++) buffer[at + i] = bytes[i]!;
    }
    this.at += length;
  }

  /** Writes a text as a JSON string. */
  string(text: string): void {
    this.raw(Buffer.from(JSON.stringify(text)));
  }

  /** Writes a text as a part of a JSON string, without quotes. */
  stringContent(text: string): void {
    const quoted = Buffer.from(JSON.stringify(text));
    this.raw(quoted.subarray(1, -1));
  }

  /** Writes bytes as base64, without quotes. */
  base64(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > SHORT) {
      this.ascii(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('base64'));
    } else this.shortBase64(bytes, start, end);
  }

  private shortBase64(bytes: Uint8Array, start: number, end: number): void {
    if (this.buffer.length - this.at < (end - start) * 2 + 4) this.grow((end - start) * 2 + 4);
    const { buffer } = this;
    let { at } = this;
    for (let i = start; i < end; i += 3) {
      const left = end - i;
      const bits = (bytes[i]! << 16) | (left > 1 ? bytes[i + 1]! << 8 : 0) | (left > 2 ? bytes[i + 2]! : 0);
      buffer[at++] = BASE64[bits >>> 18]!;
      buffer[at++] = BASE64[(bits >>> 12) & 63]!;
      buffer[at++] = left > 1 ? BASE64[(bits >>> 6) & 63]! : EQUALS;
      buffer[at++] = left > 2 ? BASE64[bits & 63]! : EQUALS;
    }
    this.at = at;
  }

  /**
   * Writes UTF-8 bytes as a JSON string. Returns false, and writes nothing, if they are not UTF-8. `view` is a DataView of
   * `bytes`.
   */
  utf8(bytes: Uint8Array, start: number, end: number, view = viewOf(bytes)): boolean {
    if (this.buffer.length - this.at < end - start + SLACK) this.grow(end - start + 2, SLACK);
    const { buffer, view: target } = this;
    let to = this.at;
    buffer[to++] = QUOTE;
    if (end - start >= LONG_TEXT) return this.unusual(bytes, start, end, view, to);
    let from = start;
    for (const words = end - 3; from < words; from += 4) {
      const word = view.getInt32(from, true);
      if (!isPlainWord(word)) return this.unusual(bytes, from, end, view, to);
      target.setInt32(to, word, true);
      to += 4;
    }
    if (from < end) {
      if (end - start >= 4) {
        // The last word may have bytes that are copied already.
        const word = view.getInt32(end - 4, true);
        if (!isPlainWord(word)) return this.unusual(bytes, from, end, view, to);
        to += end - from;
        target.setInt32(to - 4, word, true);
      } else {
        for (; from < end; from++) {
          const byte = bytes[from]!;
          if (!isPlain(byte)) return this.unusual(bytes, from, end, view, to);
          buffer[to++] = byte;
        }
      }
    }
    buffer[to++] = QUOTE;
    this.at = to;
    return true;
  }

  /** Writes the rest of a text that has escapes or is not ASCII. The text before it has been written up to `to`. */
  private unusual(bytes: Uint8Array, from: number, end: number, view: DataView, to: number): boolean {
    const { length } = this;
    this.at = to;
    const isGood = end - from > SHORT_TEXT ? this.longText(bytes, from, end, view) : this.shortText(bytes, from, end);
    if (isGood) this.byte(QUOTE);
    else this.cut(length);
    return isGood;
  }

  private longText(bytes: Uint8Array, start: number, end: number, view: DataView): boolean {
    if (!isUtf8(bytes.subarray(start, end))) return false;
    this.text(bytes, start, end, view);
    return true;
  }

  private shortText(bytes: Uint8Array, start: number, end: number): boolean {
    const most = (end - start) * MAX_ESCAPE + 2;
    if (this.buffer.length - this.at < most) this.grow(end - start + 1, most);
    const to = copyShortText(bytes, start, end, this.view, this.buffer, this.at);
    this.at = Math.max(to, this.at);
    return to >= 0;
  }

  /** Writes UTF-8 bytes as a part of a JSON string, without a check that they are UTF-8. */
  text(bytes: Uint8Array, start: number, end: number, view: DataView): void {
    const simd = end - start < LONG_TEXT ? undefined : this.simd();
    let from = start;
    while (simd !== undefined && from < end) {
      const stop = Math.min(end, from + PIECE);
      this.raw(simd.escape(bytes, from, stop));
      from = stop;
    }
    while (from < end) {
      if (this.buffer.length - this.at < SLACK) this.grow(end - from, SLACK);
      copyText(view, bytes, from, end, this.view, this.buffer, this.at, this.buffer.length);
      this.at = copied.to;
      from = copied.from;
    }
  }

  /**
   * Returns the error for too much JSON. An answer that is small on the wire may be large as JSON, because of long names of
   * enums or because defaults are written.
   */
  private tooLarge(): StatusError {
    const text = `the upstream's answer is larger than ${this.maxBytes} bytes as JSON`;
    return gatewayError('UPSTREAM_ANSWER_TOO_LARGE', text, { source: 'upstream' });
  }

  /** Makes room for `count` bytes that will be written, and for `slack` bytes that may be written after them. */
  private grow(count: number, slack = 0): void {
    const { buffer, start, at, most } = this;
    const size = at - start;
    const needed = size + count;
    if (needed > most) throw this.tooLarge();
    if (buffer.length <= SHARED_BYTES) {
      this.shared = buffer;
      this.free = start;
    }
    const grown = this.bufferOf(needed + slack, Math.min(size * 2, most));
    buffer.copy(grown, 0, start, at);
    if (buffer === this.medium) buffer.fill(0, 0, at);
    this.buffer = grown;
    this.view = viewOf(grown);
    this.start = 0;
    this.at = size;
  }

  /**
   * Returns a buffer for a text of at least `needed` bytes; a large one has at least `wanted` bytes. It is zeroed so that no
   * bug can put old memory into an answer.
   */
  private bufferOf(needed: number, wanted: number): Buffer {
    if (needed <= SHARED_BYTES / 2) return Buffer.alloc(SHARED_BYTES);
    if (needed > MEDIUM_BYTES) return Buffer.alloc(Math.max(wanted, needed));
    this.medium ??= Buffer.alloc(MEDIUM_BYTES);
    return this.medium;
  }
}

const SHORT = 64;
/** Text with more bytes than this is checked by a native function. */
const SHORT_TEXT = 128;
const QUOTE = 0x22;
const EQUALS = 0x3d;
const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
