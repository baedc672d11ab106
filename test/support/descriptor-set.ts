/** Writes protos as a folder and as the descriptor set that buf makes of it. */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  const bytes = built.get(key) ?? (await build(t, folder, flags));
  built.set(key, bytes);
  const set = join(await protoFolder(t, {}), 'set.binpb');
  await writeFile(set, bytes);
  return { folder, set };
}

const built = new Map<string, Buffer>();

async function build(t: Teardown, folder: string, flags: readonly string[]): Promise<Buffer> {
  const work = await protoFolder(t, {});
  await cp(folder, join(work, 'own'), { recursive: true });
  for (const name of ['google', 'protogate'])
    await cp(join(ROOT, 'protos', name), join(work, 'bundled', name), { recursive: true });
  const modules = [{ path: 'own' }, { path: 'bundled' }];
  await writeFile(join(work, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }));
  buf(['build', '-o', 'set.binpb', ...flags], { cwd: work });
  return readFile(join(work, 'set.binpb'));
}
