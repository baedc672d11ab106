/**
 * This module walks over the keys of a JSON object and of the objects in it, without making the values. It does not check the
 * text: the codec reads it afterwards, and refuses text that is not JSON. The walk over a large text can pause.
 */
import { closingQuote } from './json-string.js';
import { Char } from './read-problem.js';

/**
 * The number of bytes that are walked over before other requests should run. With short keys, that takes about a millisecond.
 */
const PART_BYTES = 1 << 13;

export class JsonKeys {
  private readonly text: Buffer;
  private at = 0;
  private keyStart = 0;
  private keyEnd = 0;
  /** The number of open brackets inside of the value that {@link skip} is skipping. */
  private depth = 0;
  private stop = PART_BYTES;

  constructor(json: Uint8Array) {
    this.text = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
    this.toToken();
  }

  /** True if the next value is an object. */
  isObject(): boolean {
    return this.text[this.at] === Char.OPEN_OBJECT;
  }

  /** True if the object that comes next has no keys. */
  isEmpty(): boolean {
    const { at } = this;
    this.at++;
    this.toToken();
    const isEmpty = this.text[this.at] === Char.CLOSE_OBJECT;
    this.at = at;
    return isEmpty;
  }

  /** Goes into the object that comes next. */
  enter(): void {
    this.at++;
  }

  /**
   * Moves to the value of the object's next key, and returns true. If there is no other key, moves behind the object and
   * returns false.
   */
  next(): boolean {
    this.toToken();
    if (this.text[this.at] === Char.COMMA) {
      this.at++;
      this.toToken();
    }
    if (this.text[this.at] !== Char.QUOTE) {
      this.at++;
      return false;
    }
    this.keyStart = this.at;
    this.passString();
    this.keyEnd = this.at;
    this.toToken();
    this.at++;
    this.toToken();
    return true;
  }

  /** Returns the key whose value comes next. */
  key(): string {
    return this.textOf(this.keyStart, this.keyEnd);
  }

  /** Returns the value that comes next if it is a string, and undefined otherwise. */
  string(): string | undefined {
    const { at } = this;
    if (this.text[at] !== Char.QUOTE) return undefined;
    this.passString();
    const text = this.textOf(at, this.at);
    this.at = at;
    return text;
  }

  /** Returns true if 8 KiB of the text have been read since the last pause, so that other requests should run now. */
  isTired(): boolean {
    if (this.at < this.stop) return false;
    this.stop = this.at + PART_BYTES;
    return true;
  }

  /** Moves behind the value that comes next. Returns false if other requests should run first: then it must be called again. */
  skip(): boolean {
    const { text } = this;
    for (; this.at < text.length; this.at++) {
      if (this.at >= this.stop && this.isTired()) return false;
      const byte = text[this.at];
      if (byte === Char.QUOTE) {
        this.passString();
        this.at--;
      } else if (byte === Char.OPEN_OBJECT || byte === Char.OPEN_LIST) this.depth++;
      else if (byte === Char.CLOSE_OBJECT || byte === Char.CLOSE_LIST) {
        if (this.depth === 0) return true;
        this.depth--;
      } else if (byte === Char.COMMA && this.depth === 0) return true;
    }
    this.depth = 0;
    return true;
  }

  private toToken(): void {
    const { text } = this;
    while (this.at < text.length && text[this.at]! <= 0x20) this.at++;
  }

  private passString(): void {
    this.at = closingQuote(this.text, this.at) + 1;
  }

  private textOf(start: number, end: number): string {
    const quoted = this.text.toString('utf8', start, end);
    if (!quoted.includes('\\')) return quoted.slice(1, -1);
    try {
      return JSON.parse(quoted) as string;
    } catch {
      return '';
    }
  }
}
