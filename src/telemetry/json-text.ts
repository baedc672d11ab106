/** Writes text as a JSON string without control characters, so that no terminal and no log viewer acts on a part of it. */

/** Matches a character that must be escaped or may have to be: `"`, `\`, and everything that is not printable ASCII. */
const NEEDS_CARE = /[^ !#-[\]-~]/;

/** Returns the text as a JSON string, with all control characters and line separators escaped. */
export function jsonText(text: string): string {
  return NEEDS_CARE.test(text) ? escapeBeyondJson(JSON.stringify(text)) : `"${text}"`;
}

/**
 * Escapes DEL, C1 characters and line separators. JSON leaves them unchanged, and terminals and log viewers act on
 * them.
 */
export function escapeBeyondJson(text: string): string {
  return text.replace(/[\u007f-\u009f\u2028\u2029]/g, escapeCharacter);
}

export function escapeCharacter(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
