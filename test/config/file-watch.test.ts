/** Each change of a file is reported once, however the file is written. Files that do not count are not reported. */
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../src/base/clock.js';
import { FileWatch } from '../../src/config/file-watch.js';
import { handClock } from '../support/clock.js';
import { until } from '../support/until.js';

/** A time, in milliseconds, after which a change must have been reported. */
const NOTHING_MS = 400;

async function start(t: ExecutionContext, prepare: (folder: string) => void = () => {}, clock = systemClock) {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-watch-'));
  const at = (path: string) => join(folder, path);
  const write = (path: string, text = '// text\n') => writeFileSync(at(path), text);
  mkdirSync(at('protos/shop/v1'), { recursive: true });
  write('protos/shop/v1/shop.proto');
  write('protogate.yaml');
  prepare(folder);
  const readAtMs = Date.now() + 5;
  const told: number[] = [];
  const onUnwatched = (error: unknown) => t.fail(String(error));
  const watch = new FileWatch({ clock, onChange: () => void told.push(Date.now()), onUnwatched });
  t.teardown(async () => {
    watch.close();
    await rm(folder, { recursive: true, force: true });
  });
  await sleep(10);
  await watch.follow({ files: [at('protogate.yaml')], roots: [at('protos')] }, readAtMs);
  /** Expects that the change is reported exactly once, and that a later change is reported too. */
  const once = async (change: () => void | Promise<void>) => {
    const before = told.length;
    await change();
    t.true(await until(() => told.length > before), 'the change is told');
    await sleep(NOTHING_MS);
    t.is(told.length, before + 1, 'once');
  };
  return { folder, at, write, told, once, watch };
}

const SHOP = 'protos/shop/v1/shop.proto';

test('a file that is written in place is reported, and so is one with another name', async (t) => {
  const { write, once, at } = await start(t);
  await once(() => write('protogate.yaml'));
  await once(() => write(SHOP));
  await once(() => write('protos/shop/v1/new.proto'));
  await once(() => unlinkSync(at('protos/shop/v1/new.proto')));
});

for (const file of [SHOP, 'protogate.yaml']) {
  test(`vim keeps the old file under another name and writes a new one: ${file}`, async (t) => {
    const { at, write, once } = await start(t);
    for (let i = 0; i < 2; i++) {
      await once(() => {
        const probe = join(file, '../4913');
        write(probe, '');
        unlinkSync(at(probe));
        renameSync(at(file), at(`${file}~`));
        write(file);
        unlinkSync(at(`${file}~`));
      });
    }
  });

  test(`VS Code empties the file and writes it, and nobody sees it empty: ${file}`, async (t) => {
    const { at, write, told } = await start(t);
    truncateSync(at(file));
    await sleep(300);
    t.is(told.length, 0);
    write(file, 'written');
    t.true(await until(() => told.length === 1));
    t.is(await readFile(at(file), 'utf8'), 'written');
  });

  test(`rsync and sed write a hidden file and rename it: ${file}`, async (t) => {
    const { at, write, once } = await start(t);
    for (let i = 0; i < 2; i++) {
      await once(async () => {
        const hidden = join(file, `../.${i}.Ab3dEf`);
        write(hidden);
        await sleep(150);
        renameSync(at(hidden), at(file));
      });
    }
  });
}

test('a ConfigMap is swapped as the kubelet does it', async (t) => {
  const version = (folder: string, name: string, text: string) => {
    mkdirSync(join(folder, name));
    for (const file of ['protogate.yaml', 'shop.proto']) writeFileSync(join(folder, name, file), text);
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  const prepare = (folder: string) => {
    for (const mount of ['config', 'protos']) {
      mkdirSync(join(folder, mount), { recursive: true });
      version(join(folder, mount), '..2026_11_30_08_00_00.1', 'first');
      for (const file of ['protogate.yaml', 'shop.proto']) symlinkSync(join('..data', file), join(folder, mount, file));
    }
  };
  for (const mount of ['config', 'protos']) {
    const { at, once, watch } = await start(t, prepare);
    await watch.follow({ files: [at('config/protogate.yaml')], roots: [at('protos')] }, Date.now() + 1000);
    for (let i = 2; i < 5; i++) {
      await once(() => {
        version(at(mount), `..2026_11_30_08_00_00.${i}`, `version ${i}`);
        rmSync(at(`${mount}/..2026_11_30_08_00_00.${i - 1}`), { recursive: true });
      });
    }
  }
});

test('a thousand changed files are reported once', async (t) => {
  const { at, once } = await start(t);
  await once(async () => {
    for (let i = 0; i < 20; i++) mkdirSync(at(`protos/p${i}/v1`), { recursive: true });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => writeFile(at(`protos/p${i % 20}/v1/f${i}.proto`), 'x')));
  });
  await once(() => writeFileSync(at('protos/p7/v1/f7.proto'), 'changed'));
});

test('folders that are added, removed and swapped are watched with their contents', async (t) => {
  const { at, write, once } = await start(t);
  await once(() => void mkdirSync(at('protos/new.folder/v1'), { recursive: true }));
  await once(() => write('protos/new.folder/v1/a.proto'));
  await once(() => renameSync(at('protos/new.folder'), at('protos/renamed')));
  await once(() => write('protos/renamed/v1/a.proto'));
  await once(() => rmSync(at('protos/renamed'), { recursive: true }));
  await once(() => {
    mkdirSync(at('next/shop/v1'), { recursive: true });
    write('next/shop/v1/shop.proto');
    renameSync(at('protos'), at('before'));
    renameSync(at('next'), at('protos'));
  });
  await once(() => write(SHOP));
});

test('links to folders and files are followed, and a replaced link is reported', async (t) => {
  const { at, write, once } = await start(t, (folder) => {
    mkdirSync(join(folder, 'one'));
    mkdirSync(join(folder, 'two'));
    for (const name of ['one', 'two']) writeFileSync(join(folder, name, 'a.proto'), 'x');
    symlinkSync('../one', join(folder, 'protos/linked'));
    writeFileSync(join(folder, 'elsewhere.txt'), 'x');
    symlinkSync('../elsewhere.txt', join(folder, 'protos/b.proto'));
  });
  await once(() => write('one/a.proto'));
  await once(() => write('elsewhere.txt'));
  await once(() => {
    symlinkSync('../two', at('protos/.linked'));
    renameSync(at('protos/.linked'), at('protos/linked'));
  });
  await once(() => write('two/a.proto'));
});

test('changes of files that do not matter are not reported', async (t) => {
  const { at, write, told } = await start(t);
  for (const name of ['README.md', 'a.proto~', '.a.proto.swp', '#a.proto#', '4913', 'a.proto.bak'])
    write(`protos/shop/v1/${name}`);
  unlinkSync(at('protos/shop/v1/4913'));
  write('other.yaml');
  await sleep(NOTHING_MS);
  t.deepEqual(told, []);
});

test('a change between reading and watching is reported', async (t) => {
  const { at, told, watch } = await start(t);
  writeFileSync(at('elsewhere.yaml'), 'x');
  await watch.follow({ files: [at('elsewhere.yaml')], roots: [] }, Date.now() - 1000);
  t.true(await until(() => told.length === 1));
});

test('a change that the system does not report is found when the files are compared', async (t) => {
  const clock = handClock();
  const { at, told } = await start(
    t,
    (folder) => {
      mkdirSync(join(folder, 'other'));
      linkSync(join(folder, SHOP), join(folder, 'other/name'));
    },
    clock,
  );
  // Only the folder of the name with which a file is written gets the event.
  writeFileSync(at('other/name'), 'changed');
  await sleep(50);
  clock.advance(4000);
  await sleep(50);
  t.is(told.length, 0);
  clock.advance(1001);
  await until(() => clock.pending > 1);
  clock.advance(100);
  t.true(await until(() => told.length === 1));
});
