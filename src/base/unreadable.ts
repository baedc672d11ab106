/** This module says why a file cannot be read, in the same words wherever a file is named. */

/** The texts for the usual reasons, by the code of the system. */
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

/** Returns the system's code for an error, such as `ENOENT`, or the text of an error without one. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
