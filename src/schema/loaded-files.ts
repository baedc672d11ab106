/** This module says what a load of a schema must remember, so that the next load can read only the files that have changed. */
import { join } from 'node:path';
import { BUNDLED_ROOT, isBundled } from './bundled.js';
import type { FileDeclaration } from './declaration.js';
import type { SetContent } from './descriptor-set.js';
import type { ExcludeEntry } from './exclusion.js';
import { isFile } from './proto-folder.js';
import type { RegistryFile } from './registry.js';

export interface SchemaSources {
  /** The import roots whose `.proto` files are all loaded, and whose services get routes. */
  readonly protos: readonly string[];
  /** The roots in which only imports are looked up. */
  readonly imports: readonly string[];
  /** The paths of files that contain a FileDescriptorSet. */
  readonly descriptorSets: readonly string[];
  /** The entries of `schema.exclude`: rpcs and files that get no routes. */
  readonly exclude?: readonly ExcludeEntry[];
  /** The paths of service configs, whose rules replace annotations. */
  readonly httpRules?: readonly string[];
}

/** The files of a load without errors in which each file has one name and each name one file. */
export interface LoadedFiles {
  readonly sources: SchemaSources;
  /** The digest of the names and paths of all files below the roots of `schema.protos`. */
  readonly digest: string;
  /** The files by import name. */
  readonly files: ReadonlyMap<string, RegistryFile>;
  /** The `.proto` files by real path. */
  readonly byPath: ReadonlyMap<string, FileDeclaration>;
  /** The paths under which files were read. */
  readonly origins: ReadonlyMap<FileDeclaration, string>;
  /** Files whose problems are not reported. */
  readonly quiet: ReadonlySet<FileDeclaration>;
  /** The descriptor sets by path. */
  readonly sets: ReadonlyMap<string, SetContent>;
  readonly lookups: {
    /** The paths that were found for imports. */
    readonly imports: Map<string, string | undefined>;
    /** The real paths of files that are, or may be, behind a symbolic link. */
    readonly links: Map<string, string>;
  };
}

/**
 * Returns the path of the file that an import means: the first file of this name below the roots, or the bundled one. Undefined
 * when there is none.
 */
export function findImport({ protos, imports }: SchemaSources, name: string): string | undefined {
  const inRoots = [...protos, ...imports].map((root) => join(root, name)).find(isFile);
  return inRoots ?? (isBundled(name) ? join(BUNDLED_ROOT, name) : undefined);
}
