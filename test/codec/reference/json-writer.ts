/**
 * Writes JSON as UTF-8 without a copy at the end: several texts share a buffer, and each is returned as a view of it. A
 * caller that passes a writer to a codec can write into the same text before and after the message.
 */
import { isUtf8 } from 'node:buffer';
import { gatewayError, type StatusError } from '../../../src/status/status-error.js';

/** The size of a buffer that small texts share. */
const SHARED_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

export class JsonWriter {
  /** The bytes before `start` were returned to callers, and are never written again. */
  private buffer = NOTHING;
  private start = 0;
  private at = 0;
  /** The most bytes that the current text may have, and the argument of `limit` for the error text. */
  private most = Number.POSITIVE_INFINITY;
  private maxBytes = Number.POSITIVE_INFINITY;

  /**
   * Returns the JSON that `write` writes; the caller owns the bytes. If `write` throws, its text is dropped, so callers
   * that do not wait while they write can share a writer. Calls of `collect` cannot be nested.
   */
  collect(write: (out: this) => void): Uint8Array {
    try {
      write(this);
      return this.buffer.subarray(this.start, this.at);
    } finally {
      this.begin();
    }
  }

  /** Returns the same as a string; its bytes in the buffer are reused. */
  collectString(write: (out: this) => void): string {
    const { start } = this;
    try {
      write(this);
      return this.buffer.toString('utf8', this.start, this.at);
    } finally {
      if (this.start === start) this.at = start;
      this.begin();
    }
  }

  /** Begins a new text after the last one. A large buffer is not shared: one small text would keep all of it in memory. */
  private begin(): void {
    if (this.buffer.length > SHARED_BYTES) {
      this.buffer = NOTHING;
      this.at = 0;
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

  /** Writes an integer from -2^53 + 1 to 2^53 - 1. */
  integer(value: number): void {
    let rest = value;
    if (rest < 0) {
      this.byte(MINUS);
      rest = -rest;
    }
    if (rest < 10) this.byte(ZERO + rest);
    else this.padded(rest, digitsOf(rest));
  }

  /** Writes the last `count` decimal digits of an integer from 0 to 2^53 - 1, with zeros in front. */
  padded(value: number, count: number): void {
    if (this.buffer.length - this.at < count) this.grow(count);
    const { buffer, at } = this;
    let rest = value;
    let to = at + count;
    // A division of 32-bit numbers is several times faster.
    while (rest > 0x7fffffff && to > at) {
      const tenth = Math.floor(rest / 10);
      buffer[--to] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    while (to > at) {
      const tenth = (rest / 10) | 0;
      buffer[--to] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.at = at + count;
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

  /** Writes bytes as base64 in quotes. */
  base64(bytes: Uint8Array, start: number, end: number): void {
    this.byte(QUOTE);
    if (end - start > SHORT) {
      this.ascii(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('base64'));
    } else this.shortBase64(bytes, start, end);
    this.byte(QUOTE);
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
   * Writes UTF-8 bytes as a JSON string. The bytes between two escapes are copied at once. Returns false if they are
   * not UTF-8.
   */
  utf8(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < SHORT && this.plain(bytes, start, end)) return true;
    const text = bytes.subarray(start, end);
    if (!isUtf8(text)) return false;
    if (this.buffer.length - this.at < text.length + 2) this.grow(text.length + 2);
    this.byte(QUOTE);
    let copied = 0;
    for (let i = 0; i < text.length; i++) {
      const escaped = ESCAPES[text[i]!];
      if (escaped === undefined) continue;
      if (i > copied) this.raw(text.subarray(copied, i));
      this.raw(escaped);
      copied = i + 1;
    }
    if (copied < text.length) this.raw(copied === 0 ? text : text.subarray(copied));
    this.byte(QUOTE);
    return true;
  }

  /**
   * Writes a short text without escapes. A loop is faster here than a view of the bytes. Returns false, and writes
   * nothing, if the text is not ASCII or needs an escape.
   */
  private plain(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.buffer.length - this.at < end - start + 2) this.grow(end - start + 2);
    const { buffer } = this;
    let to = this.at;
    buffer[to++] = QUOTE;
    for (let i = start; i < end; i++) {
      const code = bytes[i]!;
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false;
      buffer[to++] = code;
    }
    buffer[to++] = QUOTE;
    this.at = to;
    return true;
  }

  /**
   * Returns the error for too much JSON. An answer may be small on the wire and large as JSON: enums with long names,
   * defaults that are written.
   */
  private tooLarge(): StatusError {
    const text = `the upstream's answer is larger than ${this.maxBytes} bytes as JSON`;
    return gatewayError('UPSTREAM_ANSWER_TOO_LARGE', text, { source: 'upstream' });
  }

  private grow(count: number): void {
    const { buffer, start, at, most } = this;
    const size = at - start;
    const needed = size + count;
    if (needed > most) throw this.tooLarge();
    // The buffer is zeroed so that even a bug here can't put old memory into an answer.
    const grown = Buffer.alloc(Math.max(SHARED_BYTES, Math.min(size * 2, most), needed));
    buffer.copy(grown, 0, start, at);
    this.buffer = grown;
    this.start = 0;
    this.at = size;
  }
}

const SHORT = 64;
const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');

/** For each byte the escape that a JSON string needs for it. Undefined when it needs none. */
const ESCAPES: readonly (Uint8Array | undefined)[] = Array.from({ length: 256 }, (_, code) => {
  if (code >= 0x20 && code !== QUOTE && code !== BACKSLASH) return undefined;
  return Buffer.from(JSON.stringify(String.fromCharCode(code)).slice(1, -1));
});

function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; value >= power; power *= 10) digits++;
  return digits;
}
