/** This module remembers which files have changed since the gateway read them. */

/** The real paths of files that have changed. Undefined if any file may have changed. */
export type ChangedPaths = ReadonlySet<string> | undefined;

const NONE: ReadonlySet<string> = new Set();

/** Keeps the paths of changed files until a reload with them is taken. */
export class PendingChanges {
  private paths: ChangedPaths = NONE;

  add(more: ChangedPaths): void {
    this.paths = this.paths === undefined || more === undefined ? undefined : new Set([...this.paths, ...more]);
  }

  /**
   * Calls `reload` with the paths that have been added, and returns its result. If it returns false or throws, the reload was not
   * taken, and the next one gets these paths again.
   */
  async use(reload: (changed: ChangedPaths) => Promise<boolean>): Promise<boolean> {
    const changed = this.paths;
    this.paths = NONE;
    let isTaken = false;
    try {
      isTaken = await reload(changed);
      return isTaken;
    } finally {
      if (!isTaken) this.add(changed);
    }
  }
}
