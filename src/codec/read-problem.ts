/**
 * This module has the error for a JSON body that cannot be read, and the characters of JSON that errors and readers refer to.
 */

/**
 * The reason why a body cannot be read. With `syntax` it is not JSON; with `value` the value or key at `offset` does
 * not fit.
 */
export class ReadProblem extends Error {
  override readonly name = 'ReadProblem';
  constructor(
    readonly kind: 'syntax' | 'value',
    readonly offset: number,
    readonly description: string,
    /** The name of a missing field, if the problem is that this field is missing in the object at `offset`. */
    readonly member?: string,
  ) {
    super(description);
  }
}

export const Char = {
  QUOTE: 0x22,
  COMMA: 0x2c,
  MINUS: 0x2d,
  POINT: 0x2e,
  ZERO: 0x30,
  NINE: 0x39,
  COLON: 0x3a,
  OPEN_LIST: 0x5b,
  BACKSLASH: 0x5c,
  CLOSE_LIST: 0x5d,
  OPEN_OBJECT: 0x7b,
  CLOSE_OBJECT: 0x7d,
  F: 0x66,
  N: 0x6e,
  T: 0x74,
} as const;

/** Returns the error for a key that an object has twice. `offset` is that of the second key. */
export function duplicateKey(offset: number): ReadProblem {
  return new ReadProblem('value', offset, 'expected once, found twice');
}

/** Returns the error `expected …, got …` for the byte at `at`. The text ends at `end`. */
export function syntaxProblem(bytes: Buffer, end: number, expected: string, at: number): ReadProblem {
  if (at >= end) return new ReadProblem('syntax', end, `expected ${expected}, got the end of the text`);
  const found = bytes.toString('utf8', at, Math.min(at + 4, end));
  const [first = ''] = found;
  return new ReadProblem('syntax', at, `expected ${expected}, got ${JSON.stringify(first)}`);
}

/** True if a JSON value may begin with the byte. */
export function isValueStart(byte: number): boolean {
  if (byte >= Char.ZERO && byte <= Char.NINE) return true;
  switch (byte) {
    case Char.QUOTE:
    case Char.MINUS:
    case Char.OPEN_OBJECT:
    case Char.OPEN_LIST:
    case Char.T:
    case Char.F:
    case Char.N:
      return true;
    default:
      return false;
  }
}
