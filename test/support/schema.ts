/** Loads proto text into a linked schema with the real loader. A single text becomes `test.proto`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadSchema, type Schema } from '../../src/schema/source.js';

export async function schemaOf(files: Readonly<Record<string, string>> | string): Promise<Schema> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-schema-'));
  try {
    for (const [name, text] of Object.entries(typeof files === 'string' ? { 'test.proto': files } : files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    return await loadSchema({ protos: [folder], imports: [], descriptorSets: [] });
  } finally {
    await rm(folder, { recursive: true });
  }
}
