/** This module decodes the content of JSON strings: escapes (RFC 8259 section 7) and base64. */
import { Char, ReadProblem, syntaxProblem } from '../../../../src/codec/read-problem.js';
import type { WireWriter } from '../../../../src/codec/wire-writer.js';

/** For the byte after a backslash the byte that it stands for, or 0. */
const ESCAPES = new Uint8Array(256);
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  ESCAPES[letter!.charCodeAt(0)] = meaning!.charCodeAt(0);
}
const LETTER_U = 0x75;

/** For each byte its value as a digit of base64, standard or URL-safe, or -1. */
const BASE64 = new Int8Array(256).fill(-1);
for (const alphabet of ['+/', '-_']) {
  const digits = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789${alphabet}`;
  for (let value = 0; value < digits.length; value++) BASE64[digits.charCodeAt(value)] = value;
}
/** Longer base64 is decoded by Node, which costs more per call and less per byte. */
const SHORT_BASE64 = 64;

/** For the bytes of hex digits their values, and NaN for others. */
const HEX = Float64Array.from({ length: 256 }, (_, byte) => {
  const digit = String.fromCharCode(byte);
  return /[0-9a-fA-F]/.test(digit) ? Number.parseInt(digit, 16) : Number.NaN;
});

/** Writes the text between the quotes as UTF-8, with escapes resolved. The text never has more bytes than its escapes. */
export function writeUnescaped(bytes: Buffer, start: number, stop: number, writer: WireWriter): void {
  writer.reserve(stop - start);
  const out = writer.bytes;
  let to = writer.pos;
  for (let at = start; at < stop; ) {
    const byte = bytes[at]!;
    if (byte !== Char.BACKSLASH) {
      out[to++] = byte;
      at++;
      continue;
    }
    const letter = bytes[at + 1]!;
    if (letter !== LETTER_U) {
      if (ESCAPES[letter] === 0) throw syntaxProblem(bytes, bytes.length, 'an escape such as \\n', at);
      out[to++] = ESCAPES[letter]!;
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

/** Reads the four hex digits of the escape at `at`. */
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
 * Writes the bytes of a short string of base64 without padding, standard or URL-safe, with their length. Returns the
 * position of the closing quote, or -1, with nothing written, if another string begins at `start`.
 */
export function copyShortBase64(bytes: Buffer, start: number, end: number, writer: WireWriter): number {
  const most = Math.min(end, start + SHORT_BASE64);
  let stop = start;
  while (stop < most && BASE64[bytes[stop]!]! >= 0) stop++;
  if (stop === most || bytes[stop] !== Char.QUOTE || (stop - start) % 4 === 1) return -1;
  const content = writer.fork();
  for (let at = start; at < stop; at += 4) {
    const left = stop - at;
    const first = BASE64[bytes[at]!]!;
    const second = BASE64[bytes[at + 1]!]!;
    const third = left > 2 ? BASE64[bytes[at + 2]!]! : 0;
    writer.byte((first << 2) | (second >>> 4));
    if (left > 2) writer.byte(((second << 4) | (third >>> 2)) & 0xff);
    if (left > 3) writer.byte(((third << 6) | BASE64[bytes[at + 3]!]!) & 0xff);
  }
  writer.join(content);
  return stop;
}
