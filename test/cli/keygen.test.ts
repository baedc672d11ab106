/** `keygen`: the entry for `keys.yaml` admits the key that it shows, and the key is shown nowhere else. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { systemClock } from '../../src/base/clock.js';
import { createApiKeys } from '../../src/policy/access/api-key.js';
import { parseKeyFile } from '../../src/policy/access/key-file.js';
import { createLog } from '../../src/telemetry/log.js';
import { protogate } from '../support/run.js';

const PRINTED_KEY =
  /^This is the key. It is shown only once and stored nowhere; give it to the client.\n(pg_[\w-]{43})\n$/;

async function keygen(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await protogate(['keygen', ...args]);
  return { exitCode, stdout, stderr, key: PRINTED_KEY.exec(stderr)?.[1] ?? '' };
}

const wrong: readonly (readonly [fact: string, args: readonly string[], says: RegExp])[] = [
  ['no consumer', [], /^error: --consumer: expected a value, got none\n/],
  ['an empty consumer', ['--consumer', ''], /^error: --consumer: expected 1 to 128 printable/],
  ['a consumer of two lines', ['--consumer', 'a\nb'], /^error: --consumer: expected/],
  ['an empty plan', ['--consumer', 'a', '--plan', ''], /^error: --plan: expected/],
  ['two scopes in one flag', ['--consumer', 'a', '--scope', 'a b'], /^error: --scope: expected one scope/],
  ['a date that is none', ['--consumer', 'a', '--expires', '2027-02-30'], /^error: --expires: expected a date/],
  [
    'a time that is over',
    ['--consumer', 'a', '--expires', '2020-01-01'],
    /^error: --expires: expected a time in the future/,
  ],
  ['an unknown flag', ['--consumer', 'a', '--scopes', 'b'], /unknown option '--scopes'[\s\S]*--scope/],
  ['a word too many', ['--consumer', 'a', 'b'], /^error: unexpected argument 'b'\n$/],
];
for (const [fact, args, says] of wrong) {
  test(`${fact} is wrong usage`, async (t) => {
    const { exitCode, stdout, stderr } = await keygen(...args);
    t.is(exitCode, 2);
    t.is(stdout, '');
    t.regex(stderr, says);
  });
}

test('appended to keys.yaml, each printed entry admits its key', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-keygen-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'keys.yaml');
  const plain = await keygen('--consumer', 'acme');
  const full = await keygen(
    ...['--consumer', 'umbrella', '--plan', 'free', '--scope', 'orders.read', '--scope', 'orders.write'],
    ...['--expires', '9998-01-01'],
  );
  t.is(plain.exitCode, 0);
  t.not(plain.key, full.key);
  t.regex(plain.stdout, /^ {2}- \{ sha256: "[0-9a-f]{64}", consumer: acme \}\n$/);
  t.regex(
    full.stdout,
    /", consumer: umbrella, plan: free, scopes: \[ orders\.read, orders\.write \], expires: 9998-01-01 \}\n$/,
  );
  await writeFile(file, `keys:\n${plain.stdout}${full.stdout}`);
  const log = createLog({ format: 'json', destination: { write: () => {} } });
  const keys = createApiKeys({ file }, { clock: systemClock, log });
  t.teardown(() => keys.close());
  t.like(keys.find(plain.key), { consumer: 'acme', plan: undefined, scopes: new Set() });
  t.like(keys.find(full.key), { consumer: 'umbrella', plan: 'free', scopes: new Set(['orders.read', 'orders.write']) });
  t.false((plain.stdout + full.stdout).includes('pg_'));
});

test('names that YAML would read as something else come back as they were', async (t) => {
  const pairs = [
    ['true', '123'],
    ['null', '0x10'],
    ['~', 'a: b'],
    ['a, b', "O'Neil"],
    ['"q"', '{x}'],
    ['#1', '- a'],
    ['*a', '2027-01-01'],
  ] as const;
  const scope = 'https://example.com/auth,x:y';
  const printed = await Promise.all(
    pairs.map(([consumer, plan]) => keygen('--consumer', consumer, '--plan', plan, '--scope', scope, '--scope', '1e3')),
  );
  const { keys, diagnostics } = parseKeyFile(`keys:\n${printed.map(({ stdout }) => stdout).join('')}`, 'keys.yaml');
  t.deepEqual(diagnostics, []);
  t.deepEqual(
    keys.map(({ consumer, plan }) => [consumer, plan]),
    pairs.map(([...pair]) => pair),
  );
  for (const { scopes } of keys) t.deepEqual(scopes, [scope, '1e3']);
});
