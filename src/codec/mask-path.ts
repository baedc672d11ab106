/**
 * Paths of a FieldMask have proto names on the wire and camelCase in JSON (ProtoJSON). JSON can't express every name:
 * `line_1` would be `line1` there, which is the name of another field.
 *
 *     author.display_name   ⇄   author.displayName
 */
import type { JsonWriter } from './json-writer.js';
import { utf8Text } from './wire-reader.js';
import { Wire, type WireWriter } from './wire-writer.js';

/** Matches a path in either form. `*` stands for "everything" (AIP-134). */
const PATH = /^[\w*]+(?:\.[\w*]+)*$/;
/** Matches in proto names what camelCase can't express. */
const UNSAYABLE = /[A-Z]|_(?![a-z])/;

/** Converts a path in either form to proto names. Returns undefined if the text is not a path. */
export function maskPath(text: string): string | undefined {
  if (!PATH.test(text)) return undefined;
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Writes the paths of a mask's text as the contents of a FieldMask, in proto names. Returns false if one of them is not a
 * path, or JSON can't express it.
 */
export function writeMaskPaths(text: string, writer: WireWriter): boolean {
  if (text === '') return true;
  let content = beginPath(writer);
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : COMMA;
    if (code === COMMA || code === POINT) {
      const isEmpty = writer.pos === content || writer.bytes[writer.pos - 1] === POINT;
      if (isEmpty) return false;
      if (code === POINT) writer.byte(POINT);
      else {
        writer.join(content);
        if (at < text.length) content = beginPath(writer);
      }
    } else if (code >= 0x41 && code <= 0x5a) {
      writer.byte(UNDERSCORE);
      writer.byte(code + 0x20);
    } else if (code === UNDERSCORE) {
      const next = text.charCodeAt(at + 1);
      if (!(next >= 0x61 && next <= 0x7a)) return false;
      writer.byte(code);
    } else if ((code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === STAR) writer.byte(code);
    else return false;
  }
  return true;
}

function beginPath(writer: WireWriter): number {
  writer.tag(1, Wire.LEN);
  return writer.fork();
}

/**
 * Writes the path `bytes[start, end)` in camelCase, without quotes. Returns false if the result would be read as another
 * path.
 */
export function writeCamelCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Pick<JsonWriter, 'byte' | 'stringContent'>,
): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === UNDERSCORE) {
      at++;
      const next = at < end ? bytes[at]! : 0;
      if (next < 0x61 || next > 0x7a) return false;
      out.byte(next - 0x20);
    } else if (byte >= 0x41 && byte <= 0x5a) return false;
    else if (byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH) out.byte(byte);
    else return writeUnusual(bytes.subarray(at, end), out);
  }
  return true;
}

/** Writes the rest of a path with characters that no field's name has. Nothing forbids them on the wire. */
function writeUnusual(bytes: Uint8Array, out: Pick<JsonWriter, 'stringContent'>): boolean {
  const path = utf8Text(bytes);
  if (UNSAYABLE.test(path)) return false;
  out.stringContent(path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
  return true;
}

const QUOTE = 0x22;
const STAR = 0x2a;
const COMMA = 0x2c;
const POINT = 0x2e;
const BACKSLASH = 0x5c;
const UNDERSCORE = 0x5f;
