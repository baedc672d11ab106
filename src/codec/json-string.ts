/** This module decodes the content of JSON strings: escapes (RFC 8259 section 7) and base64. */
import { MEANINGS } from './escapes.js';
import { Char, ReadProblem, syntaxProblem } from './read-problem.js';
import { LONG_TEXT, PIECE, type TextSimd, type textSimd } from './text-simd.js';
import type { WireWriter } from './wire-writer.js';

const LETTER_U = 0x75;

/** The value of each byte as a digit of base64, standard or URL-safe. It is -1 for a byte that is no digit. */
const BASE64 = new Int8Array(256).fill(-1);
for (const alphabet of ['+/', '-_']) {
  const digits = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${alphabet}`;
  for (let value = 0; value < digits.length; value++) BASE64[digits.charCodeAt(value)] = value;
}

/** The value of each byte as a hex digit. It is NaN for a byte that is no digit. */
const HEX = Float64Array.from({ length: 256 }, (_, byte) => {
  const digit = String.fromCharCode(byte);
  return /[0-9a-fA-F]/.test(digit) ? Number.parseInt(digit, 16) : Number.NaN;
});

/**
 * Returns the offset of the quote that closes the string whose opening quote is at `quote`; the end of the text if there is
 * none.
 */
export function closingQuote(json: Uint8Array, quote: number): number {
  let at = quote + 1;
  for (const near = Math.min(json.length, at + NEAR); at < near; at++) {
    if (json[at] === Char.QUOTE) return at;
    if (json[at] === Char.BACKSLASH) at++;
  }
  // A native search is faster for long strings. A quote behind an odd number of backslashes does not close the string.
  for (let from = at; ; from = at + 1) {
    at = json.indexOf(Char.QUOTE, from);
    if (at < 0) return json.length;
    let before = at;
    while (before > from && json[before - 1] === Char.BACKSLASH) before--;
    if (((at - before) & 1) === 0) return at;
  }
}

/** The number of bytes that are searched one by one for the end of a string, before a native search begins. */
const NEAR = 64;

/** True if a word of four bytes has a quote, a backslash or a control character. It may be true for a few other words too. */
export function hasSpecial(word: number): boolean {
  const quote = word ^ 0x22222222;
  const backslash = word ^ 0x5c5c5c5c;
  return (
    ((((word - 0x20202020) & ~word) | ((quote - 0x01010101) & ~quote) | ((backslash - 0x01010101) & ~backslash)) &
      0x80808080) !==
    0
  );
}

/** True if two words of four bytes are ASCII without quotes, backslashes and control characters. */
export function arePlain(a: number, b: number): boolean {
  const left = a | (a - 0x20202020) | ((a ^ 0x22222222) - 0x01010101) | ((a ^ 0x5c5c5c5c) - 0x01010101);
  const right = b | (b - 0x20202020) | ((b ^ 0x22222222) - 0x01010101) | ((b ^ 0x5c5c5c5c) - 0x01010101);
  return ((left | right) & 0x80808080) === 0;
}

/** Writes the text between the quotes as UTF-8, with escapes resolved. The text never has more bytes than its escapes. */
export function writeUnescaped(bytes: Buffer, view: DataView, start: number, stop: number, writer: WireWriter): void {
  // Whole words of four bytes are written, so the last one may need four more bytes of room.
  writer.reserve(stop - start + 4);
  const out = writer.bytes;
  const target = writer.view;
  let to = writer.pos;
  for (let at = start; at < stop; ) {
    for (; at <= stop - 4; at += 4, to += 4) {
      const word = view.getInt32(at, true);
      const backslash = word ^ 0x5c5c5c5c;
      if (((backslash - 0x01010101) & ~backslash & 0x80808080) !== 0) break;
      target.setInt32(to, word, true);
    }
    const near = Math.min(stop, at + 4);
    while (at < near && bytes[at] !== Char.BACKSLASH) out[to++] = bytes[at++]!;
    if (at === near) continue;
    const letter = bytes[at + 1]!;
    if (letter !== LETTER_U) {
      if (MEANINGS[letter] === 0) throw syntaxProblem(bytes, bytes.length, 'an escape such as \\n', at);
      out[to++] = MEANINGS[letter]!;
      at += 2;
      continue;
    }
    let point = hex(bytes, at, stop);
    at += 6;
    if (point >= 0xd800 && point <= 0xdfff) {
      const isHigh = point < 0xdc00 && bytes[at] === Char.BACKSLASH && bytes[at + 1] === LETTER_U;
      const low = isHigh ? hex(bytes, at, stop) : 0;
      if (low < 0xdc00 || low > 0xdfff) {
        throw new ReadProblem('value', start - 1, 'expected Unicode text, got a lone surrogate');
      }
      point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
      at += 6;
    }
    to = writeUtf8(point, out, to);
  }
  writer.pos = to;
}

/** JSON that is UTF-8, a DataView of it, and the offset at which it is read. */
interface Position {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
  pos: number;
}

/**
 * Writes the string whose opening quote is at `json.pos`: its length and its UTF-8 bytes, in one pass. Moves behind it and
 * returns true. Returns false, and does not move, if something other than text and short escapes such as `\n` comes before the
 * closing quote.
 */
export function copyEscaped(json: Position, writer: WireWriter, loadSimd: typeof textSimd): boolean {
  const { bytes, view, end } = json;
  let from = json.pos + 1;
  // Whole words of four bytes are written, so the last one may need more room than the text.
  writer.reserve(end - from + 8);
  const content = writer.fork();
  const { bytes: out, view: target } = writer;
  let to = content;
  for (;;) {
    const begun = from;
    if (begun - json.pos > LONG_TEXT) {
      const simd = loadSimd();
      if (simd !== undefined) return copyLong(simd, json, writer, { content, from, to });
    }
    for (const words = Math.min(end, from + LONG_TEXT) - 4; from <= words; from += 4, to += 4) {
      const word = view.getInt32(from, true);
      if (hasSpecial(word)) break;
      target.setInt32(to, word, true);
    }
    // If the last words were few, special bytes are close to each other, and reading single bytes is faster than reading words.
    const stop = Math.min(end - 1, from + (from - begun < CLOSE ? DENSE : 4));
    while (from < stop) {
      const byte = bytes[from]!;
      if (PLAIN[byte] !== 0) {
        out[to++] = byte;
        from++;
        continue;
      }
      if (byte !== Char.BACKSLASH) break;
      const meaning = MEANINGS[bytes[from + 1]!]!;
      if (meaning === 0) break;
      out[to++] = meaning;
      from += 2;
    }
    if (from >= stop && stop < end - 1) continue;
    if (from >= end || bytes[from] !== Char.QUOTE) break;
    json.pos = from + 1;
    writer.pos = to;
    writer.join(content);
    return true;
  }
  writer.pos = content - 1;
  return false;
}

/**
 * Continues the work of {@link copyEscaped} with SIMD, from the offset `from`. The text that is written already begins at
 * `content` and ends at `to`.
 */
function copyLong(
  simd: TextSimd,
  json: Position,
  writer: WireWriter,
  { content, from, to }: { content: number; from: number; to: number },
): boolean {
  const { bytes, end } = json;
  writer.pos = to;
  for (let at = from; ; ) {
    if (bytes[at] === Char.QUOTE) {
      json.pos = at + 1;
      writer.join(content);
      return true;
    }
    const stop = Math.min(end, at + PIECE);
    const next = simd.unescape(bytes, at, stop);
    writer.raw(simd.unescaped());
    // A backslash at the end of a piece is read with the next piece.
    const isStuck = next === at || next < stop - 1;
    if (isStuck && bytes[next] !== Char.QUOTE) break;
    at = next;
  }
  writer.pos = content - 1;
  return false;
}

/**
 * Special bytes with fewer than CLOSE bytes between them are close to each other. Then the next DENSE bytes are copied one by
 * one.
 */
const CLOSE = 32;
const DENSE = 256;
/**
 * This table has 1 for each byte that stands for itself in a JSON string, and 0 for a quote, a backslash and each control
 * character.
 */
const PLAIN = new Uint8Array(256).fill(1, 0x20);
PLAIN[Char.QUOTE] = 0;
PLAIN[Char.BACKSLASH] = 0;

/** Returns the number of the four hex digits in the escape at `at`, such as `\u001f`. */
function hex(bytes: Buffer, at: number, stop: number): number {
  const unit =
    HEX[bytes[at + 2]!]! * 4096 + HEX[bytes[at + 3]!]! * 256 + HEX[bytes[at + 4]!]! * 16 + HEX[bytes[at + 5]!]!;
  if (at + 6 > stop || Number.isNaN(unit)) throw syntaxProblem(bytes, bytes.length, 'four hex digits after \\u', at);
  return unit;
}

function writeUtf8(point: number, out: Uint8Array, at: number): number {
  let to = at;
  if (point < 0x80) out[to++] = point;
  else {
    if (point < 0x800) out[to++] = 0xc0 | (point >>> 6);
    else {
      if (point < 0x10000) out[to++] = 0xe0 | (point >>> 12);
      else {
        out[to++] = 0xf0 | (point >>> 18);
        out[to++] = 0x80 | ((point >>> 12) & 0x3f);
      }
      out[to++] = 0x80 | ((point >>> 6) & 0x3f);
    }
    out[to++] = 0x80 | (point & 0x3f);
  }
  return to;
}

/**
 * Decodes the base64 text between `start` and `stop`, standard or URL-safe, with or without padding, and writes the length and
 * the bytes. Returns false, and writes nothing, if the text is not base64.
 */
export function writeBase64(bytes: Buffer, start: number, stop: number, writer: WireWriter): boolean {
  let end = stop;
  while (end > start && stop - end < 2 && bytes[end - 1] === PADDING) end--;
  const rest = (end - start) & 3;
  if (end === stop ? rest === 1 : rest < 2 || rest + stop - end !== 4) return false;
  const before = writer.pos;
  const size = ((end - start - rest) / 4) * 3 + (rest === 0 ? 0 : rest - 1);
  writer.uint32(size);
  writer.reserve(size + 3);
  const out = writer.bytes;
  if (size > LONG_BYTES) {
    // The native function skips bytes that are no digits, and then writes fewer bytes than `size`.
    if (out.write(bytes.toString('latin1', start, end), writer.pos, size, 'base64') === size) {
      writer.pos += size;
      return true;
    }
    writer.pos = before;
    return false;
  }
  let to = writer.pos;
  let seen = 0;
  let at = start;
  for (; at < end - 3; at += 4) {
    const digits =
      (BASE64[bytes[at]!]! << 18) |
      (BASE64[bytes[at + 1]!]! << 12) |
      (BASE64[bytes[at + 2]!]! << 6) |
      BASE64[bytes[at + 3]!]!;
    seen |= digits;
    out[to++] = digits >> 16;
    out[to++] = digits >> 8;
    out[to++] = digits;
  }
  if (rest > 0) {
    const third = rest > 2 ? BASE64[bytes[at + 2]!]! : 0;
    const digits = (BASE64[bytes[at]!]! << 18) | (BASE64[bytes[at + 1]!]! << 12) | (third << 6);
    seen |= digits;
    out[to++] = digits >> 16;
    out[to++] = digits >> 8;
  }
  // The value of a byte that is no digit is -1, whose highest bit stays set.
  if (seen < 0) {
    writer.pos = before;
    return false;
  }
  writer.pos += size;
  return true;
}

const PADDING = 0x3d;
/** More bytes than this are decoded by a native function. */
const LONG_BYTES = 512;
