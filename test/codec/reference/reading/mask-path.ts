/**
 * Paths of a FieldMask have proto names on the wire and camelCase in JSON (ProtoJSON). JSON can't express every name:
 * `line_1` would be `line1` there, which is the name of another field.
 *
 *     author.display_name   ⇄   author.displayName
 */
import { Wire, type WireWriter } from '../../../../src/codec/wire-writer.js';

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

const STAR = 0x2a;
const COMMA = 0x2c;
const POINT = 0x2e;
const UNDERSCORE = 0x5f;
