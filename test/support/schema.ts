/** Loads proto text into a linked schema with the real loader. A single text becomes `test.proto`. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadSchema, type Schema } from '../../src/schema/source.js';

export function schemaOf(files: Readonly<Record<string, string>> | string): Schema {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-schema-'));
  try {
    for (const [name, text] of Object.entries(typeof files === 'string' ? { 'test.proto': files } : files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    return loadSchema({ protos: [folder], imports: [], descriptorSets: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
