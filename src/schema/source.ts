/**
 * Where a schema comes from: folders of `.proto` files, roots for imports, descriptor sets; and, always there, the
 * package's own `google/…` and `protogate/…`. Everything is loaded, what is broken is a diagnostic.
 */
import { type Dirent, readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Diagnostic, errorAt, formatPosition } from '../base/diagnostic.js';
import type { FileDeclaration } from './declaration.js';
import type { Registry } from './descriptor.js';
import { readDescriptorSet } from './descriptor-set.js';
import { unpackFiles } from './packed.js';
import { parseProtoFile } from './proto-files.js';
import { createRegistry, type RegistryFile } from './registry.js';
import { Words } from './words.js';

export interface SchemaSources {
  /** Import roots; every `.proto` below them is loaded and its services are routed. */
  readonly protos: readonly string[];
  /** Roots that are found by imports alone. */
  readonly imports: readonly string[];
  /** Files that hold a FileDescriptorSet. */
  readonly descriptorSets: readonly string[];
}

export interface LoadOptions {
  /** How many files of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Schema {
  readonly registry: Registry;
  /** What it was linked from. */
  readonly files: readonly RegistryFile[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The package's own protos: google/api, google/rpc, google/type, the well-known types, protogate's annotations. */
const BUILTIN_ROOT = fileURLToPath(new URL('../../../protos', import.meta.url));
const BUILTIN = /^(google|protogate)\//;
/** So many folders above a root are looked into for what it lacks. */
const MAX_ABOVE = 16;
/** Needed whatever the user's files import: the details of errors. */
const ALWAYS = ['google/rpc/status.proto', 'google/rpc/error_details.proto', 'google/protobuf/any.proto'];

export async function loadSchema(sources: SchemaSources, { onProgress }: LoadOptions = {}): Promise<Schema> {
  const loader = new SchemaLoader(sources);
  for (const file of sources.descriptorSets) loader.loadSet(file);
  const wanted: FoundProto[] = [];
  const roots = new Set([...sources.protos, ...sources.imports]);
  const folders = new Set([...roots].filter((root) => loader.isFolder(root)));
  for (const root of sources.protos) {
    if (!folders.has(root)) continue;
    for (const found of loader.protosBelow(root)) wanted.push(found);
  }
  for (const [index, { name, path, real }] of wanted.entries()) {
    onProgress?.(index, wanted.length);
    loader.loadFile(name, path, true, real);
  }
  loader.loadImports();
  return loader.finish();
}

/** What another process has loaded and packed. */
export function unpackedSchema(bytes: Uint8Array): Schema {
  const files = unpackFiles(bytes);
  return { registry: createRegistry(files), files, diagnostics: [] };
}

interface FoundProto {
  /** As others import it. */
  readonly name: string;
  readonly path: string;
  /** Its real path; undefined: it is a link, whose target was not asked for. */
  readonly real: string | undefined;
}

class SchemaLoader {
  private readonly files = new Map<string, RegistryFile>();
  private readonly diagnostics: Diagnostic[] = [];
  /** By real path. */
  private readonly byPath = new Map<string, FileDeclaration>();
  private readonly words = new Words();

  constructor(private readonly sources: SchemaSources) {}

  loadSet(file: string): void {
    let bytes: Buffer;
    try {
      bytes = readFileSync(file);
    } catch (error) {
      this.diagnostics.push(errorAt({ file }, 'descriptor-set', `cannot be read: ${codeOf(error)}`));
      return;
    }
    const { files, diagnostics } = readDescriptorSet(bytes, file, BUILTIN_ROOT);
    this.diagnostics.push(...diagnostics);
    if (files.length === 0 && diagnostics.length === 0)
      this.diagnostics.push(errorAt({ file }, 'descriptor-set', 'expected a FileDescriptorSet with files, found none'));
    for (const declaration of files) {
      if (!this.files.has(declaration.name))
        this.add(declaration, !BUILTIN.test(declaration.name) || !isBuiltin(declaration.name));
    }
  }

  /** Whether a root is one; reports it if not. */
  isFolder(root: string): boolean {
    const problem = rootProblem(root);
    if (problem !== undefined) this.diagnostics.push(errorAt({ file: root }, 'schema-root', problem));
    return problem === undefined;
  }

  /**
   * The `.proto` files below a root, sorted by import name; hidden files and folders are left out. Synchronous, as
   * reading and parsing are: a promise for each of a thousand folders costs five times as much.
   */
  protosBelow(root: string): FoundProto[] {
    const found: FoundProto[] = [];
    const visited = new Set<string>();
    const folders = [''];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      try {
        const real = realpathSync.native(join(root, folder));
        if (visited.has(real)) continue;
        visited.add(real);
        for (const entry of readdirSync(real, { withFileTypes: true })) {
          if (entry.name.startsWith('.')) continue;
          const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
          const inReal = join(real, entry.name);
          const isLink = entry.isSymbolicLink();
          const kind = isLink ? targetOf(inReal, entry) : entry;
          if (kind.isDirectory()) folders.push(name);
          else if (kind.isFile() && name.endsWith('.proto'))
            found.push({ name, path: join(root, name), real: isLink ? undefined : inReal });
        }
      } catch (error) {
        this.diagnostics.push(
          errorAt({ file: join(root, folder) }, 'schema-root', `expected a folder: ${codeOf(error)}`),
        );
      }
    }
    if (found.length === 0 && visited.size > 0) {
      this.diagnostics.push(errorAt({ file: root }, 'schema-root', 'expected .proto files below it, found none'));
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  loadFile(name: string, path: string, routed: boolean, knownReal?: string): void {
    try {
      const real = knownReal ?? realpathSync.native(path);
      const known = this.files.get(name);
      if (known !== undefined) return this.reportShadowed(name, path, real);
      const same = this.byPath.get(real);
      // Reached over nested roots: one file under two import names.
      if (same !== undefined) this.files.set(name, { declaration: same, routed });
      else this.byPath.set(real, this.add(parseProtoFile(name, path, this.words), routed));
    } catch (error) {
      this.diagnostics.push(errorAt({ file: path }, 'proto-file', `cannot be read: ${codeOf(error)}`));
    }
  }

  /** Follows imports until none is left; a Map iterates over what is added while it does. */
  loadImports(): void {
    const missing = new Set<string>();
    for (const { declaration } of this.files.values()) {
      for (const { path, position } of declaration.imports) {
        if (this.files.has(path)) continue;
        const found = this.find(path);
        if (found !== undefined) this.loadFile(path, found, false);
        else if (!missing.has(`${declaration.name} ${path}`)) {
          missing.add(`${declaration.name} ${path}`);
          this.diagnostics.push(errorAt(position, 'unknown-import', this.notFound(path)));
        }
      }
    }
    for (const name of ALWAYS) if (!this.files.has(name)) this.loadFile(name, join(BUILTIN_ROOT, name), false);
    for (const { declaration } of this.files.values()) {
      for (const { path } of declaration.imports) {
        if (BUILTIN.test(path) && !this.files.has(path) && isBuiltin(path))
          this.loadFile(path, join(BUILTIN_ROOT, path), false);
      }
    }
  }

  finish(): Schema {
    const files = [...this.files.values()];
    const registry = createRegistry(files, (fullName, { name }, places, earlier) => {
      if (BUILTIN.test(name)) return;
      const text = `${fullName}: declared at ${formatPosition(earlier.position(fullName))} too`;
      this.diagnostics.push(errorAt(places.position(fullName), 'duplicate-name', text));
    });
    return { registry, files, diagnostics: this.diagnostics };
  }

  private add(declaration: FileDeclaration, routed: boolean): FileDeclaration {
    this.files.set(declaration.name, { declaration, routed });
    for (const one of declaration.diagnostics) this.diagnostics.push(one);
    return declaration;
  }

  /** A second root has a file of the same import name: copies are harmless, other content would be lost. */
  private reportShadowed(name: string, path: string, real: string): void {
    const first = [...this.byPath].find(([, declaration]) => declaration.name === name)?.[0];
    if (first === undefined || first === real || readFileSync(first).equals(readFileSync(real))) return;
    this.diagnostics.push(errorAt({ file: path }, 'duplicate-file', `${first} is another file of this name`));
  }

  private find(name: string): string | undefined {
    const roots = [...this.sources.protos, ...this.sources.imports];
    const inRoots = roots.map((root) => join(root, name)).find(isFile);
    return inRoots ?? (isBuiltin(name) ? join(BUILTIN_ROOT, name) : undefined);
  }

  /** A root that is a folder too deep is a usual mistake. */
  private notFound(path: string): string {
    const text = `import ${JSON.stringify(path)}: no root has this file`;
    const depth = Math.min(MAX_ABOVE, path.split('/').length - 1);
    for (const root of [...this.sources.protos, ...this.sources.imports]) {
      for (let up = 1; up <= depth; up++) {
        const above = join(root, ...Array.from({ length: up }, () => '..'));
        if (isFile(join(above, path))) return `${text}, ${above} would: give that folder instead of ${root}`;
      }
    }
    return text;
  }
}

function isBuiltin(name: string): boolean {
  return BUILTIN.test(name) && !name.includes('..') && isFile(join(BUILTIN_ROOT, name));
}

/** What a link leads to; the link itself where that is nothing. */
function targetOf(path: string, link: Dirent): Stats | Dirent {
  try {
    return statSync(path);
  } catch {
    return link;
  }
}

function rootProblem(root: string): string | undefined {
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

/** What cannot be asked, for the length of its name or a NUL in it, is none. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
