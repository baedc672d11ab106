/**
 * Returns true for the error that V8 throws when function calls are nested too deeply for its stack. Where data is read by
 * recursion, it means that the data is nested too deeply.
 */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}
