/** Writes protos as a folder and as the descriptor set that buf makes of it. */
import { execFileSync } from 'node:child_process';
import { cp, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { protoFolder, type Teardown } from './gateway.js';
import { ROOT } from './run.js';

const BUF = createRequire(import.meta.url).resolve('@bufbuild/buf/bin/buf');

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
  const work = await protoFolder(t, {});
  await cp(folder, join(work, 'own'), { recursive: true });
  for (const name of ['google', 'protogate'])
    await cp(join(ROOT, 'protos', name), join(work, 'bundled', name), { recursive: true });
  const modules = [{ path: 'own' }, { path: 'bundled' }];
  await writeFile(join(work, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }));
  const set = join(work, 'set.binpb');
  execFileSync(process.execPath, [BUF, 'build', '-o', set, ...flags], { cwd: work });
  return { folder, set };
}
