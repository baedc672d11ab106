/**
 * This module loads a schema from folders of `.proto` files, roots for imports, and descriptor sets. The package's own
 * `google/…` and `protogate/…` are always there. Everything is loaded, and each broken part is a diagnostic.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, errorAt, formatPosition } from '../base/diagnostic.js';
import { atOnce, type Steps } from '../base/slices.js';
import { unreadable } from '../base/unreadable.js';
import { BUNDLED_ROOT, bundledFile, isBundled, looksBundled } from './bundled.js';
import type { FileDeclaration } from './declaration.js';
import type { Registry } from './descriptor.js';
import type { SetContent } from './descriptor-set.js';
import { Exclusion } from './exclusion.js';
import { type OtherVersion, versionProblems } from './file-versions.js';
import { highRoots, type RootContent } from './likely-root.js';
import { findImport, type LoadedFiles, type SchemaSources } from './loaded-files.js';
import { optionsWithoutImport, UnknownImports } from './missing-imports.js';
import { ParsedFiles } from './parsed-files.js';
import { digestOf, type FoundProto, protosBelow, rootProblem, type Scanned } from './proto-folder.js';
import { type RegistryFile, registryAfter, registrySteps } from './registry.js';
import { optionProblems, withRouting } from './routed-methods.js';
import { ConfiguredRules } from './service-config.js';

export interface LoadOptions {
  /**
   * This function is called with the number of files below the roots of `protos` that are loaded, and the number of all of
   * them.
   */
  readonly onProgress?: (done: number, total: number) => void;
  /** The files that are parsed already. */
  readonly parsed?: ParsedFiles;
  /** The files below each root of `protos`, if they were looked through already. */
  readonly scanned?: ReadonlyMap<string, Scanned> | undefined;
  /** The schema of an earlier load. If its files are still the same, its registry is used again. */
  readonly previous?: Schema | undefined;
}

export interface Schema {
  readonly registry: Registry;
  /** The files from which the registry was linked. */
  readonly files: readonly RegistryFile[];
  readonly diagnostics: readonly Diagnostic[];
  /** The files and settings from which the registry was linked. Absent if another process has loaded the files. */
  readonly linked?: Linked;
  /** The parsed files. Absent if another process has loaded them. */
  readonly parsed?: ParsedFiles;
}

interface Linked {
  readonly sources: readonly RegistryFile[];
  /** Absent if every load must look at all files, because the result depends on more than the files' content. */
  readonly loaded?: LoadedFiles | undefined;
  /** The exclusions and rules of the config, as text. */
  readonly routing: string;
  /** The problems of names that are declared more than once. */
  readonly repeats: readonly Diagnostic[];
}

/** The files that error details need, whatever the user's files import. */
const ALWAYS = ['google/rpc/status.proto', 'google/rpc/error_details.proto', 'google/protobuf/any.proto'];

export function loadSchema(sources: SchemaSources, options: LoadOptions = {}): Schema {
  return atOnce(schemaSteps(sources, options));
}

/** Loads a schema in steps, one for each file. */
export function* schemaSteps(sources: SchemaSources, options: LoadOptions): Steps<Schema> {
  const { onProgress, parsed = new ParsedFiles(), scanned, previous } = options;
  const loader = new SchemaLoader(sources, parsed);
  for (const file of sources.descriptorSets) {
    yield;
    loader.loadSet(file);
  }
  const wanted = loader.findProtos(scanned);
  for (const [index, found] of wanted.entries()) {
    yield;
    onProgress?.(index, wanted.length);
    loader.loadFound(found);
  }
  yield* loader.loadImports();
  yield* loader.loadExcluded();
  const schema = yield* loader.finish(previous);
  parsed.endLoad(rootsOf(sources));
  return { ...schema, parsed };
}

/** Links files that another process has parsed. Returns `previous` if it has the same files. */
export function* linkedSchema(files: readonly RegistryFile[], previous: Schema | undefined): Steps<Schema> {
  if (previous !== undefined && isSame(previous.files, files)) return previous;
  const after = previous === undefined ? undefined : yield* registryAfter(previous.registry, files);
  return { registry: after ?? (yield* registrySteps(files)), files, diagnostics: [] };
}

/** Returns the settings that say which files are loaded. */
export function rootsOf({ protos, imports, descriptorSets }: SchemaSources): unknown {
  return [protos, imports, descriptorSets];
}

class SchemaLoader {
  private readonly files = new Map<string, RegistryFile>();
  private readonly diagnostics: Diagnostic[] = [];
  /** The files by real path. */
  private readonly byPath = new Map<string, FileDeclaration>();
  /** The path of the descriptor set or `.proto` file from which each file comes. */
  private readonly origins = new Map<FileDeclaration, string>();
  private readonly others: OtherVersion[] = [];
  private readonly fromSets = new Set<FileDeclaration>();
  /** The files whose imports are loaded. */
  private readonly withImports = new Set<FileDeclaration>();
  private readonly unknownImports: UnknownImports;
  private readonly contents: RootContent[] = [];
  private readonly exclusion: Exclusion;
  /**
   * The functions that load excluded files, by import name. Such a function is called when another file imports the
   * file, or else at the end.
   */
  private readonly waiting = new Map<string, () => void>();
  /** Files that are loaded only for their types: their problems are not reported. */
  private readonly quiet = new Set<FileDeclaration>();
  private isQuiet = false;
  /** The descriptor sets by path. */
  private readonly sets = new Map<string, SetContent>();
  /** The results of looking for files that are not below the roots of `schema.protos`. */
  private readonly lookups: LoadedFiles['lookups'] = { imports: new Map(), links: new Map() };
  private digest = '';
  /** False if two files have one name, or one file has two. */
  private isPlain = true;

  constructor(
    private readonly sources: SchemaSources,
    private readonly parsed: ParsedFiles,
  ) {
    this.exclusion = new Exclusion(sources.exclude ?? []);
    this.unknownImports = new UnknownImports([...sources.protos, ...sources.imports]);
  }

  loadSet(file: string): void {
    let content: SetContent;
    try {
      content = this.parsed.readSet(file);
    } catch (error) {
      this.report(errorAt({ file }, 'descriptor-set', unreadable(error)));
      return;
    }
    const { files, diagnostics } = content;
    this.sets.set(file, content);
    this.diagnostics.push(...diagnostics);
    if (files.length === 0 && diagnostics.length === 0)
      this.report(
        errorAt({ file }, 'descriptor-set', 'expected a FileDescriptorSet with files, got one without files'),
      );
    for (const declaration of files) {
      const { name } = declaration;
      this.fromSets.add(declaration);
      const load = () => void this.take(declaration, file, !isBundled(name));
      if (this.exclusion.hasFile(name)) this.wait(name, load);
      else load();
    }
  }

  /** Returns the files below the roots of `schema.protos`. Excluded files are put into `waiting` instead. */
  findProtos(scanned: ReadonlyMap<string, Scanned> | undefined): readonly FoundProto[] {
    const roots = new Set([...this.sources.protos, ...this.sources.imports]);
    const folders = new Set([...roots].filter((root) => this.isFolder(root)));
    const below = this.sources.protos.map((root) => [root, scanned?.get(root) ?? protosBelow(root)] as const);
    this.digest = digestOf(below);
    const all = below.flatMap(([root, { found, diagnostics }]) => {
      if (!folders.has(root)) return [];
      this.diagnostics.push(...diagnostics);
      this.contents.push({ root, names: found.map(({ name }) => name) });
      return found;
    });
    if (!this.exclusion.namesFiles) return all;
    // With nested roots one file has several names; it is excluded under all of them.
    const excluded = new Set(all.filter(({ name }) => this.exclusion.hasFile(name)).map(realOf));
    return all.filter((found) => {
      if (!excluded.has(realOf(found))) return true;
      this.wait(found.name, () => this.loadFile(found.name, found.path, false, found.real));
      return false;
    });
  }

  /** True if the root is a folder. Otherwise the root is reported. */
  private isFolder(root: string): boolean {
    const problem = rootProblem(root);
    if (problem !== undefined) this.report(errorAt({ file: root }, 'schema-root', problem));
    return problem === undefined;
  }

  loadFound({ name, path, real }: FoundProto): void {
    this.loadFile(name, path, true, real);
  }

  private loadFile(name: string, path: string, routed: boolean, knownReal?: string): void {
    try {
      const real = knownReal ?? realpathSync.native(path);
      if (knownReal === undefined) this.lookups.links.set(path, real);
      const known = this.files.get(name)?.declaration;
      const same = this.byPath.get(real);
      if (known !== undefined || same !== undefined) this.isPlain = false;
      if (known !== undefined && (known === same || isCopy(this.origins.get(known), real))) return;
      // With nested roots, one file has two import names.
      if (same !== undefined && known === undefined) this.files.set(name, { declaration: same, routed });
      else {
        const isOurs = looksBundled(name) && path === join(BUNDLED_ROOT, name);
        const declaration = isOurs ? bundledFile(name) : this.parsed.read(name, path);
        if (this.take(declaration, path, routed)) this.byPath.set(real, declaration);
      }
    } catch (error) {
      this.report(errorAt({ file: path }, 'proto-file', unreadable(error)));
    }
  }

  /** Loads imports until none is left. The loop also visits files that are added to the Map while it runs. */
  *loadImports(): Steps<void> {
    for (const { declaration } of this.files.values()) {
      if (this.withImports.has(declaration)) continue;
      yield;
      this.withImports.add(declaration);
      for (const { path, position } of declaration.imports) {
        if (this.files.has(path) || this.loadWaiting(path)) continue;
        const found = this.find(path);
        if (found !== undefined) this.loadFile(path, found, false);
        else if (!this.isQuiet) this.unknownImports.add(declaration, path, position, this.fromSets.has(declaration));
      }
    }
    for (const name of ALWAYS) if (!this.files.has(name)) this.loadFile(name, join(BUNDLED_ROOT, name), false);
    for (const { declaration } of this.files.values()) {
      if (this.withImports.has(declaration)) continue;
      for (const { path } of declaration.imports) {
        if (!this.files.has(path) && isBundled(path)) this.loadFile(path, join(BUNDLED_ROOT, path), false);
      }
    }
  }

  /**
   * Loads the excluded files that no file imports, because an Any may contain their types. Their problems are not
   * reported.
   */
  *loadExcluded(): Steps<void> {
    if (this.waiting.size === 0) return;
    this.isQuiet = true;
    for (const name of this.waiting.keys()) if (!this.files.has(name)) this.loadWaiting(name);
    yield* this.loadImports();
  }

  private wait(name: string, load: () => void): void {
    if (!this.waiting.has(name)) this.waiting.set(name, load);
  }

  private loadWaiting(name: string): boolean {
    const load = this.waiting.get(name);
    if (load === undefined) return false;
    this.waiting.delete(name);
    load();
    return true;
  }

  *finish(previous: Schema | undefined): Steps<Schema> {
    for (const one of this.unknownImports.diagnostics(this.contents)) this.diagnostics.push(one);
    for (const declaration of this.byPath.values()) {
      yield;
      if (this.quiet.has(declaration)) continue;
      for (const one of optionsWithoutImport(declaration, this.files)) this.diagnostics.push(one);
    }
    const rules = new ConfiguredRules(this.sources.httpRules ?? []);
    const sources = [...this.files.values()];
    if (this.others.length > 0) {
      this.diagnostics.push(...versionProblems(this.others, sources, yield* registrySteps(sources)));
    }
    const routing = JSON.stringify([this.sources.exclude?.map(({ pattern }) => pattern), rules.text]);
    const { registry, files, linked } = yield* this.link({ sources, routing, rules }, previous);
    this.diagnostics.push(...rules.diagnostics);
    for (const one of yield* optionProblems(files)) this.diagnostics.push(one);
    this.diagnostics.push(...linked.repeats);
    const unused = [...this.exclusion.unused([...this.files.keys()], registry), ...rules.unused(registry.services)];
    const diagnostics = [...this.highRoots(), ...this.diagnostics, ...unused];
    const isPlain = this.isPlain && !diagnostics.some(({ severity }) => severity === 'error');
    const loaded = isPlain ? this.loaded() : undefined;
    return { registry, files, linked: { ...linked, loaded }, diagnostics };
  }

  private loaded(): LoadedFiles {
    const { sources, digest, files, byPath, origins, quiet, sets, lookups } = this;
    return { sources, digest, files, byPath, origins, quiet, sets, lookups };
  }

  /** Links the files, or returns the earlier result for the same files. */
  private *link(
    { sources, routing, rules }: Pick<Linked, 'sources' | 'routing'> & { readonly rules: ConfiguredRules },
    previous: Schema | undefined,
  ): Steps<Required<Pick<Schema, 'registry' | 'files' | 'linked'>>> {
    const before = previous?.linked?.routing === routing ? previous.linked : undefined;
    const known = new Map(before?.sources.map(({ declaration }, i) => [declaration, previous!.files[i]!.declaration]));
    const files = [...(yield* withRouting(this.files, this.exclusion, rules, known)).values()];
    if (before !== undefined && isSame(before.sources, sources)) {
      const { registry, files } = previous!;
      return { registry, files, linked: before };
    }
    const after = previous === undefined ? undefined : yield* registryAfter(previous.registry, files);
    // No file with a name that is declared twice has changed.
    const repeated = previous?.linked?.repeats ?? [];
    if (after !== undefined) return { registry: after, files, linked: { sources, routing, repeats: repeated } };
    const repeats: Diagnostic[] = [];
    const registry = yield* registrySteps(files, (fullName, { name }, places, earlier) => {
      if (looksBundled(name) || this.isQuietFile(name)) return;
      const text = `${fullName}: expected a name that is declared once, but ${formatPosition(earlier.position(fullName))} declares it too`;
      repeats.push(errorAt(places.position(fullName), 'duplicate-name', text));
    });
    return { registry, files, linked: { sources, routing, repeats } };
  }

  /** Returns warnings of roots that are too high, if there is a duplicate name or a missing import that such a root may cause. */
  private highRoots(): readonly Diagnostic[] {
    const { diagnostics, contents, unknownImports, files } = this;
    if (!diagnostics.some(({ rule }) => rule === 'duplicate-name') && unknownImports.unresolved.length === 0) return [];
    return highRoots(contents, unknownImports.unresolved, (name) => files.get(name)?.declaration.package);
  }

  private isQuietFile(name: string): boolean {
    const file = this.files.get(name);
    return file !== undefined && this.quiet.has(file.declaration);
  }

  private report(diagnostic: Diagnostic): void {
    if (!this.isQuiet) this.diagnostics.push(diagnostic);
  }

  /** Adds a file. Returns false if another file of this name has been taken. */
  private take(declaration: FileDeclaration, origin: string, routed: boolean): boolean {
    const { name } = declaration;
    const taken = this.files.get(name)?.declaration;
    if (taken !== undefined) {
      const takenOrigin = this.origins.get(taken) ?? name;
      this.isPlain = false;
      if (!this.isQuiet) this.others.push({ declaration, origin, taken, takenOrigin, isBundled: isBundled(name) });
      return false;
    }
    this.files.set(name, { declaration, routed });
    this.origins.set(declaration, origin);
    if (this.isQuiet) this.quiet.add(declaration);
    for (const one of declaration.diagnostics) this.report(one);
    return true;
  }

  private find(name: string): string | undefined {
    const found = findImport(this.sources, name);
    this.lookups.imports.set(name, found);
    return found;
  }
}

function isSame(before: readonly RegistryFile[], now: readonly RegistryFile[]): boolean {
  if (before.length !== now.length) return false;
  return now.every(
    ({ declaration, routed }, index) => before[index]!.declaration === declaration && before[index]!.routed === routed,
  );
}

/** True if the file at `path` has the same bytes as the `.proto` file at `origin`; false if `origin` is a descriptor set. */
function isCopy(origin: string | undefined, path: string): boolean {
  return origin?.endsWith('.proto') === true && readFileSync(origin).equals(readFileSync(path));
}

function realOf({ path, real }: FoundProto): string {
  if (real !== undefined) return real;
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
