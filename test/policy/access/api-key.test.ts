/** API keys in real files: which keys are found, and what a changed file or a broken one does. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Clock, systemClock } from '../../../src/base/clock.js';
import { type ApiKeySettings, createApiKeys } from '../../../src/policy/access/api-key.js';
import { createLog } from '../../../src/telemetry/log.js';
import { until } from '../../support/until.js';

const digestOf = (key: string) => createHash('sha256').update(key).digest('hex');

/** One line of `keys.yaml`. */
const entry = (key: string, rest = 'consumer: acme') => `  - { sha256: "${digestOf(key)}", ${rest} }\n`;
const fileOf = (...keys: readonly string[]) => `keys:\n${keys.map((key) => entry(key)).join('')}`;

/** A clock that the test moves: timers run when the test runs them, and `now` returns the time that it has set. */
class HandClock implements Clock {
  nowMs = Date.UTC(2026, 0, 1);
  readonly tasks = new Set<() => void>();
  readonly delays: number[] = [];

  now = () => this.nowMs;
  monotonic = () => this.nowMs;
  after(delayMs: number, task: () => void): () => void {
    this.delays.push(delayMs);
    this.tasks.add(task);
    return () => void this.tasks.delete(task);
  }

  /** Runs the pending timer and waits until the next one is set: the file has then been read. */
  async look(): Promise<void> {
    const [task] = this.tasks;
    if (task === undefined) throw new Error('no timer is pending');
    this.tasks.delete(task);
    task();
    while (this.tasks.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

interface Teardown {
  teardown(task: () => Promise<void>): void;
}

async function folderOf(t: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-keys-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

async function load(t: Teardown, text: string, settings: Partial<ApiKeySettings> = {}) {
  const file = settings.file ?? join(await folderOf(t), 'keys.yaml');
  if (settings.file === undefined) await writeFile(file, text);
  const clock = new HandClock();
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ format: 'json', destination: { write: (line) => lines.push(JSON.parse(line)) } });
  const keys = createApiKeys({ ...settings, file }, { clock, log });
  t.teardown(() => keys.close());
  const logged = () => lines.splice(0).map(({ time: _, ...line }) => line);
  return { file, clock, keys, logged };
}

test('an unknown key finds no caller', async (t) => {
  const { keys } = await load(t, fileOf('pg_a', '', 'x'.repeat(257), 'with space', 'ключ', digestOf('pg_b')));
  const strangers = [
    ['no key', ''],
    ['an unknown one', 'pg_b'],
    ['a prefix', 'pg_'],
    ['another case', 'PG_A'],
    ['a line end more', 'pg_a\n'],
    ['the digest of a key', digestOf('pg_a')],
    ['longer than 256 characters, although listed', 'x'.repeat(257)],
    ['10 MB', 'x'.repeat(10_000_000)],
    ['a space, although listed', 'with space'],
    ['not ASCII, although listed', 'ключ'],
    ['a name that every object has', '__proto__'],
  ] as const;
  for (const [fact, key] of strangers) t.is(keys.find(key), undefined, fact);
  t.is(keys.find('pg_a')?.consumer, 'acme');
  t.is(keys.find(digestOf('pg_b'))?.consumer, 'acme', 'a key may look like a digest');
});

test('a key finds its consumer, plan and scopes, the same object every time', async (t) => {
  const text = `keys:\n${entry('pg_a', 'consumer: acme, plan: free, scopes: [orders.read, orders.read]')}${entry('x'.repeat(256))}`;
  const { keys } = await load(t, text, { consumerToMetadata: 'x-user-id' });
  const { credential, ...principal } = keys.find('pg_a')!;
  t.is(credential.endsAtMs, undefined);
  t.deepEqual(principal, {
    subject: 'acme',
    issuer: 'api-key',
    consumer: 'acme',
    plan: 'free',
    scopes: new Set(['orders.read']),
    claims: { consumer: 'acme', plan: 'free', scopes: ['orders.read', 'orders.read'] },
    metadata: [['x-user-id', 'acme']],
  });
  t.is(keys.find('pg_a'), keys.find('pg_a'));
  t.deepEqual(keys.find('x'.repeat(256))?.claims, { consumer: 'acme', scopes: [] });
  t.deepEqual((await load(t, text)).keys.find('pg_a')?.metadata, []);
});

test('a stream that began with a key lasts as long as the file has the same entry', async (t) => {
  const { file, keys, clock } = await load(t, fileOf('pg_a', 'pg_b'));
  const { credential } = keys.find('pg_a')!;
  await writeFile(file, `# another order\n${fileOf('pg_c', 'pg_a')}`);
  await clock.look();
  t.is(keys.find('pg_b'), undefined);
  t.true(credential.stands());
  for (const rest of [
    'consumer: zeta',
    'consumer: acme, plan: free',
    'consumer: acme, scopes: [a]',
    'consumer: acme, expires: 2099-01-01',
  ]) {
    await writeFile(file, `keys:\n${entry('pg_a')}`);
    await clock.look();
    const { credential } = keys.find('pg_a')!;
    t.true(credential.stands());
    await writeFile(file, `keys:\n${entry('pg_a', rest)}`);
    await clock.look();
    t.false(credential.stands(), rest);
    t.true(keys.find('pg_a')!.credential.stands());
  }
  await writeFile(file, 'broken');
  await clock.look();
  t.true(keys.find('pg_a')!.credential.stands(), 'a broken file changes nothing');
});

test('a key ends at its expiry, without a reload', async (t) => {
  const { keys, clock } = await load(t, `keys:\n${entry('pg_a', 'consumer: acme, expires: 2027-01-01')}`);
  clock.nowMs = Date.UTC(2027, 0, 1) - 1;
  t.is(keys.find('pg_a')?.consumer, 'acme');
  clock.nowMs++;
  t.is(keys.find('pg_a'), undefined);
});

test('the first load throws what is wrong', async (t) => {
  await t.throwsAsync(load(t, 'keys: {}\n'), {
    message: /keys\.yaml:1:7: error: keys: expected a list, got a mapping \[keys-value\]$/,
  });
  await t.throwsAsync(load(t, '', { file: '/nowhere/keys.yaml' }), { code: 'ENOENT' });
});

test('a changed file is picked up: a new key works, a deleted one does not', async (t) => {
  const { file, keys, clock, logged } = await load(t, fileOf('pg_a', 'pg_b'));
  await clock.look();
  t.deepEqual(logged(), []);
  await writeFile(file, fileOf('pg_b', 'pg_c', 'pg_d'));
  t.is(keys.find('pg_a')?.consumer, 'acme', 'not before the next look');
  await clock.look();
  t.deepEqual(
    ['pg_a', 'pg_b', 'pg_c'].map((key) => keys.find(key)?.consumer),
    [undefined, 'acme', 'acme'],
  );
  t.deepEqual(logged(), [{ level: 'info', file, keys: 3, msg: 'keys reloaded' }]);
  await clock.look();
  t.deepEqual(logged(), []);
  t.deepEqual(new Set(clock.delays), new Set([1000]));
});

test('a file of the same size and time is picked up', async (t) => {
  const { file, keys, clock } = await load(t, fileOf('pg_a'));
  const then = new Date(2020, 0, 1);
  await utimes(file, then, then);
  await clock.look();
  await writeFile(`${file}.new`, fileOf('pg_b'));
  await utimes(`${file}.new`, then, then);
  await rename(`${file}.new`, file);
  await clock.look();
  t.deepEqual([keys.find('pg_a'), keys.find('pg_b')?.consumer], [undefined, 'acme']);
});

test('Kubernetes’ swap of a symlinked folder is picked up', async (t) => {
  const folder = await folderOf(t);
  const publish = async (version: string, text: string) => {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, 'keys.yaml'), text);
    await symlink(version, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await publish('..2026_01', fileOf('pg_a'));
  await symlink('..data/keys.yaml', join(folder, 'keys.yaml'));
  const { keys, clock, logged } = await load(t, '', { file: join(folder, 'keys.yaml') });
  t.is(keys.find('pg_a')?.consumer, 'acme');
  await publish('..2026_02', fileOf('pg_b'));
  await rm(join(folder, '..2026_01'), { recursive: true });
  await clock.look();
  t.deepEqual([keys.find('pg_a'), keys.find('pg_b')?.consumer], [undefined, 'acme']);
  t.deepEqual(
    logged().map(({ level }) => level),
    ['info'],
  );
});

test('a bad file is refused with one line, the old keys serve on, a good one ends it', async (t) => {
  const { file, keys, clock, logged } = await load(t, fileOf('pg_a'));
  await writeFile(file, `keys:\n${entry('pg_b')}  - { sha256: pg_secret, consumer: "" }\n`);
  await clock.look();
  await clock.look();
  t.deepEqual([keys.find('pg_a')?.consumer, keys.find('pg_b')], ['acme', undefined]);
  const lines = logged();
  t.is(lines.length, 1);
  t.like(lines[0], {
    level: 'error',
    moreProblems: 1,
    msg: 'keys file has errors: the keys loaded before stay in use',
  });
  t.true(
    String(lines[0]!.problem).startsWith(
      `${file}:3:15: error: keys.1.sha256: expected the SHA-256 of a key, got what looks like the key itself`,
    ),
  );
  t.notRegex(JSON.stringify(lines), /pg_secret/);
  await writeFile(file, fileOf('pg_b'));
  await clock.look();
  t.deepEqual([keys.find('pg_a'), keys.find('pg_b')?.consumer], [undefined, 'acme']);
});

test('an empty keys file is an error, because it may be half-written', async (t) => {
  const { file, keys, clock, logged } = await load(t, fileOf('pg_a'));
  await writeFile(file, '');
  await clock.look();
  t.is(keys.find('pg_a')?.consumer, 'acme');
  t.is(logged()[0]?.level, 'error');
  await writeFile(file, 'keys: []\n');
  await clock.look();
  t.is(keys.find('pg_a'), undefined);
});

test('a removed file is logged once, and the old keys stay; when the file is back, it is read', async (t) => {
  const { file, keys, clock, logged } = await load(t, fileOf('pg_a'));
  await rename(file, `${file}.away`);
  await clock.look();
  await clock.look();
  t.is(keys.find('pg_a')?.consumer, 'acme');
  t.deepEqual(logged(), [
    { level: 'warn', file, code: 'ENOENT', msg: 'keys file does not exist: the keys loaded before stay in use' },
  ]);
  await rename(`${file}.away`, file);
  await clock.look();
  t.is(keys.find('pg_a')?.consumer, 'acme');
  t.deepEqual(logged(), [{ level: 'info', file, keys: 1, msg: 'keys reloaded' }]);
});

test('a folder in the place of the file is refused', async (t) => {
  const { file, keys, clock, logged } = await load(t, fileOf('pg_a'));
  await rm(file);
  await mkdir(file);
  await clock.look();
  t.is(keys.find('pg_a')?.consumer, 'acme');
  t.like(logged()[0], { level: 'error', problem: `${file}: error: expected a regular file [keys-file]` });
});

test('a file that cannot be read is logged once, and read as soon as it can be', async (t) => {
  const { file, keys, clock, logged } = await load(t, fileOf('pg_a'));
  await rm(file);
  await symlink(file, file);
  await clock.look();
  await clock.look();
  t.is(keys.find('pg_a')?.consumer, 'acme');
  t.deepEqual(logged(), [
    { level: 'warn', file, code: 'ELOOP', msg: 'keys file cannot be read: the keys loaded before stay in use' },
  ]);
  await rm(file);
  await writeFile(file, fileOf('pg_b'));
  await clock.look();
  t.is(keys.find('pg_b')?.consumer, 'acme');
});

test('close ends the timer, also in the middle of a look; what was loaded still answers', async (t) => {
  const { file, keys, clock, logged } = await load(t, fileOf('pg_a'));
  await writeFile(file, fileOf('pg_b'));
  const [task] = clock.tasks;
  task!();
  await keys.close();
  clock.tasks.delete(task!);
  t.is(clock.tasks.size, 0);
  t.is(keys.find('pg_a')?.consumer, 'acme');
  t.deepEqual(logged(), []);
  const idle = await load(t, fileOf('pg_a'));
  await idle.keys.close();
  t.is(idle.clock.tasks.size, 0);
});

test('on the system’s clock a change is seen within seconds', async (t) => {
  const file = join(await folderOf(t), 'keys.yaml');
  await writeFile(file, fileOf('pg_a'));
  const log = createLog({ format: 'json', destination: { write: () => {} } });
  const keys = createApiKeys({ file }, { clock: systemClock, log });
  t.teardown(() => keys.close());
  await writeFile(file, fileOf('pg_a', 'pg_b'));
  await until(() => keys.find('pg_b') !== undefined);
  t.is(keys.find('pg_b')?.consumer, 'acme');
});
