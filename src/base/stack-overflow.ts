/**
 * True for the error that V8 throws when calls are nested deeper than its stack. For data this means that it is nested
 * too deep.
 */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}
