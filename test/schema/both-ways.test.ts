/** `.proto` text and a descriptor set that buf made from it give the same schema. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { loadSchema } from '../../src/schema/source.js';
import { FIXTURES, type Fixture } from './fixtures.js';
import { plainSchema } from './plain.js';

const BUF = createRequire(import.meta.url).resolve('@bufbuild/buf/bin/buf');
const BUILTIN = fileURLToPath(new URL('../../../protos', import.meta.url));

for (const [name, files] of FIXTURES) {
  for (const sourceInfo of [true, false]) {
    test(`${name}: as text and as a set ${sourceInfo ? 'with' : 'without'} source info`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'protogate-both-'));
      try {
        const set = await build(folder, files, sourceInfo);
        const text = await loadSchema({ protos: [join(folder, 'p')], imports: [], descriptorSets: [] });
        const binary = await loadSchema({ protos: [], imports: [], descriptorSets: [set] });
        t.deepEqual(text.diagnostics, []);
        t.deepEqual(binary.diagnostics, []);
        const names = namesIn(files);
        const strip = (value: unknown) =>
          sourceInfo ? value : JSON.parse(JSON.stringify(value, (k, v: unknown) => (k === 'comment' ? undefined : v)));
        const [a, b] = [strip(plainSchema(text.registry, names)), strip(plainSchema(binary.registry, names))];
        t.deepEqual(b, a);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }
}

async function build(folder: string, files: Fixture, sourceInfo: boolean): Promise<string> {
  const root = join(folder, 'p');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  const modules = [{ path: 'p' }, { path: 'builtin' }];
  await writeFile(join(folder, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }));
  await cp(BUILTIN, join(folder, 'builtin'), { recursive: true });
  await rm(join(folder, 'builtin', 'demo'), { recursive: true, force: true });
  const set = join(folder, 'x.binpb');
  execFileSync(process.execPath, [BUF, 'build', folder, '-o', set, ...(sourceInfo ? [] : ['--exclude-source-info'])]);
  return set;
}

/** Returns the names of all types that the files declare at the top level, read from their text. */
function namesIn(files: Fixture): string[] {
  return Object.values(files).flatMap((text) => {
    const scope = /package ([\w.]+);/.exec(text)?.[1];
    return [...text.matchAll(/(?:^|[;}] *)(?:message|enum) (\w+)/gm)]
      .map(([, name = '']) => (scope === undefined ? name : `${scope}.${name}`))
      .filter((n) => !n.endsWith('.N') || scope !== 'a.b.c');
  });
}
