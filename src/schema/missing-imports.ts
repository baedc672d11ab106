/**
 * This module reports imports that no root has, and imports that are needed but not written. A missing file that
 * declares only options for other programs is not needed here: it is one warning, however many files import it.
 */
import { basename, join } from 'node:path';
import { type Diagnostic, errorAt, type Position, warningAt } from '../base/diagnostic.js';
import { hintOf } from '../base/did-you-mean.js';
import { remembered } from '../base/remembered.js';
import { bundledFiles } from './bundled.js';
import type { FileDeclaration } from './declaration.js';
import { FilesBelow, type RootContent, type UnresolvedImport } from './likely-root.js';
import { isFile } from './proto-folder.js';

const UNKNOWN = 'unknown-import';
export const MISSING = 'missing-import';
/** The number of folders above a root in which a missing import is searched. */
const MAX_ABOVE = 16;

/** Matches the files that only have options for validators, documentation and code generators, whatever folders they are in. */
const OPTIONS_ALONE = [
  /(?:^|\/)protoc-gen-(?:openapiv2|swagger)\/options\/\w+\.proto$/,
  /(?:^|\/)(?:openapiv3|openapi\/v3)\/annotations\.proto$/,
  /(?:^|\/)validate\/validate\.proto$/,
  /^buf\/validate\/.+\.proto$/,
  /(?:^|\/)gogoproto\/gogo\.proto$/,
  /(?:^|\/)tagger\/tagger\.proto$/,
  /(?:^|\/)(?:udpa|xds)\/annotations\/.+\.proto$/,
];

interface UnknownImport extends UnresolvedImport {
  readonly position: Position;
  readonly fromSet: boolean;
}

interface OptionsImport {
  readonly position: Position;
  readonly files: Set<FileDeclaration>;
}

/** Collects the imports that were not found. */
export class UnknownImports {
  private readonly errors: UnknownImport[] = [];
  private readonly options = new Map<string, OptionsImport>();
  private readonly seen = new Set<string>();

  /** `roots` are the folders of `schema.protos` and `schema.imports`. */
  constructor(private readonly roots: readonly string[]) {}

  /** The missing imports that are errors. */
  get unresolved(): readonly UnresolvedImport[] {
    return this.errors;
  }

  /** Adds a missing import. `fromSet` is true if the importing file comes from a descriptor set. */
  add(importer: FileDeclaration, path: string, position: Position, fromSet: boolean): void {
    const key = `${importer.name} ${path}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    if (!OPTIONS_ALONE.some((pattern) => pattern.test(path)))
      this.errors.push({ importer: importer.name, path, position, fromSet });
    else {
      const known = this.options.get(path);
      if (known === undefined) this.options.set(path, { position, files: new Set([importer]) });
      else known.files.add(importer);
    }
  }

  /**
   * Returns an error or a warning for each missing import. `contents` has the files below the roots of `schema.protos`.
   */
  diagnostics(contents: readonly RootContent[]): readonly Diagnostic[] {
    const below = new FilesBelow(this.errors.length === 0 ? [] : contents);
    const errors = this.errors.map(({ path, position, fromSet }) =>
      errorAt(position, UNKNOWN, `${unknown(path)}${this.hint(path, fromSet, below)}`),
    );
    const warnings = [...this.options].map(([path, { position, files }]) => {
      const others = files.size === 1 ? '' : ` (${files.size} files import it)`;
      const text = `${unknown(path)}${others}; its options are ignored; to read them, give its folder with --import DIR (schema.imports)`;
      return warningAt(position, UNKNOWN, text);
    });
    return [...errors, ...warnings];
  }

  private hint(path: string, fromSet: boolean, below: FilesBelow): string {
    // The user often names a root that is a folder too deep or too high.
    const meant = this.rootAbove(path) ?? below.rootOf(path);
    if (meant !== undefined)
      return `, but ${join(meant.root, meant.folder)} does; give that folder instead of ${meant.root}`;
    const bundled = hintOf(bundledMeantBy(path));
    return bundled === '' && fromSet ? ' (protoc writes imports into a set with --include_imports)' : bundled;
  }

  private rootAbove(path: string): { readonly root: string; readonly folder: string } | undefined {
    const depth = Math.min(MAX_ABOVE, path.split('/').length - 1);
    for (const root of this.roots) {
      for (let up = 1; up <= depth; up++) {
        const folder = Array.from({ length: up }, () => '..').join('/');
        if (isFile(join(root, folder, path))) return { root, folder };
      }
    }
    return undefined;
  }
}

function unknown(path: string): string {
  return `import ${JSON.stringify(path)}: no import root has this file`;
}

/**
 * Returns the bundled file that was probably meant: for example by `timestamp.proto` or
 * `third_party/google/api/http.proto`.
 */
function bundledMeantBy(path: string): string | undefined {
  const name = `/${basename(path)}`;
  const near = bundledFiles().filter((file) => file.endsWith(name));
  return (
    near.find((file) => path.endsWith(`/${file}`) || file.endsWith(`/${path}`)) ??
    (near.length === 1 ? near[0] : undefined)
  );
}

/** Returns the error for a type that a bundled file declares which no file imports. */
export function missingImport(position: Position, bundled: string): Diagnostic {
  return errorAt(position, MISSING, `expected import "${bundled}" for this type, got none`);
}

/** The bundled file that declares `google.api.http`. */
const HTTP_FILE = 'google/api/annotations.proto';
const POLICY_FILE = 'protogate/v1/annotations.proto';

/**
 * Returns a warning for each bundled file whose options `file` uses but does not import, directly or through other
 * files. The options are valid here, but protoc refuses the file. `files` has all files by import name.
 */
export function optionsWithoutImport(
  file: FileDeclaration,
  files: ReadonlyMap<string, { readonly declaration: FileDeclaration }>,
): readonly Diagnostic[] {
  return usedWithoutImport(file).flatMap(([bundled, position]) => {
    if (reaches(file, bundled, files)) return [];
    const text = `expected import "${bundled}" for this option, got none; the option works here, but protoc does not accept the file`;
    return warningAt(position, MISSING, text);
  });
}

/** Returns the bundled files whose options a file uses but does not import directly, with the place of the first use. */
const usedWithoutImport = remembered((file: FileDeclaration): readonly (readonly [bundled: string, Position])[] => {
  const uses = new Map<string, Position>();
  const note = (bundled: string, position: Position) => {
    if (!uses.has(bundled)) uses.set(bundled, position);
  };
  for (const { defaultPolicy, methods } of file.services) {
    if (defaultPolicy !== undefined) note(POLICY_FILE, defaultPolicy.position);
    for (const { httpRule, policy, aggregate } of methods) {
      if (httpRule !== undefined) note(HTTP_FILE, httpRule.positions.rule);
      const position = policy?.position ?? aggregate?.position;
      if (position !== undefined) note(POLICY_FILE, position);
    }
  }
  return [...uses].filter(([bundled]) => !file.imports.some(({ path }) => path === bundled));
});

function reaches(
  file: FileDeclaration,
  wanted: string,
  files: ReadonlyMap<string, { readonly declaration: FileDeclaration }>,
): boolean {
  const seen = new Set([file]);
  // The loop also visits elements that are added to the Set while it runs.
  for (const { imports } of seen) {
    for (const { path } of imports) {
      if (path === wanted) return true;
      const next = files.get(path)?.declaration;
      if (next !== undefined) seen.add(next);
    }
  }
  return false;
}
