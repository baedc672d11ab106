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
/** Matches in proto names what camelCase can't express: capital letters, and underscores that are not before a small letter. */
const UNSAYABLE = /[A-Z]|_(?![a-z])/;

/** Converts a path in either form to proto names. Returns undefined if the text is not a path. */
export function maskPath(text: string): string | undefined {
  if (!PATH.test(text)) return undefined;
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Writes the paths of the mask `bytes[start, end)` as the contents of a FieldMask, in proto names. Returns false if one of
 * them is not a path, or JSON can't express it.
 */
export function writeMaskPaths(bytes: Uint8Array, start: number, end: number, writer: WireWriter): boolean {
  let at = start;
  while (at < end) {
    at = writePath(bytes, at, end, writer);
    if (at < 0) return false;
  }
  // A comma at the end is an error, because a path must follow it.
  return end === start || bytes[end - 1] !== COMMA;
}

/** Writes the path at `start`. Returns the offset behind it and its comma; -1 if it is not a path. */
function writePath(bytes: Uint8Array, start: number, end: number, writer: WireWriter): number {
  let stop = start;
  while (stop < end && bytes[stop] !== COMMA) stop++;
  // A capital letter becomes two bytes.
  writer.reserve(2 * (stop - start) + 2);
  const out = writer.bytes;
  out[writer.pos++] = PATHS_TAG;
  const content = writer.fork();
  let to = content;
  let before = POINT;
  for (let at = start; at < stop; at++) {
    const byte = bytes[at]!;
    if (isLower(byte) || (byte >= 0x30 && byte <= 0x39) || byte === STAR) out[to++] = byte;
    else if (isUpper(byte)) {
      out[to++] = UNDERSCORE;
      out[to++] = byte + 0x20;
    } else if (byte === POINT) {
      if (before === POINT) return -1;
      out[to++] = byte;
    } else if (byte === UNDERSCORE && at + 1 < stop && isLower(bytes[at + 1]!)) out[to++] = byte;
    else return -1;
    before = byte;
  }
  if (before === POINT) return -1;
  writer.pos = to;
  writer.join(content);
  return stop + 1;
}

const PATHS_TAG = (1 << 3) + Wire.LEN;

function isLower(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a;
}

function isUpper(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
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

/**
 * Writes the rest of a path that has characters which no name of a field has. Nothing forbids them on the wire. Returns false
 * as {@link writeCamelCase} does.
 */
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
