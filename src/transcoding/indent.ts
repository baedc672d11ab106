/**
 * This module turns compact JSON into JSON for people (`$prettyPrint=true`): one member per line and two spaces per level, as
 * `JSON.stringify` and Google's APIs write it. Nothing is parsed, so digits and escapes stay as they are.
 */
import type { JsonWriter } from '../codec/json-writer.js';

const Char = { QUOTE: 0x22, COMMA: 0x2c, COLON: 0x3a, BACKSLASH: 0x5c } as const;
const OPEN: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSE: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/** The number of bytes that are read before other requests run. */
const PART = 1 << 20;

/** Writes JSON that has no white space between its tokens with indentation. */
export class Indenter {
  private depth: number;
  private at = 0;
  private copied = 0;

  /** `level` is the level of the value itself; its members are indented by one level more. */
  constructor(
    private readonly json: Uint8Array,
    level: number,
  ) {
    this.depth = level;
  }

  /** Writes the next part. Returns true when all is written. */
  more(out: JsonWriter): boolean {
    const { json } = this;
    const stop = Math.min(json.length, this.at + PART);
    let { at, depth } = this;
    for (; at < stop; at++) {
      const byte = json[at]!;
      if (byte === Char.QUOTE) at = endOfString(json, at);
      else if (OPEN.has(byte)) {
        // `{}` and `[]` stay as they are.
        if (CLOSE.has(json[at + 1]!)) {
          at++;
          continue;
        }
        depth++;
        this.copy(at + 1, out);
        out.ascii(lineAt(depth));
      } else if (CLOSE.has(byte)) {
        depth--;
        this.copy(at, out);
        out.ascii(lineAt(depth));
      } else if (byte === Char.COMMA) {
        this.copy(at + 1, out);
        out.ascii(lineAt(depth));
      } else if (byte === Char.COLON) {
        this.copy(at + 1, out);
        out.byte(0x20);
      }
    }
    this.at = at;
    this.depth = depth;
    if (at < json.length) return false;
    this.copy(json.length, out);
    return true;
  }

  private copy(until: number, out: JsonWriter): void {
    out.raw(this.json.subarray(this.copied, until));
    this.copied = until;
  }
}

/** Returns the index of the quote that ends the string that begins at `start`. */
function endOfString(json: Uint8Array, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === Char.BACKSLASH) at++;
    else if (json[at] === Char.QUOTE) return at;
  }
  return json.length;
}

const LINES: string[] = [];

function lineAt(depth: number): string {
  LINES[depth] ??= `\n${'  '.repeat(depth)}`;
  return LINES[depth]!;
}
