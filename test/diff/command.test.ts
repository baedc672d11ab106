/** The command `diff`: where versions come from, what it prints, what it accepts, and its exit codes. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { readRevision } from '../../src/cli/git-tree.js';
import { formatGithub } from '../../src/diff/print.js';
import { findCommand } from '../support/commands.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { protoFolder } from '../support/gateway.js';
import { protogate } from '../support/run.js';

const PROTO = `syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
import "shop/v1/item.proto";
service Shop {
  rpc GetItem(GetItemRequest) returns (Item) { option (google.api.http) = { get: "/v1/{name=items/*}" }; }
  rpc GetBest(GetItemRequest) returns (Item) { option (google.api.http) = { get: "/v1/best" }; }
}
message GetItemRequest { string name = 1; }
`;
const ITEM = 'syntax = "proto3";\npackage shop.v1;\nmessage Item {\n  string name = 1;\n  string title = 2;\n}\n';
const OLD = { 'shop/v1/shop.proto': PROTO, 'shop/v1/item.proto': ITEM };
const NEW = { ...OLD, 'shop/v1/item.proto': ITEM.replace('string title', 'string headline') };

/** Writes both versions; `run` compares them, with the folder of both as the current one. */
async function versions(t: Parameters<typeof protoFolder>[0], old: object = OLD, now: object = NEW) {
  const all = [...entries('old', old), ...entries('new', now)];
  const folder = await protoFolder(t, Object.fromEntries(all));
  const run = (...args: string[]) => protogate(['diff', 'old', 'new', ...args], { cwd: folder });
  return { folder, run };
}

function entries(folder: string, files: object): readonly (readonly [string, string])[] {
  return Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text as string]);
}

test('diff prints a change with both places, and the routes that it affects', async (t) => {
  const { run } = await versions(t);
  const { exitCode, stdout, stderr } = await run();
  t.is(
    stdout,
    `new/shop/v1/item.proto:5:10: breaking: shop.v1.Item.title: the name is now headline; clients get it as 'headline' [field-renamed]
    before: old/shop/v1/item.proto:5:10
    routes: GET /v1/best, GET /v1/{name=items/*}
`,
  );
  t.is(stderr, '1 breaking, 0 risky, 0 safe\n');
  t.is(exitCode, 1);
});

test('diff prints an array for programs and an annotation for GitHub', async (t) => {
  const { run } = await versions(t);
  const [row] = JSON.parse((await run('--format', 'json')).stdout);
  t.like(row, {
    change: 'field-renamed',
    severity: 'breaking',
    subject: 'shop.v1.Item.title',
    old: { file: 'old/shop/v1/item.proto', line: 5, column: 10 },
    new: { file: 'new/shop/v1/item.proto', line: 5, column: 10 },
    routes: { count: 2, examples: ['GET /v1/best', 'GET /v1/{name=items/*}'] },
  });
  t.is(
    (await run('--format', 'github')).stdout,
    "::error file=new/shop/v1/item.proto,line=5,col=10,title=breaking%3A field-renamed::shop.v1.Item.title: the name is now headline; clients get it as 'headline'%0Abefore: old/shop/v1/item.proto:5:10%0Aroutes: GET /v1/best, GET /v1/{name=items/*}\n",
  );
});

test('a text with a line break begins no second command of GitHub', (t) => {
  const place = { file: 'a,b:c\n::error::x', line: 1 };
  const text = 'issuer a\r\n::error::x 100%';
  const rest = {
    change: 'credential',
    severity: 'breaking',
    subject: 's',
    old: undefined,
    routes: { count: 0, examples: [] },
  } as const;
  const printed = formatGithub([{ ...rest, text, new: place, allowed: undefined }]);
  t.is(printed.split('\n').length, 2);
  t.true(printed.includes('file=a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ax,line=1'));
  t.true(printed.includes('issuer a%0D%0A::error::x 100%25'));
});

test('diff exits with 0 if nothing breaks, and prints safe changes with --all', async (t) => {
  const { run } = await versions(t, OLD, { ...OLD, 'shop/v1/item.proto': ITEM.replace('}', '  string note = 3;\n}') });
  const quiet = await run('--strict');
  t.deepEqual([quiet.exitCode, quiet.stdout, quiet.stderr], [0, '', '0 breaking, 0 risky, 1 safe\n']);
  t.regex((await run('--all')).stdout, /safe: shop\.v1\.Item: the field note is new/);
});

test('a risky change alone is an error only with --strict', async (t) => {
  const { run } = await versions(
    t,
    { ...OLD, 'shop/v1/item.proto': ITEM.replace('string title', 'optional string title') },
    OLD,
  );
  t.is((await run()).exitCode, 0);
  t.is((await run('--strict')).exitCode, 1);
});

test('a change that 60 routes notice is one finding', async (t) => {
  const many = Array.from(
    { length: 60 },
    (_, i) => `rpc G${i}(GetItemRequest) returns (Item) { option (google.api.http) = { get: "/v1/g${i}" }; }`,
  );
  const proto = PROTO.replace('  rpc GetBest', `${many.join('\n')}\n  rpc GetBest`);
  const { run } = await versions(t, { ...OLD, 'shop/v1/shop.proto': proto }, { ...NEW, 'shop/v1/shop.proto': proto });
  const { stdout } = await run();
  t.is(stdout.match(/breaking:/g)?.length, 1);
  t.regex(stdout, /routes: GET \/v1\/best, GET \/v1\/g0, GET \/v1\/g1, and 59 more\n/);
});

test('a descriptor set and the folder that it is made of are equal', async (t) => {
  const { folder, set } = await bothFormsOf(t, OLD);
  t.is((await protogate(['diff', folder, set])).stderr, '0 breaking, 0 risky, 0 safe\n');
});

const ALLOWED = 'allow:\n  - change: field-renamed\n    subject: shop.v1.Item.*\n    reason: The app reads both.\n';

test('an allowed change is shown with its reason and breaks nothing', async (t) => {
  const { folder, run } = await versions(t);
  writeFileSync(join(folder, 'allow.yaml'), ALLOWED);
  const { exitCode, stdout, stderr } = await run('--allow', 'allow.yaml', '--strict');
  t.is(exitCode, 0);
  t.regex(stdout, /: allowed \(breaking\): shop\.v1\.Item\.title: .*\n {4}reason: The app reads both\.\n/);
  t.is(stderr, '0 breaking, 0 risky, 0 safe, 1 allowed\n');
});

test('an allowance that no change needs is a warning, and an error with --strict', async (t) => {
  const { folder, run } = await versions(t, OLD, OLD);
  writeFileSync(join(folder, 'allow.yaml'), ALLOWED);
  const { exitCode, stderr } = await run('--allow', 'allow.yaml');
  t.is(exitCode, 0);
  t.regex(
    stderr,
    /^allow\.yaml:2: warning: no change is accepted by field-renamed of shop\.v1\.Item\.\*; remove the entry\n/,
  );
  t.is((await run('--allow', 'allow.yaml', '--strict')).exitCode, 1);
});

const WRONG: readonly (readonly [fact: string, text: string, error: string])[] = [
  ['without a reason', ALLOWED.replace(/ {4}reason.*\n/, ''), 'allow.yaml:2: allow.0.reason: expected a reason'],
  [
    'with an empty reason',
    ALLOWED.replace(/reason:.*/, 'reason: " "'),
    'allow.yaml:4: allow.0.reason: expected a reason, got an empty text',
  ],
  [
    'of an unknown change',
    ALLOWED.replace('renamed', 'renamd'),
    "allow.yaml:2: expected the id of a change, such as field-gone, got 'field-renamd', did you mean 'field-renamed'?",
  ],
  ['that is no YAML', 'allow: [', 'allow.yaml:1: '],
  ['that is no list', 'allow: 1', 'allow.yaml:1: allow: expected a list'],
];
for (const [fact, text, error] of WRONG) {
  test(`an allowance ${fact} is wrong usage`, async (t) => {
    const { folder, run } = await versions(t);
    writeFileSync(join(folder, 'allow.yaml'), text);
    const { exitCode, stdout, stderr } = await run('--allow', 'allow.yaml');
    t.deepEqual([exitCode, stdout], [2, '']);
    t.true(stderr.startsWith(`error: ${error}`), stderr);
  });
}

test('a version with errors is not compared, unless --ignore-errors is given', async (t) => {
  const { run } = await versions(t, OLD, { ...NEW, 'shop/v1/shop.proto': PROTO.replace('/v1/best', 'v1/best') });
  const refused = await run();
  t.deepEqual([refused.exitCode, refused.stdout], [2, '']);
  t.regex(
    refused.stderr,
    /^new: new\/shop\/v1\/shop\.proto:7:\d+: error: path template: .*\nerror: the new version has errors; --ignore-errors compares/,
  );
  const compared = await run('--ignore-errors');
  t.is(compared.exitCode, 1);
  t.regex(compared.stdout, /breaking: GET \/v1\/best: the route of shop\.v1\.Shop\/GetBest is gone/);
});

test('scopes in protos do not need a config', async (t) => {
  const guarded = PROTO.replace('"protos"', '')
    .replace('import "shop', 'import "protogate/v1/annotations.proto";\nimport "shop')
    .replace('get: "/v1/best" };', 'get: "/v1/best" }; option (protogate.v1.policy) = { auth: { scopes: "a" } };');
  const { run } = await versions(t, OLD, { ...OLD, 'shop/v1/shop.proto': guarded });
  t.regex((await run()).stdout, /breaking: shop\.v1\.Shop\/GetBest: the scope a is needed now/);
});

test('the words of --map are equal in paths and packages', async (t) => {
  const beta = Object.fromEntries(
    Object.entries(OLD).map(([name, text]) => [
      name,
      text.replaceAll('shop.v1', 'shop.v1beta1').replaceAll('"/v1/', '"/v1beta1/'),
    ]),
  );
  const { run } = await versions(t, beta, OLD);
  t.is((await run()).exitCode, 1);
  t.is((await run('--map', 'v1beta1=v1')).stderr, '0 breaking, 0 risky, 0 safe\n');
  t.is((await run('--map', 'v1beta1')).exitCode, 2);
});

test('a field with another name and a type of the next version is renamed, not gone', async (t) => {
  const proto = (version: string, name: string) => ({
    'a.proto': `syntax = "proto3"; package a.${version}; import "google/api/annotations.proto";
message Q {} message R { E ${name} = 1; } enum E { A = 0; }
service S { rpc Get(Q) returns (R) { option (google.api.http) = { get: "/${version}/e" }; } }`,
  });
  const { run } = await versions(t, proto('v1beta1', 'kind'), proto('v1', 'sort'));
  t.regex(
    (await run('--map', 'v1beta1=v1')).stdout,
    /R\.kind: the name is now sort; clients get it as 'sort' \[field-renamed\]/,
  );
});

test('wrong usage exits with 2', async (t) => {
  const { folder, run } = await versions(t);
  writeFileSync(join(folder, 'c.yaml'), 'version: 1\nschema: { protos: [new] }\n');
  const diff = async (...args: string[]) => {
    const { exitCode, stderr } = await protogate(['diff', ...args], { cwd: folder });
    return `${exitCode} ${stderr.split('\n').at(-2)}`;
  };
  t.is((await run('--format', 'yaml')).exitCode, 2);
  t.is(await diff('old', 'nothing'), '2 error: nothing: expected a folder or a file, found none');
  t.is(
    await diff('old', 'c.yaml'),
    '2 error: expected two config files, or two folders or descriptor sets, got one of each; a config changes the routes of its protos, so compare config with config',
  );
  t.is(
    await diff('git:a', 'git:b'),
    '2 error: git:a: expected git:REV:PATH, because the other version has no path either',
  );
  t.is(await diff('git:--output=x', 'old'), '2 error: git:--output=x: expected a revision, got an option');
});

const git = findCommand(['git'], 'diff of git revisions', 'git');
const inGit = git === undefined ? test.skip : test;

/** Writes files, and commits them in a new repository. */
function repository(folder: string, files: Readonly<Record<string, string>>): (...args: string[]) => void {
  const run = (...args: string[]) => {
    const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false'];
    execFileSync('git', [...who, ...args], { cwd: folder, stdio: 'pipe' });
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  run('init', '-q', '-b', 'main');
  run('add', '-A');
  run('commit', '-q', '-m', 'old');
  return run;
}

/** A config beside its protos, with an import root outside of both. */
const IN_GIT = {
  'deploy/gateway.yaml':
    'version: 1\nschema: { protos: [../api], imports: [../common] }\nupstreams: { shop: { target: "a:1" } }\nauth: { default: public, apiKeys: { file: keys.yaml } }\n',
  'deploy/keys.yaml': 'keys: []\n',
  'api/shop/v1/shop.proto': PROTO,
  'common/shop/v1/item.proto': ITEM,
};

inGit('a config in git finds its protos, imports and keys there', async (t) => {
  const folder = await protoFolder(t, {});
  repository(folder, IN_GIT);
  writeFileSync(join(folder, 'common/shop/v1/item.proto'), NEW['shop/v1/item.proto']);
  const temporary = await protoFolder(t, {});
  const { stdout, stderr, exitCode } = await protogate(['diff', 'git:main', 'deploy/gateway.yaml'], {
    cwd: folder,
    env: { TMPDIR: temporary },
  });
  t.is(exitCode, 1, stderr);
  t.regex(stdout, /^common\/shop\/v1\/item\.proto:5:10: .*\n {4}before: git:main:common\/shop\/v1\/item\.proto:5:10\n/);
  t.deepEqual(readdirSync(temporary), []);
  const inside = await protogate(['diff', 'git:HEAD:gateway.yaml', 'gateway.yaml'], { cwd: join(folder, 'deploy') });
  t.regex(inside.stdout, /\n {4}before: git:HEAD:common\/shop\/v1\/item\.proto:5:10\n/);
});

inGit('two revisions are compared without a checkout, and an import root is that of each revision', async (t) => {
  const folder = await protoFolder(t, {});
  const run = repository(folder, IN_GIT);
  writeFileSync(join(folder, 'common/shop/v1/item.proto'), NEW['shop/v1/item.proto']);
  run('commit', '-q', '-a', '-m', 'new');
  const args = ['diff', 'git:main~1:api', 'git:main:api', '--import', 'common'];
  const { stdout, exitCode, stderr } = await protogate(args, { cwd: folder });
  t.is(exitCode, 1, stderr);
  const annotated = await protogate([...args, '--format', 'github'], { cwd: folder });
  t.regex(annotated.stdout, /^::error file=common\/shop\/v1\/item\.proto,line=5,/);
  t.regex(stdout, /^git:main:common\/shop\/v1\/item\.proto:5:10: breaking: .*\n {4}before: git:main~1:common/);
});

inGit('the files of a revision are removed when the process ends early', async (t) => {
  const folder = await protoFolder(t, {});
  repository(folder, IN_GIT);
  const known = process.listeners('exit');
  const tree = await readRevision('main', 'api', folder);
  t.true(existsSync(join(tree.folder, 'api/shop/v1/shop.proto')));
  const added = process.listeners('exit').filter((listener) => !known.includes(listener));
  for (const listener of added) listener(1);
  t.false(existsSync(tree.folder));
});

inGit('a symbolic link in git is not followed', async (t) => {
  const folder = await protoFolder(t, {});
  const files = { ...IN_GIT, 'secret/item.proto': ITEM };
  const run = repository(folder, files);
  run('rm', '-q', 'common/shop/v1/item.proto');
  mkdirSync(join(folder, 'common/shop/v1'), { recursive: true });
  symlinkSync(join(folder, 'secret/item.proto'), join(folder, 'common/shop/v1/item.proto'));
  run('add', '-A');
  run('commit', '-q', '-m', 'link');
  const { exitCode, stderr } = await protogate(['diff', 'git:main:deploy/gateway.yaml', 'deploy/gateway.yaml'], {
    cwd: folder,
  });
  t.is(exitCode, 2);
  t.regex(stderr, /^old: git:main:api\/shop\/v1\/shop\.proto:4:8: error: import "shop\/v1\/item\.proto"/m);
});

inGit('a revision or a path that git does not have is wrong usage', async (t) => {
  const folder = await protoFolder(t, {});
  repository(folder, IN_GIT);
  const diff = async (...args: string[]) => (await protogate(['diff', ...args], { cwd: folder })).stderr;
  t.is(await diff('git:nope', 'api'), 'error: git:nope: expected a revision that git knows\n');
  t.is(await diff('git:main:nope', 'api'), 'error: git:main:nope: expected a folder or a file, found none\n');
  t.is(await diff('git:main:../x', 'api'), 'error: ../x: expected a path inside of the repository\n');
  t.is(await diff('git:main:/etc', 'api'), 'error: /etc: expected a path relative to the current folder\n');
  const outside = await protogate(['diff', 'git:main:a', 'git:main:b'], { cwd: dirname(folder) });
  t.is(
    outside.stderr,
    'error: git:main: expected the current folder to be in a git repository; run protogate diff in the checkout\n',
  );
});
