/** True of what V8 throws when calls nest deeper than its stack: of data, that it is too deep. */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}
