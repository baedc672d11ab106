/**
 * Turns compact JSON into JSON for people (`$prettyPrint=true`): one member per line and two spaces per level, as
 * `JSON.stringify` and Google's APIs write it. Nothing is parsed, so digits and escapes stay as they are.
 */
import type { JsonWriter } from '../codec/json-writer.js';

const Char = { QUOTE: 0x22, COMMA: 0x2c, COLON: 0x3a, BACKSLASH: 0x5c } as const;
const OPEN: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSE: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/**
 * Writes `json`, which must have no white space between its tokens, to `out`. `level` is the level of the value itself; its
 * members are indented by one level more.
 */
export function indent(json: Uint8Array, level: number, out: JsonWriter): void {
  let depth = level;
  let copied = 0;
  const flush = (until: number) => {
    out.raw(json.subarray(copied, until));
    copied = until;
  };
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === Char.QUOTE) at = endOfString(json, at);
    else if (OPEN.has(byte)) {
      depth++;
      // `{}` and `[]` stay as they are.
      if (CLOSE.has(json[at + 1]!)) {
        depth--;
        at++;
        continue;
      }
      flush(at + 1);
      out.ascii(lineAt(depth));
    } else if (CLOSE.has(byte)) {
      depth--;
      flush(at);
      out.ascii(lineAt(depth));
    } else if (byte === Char.COMMA) {
      flush(at + 1);
      out.ascii(lineAt(depth));
    } else if (byte === Char.COLON) {
      flush(at + 1);
      out.byte(0x20);
    }
  }
  flush(json.length);
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
