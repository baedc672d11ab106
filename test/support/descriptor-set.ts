/** Writes protos as a folder and as the descriptor set that buf makes of it. */
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buf } from './buf.js';
import { protoFolder, type Teardown } from './gateway.js';
import { ROOT } from './run.js';

export interface BothForms {
  /** The folder, which is an import root. */
  readonly folder: string;
  /** The path of the descriptor set. */
  readonly set: string;
}

/**
 * Writes both forms. `protos` are the files by import name; imported files of protogate's own are added to the set. `flags`
 * are flags of `buf build`.
 */
export async function bothFormsOf(
  t: Teardown,
  protos: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<BothForms> {
  const folder = await protoFolder(t, protos);
  const key = JSON.stringify([protos, flags]);
  const bytes = built.get(key) ?? (await build(t, folder, protos, flags));
  built.set(key, bytes);
  const set = join(await protoFolder(t, {}), 'set.binpb');
  await writeFile(set, bytes);
  return { folder, set };
}

const built = new Map<string, Buffer>();

async function build(
  t: Teardown,
  folder: string,
  protos: Readonly<Record<string, string>>,
  flags: readonly string[],
): Promise<Buffer> {
  const work = await protoFolder(t, {});
  await cp(folder, join(work, 'own'), { recursive: true });
  const imports = bundledImports(protos);
  for (const name of imports) {
    await mkdir(dirname(join(work, 'bundled', name)), { recursive: true });
    await copyFile(join(ROOT, 'protos', name), join(work, 'bundled', name));
  }
  const modules = [{ path: 'own' }, ...(imports.size > 0 ? [{ path: 'bundled' }] : [])];
  await writeFile(join(work, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }));
  buf(['build', '-o', 'set.binpb', ...flags], { cwd: work });
  return readFile(join(work, 'set.binpb'));
}

/** Returns the import names of protogate's own files that the files need, directly or through other files. */
function bundledImports(protos: Readonly<Record<string, string>>): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (text: string): void => {
    for (const [, name = ''] of text.matchAll(/\bimport\s+(?:\w+\s+)?["']([^"']+)["']/g)) {
      if (protos[name] !== undefined || found.has(name) || !existsSync(join(ROOT, 'protos', name))) continue;
      found.add(name);
      add(readFileSync(join(ROOT, 'protos', name), 'utf8'));
    }
  };
  for (const text of Object.values(protos)) add(text);
  return found;
}
