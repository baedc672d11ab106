/**
 * This module finds import roots that are a folder too high: `--protos .` finds `proto/shop/v1/a.proto`, which imports
 * `shop/v1/b.proto`. The right folder follows from the imports that it would resolve, or else from the packages of the files.
 * Folders that package managers fill (`node_modules`, a venv) are never the right ones, and often have copies of the protos
 * that protogate bundles.
 */
import { basename, join } from 'node:path';
import { type Diagnostic, warningAt } from '../base/diagnostic.js';

export interface RootContent {
  readonly root: string;
  /** The import names of all files below the root. */
  readonly names: readonly string[];
}

/** An import that no root has. */
export interface UnresolvedImport {
  /** The import name of the file that contains the import. */
  readonly importer: string;
  readonly path: string;
}

/** Matches a path up to a folder that a package manager fills. */
const BROUGHT = /^(?:.*\/)?(?:node_modules|site-packages|dist-packages)(?=\/)/;
const MOST_NAMED = 3;

/** Finds the folder below a root that would resolve an import. */
export class FilesBelow {
  /** The import names with their roots, by their last segment: `a.proto` of `shop/v1/a.proto`. */
  private readonly byBasename = new Map<string, { readonly root: string; readonly name: string }[]>();

  constructor(contents: readonly RootContent[]) {
    for (const { root, names } of contents) {
      for (const name of names) {
        if (BROUGHT.test(name)) continue;
        const key = basename(name);
        const same = this.byBasename.get(key) ?? [];
        this.byBasename.set(key, same);
        same.push({ root, name });
      }
    }
  }

  /**
   * Returns the folder that would resolve the import. If there are several, it returns the one with the shortest path below its
   * root.
   */
  rootOf(path: string): { readonly root: string; readonly folder: string } | undefined {
    const found = (this.byBasename.get(basename(path)) ?? []).filter(({ name }) => name.endsWith(`/${path}`));
    const [nearest] = found.sort((a, b) => a.name.length - b.name.length);
    if (nearest === undefined) return undefined;
    return { root: nearest.root, folder: nearest.name.slice(0, -path.length - 1) };
  }
}

/**
 * Returns a warning for each root that is probably too high. `packageOf` returns the package of a file for its import
 * name.
 */
export function highRoots(
  contents: readonly RootContent[],
  unresolved: readonly UnresolvedImport[],
  packageOf: (name: string) => string | undefined,
): readonly Diagnostic[] {
  return contents.flatMap((content) => {
    const { root, names } = content;
    const brought = new Set(names.flatMap((name) => BROUGHT.exec(name)?.[0] ?? []));
    const below = new FilesBelow([content]);
    const own = new Set(names.filter((name) => !BROUGHT.test(name)));
    const missing = unresolved.filter(({ importer }) => own.has(importer));
    const resolved = counted(missing.flatMap(({ path }) => below.rootOf(path)?.folder ?? []));
    const texts: string[] = [];
    if (resolved.length > 0) {
      const folders = resolved.map(([folder, count]) => `${join(root, folder)} (${count})`).join(', ');
      texts.push(`missing imports are found below these folders, so give them as roots: ${folders}`);
    } else if (brought.size > 0) {
      const [likely] = counted([...own].flatMap((name) => folderAbove(name, packageOf(name)) ?? []));
      if (likely !== undefined && likely[0] !== '')
        texts.push(`give ${join(root, likely[0])} instead, which fits the packages of the files`);
    }
    if (brought.size > 0) {
      const patterns = [...brought].slice(0, MOST_NAMED).map((folder) => `${folder}/**`);
      texts.push(`schema.exclude: [${patterns.join(', ')}] excludes the files of a package manager`);
    }
    return texts.length === 0
      ? []
      : warningAt(
          { file: root },
          'schema-root',
          `this folder may be too high to be an import root: ${texts.join('; ')}`,
        );
  });
}

/**
 * Returns the folder above the folders of a package: `protos/shop/v1/a.proto` of package shop.v1 gives `protos`.
 * Undefined when the folder does not fit the package.
 */
function folderAbove(name: string, packageName: string | undefined): string | undefined {
  if (packageName === undefined || packageName === '') return undefined;
  const ending = `/${packageName.replaceAll('.', '/')}`;
  const folder = `/${name.slice(0, Math.max(0, name.lastIndexOf('/')))}`;
  return folder.endsWith(ending) ? folder.slice(1, Math.max(1, folder.length - ending.length)) : undefined;
}

/** Returns the three most frequent names with their counts, the most frequent first. */
function counted(names: readonly string[]): readonly (readonly [name: string, count: number])[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST_NAMED);
}
