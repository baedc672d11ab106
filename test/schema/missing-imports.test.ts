/** Imports that no root contains, and imports that are missing from the text. */
import { join } from 'node:path';
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { parseConfig } from '../../src/config/parse.js';
import { plan } from '../../src/gateway/plan.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { planOf, protoFolder, startGateway, type Teardown } from '../support/gateway.js';
import { protogate } from '../support/run.js';

const API = 'import "google/api/annotations.proto";';
const get = (name: string, type: string) =>
  `rpc ${name}(${type}) returns (${type}) { option (google.api.http) = { get: "/${name}" }; }`;

async function found(t: Teardown, protos: string | Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { diagnostics } = await planOf(t, protos);
  return diagnostics
    .filter(({ rule }) => rule !== 'no-auth')
    .map((one) => formatDiagnostic(one).replace(/^\/\S*\//, ''));
}

const optionsAlone = [
  'protoc-gen-openapiv2/options/annotations.proto',
  'protoc-gen-swagger/options/annotations.proto',
  'validate/validate.proto',
  'github.com/envoyproxy/protoc-gen-validate/validate/validate.proto',
  'buf/validate/validate.proto',
  'buf/validate/priv/private.proto',
  'gogoproto/gogo.proto',
  'github.com/gogo/protobuf/gogoproto/gogo.proto',
  'openapiv3/annotations.proto',
  'tagger/tagger.proto',
];
for (const path of optionsAlone) {
  test(`a file of options alone that no root has is one warning, and the routes are served: ${path}`, async (t) => {
    const using = (name: string) => `package ${name}; ${API} import "${path}";
      message M { string id = 1 [(validate.rules).string.min_len = 1, (buf.validate.field).required = true]; }
      service S { ${get(`Get${name}`, 'M')} }`;
    const protos = { 'a.proto': using('a'), 'b.proto': using('b'), 'c.proto': using('c') };
    t.deepEqual(await found(t, protos), [
      `a.proto:2:58: warning: import "${path}": no import root has this file (3 files import it); its options are ignored; to read them, give its folder with --import DIR (schema.imports) [unknown-import]`,
    ]);
    const { send } = await startGateway(t, protos['a.proto'].replace(`import "${path}";`, ''));
    t.is((await send('GET', '/Geta?id=7')).status, 200);
  });
}

test('a file that may hold types is an error, once a file that imports it', async (t) => {
  for (const path of ['acme/validate.proto', 'google/iam/v1/policy.proto', 'validate/rules.proto', 'my_gogo.proto']) {
    const both = { 'a.proto': `import "${path}"; import "${path}";`, 'b.proto': `import "${path}";` };
    t.deepEqual(
      await found(t, both),
      ['a', 'b'].map(
        (file) => `${file}.proto:2:8: error: import "${path}": no import root has this file [unknown-import]`,
      ),
    );
  }
});

test('a type of such a file that a route needs is an error all the same', async (t) => {
  const text = `package a; ${API} import "buf/validate/validate.proto";
    message M { buf.validate.Violations wrong = 1; } service S { ${get('Get', 'M')} }`;
  const [warning, error] = await found(t, text);
  t.regex(warning ?? '', /warning: import "buf\/validate\/validate\.proto"/);
  t.regex(
    error ?? '',
    /error: a\.M\.wrong: expected a declared type, but no loaded file declares buf\.validate\.Violations \[unknown-type\]/,
  );
});

test('a bundled file under a similar name is reported', async (t) => {
  for (const [path, meant] of [
    ['timestamp.proto', 'google/protobuf/timestamp.proto'],
    ['protobuf/timestamp.proto', 'google/protobuf/timestamp.proto'],
    ['third_party/googleapis/google/api/annotations.proto', 'google/api/annotations.proto'],
    ['google/timestamp.proto', 'google/protobuf/timestamp.proto'],
    ['api/http.proto', 'google/api/http.proto'],
    ['annotations.proto', 'google/api/annotations.proto'],
    ['mine.proto', undefined],
  ] as const) {
    const hint = meant === undefined ? '' : `, did you mean '${meant}'?`;
    const [first] = await found(t, `import "${path}"; message M {}`);
    t.is(first, `test.proto:2:8: error: import "${path}": no import root has this file${hint} [unknown-import]`);
  }
});

test('a missing import of a bundled file is reported once for each file that needs its types', async (t) => {
  const uses = (name: string) => `package ${name}; ${API}
    message M { google.protobuf.Timestamp a = 1; repeated google.protobuf.Timestamp b = 2; .google.protobuf.Int32Value c = 3;
      google.protobuf.BoolValue d = 4; google.type.Date e = 5; N n = 6; }
    message N { google.protobuf.Timestamp a = 1; }
    service S { ${get(`One${name}`, 'M')} ${get(`Two${name}`, 'M')} ${get(`Three${name}`, 'google.protobuf.Empty')} }`;
  const needed = ['protobuf/timestamp', 'protobuf/wrappers', 'type/date', 'protobuf/empty'];
  t.deepEqual(
    (await found(t, { 'a.proto': uses('a'), 'b.proto': uses('b') })).map((line) => line.replace(/:\d+:\d+:/, ':')),
    ['a', 'b'].flatMap((file) =>
      needed.map(
        (name) =>
          `${file}.proto: error: expected import "google/${name}.proto" for this type, got none [missing-import]`,
      ),
    ),
  );
});

test('an option without its import is one warning for each file', async (t) => {
  const text = `package a; message M {} service S { ${get('A', 'M')} ${get('B', 'M')}
    rpc C(M) returns (M) { option (protogate.v1.policy) = { labels: "x" }; } }`;
  t.deepEqual(
    (await found(t, text)).map((line) => line.replace(/:\d+:\d+:/, ':')),
    ['google/api/annotations.proto', 'protogate/v1/annotations.proto'].map(
      (path) =>
        `test.proto: warning: expected import "${path}" for this option, got none; the option works here, but protoc does not accept the file [missing-import]`,
    ),
  );
  const protos = { 'a.proto': `package a; import "b.proto"; ${text.slice(10)}`, 'b.proto': `import public "c.proto";` };
  const both = 'import public "google/api/annotations.proto"; import public "protogate/v1/annotations.proto";';
  t.deepEqual(await found(t, { ...protos, 'c.proto': both }), []);
});

test('ways to imports are named once, behind all that are missing', async (t) => {
  const protos = { 'a.proto': 'import "x/b.proto"; import "x/c.proto";', 'b.proto': 'import "x/b.proto";' };
  const { stderr, stdout } = await protogate(['check', '--protos', await protoFolder(t, protos)]);
  t.is(stdout.match(/\[unknown-import\]/g)?.length, 3);
  t.is(stderr.match(/^hint: --import DIR .* buf build -o FILE .*$/gm)?.length, 1);
});

test('no hint about imports is printed if each error names the folder', async (t) => {
  const folder = await protoFolder(t, { 'shop/a.proto': 'import "shop/b.proto";', 'shop/b.proto': '' });
  const { stderr, stdout } = await protogate(['check', '--protos', join(folder, 'shop')]);
  t.regex(stdout, /; give that folder instead of /);
  t.notRegex(stderr, /hint:/);
});

test('an error about a file that a descriptor set lacks says how to make the set', async (t) => {
  const protos = { 'b.proto': 'message B {}', 'a.proto': 'import "b.proto"; message A { B b = 1; }' };
  const { set } = await bothFormsOf(t, protos, ['--exclude-imports', '--path', 'own/a.proto']);
  const { config } = parseConfig({ version: 1, schema: { descriptorSets: [set] } });
  const { diagnostics } = await plan(config!);
  t.deepEqual(diagnostics.filter(({ rule }) => rule === 'unknown-import').map(formatDiagnostic), [
    'a.proto:2:1: error: import "b.proto": no import root has this file (protoc writes imports into a set with --include_imports) [unknown-import]',
  ]);
});

test('a type without its import is reported once if a route and an aggregate need it', async (t) => {
  const text = `package a; ${API} import "google/protobuf/empty.proto";
    message Page { google.protobuf.Empty other = 1; repeated protogate.v1.PartFailure failures = 2; }
    service S { rpc GetEmpty(google.protobuf.Empty) returns (google.protobuf.Empty);
      rpc GetPage(google.protobuf.Empty) returns (Page) {
        option (google.api.http) = { get: "/page" };
        option (protogate.v1.aggregate) = { steps: { into: "other" call: "a.S/GetEmpty" } };
      } }`;
  const lines = (await found(t, text)).map((line) => line.replace(/:\d+:\d+:/, ':'));
  const type = 'test.proto: error: expected import "protogate/v1/annotations.proto" for this type, got none';
  t.is(lines.filter((line) => line.startsWith(type)).length, 1, lines.join('\n'));
});
