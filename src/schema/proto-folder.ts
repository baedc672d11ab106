/** This module finds import roots and the `.proto` files below them in the file system. */
import { createHash } from 'node:crypto';
import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { type Diagnostic, errorAt } from '../base/diagnostic.js';
import { codeOf } from '../base/unreadable.js';

/** The `.proto` files below a root of `schema.protos`, and the problems of the root. */
export interface Scanned {
  readonly found: readonly FoundProto[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface FoundProto {
  /** The name by which other files import it. */
  readonly name: string;
  readonly path: string;
  /** The real path; undefined for a symbolic link, whose real path has not been looked up. */
  readonly real: string | undefined;
}

/**
 * Returns the `.proto` files below a root, sorted by import name, without hidden files and folders. It is synchronous, as
 * reading and parsing are: a promise for each of a thousand folders costs five times as much.
 */
export function protosBelow(root: string): Scanned {
  const diagnostics: Diagnostic[] = [];
  const found: FoundProto[] = [];
  const visited = new Set<string>();
  const folders = [''];
  // Names are appended to this path without `join`, which takes longer than reading the folder.
  const base = join(root, '-').slice(0, -1);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      const real = realpathSync.native(join(root, folder));
      if (visited.has(real)) continue;
      visited.add(real);
      for (const entry of readdirSync(real, { withFileTypes: true })) {
        if (entry.name.startsWith('.')) continue;
        const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
        const inReal = real.endsWith(sep) ? real + entry.name : real + sep + entry.name;
        const isLink = entry.isSymbolicLink();
        const kind = isLink ? targetOf(inReal, entry) : entry;
        if (kind.isDirectory()) folders.push(name);
        else if (kind.isFile() && name.endsWith('.proto'))
          found.push({ name, path: base + (sep === '/' ? name : join(name)), real: isLink ? undefined : inReal });
      }
    } catch (error) {
      const text = `expected a folder: ${codeOf(error)}`;
      diagnostics.push(errorAt({ file: join(root, folder) }, 'schema-root', text));
    }
  }
  if (found.length === 0 && visited.size > 0) {
    diagnostics.push(errorAt({ file: root }, 'schema-root', 'expected .proto files below it, found none'));
  }
  return { found: found.sort((a, b) => (a.name < b.name ? -1 : 1)), diagnostics };
}

/** Returns a text that differs when the found files differ. */
export function digestOf(scanned: readonly (readonly [root: string, Scanned])[]): string {
  return createHash('sha256').update(JSON.stringify(scanned)).digest('base64');
}

/** Returns the kind of file that a link leads to; the link itself if it leads nowhere. */
function targetOf(path: string, link: Dirent): Stats | Dirent {
  try {
    return statSync(path);
  } catch {
    return link;
  }
}

/** Returns the reason why a root can't be used; undefined when it is a folder. */
export function rootProblem(root: string): string | undefined {
  try {
    const stats = statSync(root, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) return undefined;
    return stats === undefined
      ? 'expected a folder, found none'
      : 'expected a folder, got a file: give the folder above it';
  } catch (error) {
    return `expected a folder: ${codeOf(error)}`;
  }
}

/** True if the path is a file. False if it can't be looked up, for example because it is too long or contains a NUL. */
export function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}
