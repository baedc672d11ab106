/** Tests that the command line keeps compiled code for its next start. Node 20 cannot keep it. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import module from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ROOT } from '../support/run.js';

/** False for Node 20, where the tests of Node 22 and later show instead that nothing is kept. */
const canKeep = 'enableCompileCache' in module;

async function startWith(env: NodeJS.ProcessEnv): Promise<{ home: string; kept: readonly string[] }> {
  const home = await mkdtemp(join(tmpdir(), 'protogate-home-'));
  const { NODE_COMPILE_CACHE: _, XDG_CACHE_HOME: __, ...rest } = process.env;
  const args = [join(ROOT, 'bin/protogate.js'), '--version'];
  const printed = execFileSync(process.execPath, args, { env: { ...rest, HOME: home, ...env }, encoding: 'utf8' });
  if (!/^\d+\.\d+\.\d+\n$/.test(printed)) throw new Error(`expected a version, got ${printed}`);
  return { home, kept: await readdir(home, { recursive: true }) };
}

test('compiled code is kept in the cache folder of the user', async (t) => {
  const { kept } = await startWith({});
  t.is(kept.filter((path) => path.startsWith('.cache/protogate/')).length > 2, canKeep, kept.join());
});

test('compiled code is kept where XDG_CACHE_HOME or Node’s own variable says', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-cache-'));
  t.deepEqual((await startWith({ XDG_CACHE_HOME: join(folder, 'xdg') })).kept, []);
  t.deepEqual((await startWith({ NODE_COMPILE_CACHE: join(folder, 'node') })).kept, []);
  t.deepEqual((await readdir(folder)).toSorted(), canKeep ? ['node', 'xdg'] : []);
  if (canKeep) t.deepEqual(await readdir(join(folder, 'xdg')), ['protogate']);
});

test('a home that cannot be written, a relative one and none change nothing', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-cache-'));
  const file = join(folder, 'file');
  await writeFile(file, '');
  for (const HOME of [file, 'relative', '']) t.deepEqual((await startWith({ HOME })).kept, [], HOME);
});
