/**
 * This module loads one side of a comparison by `diff`: a folder, a descriptor set or a config file, from the disk or from a
 * git revision.
 */
import { existsSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Diagnostic, fromHere, type Position } from '../base/diagnostic.js';
import type { Config } from '../config/config.js';
import type { Side, SideSurface } from '../diff/side.js';
import type { Plan } from '../gateway/plan.js';
import { isOfferedRoute } from '../route/planned-route.js';
import { UsageError } from './exit.js';
import { type GitTree, inRepository, readRevision } from './git-tree.js';
import { planFlags, type SchemaFlags } from './schema-options.js';

/** One side of the comparison, as the user has named it. */
export interface SideArgument {
  /** The argument of the command line. */
  readonly text: string;
  /** The git revision. Undefined for files on disk. */
  readonly revision: string | undefined;
  /** The path, relative to the current folder. Undefined for `git:REV`; then the path of the other side is used. */
  readonly path: string | undefined;
}

export interface SideOptions {
  readonly import: readonly string[];
  readonly autoRoutes?: boolean;
}

export interface LoadedSide {
  /** The side that can be compared. Undefined if the config has errors. */
  readonly side: Side | undefined;
  readonly hasConfig: boolean;
  readonly diagnostics: readonly Diagnostic[];
  /** Returns a position in the form that users know: a file of a revision is `git:REV:PATH`, and not the temporary file. */
  readonly shown: (position: Position) => Position;
  /** Removes the temporary files. */
  close(): void;
}

/** Parses an argument of the form `PATH`, `git:REV` or `git:REV:PATH`. Throws a UsageError if it is invalid. */
export function parseSide(text: string): SideArgument {
  if (text === '') throw new UsageError("expected a folder, a file or git:REV, got ''");
  if (!text.startsWith('git:')) return { text, revision: undefined, path: text };
  const rest = text.slice('git:'.length);
  const colon = rest.indexOf(':');
  if (colon < 0) return { text, revision: rest, path: undefined };
  return { text, revision: rest.slice(0, colon), path: rest.slice(colon + 1) || '.' };
}

/** Loads a side of the comparison. `path` is its own path, or that of the other side if it has none. */
export async function loadSide(argument: SideArgument, path: string, options: SideOptions): Promise<LoadedSide> {
  const { revision } = argument;
  if (revision === undefined) {
    if (!existsSync(path)) throw new UsageError(`${path}: expected a folder or a file, found none`);
    return load(path, options, undefined);
  }
  const tree = await readRevision(revision, path, process.cwd());
  try {
    const inside = join(tree.folder, inRepository(path, tree.prefix));
    if (!existsSync(inside)) throw new UsageError(`git:${revision}:${path}: expected a folder or a file, found none`);
    const imports = options.import.map((root) => importIn(tree, root));
    return await load(inside, { ...options, import: imports }, { tree, revision });
  } catch (error) {
    tree.remove();
    throw error;
  }
}

/** Returns an import root in the revision, if the revision has it. A root outside of the repository is read from the disk. */
function importIn(tree: GitTree, root: string): string {
  const path = relative(process.cwd(), resolve(root));
  try {
    const inside = join(tree.folder, inRepository(path, tree.prefix));
    return existsSync(inside) ? inside : root;
  } catch {
    return root;
  }
}

/**
 * The rules that are not checked for protos without a config: protos name scopes, and only a config says which callers have
 * them.
 */
const OF_CONFIG: ReadonlySet<string> = new Set(['auth-impossible']);

async function load(
  path: string,
  options: SideOptions,
  git: { readonly tree: GitTree; readonly revision: string } | undefined,
): Promise<LoadedSide> {
  const isFolder = statSync(path).isDirectory();
  const hasConfig = !isFolder && /\.(?:ya?ml|json)$/.test(path);
  const flags: SchemaFlags = {
    ...(hasConfig ? { config: path } : {}),
    protos: isFolder ? [path] : [],
    descriptorSet: isFolder || hasConfig ? [] : [path],
    import: options.import,
    upstream: [],
    ...(options.autoRoutes === true ? { autoRoutes: true } : {}),
  };
  const { plan, diagnostics, placeOf } = await planFlags(flags);
  const shown = (position: Position): Position => {
    if (git === undefined) return { ...position, file: fromHere(position.file) };
    if (!position.file.startsWith(git.tree.folder)) return position;
    return { ...position, file: `git:${git.revision}:${position.file.slice(git.tree.folder.length + 1)}` };
  };
  return {
    side: plan === undefined ? undefined : sideOf(plan, hasConfig ? placeOf : undefined),
    hasConfig,
    diagnostics: diagnostics
      .filter(({ rule }) => hasConfig || !OF_CONFIG.has(rule))
      .map((one) => ({ ...one, position: shown(one.position), text: hideFolder(one.text) })),
    shown,
    close: () => git?.tree.remove(),
  };

  function hideFolder(message: string): string {
    return git === undefined ? message : message.replaceAll(`${git.tree.folder}/`, `git:${git.revision}:`);
  }
}

/** Returns the old or the new side of the comparison: the API that the plan would serve. */
export function sideOf({ config, surfaces }: Plan, placeOf: Side['placeOf']): Side {
  return { config, placeOf, surfaces: surfaces.map((surface) => surfaceOf(surface, config)) };
}

function surfaceOf({ name, selection, config, routes }: Plan['surfaces'][number], common: Config): SideSurface {
  const served = routes.filter((route) => isOfferedRoute(route, common));
  const unserved = routes.filter((route) => !isOfferedRoute(route, common));
  const index = common.surfaces.findIndex((block) => block.name === name);
  const block = common.surfaces[index];
  const keyPath = (key: readonly string[]) => (isIn(block, key) ? ['surfaces', index, ...key] : key);
  return { name, entrance: selection, config, keyPath, routes: served, unserved };
}

/**
 * Returns true if the surface's own block has the key. Its `auth` replaces the common one as a whole, so then it has all keys
 * of `auth`.
 */
function isIn(block: Config['surfaces'][number] | undefined, [first = '', second = '']: readonly string[]): boolean {
  const own = (block as Readonly<Record<string, unknown>> | undefined)?.[first];
  if (typeof own !== 'object' || own === null) return false;
  const keys = own as Readonly<Record<string, unknown>>;
  return first === 'auth' || keys[second] !== undefined || keys[`${second}Ms`] !== undefined;
}
