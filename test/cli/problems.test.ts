/** What `check` and `serve` say where config and protos are wrong at once. */
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
  rpc Make(Q) returns (Q) { option (google.api.http) = { post: "/v1" body: 1 }; }
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
    t.is(stderr, `${rules.length} error${rules.length === 1 ? '' : 's'}, 0 warnings\n`);
  });
}

test('serve shows both too, and a config that is nowhere with the protos of its flags', async (t) => {
  const folder = await protoFolder(t, PROTOS);
  const [config, protos] = [join(folder, 'nowhere.yaml'), join(folder, 'protos')];
  const { exitCode, stderr } = await protogate(['serve', '-c', config, '--protos', protos]);
  t.is(exitCode, 1);
  t.regex(stderr, /^\S+nowhere\.yaml: error: .*\n\S+a\.proto:8:\d+: error: .* \[http-rule\]\nerror: not served: .*\n$/);
});
