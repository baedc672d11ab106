/** The protos that protogate has itself: google/api, google/rpc, google/type, the well-known types, its own annotations. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseProtoFile } from './proto-files.js';
import { isFile, protosBelow } from './proto-folder.js';
import { Words } from './words.js';

export const BUNDLED_ROOT = fileURLToPath(new URL('../../../protos', import.meta.url));
const BUNDLED = /^(google|protogate)\//;

/** Whether an import name lies where such files do; others may lie there too. */
export function looksBundled(name: string): boolean {
  return BUNDLED.test(name);
}

export function isBundled(name: string): boolean {
  return looksBundled(name) && !name.includes('..') && isFile(join(BUNDLED_ROOT, name));
}

let names: readonly string[] | undefined;

/** The import names of all, for those who look for a near one. */
export function bundledFiles(): readonly string[] {
  names ??= protosBelow(BUNDLED_ROOT, [])
    .map(({ name }) => name)
    .filter(looksBundled);
  return names;
}

let byType: ReadonlyMap<string, string> | undefined;

/** The import name of the file that declares a type; undefined: none of them does. */
export function bundledFileOf(type: string): string | undefined {
  byType ??= typesOfAll();
  return byType.get(type.replace(/^\./, ''));
}

function typesOfAll(): ReadonlyMap<string, string> {
  const words = new Words();
  const types = new Map<string, string>();
  for (const name of bundledFiles()) {
    const { messages, enums } = parseProtoFile(name, join(BUNDLED_ROOT, name), words);
    for (const { fullName } of [...messages, ...enums]) types.set(fullName, name);
  }
  return types;
}
