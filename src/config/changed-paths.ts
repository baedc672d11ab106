/** This module joins what a watch has reported while a reload ran, or while reloads were refused. */

/** The real paths of files that have changed. Undefined if any file may have changed. */
export type ChangedPaths = ReadonlySet<string> | undefined;

export const NONE_CHANGED: ReadonlySet<string> = new Set();

/** Returns all paths of both. */
export function joined(some: ChangedPaths, others: ChangedPaths): ChangedPaths {
  return some === undefined || others === undefined ? undefined : new Set([...some, ...others]);
}
