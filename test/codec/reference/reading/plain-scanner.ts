/**
 * This scanner reads strings byte by byte and numbers with `Number`, where that of the codec reads words and digits. It shares
 * the rest with it.
 */
import { isUtf8 } from 'node:buffer';
import { JsonScanner } from '../../../../src/codec/json-scanner.js';
import type { KeyTable } from '../../../../src/codec/key-table.js';
import { Char, duplicateKey, ReadProblem, syntaxProblem } from '../../../../src/codec/read-problem.js';
import type { WireWriter } from '../../../../src/codec/wire-writer.js';

export class PlainScanner extends JsonScanner {
  override passString(): number {
    const { bytes, end } = this;
    const start = this.pos;
    this.tokenStart = start;
    this.escaped = false;
    let at = start + 1;
    for (; at < end && bytes[at] !== Char.QUOTE; at++) {
      if (bytes[at] === Char.BACKSLASH) {
        this.escaped = true;
        at++;
      } else if (bytes[at]! < 0x20) throw this.syntax('no control character in a string', at);
    }
    if (at >= end) throw this.syntax('a closing quote', end);
    if (!isUtf8(bytes.subarray(start, at))) throw new ReadProblem('value', start, 'expected UTF-8, got other bytes');
    this.pos = at + 1;
    return at;
  }

  override stringText(): string {
    return unescaped(this.bytes, this.tokenStart + 1, this.pos - 1);
  }

  override skipString(): void {
    this.readString();
  }

  override copyString(writer: WireWriter): void {
    writer.string(this.readString());
  }

  override addKey(keys: KeyTable): void {
    const key = Buffer.from(this.readKey());
    if (!keys.put(key, 0, key.length)) throw duplicateKey(this.tokenStart);
  }

  override copyKey(keys: KeyTable, writer: WireWriter): void {
    this.addKey(keys);
    writer.string(this.stringText());
  }

  override isKey(name: string): boolean {
    return this.stringText() === name;
  }

  override readNumber(): number {
    this.passNumber();
    return Number(this.tokenText());
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** Returns the text between two quotes, with escapes resolved. */
function unescaped(bytes: Buffer, start: number, stop: number): string {
  let text = '';
  for (let at = start; at < stop; ) {
    if (bytes[at] !== Char.BACKSLASH) {
      const next = bytes.subarray(at, stop).indexOf(Char.BACKSLASH);
      const end = next < 0 ? stop : at + next;
      text += bytes.toString('utf8', at, end);
      at = end;
      continue;
    }
    const letter = String.fromCharCode(bytes[at + 1]!);
    if (letter !== 'u') {
      const meaning = ESCAPES.get(letter);
      if (meaning === undefined) throw syntaxProblem(bytes, bytes.length, 'an escape such as \\n', at);
      text += meaning;
      at += 2;
      continue;
    }
    const unit = hex(bytes, at, stop);
    text += String.fromCharCode(unit);
    at += 6;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const isHigh = unit < 0xdc00 && bytes.toString('latin1', at, at + 2) === '\\u';
    const low = isHigh ? hex(bytes, at, stop) : 0;
    if (low < 0xdc00 || low > 0xdfff) {
      throw new ReadProblem('value', start - 1, 'expected Unicode text, got a lone surrogate');
    }
    text += String.fromCharCode(low);
    at += 6;
  }
  return text;
}

/** Reads the four hex digits of the escape at `at`. */
function hex(bytes: Buffer, at: number, stop: number): number {
  const digits = bytes.toString('latin1', at + 2, Math.min(at + 6, stop));
  if (!/^[\da-f]{4}$/i.test(digits)) throw syntaxProblem(bytes, bytes.length, 'four hex digits after \\u', at);
  return Number.parseInt(digits, 16);
}
