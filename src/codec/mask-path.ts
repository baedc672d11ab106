/**
 * Paths of a FieldMask have proto names on the wire and camelCase in JSON (ProtoJSON). JSON can't express every name:
 * `line_1` would be `line1` there, which is the name of another field.
 *
 *     author.display_name   ⇄   author.displayName
 */

/** Matches a path in either form. `*` stands for "everything" (AIP-134). */
const PATH = /^[\w*]+(?:\.[\w*]+)*$/;
const UNSAYABLE = /[A-Z]|_(?![a-z])/;

/** Converts a path in either form to proto names. Returns undefined if the text is not a path. */
export function maskPath(text: string): string | undefined {
  if (!PATH.test(text)) return undefined;
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Returns the paths in a mask's text, in proto names; undefined if JSON can't express one of them, or one is no path. */
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

/** Converts proto names to camelCase. Returns undefined if the result would be read as another path. */
export function camelCasePath(path: string): string | undefined {
  if (UNSAYABLE.test(path)) return undefined;
  return path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
