/** Import roots that are one folder too high. */
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { loadSchema } from '../../src/schema/source.js';
import { protoFolder, type Teardown } from '../support/gateway.js';
import { protogate } from '../support/run.js';

type Protos = Readonly<Record<string, string>>;

async function found(t: Teardown, protos: Protos, exclude: string[] = []) {
  const folder = await protoFolder(t, protos);
  const entries = exclude.map((pattern) => ({ pattern, position: { file: 'x' } }));
  const { diagnostics } = loadSchema({ protos: [folder], imports: [], descriptorSets: [], exclude: entries });
  return diagnostics.map((one) => formatDiagnostic(one).replaceAll(folder, '.'));
}

const SHOP = {
  'proto/shop/v1/a.proto':
    'package shop.v1; import "shop/v1/b.proto"; import "shop/v1/c.proto"; message A { B b = 1; }',
  'proto/shop/v1/b.proto': 'package shop.v1; import "nowhere/x.proto"; message B {}',
  'proto/shop/v1/c.proto': 'package shop.v1; import "acme/audit.proto"; message C {}',
  'third_party/acme/audit.proto': 'package acme; message Audit {}',
};

test('a root too high names the folders that would resolve its imports, once and at each import', async (t) => {
  t.deepEqual(await found(t, SHOP), [
    '.: warning: this folder may be too high to be an import root: missing imports are found below these folders, so give them as roots: ./proto (2), ./third_party (1) [schema-root]',
    './proto/shop/v1/a.proto:2:25: error: import "shop/v1/b.proto": no import root has this file, but ./proto does; give that folder instead of . [unknown-import]',
    './proto/shop/v1/a.proto:2:51: error: import "shop/v1/c.proto": no import root has this file, but ./proto does; give that folder instead of . [unknown-import]',
    './proto/shop/v1/b.proto:2:25: error: import "nowhere/x.proto": no import root has this file [unknown-import]',
    './proto/shop/v1/c.proto:2:25: error: import "acme/audit.proto": no import root has this file, but ./third_party does; give that folder instead of . [unknown-import]',
  ]);
});

const TIMESTAMP = 'package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }';
const OWN = (imports: string) => `package shop.v1; ${imports} message A { google.protobuf.Timestamp t = 1; }`;
const BROUGHT = [
  ['node_modules', 'node_modules/google-gax/build/protos/google/protobuf/timestamp.proto'],
  ['web/node_modules', 'web/node_modules/grpc/google/protobuf/timestamp.proto'],
  ['venv/lib/python3.12/site-packages', 'venv/lib/python3.12/site-packages/google/protobuf/timestamp.proto'],
] as const;
for (const [folder, file] of BROUGHT) {
  test(`protos of a package manager are named as such, with the root that was meant: ${folder}`, async (t) => {
    const stamp = 'import "google/protobuf/timestamp.proto";';
    const copies = { [file]: TIMESTAMP, [`${folder}/other/google/protobuf/timestamp.proto`]: TIMESTAMP };
    const protos = { 'api/shop/v1/a.proto': OWN(stamp), ...copies };
    const lines = await found(t, protos);
    t.is(
      lines[0],
      `.: warning: this folder may be too high to be an import root: give ./api instead, which fits the packages of the files; schema.exclude: [${folder}/**] excludes the files of a package manager [schema-root]`,
    );
    t.true(lines.some((line) => line.endsWith('[duplicate-name]')));
    t.deepEqual(await found(t, protos, [`${folder}/**`]), []);
    const root = await found(t, { 'shop/v1/a.proto': OWN(stamp), ...copies });
    t.is(
      root[0],
      `.: warning: this folder may be too high to be an import root: schema.exclude: [${folder}/**] excludes the files of a package manager [schema-root]`,
    );
    const both = await found(t, { ...protos, 'api/shop/v1/b.proto': 'package shop.v1; import "shop/v1/a.proto";' });
    t.regex(
      both[0] ?? '',
      /may be too high to be an import root: .*give them as roots: \.\/api \(1\); schema\.exclude: /,
    );
  });
}

test('a package manager’s folder is not suggested as an import root', async (t) => {
  const lines = await found(t, {
    'api/a.proto': 'import "acme/b.proto";',
    'node_modules/acme-protos/acme/b.proto': 'package acme; import "acme/c.proto"; message B {}',
    'node_modules/acme-protos/acme/c.proto': 'package acme; message C {}',
  });
  t.deepEqual(
    lines.filter((line) => line.includes('; give that folder instead')),
    [],
  );
  t.regex(lines[0] ?? '', /may be too high to be an import root: schema\.exclude: \[node_modules\/\*\*\]/);
});

test('no other import root is suggested if there is no error or no folder would help', async (t) => {
  const right = {
    'shop/v1/a.proto': 'package shop.v1; import "shop/v1/b.proto"; message A { B b = 1; }',
    'shop/v1/b.proto': 'package shop.v1; message B {}',
  };
  t.deepEqual(await found(t, right), []);
  t.deepEqual(await found(t, { ...right, 'node_modules/x/y.proto': 'package y; message Y {}' }), []);
  const lines = await found(t, { ...right, 'shop/v1/c.proto': 'import "nowhere.proto";' });
  t.deepEqual(
    lines.map((line) => /\[([a-z-]+)\]$/.exec(line)?.[1]),
    ['unknown-import'],
  );
});

test('check shows the root that was meant for a whole checkout', async (t) => {
  const folder = await protoFolder(t, SHOP);
  const { stdout } = await protogate(['check', '--protos', '.'], { cwd: folder });
  t.regex(
    stdout,
    /^\.: warning: this folder may be too high to be an import root: .*, so give them as roots: proto \(2\), third_party \(1\) \[/,
  );
  const right = await protogate(['check', '--protos', 'proto', '--import', 'third_party'], { cwd: folder });
  t.is(right.stdout.match(/unknown-import/g)?.length, 1);
  t.notRegex(right.stdout, /schema-root/);
});

test('thousands of imports below a root too high are looked up in no time', async (t) => {
  const files = Array.from({ length: 1500 }, (_, i) => [
    `proto/p${i % 50}/f${i}.proto`,
    `package p${i % 50}; import "p${(i + 1) % 50}/f${(i + 1) % 1500}.proto"; message M${i} {}`,
  ]);
  const folder = await protoFolder(t, Object.fromEntries(files));
  const start = process.cpuUsage();
  const { diagnostics } = loadSchema({ protos: [folder], imports: [], descriptorSets: [] });
  const { user, system } = process.cpuUsage(start);
  t.is(diagnostics.length, 1501);
  t.true(user + system < 1_250_000, `${(user + system) / 1000} ms`);
});
