/** The output of `check` and `serve` for several mistakes at once, and for inputs that are nearly right. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { protoFolder } from '../support/gateway.js';
import { protogate } from '../support/run.js';

const PROTOS = {
  'protos/a.proto': `package a.v1;
import "google/api/annotations.proto";
import "common.proto";
message Q { string id = 1; Shared shared = 2; }
service S {
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/{ident}" }; }
  rpc Make(Q) returns (Q) { option (google.api.http) = { get: "/v1" response_body: 1 }; }
  rpc One(Q) returns (Q) { option (google.api.http) = { get: "/v1/one" }; }
  rpc Two(Q) returns (Q) { option (google.api.http) = { get: "/v1/one" }; }
}`,
  'shared/common.proto': 'package a.v1; message Shared { string x = 1; }',
};
const SCHEMA = 'schema: { protos: [protos], imports: [shared] }';
const IN_FILES = ['http-rule'];
const IN_ALL = ['http-rule', 'path-variable', 'binding-conflict'];

const cases: readonly (readonly [fact: string, config: string, flags: readonly string[], rules: readonly string[]])[] =
  [
    ['a wrong value does not hide the protos', `version: 2\n${SCHEMA}`, [], ['config-value', ...IN_ALL]],
    ['nor does an unknown key', `version: 1\nlgo: {}\n${SCHEMA}`, [], ['unknown-key', ...IN_ALL]],
    [
      'nor does a variable that is not set',
      `version: 1\n${SCHEMA}\nlog: { format: "\${NO_SUCH}" }`,
      [],
      ['substitution', ...IN_ALL],
    ],
    [
      'nor does a file that is missing',
      `version: 1\n${SCHEMA}\nlisten: { tls: { cert: a, key: b } }`,
      [],
      ['config-value', 'config-value', ...IN_ALL],
    ],
    [
      'flags add to a right part',
      'version: 2\nschema: { imports: [shared] }',
      ['--protos', 'protos'],
      ['config-value', ...IN_ALL],
    ],
    [
      'flags alone name the protos',
      'version: 2',
      ['--protos', 'protos', '--import', 'shared'],
      ['config-value', ...IN_ALL],
    ],
    [
      'a wrong schema part is not guessed at',
      'version: 1\nschema: { protos: [protos], imprts: [shared] }',
      [],
      ['unknown-key'],
    ],
    ['nor one under a wrong key', 'version: 1\nshema: { protos: [protos] }', [], ['unknown-key']],
    [
      'nor one that a variable is missing in',
      'version: 1\nschema: { protos: ["${NO_SUCH}", protos] }',
      [],
      ['substitution'],
    ],
    [
      'of a wrong part flags show the files, not what may be imported',
      'version: 1\nschema: { imprts: [shared] }',
      ['--protos', 'protos'],
      ['unknown-key', ...IN_FILES],
    ],
    ['of a file that is no YAML too', 'version: 1\nschema: {', ['--protos', 'protos'], ['yaml', ...IN_FILES]],
  ];
for (const [fact, config, flags, rules] of cases) {
  test(`config and protos are both wrong: ${fact}`, async (t) => {
    const folder = await protoFolder(t, PROTOS);
    await writeFile(join(folder, 'c.yaml'), config);
    const paths = flags.map((flag) => (flag.startsWith('--') ? flag : join(folder, flag)));
    const { exitCode, stdout, stderr } = await protogate(['check', '-c', join(folder, 'c.yaml'), ...paths]);
    t.is(exitCode, 1);
    const lines = stdout.trimEnd().split('\n');
    t.deepEqual(
      lines.map((line) => /\[([a-z-]+)\]$/.exec(line)?.[1]),
      rules as string[],
      stdout,
    );
    t.is(stderr.replace(/^hint: .*\n/gm, ''), `${rules.length} error${rules.length === 1 ? '' : 's'}, 0 warnings\n`);
  });
}

test('serve shows both too, and a config that is nowhere with the protos of its flags', async (t) => {
  const folder = await protoFolder(t, PROTOS);
  const [config, protos] = [join(folder, 'nowhere.yaml'), join(folder, 'protos')];
  const { exitCode, stderr } = await protogate(['serve', '-c', config, '--protos', protos]);
  t.is(exitCode, 1);
  t.regex(
    stderr,
    /^\S+nowhere\.yaml: error: .*\n\S+a\.proto:8:\d+: error: .* \[http-rule\]\nhint: .*\nerror: the gateway does not start because .*\n$/,
  );
});

test('the error for an import root that is one folder too deep names the right folder', async (t) => {
  const folder = await protoFolder(t, {
    'p/shop/v1/a.proto': 'package shop.v1; import "shop/v1/b.proto"; import "nowhere.proto"; message A { B b = 1; }',
    'p/shop/v1/b.proto': 'package shop.v1; message B {}',
  });
  const { stdout } = await protogate(['check', '--protos', join(folder, 'p/shop/v1')]);
  const [first, second] = stdout.split('\n');
  const meant = `but ${join(folder, 'p')} does; give that folder instead of ${join(folder, 'p/shop/v1')}`;
  t.true(first!.endsWith(`import "shop/v1/b.proto": no import root has this file, ${meant} [unknown-import]`), first);
  t.true(second!.endsWith('import "nowhere.proto": no import root has this file [unknown-import]'), second);
});

test('an import that no file can be called is one line, and the other files are served', async (t) => {
  const long = `${'a/'.repeat(1500)}${'b'.repeat(5000)}.proto`;
  const folder = await protoFolder(t, {
    'p/a.proto': `package a; import "nul\\0.proto"; import "${long}";`,
    'p/b.proto': `package b; import "google/api/annotations.proto"; message M {}
      service S { rpc Get(M) returns (M) { option (google.api.http) = { get: "/v1/m" }; } }`,
  });
  const { stdout, stderr } = await protogate(['check', '--protos', join(folder, 'p')]);
  const [first, second] = stdout.split('\n');
  t.regex(first!, /a\.proto:2:19: error: import "nul\\u0000\.proto": no import root has this file \[unknown-import\]$/);
  t.regex(second!, /a\.proto:2:41: error: import "a\/.*": no import root has this file \[unknown-import\]$/);
  t.regex(stderr, /^1 route of 1 service, 2 errors/m);
});

test('a type that is missing does not hide what is wrong with the rules of its rpcs', async (t) => {
  const folder = await protoFolder(
    t,
    `package a.v1;
import "google/api/annotations.proto";
message Q { string id = 1; Lost lost = 2; }
service S {
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/{ident" }; }
  rpc Make(Q) returns (Q) { option (google.api.http) = { post: "/v1" body: "idd" }; }
  rpc Deep(Q) returns (Q) { option (google.api.http) = { get: "/v1/{lost.name}" }; }
  rpc None(Q) returns (Nobody) { option (google.api.http) = { get: "/v1/{nobody}" }; }
}`,
  );
  const { stdout } = await protogate(['check', '--protos', folder, '--format', 'json']);
  const errors = JSON.parse(stdout).filter(({ severity }: { severity: string }) => severity === 'error');
  t.deepEqual(
    errors.map(({ rule, line }: { rule: string; line: number }) => [rule, line]),
    [
      ['unknown-type', 4],
      ['path-template', 6],
      ['body-field', 7],
      ['unknown-type', 9],
      ['path-variable', 9],
    ],
    stdout,
  );
});

test('the warning for a service without an upstream names the selector that was probably meant', async (t) => {
  const folder = await protoFolder(t, {
    'p/a.proto': `package a.v1;
import "google/api/annotations.proto";
message Q {}
service Things { rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1" }; } rpc Watch(Q) returns (stream Q); }`,
  });
  const config = join(folder, 'c.yaml');
  const upstreams = 'upstreams: { a: { target: "x:1", services: [a.v1.Thing] } }';
  await writeFile(config, `version: 1\nschema: { protos: [p] }\n${upstreams}\n`);
  const { stdout, stderr } = await protogate(['check', '-c', config]);
  t.true(
    stdout.includes("its routes are not served; is the selector 'a.v1.Thing' meant for it? [no-upstream]\n"),
    stdout,
  );
  // An rpc without an annotation is no mistake by itself, so only the last line counts it.
  t.true(
    stdout.includes(
      "expected a selector of a service with routes, got a.v1.Thing, did you mean 'a.v1.Things'? [unused-upstream]\n",
    ),
  );
  t.is(stderr, '1 route of 1 service, 1 rpc without a route (a.v1.Things/Watch), 0 errors, 2 warnings\n');
});
