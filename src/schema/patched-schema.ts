/**
 * This module loads a schema of which only the content of a few files has changed. The result is that of a whole load, which
 * would look at thousands of files again to find nothing. When the result might differ, the caller must load the whole schema:
 * when a file was added or removed, imports another file, has a problem, or when names lead to other files than before.
 */
import { realpathSync } from 'node:fs';
import { sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Steps } from '../base/slices.js';
import { labelsOf } from './annotation-reader.js';
import { BUNDLED_ROOT } from './bundled.js';
import type { FileDeclaration } from './declaration.js';
import { Exclusion } from './exclusion.js';
import { findImport, type LoadedFiles, type SchemaSources } from './loaded-files.js';
import { optionsWithoutImport } from './missing-imports.js';
import type { ParsedFiles } from './parsed-files.js';
import { registryWith } from './registry.js';
import { hasAggregates, hasProblems, withRouting } from './routed-methods.js';
import { ConfiguredRules } from './service-config.js';
import type { Schema } from './source.js';

/** If more than one in eight files has changed, the whole schema is loaded. */
const MANY = 8;

interface Replaced {
  readonly was: FileDeclaration;
  readonly is: FileDeclaration;
  /** The real path of the file. */
  readonly real: string;
}

/**
 * Returns `previous` with the files at the paths `changed` read again. Returns undefined if the whole schema must be loaded.
 */
export function* schemaWith(
  sources: SchemaSources,
  previous: Schema,
  changed: ReadonlySet<string>,
): Steps<Schema | undefined> {
  const { linked, parsed } = previous;
  const loaded = linked?.loaded;
  if (linked === undefined || loaded === undefined || parsed === undefined) return undefined;
  if ((sources.httpRules ?? []).length > 0 || !isDeepStrictEqual(loaded.sources, sources)) return undefined;
  if ([...loaded.sets].some(([path, content]) => parsed.setAt(path) !== content)) return undefined;
  const paths = new Set([...changed, ...readMeanwhile(loaded, parsed)]);
  if (paths.size * MANY > loaded.files.size || !(yield* leadsToSame(loaded))) return undefined;
  const replaced: Replaced[] = [];
  for (const path of paths) {
    yield;
    const one = readAgain(path, previous, loaded);
    if (one === undefined) return undefined;
    // A file may be named by its real path and by another one.
    if (one.is !== one.was && !replaced.some(({ was }) => was === one.was)) replaced.push(one);
  }
  if (replaced.length === 0) {
    parsed.endPart();
    return previous;
  }
  const next = loadedWith(replaced, loaded);
  const exclusion = new Exclusion(sources.exclude ?? []);
  for (const { was, is } of replaced) {
    yield;
    if ([was, is].some((one) => mayTell(one, previous, next))) return undefined;
    if (exclusion.hasFile(is.name) || !isSubset(selectedIn(was, exclusion), selectedIn(is, exclusion)))
      return undefined;
  }
  const own = new Map(replaced.map(({ is: { name } }) => [name, next.files.get(name)!]));
  const routed = yield* withRouting(own, exclusion, new ConfiguredRules([]));
  const names = new Map(previous.files.map(({ declaration }, index) => [declaration.name, index]));
  const files = [...previous.files];
  for (const [name, file] of routed) files[names.get(name)!] = file;
  const removed = replaced.map(({ is }) => previous.files[names.get(is.name)!]!.declaration);
  const added = [...routed.values()].map(({ declaration }) => declaration);
  yield;
  const registry = yield* registryWith(previous.registry, files, { removed, added });
  if (registry === undefined) return undefined;
  parsed.endPart();
  return { ...previous, registry, files, linked: { ...linked, sources: [...next.files.values()], loaded: next } };
}

/**
 * Returns the paths of the files that were parsed again since this schema was loaded, by a later load whose result is not
 * served.
 */
function readMeanwhile({ origins, sets }: LoadedFiles, parsed: ParsedFiles): readonly string[] {
  const ours = BUNDLED_ROOT + sep;
  return [...origins]
    .filter(([one, path]) => !sets.has(path) && parsed.declarationAt(path) !== one && !path.startsWith(ours))
    .map(([, path]) => path);
}

/** True if all imports and symbolic links that were looked up lead to the same files as before. */
function* leadsToSame({ sources, lookups: { imports, links } }: LoadedFiles): Steps<boolean> {
  for (const [name, path] of imports) {
    yield;
    if (findImport(sources, name) !== path) return false;
  }
  for (const [path, real] of links) {
    yield;
    if (realOf(path) !== real) return false;
  }
  return true;
}

/**
 * Reads a file again. Returns undefined if it is not one of the loaded files, if it no longer exists, or if it imports other
 * files.
 */
function readAgain(
  path: string,
  { parsed }: Schema,
  { byPath, origins, quiet, files }: LoadedFiles,
): Replaced | undefined {
  const real = realOf(path);
  if (real === undefined) return undefined;
  const was = byPath.get(real);
  const origin = was && origins.get(was);
  if (was === undefined || origin === undefined || quiet.has(was) || realOf(origin) !== real) return undefined;
  try {
    const is = parsed!.read(was.name, origin);
    const isSame = importsOf(was) === importsOf(is) && was.imports.every((one) => files.has(one.path));
    return isSame ? { was, is, real } : undefined;
  } catch {
    return undefined;
  }
}

function importsOf({ imports }: FileDeclaration): string {
  return imports.map(({ path }) => path).join('\n');
}

function loadedWith(replaced: readonly Replaced[], before: LoadedFiles): LoadedFiles {
  const files = new Map(before.files);
  const byPath = new Map(before.byPath);
  const origins = new Map(before.origins);
  for (const { was, is, real } of replaced) {
    files.set(is.name, { declaration: is, routed: files.get(is.name)!.routed });
    byPath.set(real, is);
    origins.set(is, origins.get(was)!);
    origins.delete(was);
  }
  return { ...before, files, byPath, origins };
}

/** True if a whole load might report something about the file. */
function mayTell(file: FileDeclaration, { diagnostics }: Schema, { files }: LoadedFiles): boolean {
  // Aggregates decide which rpcs of other files are checked.
  const checksOthers = hasAggregates(file) && diagnostics.length > 0;
  if (file.diagnostics.length > 0 || hasProblems(file) || checksOthers) return true;
  return optionsWithoutImport(file, files).length > 0;
}

function selectedIn({ services }: FileDeclaration, exclusion: Exclusion): ReadonlySet<number> {
  const methods = services.flatMap(({ fullName, defaultPolicy, methods }) =>
    methods.map(({ name, policy }) => ({ fullName: `${fullName}/${name}`, labels: labelsOf(policy, defaultPolicy) })),
  );
  return exclusion.selecting(methods);
}

function isSubset(some: ReadonlySet<number>, all: ReadonlySet<number>): boolean {
  return [...some].every((one) => all.has(one));
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
