/**
 * This module decodes C escapes as protoc does: `\n`, `\?`, `\101`, `\x41`, `\u00e9`, `\U0001f600`. All except the last
 * two stand for bytes.
 */

/** Matches one escape at its `lastIndex`. */
export const ESCAPE =
  /\\(?:[abfnrtv\\?'"]|[0-7]{1,3}|[xX][\da-fA-F]{1,2}|u[\da-fA-F]{4}|U00(?:0[\da-fA-F]|10)[\da-fA-F]{4})/y;

/** Matches all escapes. Two `\u` can be a pair of surrogates. */
const ESCAPES =
  /\\u([dD][89abAB][\da-fA-F]{2})\\u([\da-fA-F]{4})|\\u([\da-fA-F]{4})|\\U(00(?:0[\da-fA-F]|10)[\da-fA-F]{4})|\\[xX]([\da-fA-F]{1,2})|\\([0-7]{1,3})|\\(.)/gs;

const LETTERS: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

/** Returns the bytes of a string literal, with its escapes decoded and all other text encoded as UTF-8. */
export function unescaped(literal: string): Buffer {
  // The text has one character for each byte, so that escapes can be replaced in it.
  const bytes = latin1(literal).replace(ESCAPES, (_, high, low, unit, point, hex, octal, letter) => {
    if (high !== undefined) return latin1(String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16)));
    if (unit !== undefined) return latin1(String.fromCharCode(Number.parseInt(unit, 16)));
    if (point !== undefined) return latin1(String.fromCodePoint(Number.parseInt(point, 16)));
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    return LETTERS.get(letter) ?? letter;
  });
  return Buffer.from(bytes, 'latin1');
}

function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
