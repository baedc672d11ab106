/**
 * Paths of a FieldMask: proto names on the wire, camelCase in JSON (ProtoJSON). JSON can't say every name: `line_1` would be
 * `line1` there, which is the name of another field.
 *
 *     author.display_name   ⇄   author.displayName
 */

/** `*` is AIP-134's "everything". */
const PATH = /^[\w*]+(?:\.[\w*]+)*$/;
const UNSAYABLE = /[A-Z]|_(?![a-z])/;

/** A path in either form → proto names. Undefined: it is none. */
export function maskPath(text: string): string | undefined {
  if (!PATH.test(text)) return undefined;
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The paths of a mask's text, in proto names. Undefined: it is none, or names what could not be sent back. */
export function maskPaths(text: string): readonly string[] | undefined {
  if (text === '') return [];
  const paths: string[] = [];
  for (const part of text.split(',')) {
    const path = maskPath(part);
    if (path === undefined || UNSAYABLE.test(path)) return undefined;
    paths.push(path);
  }
  return paths;
}

/** Proto names → camelCase. Undefined: read again it would be another path. */
export function camelCasePath(path: string): string | undefined {
  if (UNSAYABLE.test(path)) return undefined;
  return path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
