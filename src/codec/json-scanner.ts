/**
 * This module scans strict JSON (RFC 8259) token by token from UTF-8 bytes. It builds only the values that the caller
 * reads, and keeps no path: a {@link ReadProblem} has the byte offset, from which `json-path.ts` finds the path.
 */
import { isUtf8 } from 'node:buffer';
import { decimal, parsed, plainDecimal } from './decimal.js';
import { areDigits, numberOf } from './four-digits.js';
import { arePlain, copyEscaped, hasSpecial, writeBase64, writeUnescaped } from './json-string.js';
import type { KeyBytes } from './key-bytes.js';
import { type KeyTable, KeyTables } from './key-table.js';
import { Char, duplicateKey, isValueStart, ReadProblem, syntaxProblem } from './read-problem.js';
import { SAFE_DIGITS } from './scalar.js';
import { quoteShort, shorten } from './shown-text.js';
import { LONG_TEXT, textSimd } from './text-simd.js';
import { WireWriter } from './wire-writer.js';

/** The buffer for decoded text that is not copied into a message. */
const SCRATCH = new WireWriter();
const END = -1;
const EMPTY = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

export class JsonScanner {
  bytes: Buffer = EMPTY;
  /** A DataView of `bytes`. */
  view: DataView = NO_VIEW;
  pos = 0;
  end = 0;
  /** The tables of keys, which find duplicates: one for each open object whose keys are not fields, such as a map. */
  readonly keys = new KeyTables();
  /** The offset of the string, number or key that was read last. */
  tokenStart = 0;
  /** True if the string that was read or skipped last has escapes. */
  escaped = false;
  /** The offset after the digits that {@link digitsAt} read last. */
  private digitsEnd = 0;
  private validUtf8 = true;
  private nonAscii = false;

  /** `maxDepth` is the most levels of nested objects and lists. */
  constructor(
    private readonly maxDepth: number,
    private readonly simd = textSimd,
  ) {}

  start(json: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = json;
    this.bytes = Buffer.isBuffer(json) ? json : Buffer.from(buffer, byteOffset, byteLength);
    this.view = new DataView(buffer, byteOffset, byteLength);
    this.pos = 0;
    this.end = byteLength;
    // One native check covers the whole text. Strings are checked one by one only to find the bad one.
    this.validUtf8 = isUtf8(json);
    if (json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf) {
      throw new ReadProblem('syntax', 0, 'expected JSON without a byte order mark');
    }
  }

  /** Drops the reference to the text. */
  release(): void {
    this.bytes = EMPTY;
    this.view = NO_VIEW;
    this.end = 0;
    this.keys.reset();
  }

  /** Moves to the next byte that is not white space, and returns it. Returns -1 at the end. */
  peek(): number {
    const { bytes, end } = this;
    let at = this.pos;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
        this.pos = at;
        return byte;
      }
      at++;
    }
    this.pos = at;
    return END;
  }

  expectEnd(): void {
    if (this.peek() !== END) throw this.syntax('the end of the text');
  }

  /** Reads the colon between a key and its value. */
  colon(): void {
    if (this.peek() !== Char.COLON) throw this.syntax('":"');
    this.pos++;
  }

  /** Reads the opening bracket of an object or list. `depth` is the number of objects and lists around it. */
  open(bracket: typeof Char.OPEN_OBJECT | typeof Char.OPEN_LIST, depth: number): void {
    if (this.peek() !== bracket) throw this.unfit(bracket === Char.OPEN_LIST ? 'a list' : 'an object');
    if (depth >= this.maxDepth) {
      throw new ReadProblem('value', this.pos, `expected at most ${this.maxDepth} levels of nesting, got more`);
    }
    this.pos++;
  }

  /** Reads the bracket `close` if it is next: then the object or list that was just opened is empty. Returns true if it was. */
  isEmpty(close: number): boolean {
    if (this.peek() !== close) return false;
    this.pos++;
    return true;
  }

  /** Reads the comma or the closing bracket after an element or a member. Returns true if another one follows. */
  hasMore(close: number): boolean {
    const byte = this.peek();
    if (byte !== Char.COMMA && byte !== close)
      throw this.syntax(close === Char.CLOSE_LIST ? '"," or "]"' : '"," or "}"');
    this.pos++;
    return byte === Char.COMMA;
  }

  /** Reads the key at `pos` and returns true, if it is the given one. Otherwise does not move. Faster than {@link readKey}. */
  takeKey({ words, mask, length }: KeyBytes): boolean {
    const { view, pos } = this;
    const last = words.length - 1;
    // A key at the very end of the text is left to `readKey`.
    if (pos + last * 4 + 4 > this.end) return false;
    let at = pos;
    for (let word = 0; word < last; word++, at += 4) if (view.getInt32(at, true) !== words[word]) return false;
    if (((view.getInt32(at, true) ^ words[last]!) & mask) !== 0) return false;
    this.tokenStart = pos;
    this.pos = pos + length;
    this.escaped = false;
    this.nonAscii = false;
    return true;
  }

  readKey(): string {
    this.passKey();
    return this.stringText();
  }

  /** Moves behind the key that is next. Returns the offset of its closing quote. */
  passKey(): number {
    if (this.peek() !== Char.QUOTE) throw this.syntax('a key in double quotes');
    return this.passString();
  }

  /** Reads a key, moves behind it, and adds it to `keys`. Throws a ReadProblem if `keys` has it already. */
  addKey(keys: KeyTable): void {
    const stop = this.passKey();
    const start = this.tokenStart + 1;
    if (this.escaped ? !this.addEscaped(keys, start, stop) : !keys.put(this.bytes, start, stop)) {
      throw duplicateKey(this.tokenStart);
    }
  }

  /** Does the same as {@link addKey}, and writes the length of the key and its UTF-8 bytes. */
  copyKey(keys: KeyTable, writer: WireWriter): void {
    this.addKey(keys);
    this.copyToken(this.tokenStart + 1, this.pos - 1, writer);
  }

  /** Returns true if the key that was read last is `name`, which is ASCII. */
  isKey(name: string): boolean {
    const start = this.tokenStart + 1;
    const stop = this.pos - 1;
    if (this.escaped) return this.unescaped(start, stop) === name;
    if (stop - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.bytes[start + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  /** Returns the text of the string whose quote is next. */
  readString(): string {
    this.passString();
    return this.stringText();
  }

  /** Returns the text of the string that was read or skipped last. */
  stringText(): string {
    const start = this.tokenStart + 1;
    const stop = this.pos - 1;
    if (this.escaped) return this.unescaped(start, stop);
    return this.bytes.toString(this.nonAscii ? 'utf8' : 'latin1', start, stop);
  }

  /** Skips the string whose quote is next, and checks it as if it were read. */
  skipString(): void {
    const stop = this.passString();
    if (!this.escaped) return;
    SCRATCH.reset();
    writeUnescaped(this.bytes, this.view, this.tokenStart + 1, stop, SCRATCH);
  }

  /** Reads the string whose quote is next, and writes its length and its UTF-8 bytes. */
  copyString(writer: WireWriter): void {
    let stop = this.passString(this.validUtf8);
    if (stop < 0) {
      if (copyEscaped(this, writer, this.simd)) return;
      stop = this.passString();
    }
    this.copyToken(this.tokenStart + 1, stop, writer);
  }

  private copyToken(start: number, stop: number, writer: WireWriter): void {
    if (!this.escaped) return writer.text(this.bytes, this.view, start, stop);
    const content = writer.fork();
    writeUnescaped(this.bytes, this.view, start, stop, writer);
    writer.join(content);
  }

  private addEscaped(keys: KeyTable, start: number, stop: number): boolean {
    SCRATCH.reset();
    writeUnescaped(this.bytes, this.view, start, stop, SCRATCH);
    return keys.put(SCRATCH.bytes, 0, SCRATCH.pos);
  }

  private unescaped(start: number, stop: number): string {
    SCRATCH.reset();
    writeUnescaped(this.bytes, this.view, start, stop, SCRATCH);
    return SCRATCH.bytes.toString('utf8', 0, SCRATCH.pos);
  }

  /** Reads the base64 string whose quote is next, and writes its length and bytes. Returns false if it is no base64. */
  copyBase64(writer: WireWriter): boolean {
    const stop = this.passString();
    const start = this.tokenStart + 1;
    if (!this.escaped) return writeBase64(this.bytes, start, stop, writer);
    SCRATCH.reset();
    writeUnescaped(this.bytes, this.view, start, stop, SCRATCH);
    return writeBase64(SCRATCH.bytes, 0, SCRATCH.pos, writer);
  }

  /** Reads an integer of at most 15 digits without point and exponent. For any other token, returns NaN and reads nothing. */
  shortWhole(): number {
    const value = this.digitsAt(this.pos);
    const next = this.bytes[this.digitsEnd];
    if (next === Char.POINT || next === 0x65 || next === 0x45) return Number.NaN;
    if (!Number.isNaN(value)) {
      this.tokenStart = this.pos;
      this.pos = this.digitsEnd;
    }
    return value;
  }

  /** Does the same as {@link shortWhole} for an integer in quotes. */
  quotedWhole(): number {
    const value = this.digitsAt(this.pos + 1);
    if (this.bytes[this.digitsEnd] !== Char.QUOTE) return Number.NaN;
    if (!Number.isNaN(value)) {
      this.tokenStart = this.pos;
      this.pos = this.digitsEnd + 1;
    }
    return value;
  }

  private digitsAt(from: number): number {
    const { bytes, view, end } = this;
    const first = bytes[from] === Char.MINUS ? from + 1 : from;
    const most = Math.min(end, first + SAFE_DIGITS + 1);
    let value = 0;
    let at = first;
    for (const words = most - 4; at <= words; at += 4) {
      const word = view.getInt32(at, true);
      if (!areDigits(word)) break;
      value = value * 10_000 + numberOf(word);
    }
    for (; at < most; at++) {
      const digit = bytes[at]! - Char.ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.digitsEnd = at;
    const count = at - first;
    if (count === 0 || count > SAFE_DIGITS || (count > 1 && bytes[first] === Char.ZERO)) return Number.NaN;
    return first === from ? value : -value;
  }

  /** Moves behind the number that is next. {@link tokenText} then returns its text. */
  passNumber(): void {
    const byte = this.peek();
    if (byte !== Char.MINUS && (byte < Char.ZERO || byte > Char.NINE)) throw this.syntax('a value');
    const { bytes } = this;
    let at = this.pos;
    this.tokenStart = at;
    if (bytes[at] === Char.MINUS) at++;
    if (bytes[at] === Char.ZERO) at++;
    else at = this.passDigits(at);
    if (bytes[at] === Char.POINT) at = this.passDigits(at + 1);
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      const sign = bytes[at + 1];
      at = this.passDigits(sign === 0x2b || sign === Char.MINUS ? at + 2 : at + 1);
    }
    this.pos = at;
  }

  /** Reads the number that comes next, and returns it. It is infinite if it is too large for a double. */
  readNumber(): number {
    const plain = plainDecimal(this.bytes, this.view, this.pos, this.end);
    if (!Number.isNaN(plain)) {
      this.pos = parsed.end;
      return plain;
    }
    this.passNumber();
    const number = decimal(this.bytes, this.tokenStart, this.pos);
    return Number.isNaN(number) ? Number(this.tokenText()) : number;
  }

  /** Returns the text of the number that was read last. */
  tokenText(): string {
    return this.bytes.toString('latin1', this.tokenStart, this.pos);
  }

  /** Reads the given word. Throws a syntax error if something else is next. */
  literal(word: 'true' | 'false' | 'null'): void {
    const { bytes, pos } = this;
    for (let i = 0; i < word.length; i++) {
      if (bytes[pos + i] !== word.charCodeAt(i)) throw this.syntax('a value');
    }
    this.pos = pos + word.length;
  }

  /** Returns the error `expected …, got …` for the byte at `at`. */
  syntax(expected: string, at = this.pos): ReadProblem {
    return syntaxProblem(this.bytes, this.end, expected, at);
  }

  /** Returns the error `expected …, got …` for the value at `at`. */
  unfit(expected: string, at = this.pos): ReadProblem {
    const byte = this.bytes[at];
    if (byte === undefined || !isValueStart(byte)) return this.syntax('a value', at);
    return new ReadProblem('value', at, `expected ${expected}, got ${this.describe(at)}`);
  }

  private describe(at: number): string {
    this.pos = at;
    const byte = this.bytes[at]!;
    if (byte === Char.OPEN_OBJECT) return 'an object';
    if (byte === Char.OPEN_LIST) return 'a list';
    if (byte === Char.QUOTE) return quoteShort(this.readString());
    if (byte === Char.T || byte === Char.F || byte === Char.N) {
      const word = byte === Char.T ? 'true' : byte === Char.F ? 'false' : 'null';
      // A word such as `nul` is not a wrong value, but a syntax error.
      this.literal(word);
      return word;
    }
    this.passNumber();
    return shorten(this.tokenText());
  }

  private passDigits(from: number): number {
    const { bytes, end } = this;
    let at = from;
    while (at < end && bytes[at]! >= Char.ZERO && bytes[at]! <= Char.NINE) at++;
    if (at === from) throw this.syntax('a digit', at);
    return at;
  }

  /**
   * Moves to the position after the closing quote, and returns the offset of the quote. If `stopsEarly` is true and the string
   * has a backslash or is long, does not move, and returns -1.
   */
  passString(stopsEarly = false): number {
    const { bytes, view, end } = this;
    const start = this.pos;
    const near = stopsEarly ? Math.min(end, start + LONG_TEXT) : end;
    this.tokenStart = start;
    this.escaped = false;
    let seen = 0;
    let at = start + 1;
    scan: for (;;) {
      // Most text is ASCII. The test for ASCII is short, so it is made for two words at once.
      for (; at <= near - 8; at += 8) if (!arePlain(view.getInt32(at, true), view.getInt32(at + 4, true))) break;
      for (; at <= near - 4; at += 4) {
        const word = view.getInt32(at, true);
        if (hasSpecial(word)) break;
        seen |= word;
      }
      // The next word has a quote, a backslash or a control character, or fewer than four bytes are left.
      for (const stop = Math.min(near, at + 4); at < stop; at++) {
        const byte = bytes[at]!;
        if (byte === Char.QUOTE) break scan;
        if (byte === Char.BACKSLASH) {
          if (stopsEarly) return -1;
          this.escaped = true;
          // The byte after the backslash may be part of a longer character, so it counts as text that may not be ASCII.
          seen |= bytes[++at]!;
        } else if (byte >= 0x20) seen |= byte;
        else throw this.syntax('no control character in a string', at);
      }
      if (at >= end) throw this.syntax('a closing quote', end);
      if (at >= near) return -1;
    }
    this.nonAscii = (seen & 0x80808080) !== 0;
    if (this.nonAscii && !this.validUtf8 && !isUtf8(bytes.subarray(start, at))) {
      throw new ReadProblem('value', start, 'expected UTF-8, got other bytes');
    }
    this.pos = at + 1;
    return at;
  }
}
