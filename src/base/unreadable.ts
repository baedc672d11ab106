/** This module explains why a file cannot be read, with the same text for every kind of file. */

/** The texts for the most frequent reasons, by the error code of the operating system. */
const TEXTS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'expected a file, found none'],
  ['EISDIR', 'expected a file, got a folder'],
  ['EACCES', 'expected a file that this process may read, got one that it may not read'],
]);

/** Returns the error text for a file that cannot be read. */
export function unreadable(error: unknown): string {
  const code = codeOf(error);
  return TEXTS.get(code) ?? `cannot be read: ${code}`;
}

/** Returns the error code of the operating system, such as `ENOENT`, or the text of an error that has no code. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
