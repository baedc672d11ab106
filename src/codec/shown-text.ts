/** This module shortens texts of clients that error texts show. */

const SHOWN_CHARACTERS = 40;

/** Returns a text cut to 40 characters. */
export function shorten(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}

/** Returns a text from a client in quotes, shortened for an error text. */
export function quoteShort(text: string): string {
  return JSON.stringify(shorten(text));
}
