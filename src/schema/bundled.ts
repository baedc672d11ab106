/**
 * This module finds the protos that protogate bundles: google/api, google/rpc, google/type, the well-known types, and
 * protogate's own annotations.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileDeclaration } from './declaration.js';
import { parseProtoFile } from './proto-files.js';
import { isFile, protosBelow } from './proto-folder.js';
import { Words } from './words.js';

export const BUNDLED_ROOT = fileURLToPath(new URL('../../../protos', import.meta.url));
const BUNDLED = /^(google|protogate)\//;

/** True if an import name begins with `google/` or `protogate/`, as all bundled files do; other files may do so too. */
export function looksBundled(name: string): boolean {
  return BUNDLED.test(name);
}

export function isBundled(name: string): boolean {
  return looksBundled(name) && !name.includes('..') && isFile(join(BUNDLED_ROOT, name));
}

const words = new Words();
const declarations = new Map<string, FileDeclaration>();

/**
 * Returns what a bundled file declares. Every schema needs some of these files, so each is parsed once a process, and all
 * schemas share the immutable result.
 */
export function bundledFile(name: string): FileDeclaration {
  let declaration = declarations.get(name);
  if (declaration === undefined) {
    declaration = parseProtoFile(name, join(BUNDLED_ROOT, name), words);
    declarations.set(name, declaration);
  }
  return declaration;
}

let names: readonly string[] | undefined;

/** Returns the import names of all bundled files, for suggestions. */
export function bundledFiles(): readonly string[] {
  names ??= protosBelow(BUNDLED_ROOT)
    .found.map(({ name }) => name)
    .filter(looksBundled);
  return names;
}

let byType: ReadonlyMap<string, string> | undefined;

/** Returns the import name of the bundled file that declares a type; undefined when none does. */
export function bundledFileOf(type: string): string | undefined {
  byType ??= typesOfAll();
  return byType.get(type.replace(/^\./, ''));
}

function typesOfAll(): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const name of bundledFiles()) {
    const { messages, enums } = bundledFile(name);
    for (const { fullName } of [...messages, ...enums]) types.set(fullName, name);
  }
  return types;
}
