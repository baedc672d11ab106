/**
 * This module scans strict JSON (RFC 8259) token by token from UTF-8 bytes. It builds only the values that the caller
 * reads, and keeps no path: a {@link ReadProblem} has the byte offset, from which `json-path.ts` finds the path.
 */
import { isUtf8 } from 'node:buffer';
import { type KeyTable, KeyTables } from '../../../../src/codec/key-table.js';
import { Char, duplicateKey, ReadProblem, syntaxProblem } from '../../../../src/codec/read-problem.js';
import { SAFE_DIGITS, shortInteger } from '../../../../src/codec/scalar.js';
import { WireWriter } from '../../../../src/codec/wire-writer.js';
import { copyShortBase64, writeUnescaped } from './json-string.js';

/** The buffer for text that is not copied into a message. */
const SCRATCH = new WireWriter();
const END = -1;
const EMPTY = Buffer.alloc(0);

const PLAIN = 0;
const NON_ASCII = 1;
const STOP = 2;
/** The class of each byte inside of a string. */
const IN_STRING = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0x20 || byte === Char.QUOTE || byte === Char.BACKSLASH) return STOP;
  return byte < 0x80 ? PLAIN : NON_ASCII;
});

export class JsonScanner {
  bytes: Buffer = EMPTY;
  pos = 0;
  end = 0;
  /** The tables of the objects that are being read and whose keys are not numbered. */
  readonly keys = new KeyTables();
  /** The offset of the string, number or key that was read last. */
  tokenStart = 0;
  /** The deepest nesting of objects and lists. */
  private readonly maxDepth: number;
  private validUtf8 = true;
  private escaped = false;
  private nonAscii = false;

  constructor(maxDepth: number) {
    this.maxDepth = maxDepth;
  }

  start(json: Uint8Array): void {
    this.bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
    this.pos = 0;
    this.end = json.length;
    this.keys.reset();
    // One native check covers the whole text. Strings are checked one by one only to find the bad one.
    this.validUtf8 = isUtf8(this.bytes);
    if (json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf) {
      throw new ReadProblem('syntax', 0, 'expected JSON without a byte order mark');
    }
  }

  /** Drops the reference to the text. */
  release(): void {
    this.bytes = EMPTY;
    this.end = 0;
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
    if (depth >= this.maxDepth) throw this.tooDeep();
    this.pos++;
  }

  /** Reads the closing bracket, if it directly follows the opening one. Returns true if it does. */
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

  /** Reads the key at `pos` if its bytes are equal to `quoted`. Returns true if they are. */
  takeKey(quoted: Uint8Array): boolean {
    const { bytes, pos } = this;
    const { length } = quoted;
    if (pos + length > this.end) return false;
    for (let i = 0; i < length; i++) if (bytes[pos + i] !== quoted[i]) return false;
    this.tokenStart = pos;
    this.pos = pos + length;
    return true;
  }

  readKey(): string {
    if (this.peek() !== Char.QUOTE) throw this.syntax('a key in double quotes');
    return this.readString();
  }

  /** Passes a key and adds it to `keys`. Throws a ReadProblem if it is there already. */
  passKey(keys: KeyTable): void {
    if (this.peek() !== Char.QUOTE) throw this.syntax('a key in double quotes');
    const stop = this.passString();
    const start = this.tokenStart + 1;
    if (this.escaped ? !this.addEscaped(keys, start, stop) : !keys.put(this.bytes, start, stop)) {
      throw duplicateKey(this.tokenStart);
    }
  }

  /** The same, and writes the key as length and UTF-8. */
  copyKey(keys: KeyTable, writer: WireWriter): void {
    this.passKey(keys);
    this.copyToken(this.tokenStart + 1, this.pos - 1, writer);
  }

  /** Returns true if the key that was passed last is `name`, which is ASCII. */
  isKey(name: string): boolean {
    const start = this.tokenStart + 1;
    const stop = this.pos - 1;
    if (this.escaped) return this.unescaped(start, stop) === name;
    if (stop - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.bytes[start + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  private addEscaped(keys: KeyTable, start: number, stop: number): boolean {
    SCRATCH.reset();
    writeUnescaped(this.bytes, start, stop, SCRATCH);
    return keys.put(SCRATCH.bytes, 0, SCRATCH.pos);
  }

  /** At a quote: returns the text of the string. */
  readString(): string {
    const stop = this.passString();
    const start = this.tokenStart + 1;
    if (this.escaped) return this.unescaped(start, stop);
    return this.bytes.toString(this.nonAscii ? 'utf8' : 'latin1', start, stop);
  }

  /** At a quote: passes the string, which is checked as if it was read. */
  skipString(): void {
    const stop = this.passString();
    if (!this.escaped) return;
    SCRATCH.reset();
    writeUnescaped(this.bytes, this.tokenStart + 1, stop, SCRATCH);
  }

  /** At a quote: writes the string as length and UTF-8. */
  copyString(writer: WireWriter): void {
    const stop = this.passString();
    this.copyToken(this.tokenStart + 1, stop, writer);
  }

  private copyToken(start: number, stop: number, writer: WireWriter): void {
    if (!this.escaped) {
      writer.delimited(this.bytes, start, stop);
      return;
    }
    const content = writer.fork();
    writeUnescaped(this.bytes, start, stop, writer);
    writer.join(content);
  }

  private unescaped(start: number, stop: number): string {
    SCRATCH.reset();
    writeUnescaped(this.bytes, start, stop, SCRATCH);
    return SCRATCH.bytes.toString('utf8', 0, SCRATCH.pos);
  }

  /**
   * At a quote: passes a string that is an integer of few digits, and returns it. Returns NaN, and passes nothing, for any
   * other string.
   */
  quotedInteger(): number {
    const { bytes, pos } = this;
    const most = Math.min(this.end, pos + SAFE_DIGITS + 2);
    let at = pos + 1;
    while (at < most && bytes[at] !== Char.QUOTE) at++;
    if (at >= most) return Number.NaN;
    const value = shortInteger(bytes, pos + 1, at);
    if (Number.isNaN(value)) return value;
    this.tokenStart = pos;
    this.pos = at + 1;
    return value;
  }

  /** Reads a number. {@link tokenText} then returns its text. */
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

  /**
   * Returns the number that was read last, if it is an integer of few digits. Otherwise returns NaN, and {@link tokenText}
   * must be used.
   */
  smallInteger(): number {
    return shortInteger(this.bytes, this.tokenStart, this.pos);
  }

  /** Passes a number, and returns it. It is infinite if it is too large for a double. */
  readNumber(): number {
    this.passNumber();
    const small = this.smallInteger();
    return Number.isNaN(small) ? Number(this.tokenText()) : small;
  }

  /**
   * At a quote: passes a short string of base64 without escapes and padding, and writes its length and its bytes.
   * Returns false, and passes nothing, for any other string.
   */
  copyShortBase64(writer: WireWriter): boolean {
    const { pos } = this;
    const stop = copyShortBase64(this.bytes, pos + 1, this.end, writer);
    if (stop < 0) return false;
    this.tokenStart = pos;
    this.pos = stop + 1;
    return true;
  }

  /** Returns the text of the number that was read last. */
  tokenText(): string {
    return this.bytes.toString('latin1', this.tokenStart, this.pos);
  }

  /** Reads `true`, `false` or `null`. */
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

  tooDeep(): ReadProblem {
    return new ReadProblem('value', this.pos, `expected at most ${this.maxDepth} levels of nesting, got more`);
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

  /** Moves to the position after the closing quote, and returns the offset of the quote. */
  private passString(): number {
    const { bytes, end } = this;
    const start = this.pos;
    this.tokenStart = start;
    this.escaped = false;
    let nonAscii = false;
    let at = start + 1;
    for (; at < end; at++) {
      const what = IN_STRING[bytes[at]!];
      if (what === PLAIN) continue;
      if (what === NON_ASCII) nonAscii = true;
      else if (bytes[at] === Char.QUOTE) break;
      else if (bytes[at] === Char.BACKSLASH) {
        this.escaped = true;
        at++;
      } else throw this.syntax('no control character in a string', at);
    }
    if (at >= end) throw this.syntax('a closing quote', end);
    this.nonAscii = nonAscii;
    if (nonAscii && !this.validUtf8 && !isUtf8(bytes.subarray(start, at))) {
      throw new ReadProblem('value', start, 'expected UTF-8, got other bytes');
    }
    this.pos = at + 1;
    return at;
  }
}

function isValueStart(byte: number): boolean {
  if (byte >= Char.ZERO && byte <= Char.NINE) return true;
  switch (byte) {
    case Char.QUOTE:
    case Char.MINUS:
    case Char.OPEN_OBJECT:
    case Char.OPEN_LIST:
    case Char.T:
    case Char.F:
    case Char.N:
      return true;
    default:
      return false;
  }
}

const SHOWN_CHARACTERS = 40;

function shorten(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}

/** Returns a text from a client in quotes, shortened for an error text. */
export function quoteShort(text: string): string {
  return JSON.stringify(shorten(text));
}
