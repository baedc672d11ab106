/** A growing UTF-8 buffer for JSON text. One is shared by all writers: nothing that writes JSON waits for anything. */
import { isUtf8 } from 'node:buffer';
import { Code } from '../status/code.js';
import { errorInfoDetail } from '../status/details.js';
import { StatusError } from '../status/status-error.js';

const KEEP_BYTES = 1024 * 1024;
const FIRST_BYTES = 16 * 1024;

export class JsonWriter {
  private buffer = Buffer.allocUnsafe(FIRST_BYTES);
  private at = 0;
  private maxBytes = Number.POSITIVE_INFINITY;

  /** Of what is written from now on; beyond it the writer throws a StatusError (502). */
  limit(maxBytes: number): void {
    this.maxBytes = maxBytes;
  }

  /** What was written, as bytes of its own; the writer is empty again. */
  take(): Uint8Array {
    // The buffer may have had room for more.
    if (this.at > this.maxBytes) throw tooLarge(this.maxBytes);
    const result = Buffer.from(this.buffer.subarray(0, this.at));
    this.reset();
    return result;
  }

  /** Forgets what was written; a buffer that grew large is given back. */
  reset(): void {
    this.at = 0;
    if (this.buffer.length > KEEP_BYTES) this.buffer = Buffer.allocUnsafe(FIRST_BYTES);
  }

  byte(code: number): void {
    if (this.at === this.buffer.length) this.grow(1);
    this.buffer[this.at++] = code;
  }

  /** Text that is ASCII and needs no escape: numbers, punctuation. */
  ascii(text: string): void {
    if (this.buffer.length - this.at < text.length) this.grow(text.length);
    this.at += this.buffer.write(text, this.at, 'latin1');
  }

  raw(bytes: Uint8Array): void {
    if (this.buffer.length - this.at < bytes.length) this.grow(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** Any text as a JSON string. */
  string(text: string): void {
    this.raw(Buffer.from(JSON.stringify(text)));
  }

  /** UTF-8 bytes as a JSON string: copied span by span between what needs an escape. False: they are not UTF-8. */
  utf8(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < SHORT && this.plain(bytes, start, end)) return true;
    const text = bytes.subarray(start, end);
    if (!isUtf8(text)) return false;
    if (this.buffer.length - this.at < text.length + 2) this.grow(text.length + 2);
    this.byte(QUOTE);
    let copied = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text[i]!;
      if (code >= 0x20 && code !== QUOTE && code !== BACKSLASH) continue;
      this.raw(text.subarray(copied, i));
      this.ascii(escapeOf(code));
      copied = i + 1;
    }
    this.raw(copied === 0 ? text : text.subarray(copied));
    this.byte(QUOTE);
    return true;
  }

  /** Short text is mostly ASCII without anything to escape: a loop costs less than a view. False: it is not, nothing is written. */
  private plain(bytes: Uint8Array, start: number, end: number): boolean {
    const { at } = this;
    if (this.buffer.length - at < end - start + 2) this.grow(end - start + 2);
    const { buffer } = this;
    let to = at;
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

  private grow(count: number): void {
    const needed = this.at + count;
    if (needed > this.maxBytes) throw tooLarge(this.maxBytes);
    const grown = Buffer.allocUnsafe(Math.max(Math.min(this.buffer.length * 2, this.maxBytes), needed));
    this.buffer.copy(grown, 0, 0, this.at);
    this.buffer = grown;
  }
}

/** An answer may be small on the wire and large as JSON: enums with long names, defaults that are written. */
function tooLarge(maxBytes: number): StatusError {
  return new StatusError(Code.INTERNAL, `the upstream's answer is more than ${maxBytes} bytes of JSON`, {
    httpStatus: 502,
    source: 'upstream',
    details: [errorInfoDetail('UPSTREAM_ANSWER_TOO_LARGE')],
  });
}

const SHORT = 64;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function escapeOf(code: number): string {
  return JSON.stringify(String.fromCharCode(code)).slice(1, -1);
}
