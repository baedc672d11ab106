/**
 * The positions of declarations: exact in text, and the option's own in descriptor sets. Broken and duplicate declarations
 * are reported with them.
 */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import type { Registry } from '../../src/schema/descriptor.js';
import { loadSchema } from '../../src/schema/source.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { protoFolder } from '../support/gateway.js';
import { schemaOf } from '../support/schema.js';

const OPTIONS = `syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "protogate/v1/annotations.proto";
// What is for sale.
service Catalog {
  option (protogate.v1.default_policy) = { auth { mode: MODE_REQUIRED scopes: "read" scopes: "a|b" } timeout { seconds: 2 nanos: 500000000 } };
  // One product.
  rpc Get(GetRequest) returns (Product) {
    option deprecated = true;
    option idempotency_level = NO_SIDE_EFFECTS;
    option (google.api.http) = {
      get: "/v1/{name=products/*}"
      additional_bindings { post: "/v1/get" body: "*" }
      additional_bindings: { custom { kind: "HEAD" path: "/v1/head/{name}" } response_body: "title" }
    };
    option (protogate.v1.policy) = {
      rate_limits: [{ limit: 10 period { seconds: 60 } per: PER_IP per: PER_ROUTE }]
      cache { ttl { seconds: 30 } scope: SCOPE_PUBLIC stale_if_error { seconds: 300 } }
      retry { max_attempts: 3 codes: "UNAVAILABLE" }
      max_request_bytes: 1000000 success_status: 202 labels: "mobile"
    };
  }
  rpc Once(GetRequest) returns (stream Product) { option (google.api.http).get = "/v1/once/{name}"; option (google.api.http).response_body = "title"; }
  rpc Page(stream GetRequest) returns (Product) {
    option (google.api.http) = { get: "/v1/page" };
    option (protogate.v1.aggregate) = {
      steps { into: "title" call: "shop.v1.Catalog/Get" with: "name = request.name" take: "title" optional: true timeout { nanos: 5000000 } }
      steps { name: "x" copy: "request.name" for_each: "list" key: "k" batch_size: 2 max_items: 5 concurrency: 3 when: "request.name" }
      max_calls: 9
    };
  }
  rpc Bare(.shop.v1.GetRequest) returns (shop.v1.Product);
}
message GetRequest { string name = 1 [(google.api.field_behavior) = REQUIRED, (google.api.field_behavior) = IMMUTABLE]; }
message Product { string title = 1; }
`;

async function bothWays(
  t: { teardown(task: () => Promise<void>): void },
  file: string,
  text: string,
  flags: readonly string[] = [],
) {
  const { folder, set } = await bothFormsOf(t, { [file]: text }, flags);
  const fromText = loadSchema({ protos: [folder], imports: [], descriptorSets: [] });
  const fromSet = loadSchema({ protos: [], imports: [], descriptorSets: [set] });
  return { fromText, fromSet };
}

test('a set with source info has the line of every rpc and rule; one without has the file', async (t) => {
  const { fromText, fromSet } = await bothWays(t, 'shop/v1/shop.proto', OPTIONS);
  const bare = await bothWays(t, 'shop/v1/shop.proto', OPTIONS, ['--exclude-source-info']);
  for (const { name, position, httpRule } of methodsOf(fromText.registry)) {
    const other = methodsOf(fromSet.registry).find((method) => method.name === name)!;
    t.deepEqual([other.position.line, other.position.column], [position.line, position.column], name);
    if (httpRule !== undefined) t.is(typeof other.httpRule?.positions.path.line, 'number');
    const plain = methodsOf(bare.fromSet.registry).find((method) => method.name === name)!;
    t.deepEqual(plain.position, { file: 'shop/v1/shop.proto' });
  }
});

test('positions of option values are those of the characters in the text', async (t) => {
  const { fromText } = await bothWays(t, 'shop/v1/shop.proto', OPTIONS);
  const lines = OPTIONS.split('\n');
  const rules = methodsOf(fromText.registry).flatMap(({ httpRule }) =>
    httpRule === undefined ? [] : [httpRule, ...httpRule.additionalBindings],
  );
  t.is(rules.length, 5);
  for (const { path, body, positions } of rules) {
    const { line = 0, column = 0 } = positions.path;
    t.true(lines[line - 1]!.slice(column - 1).startsWith(path), path);
    if (body !== '') t.true(lines[positions.body.line! - 1]!.slice(positions.body.column! - 1).startsWith(body));
  }
});

test('a corrupt descriptor set is a diagnostic that names it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-set-'));
  t.teardown(() => rm(folder, { recursive: true }));
  for (const [name, bytes] of [
    ['cut', [0x0a, 0x7f, 1]],
    ['text', [...Buffer.from('syntax = "proto3";')]],
  ] as const) {
    const path = join(folder, name);
    await writeFile(path, Uint8Array.from(bytes));
    const { diagnostics } = loadSchema({ protos: [], imports: [], descriptorSets: [path] });
    t.is(diagnostics[0]?.rule, 'descriptor-set', name);
    t.is(diagnostics[0]?.position.file, path);
  }
});

test('a descriptor set without a file is an error', async (t) => {
  const { diagnostics } = loadSchema({ protos: [], imports: [], descriptorSets: ['/dev/null'] });
  t.deepEqual(diagnostics.map(formatDiagnostic), [
    '/dev/null: error: expected a FileDescriptorSet with files, got one without files [descriptor-set]',
  ]);
});

test('a root that is nowhere or no folder is one error, for imports too', async (t) => {
  const folder = await protoFolder(t, { 'a.proto': 'syntax = "proto3";\nmessage A {}\n' });
  const [nowhere, file] = [join(folder, 'nowhere'), join(folder, 'a.proto')];
  for (const roots of [
    { protos: [folder], imports: [nowhere, file] },
    { protos: [nowhere, file, folder], imports: [nowhere] },
  ]) {
    const { registry, diagnostics } = loadSchema({ ...roots, descriptorSets: [] });
    t.deepEqual(diagnostics.map(formatDiagnostic), [
      `${nowhere}: error: expected a folder, found none [schema-root]`,
      `${file}: error: expected a folder, got a file: give the folder above it [schema-root]`,
    ]);
    t.truthy(registry.message('A'));
  }
});

const HEAD = 'syntax = "proto3";\npackage p;\nimport "google/api/annotations.proto";\n';
const rpc = (options: string) =>
  `${HEAD}message M { string a = 1; }\nservice S {\n  rpc R(M) returns (M) { ${options} }\n}\n`;

const body = (fields: string) => `${HEAD}message M { ${fields} }\n`;
const broken = (line: number, column: number, text: string) =>
  new RegExp(`test\\.proto:${line}:${column}: error: ${text} \\[proto-syntax\\]$`);

const wrong: readonly (readonly [fact: string, text: string, says: RegExp])[] = [
  ['a message without a name', 'syntax = "proto3";\nmessage {\n', broken(2, 9, "expected a name, got '{'")],
  ['an unknown syntax', '\n syntax = "proto4";\nmessage M {}\n', broken(2, 12, 'syntax: expected .*, got "proto4"')],
  [
    'an unknown edition',
    'edition = "1999";\n',
    broken(1, 12, 'syntax: expected proto2, proto3, 2023, 2024, got "1999"'),
  ],
  [
    'a word that is none',
    'syntax = "proto3";\n  messsage M {}\n',
    broken(2, 3, "expected a declaration such as message, .*, got 'messsage'"),
  ],
  ['a missing semicolon', body('string a = 1 string b = 2;'), broken(4, 26, "expected ';', got 'string'")],
  [
    'a token that its line has before, in a comment and in a string',
    body('/* } */ string a = 1 [json_name = "}"] }'),
    broken(4, 52, "expected ';', got '}'"),
  ],
  ['a token before a line end', body('optional\n\n'), broken(6, 2, "expected a type, got '}'")],
  ['a number that is none', body('string a = x;'), broken(4, 24, "expected a number, got 'x'")],
  [
    'the end in a statement',
    'syntax = "proto3";\nimport "x.proto"\n\n',
    broken(2, 17, "expected ';', got the end of the file"),
  ],
  ['the end in a block', `${HEAD}message M {\n  // more\n`, broken(5, 10, "expected '}', got the end of the file")],
  [
    'the end of a file that says null',
    `${HEAD}message null { string a = null;`,
    broken(4, 27, "expected a number, got 'null'"),
  ],
  ['a comma for a semicolon', 'syntax = "proto3";\nimport "a", "b;\n', broken(2, 11, "expected ';', got ','")],
  ['an open string', 'syntax = "proto3";\nimport "b;\n', broken(2, 8, 'expected a closing quote, found none')],
  ['an open comment', 'syntax = "proto3";\n/* a */ /* b\n', broken(2, 9, "expected a comment's end, found none")],
  ['a number twice', body('string a = 1; string b = 1;'), broken(4, 34, 'duplicate id 1 in message M')],
  [
    'a number twice, in the second message that is called so',
    `${HEAD}message A { message M { string a = 1; } }\n${'message M { string a = 1; M b = 0x1; }'}\n`,
    broken(5, 29, 'duplicate id 1 in message M'),
  ],
  ['a field name twice', body('string a = 1; string a = 2;'), broken(4, 34, "duplicate name 'a' in message M")],
  [
    'a field called as a oneof',
    body('oneof x { int32 a = 1; } int32 x = 2;'),
    broken(4, 44, "duplicate name 'x' in message M"),
  ],
  ['a reserved number', body('reserved 1; string a = 1;'), broken(4, 32, 'id 1 is reserved in message M')],
  ['a reserved name', body('reserved "a"; string a = 1;'), broken(4, 34, "name 'a' is reserved in message M")],
  ['an enum value twice', `${HEAD}enum E { A = 0; A = 1; }`, broken(4, 17, "duplicate name 'A' in enum E")],
  ['an enum number twice', `${HEAD}enum E { A = 0; B = 0; }`, broken(4, 17, 'duplicate id 0 in enum E')],
  ['a message twice', `${HEAD}message A {}\nmessage A {}\n`, broken(5, 1, "duplicate name 'A' in package p")],
  [
    'a message twice, outside of a package',
    'message A {}\nenum A { B = 0; }',
    broken(2, 1, "duplicate name 'A' in the file"),
  ],
  [
    'an rpc twice',
    `${HEAD}message M {}\nservice S { rpc A(M) returns (M); rpc A(M) returns (M); }\n`,
    broken(5, 35, "duplicate name 'A' in service S"),
  ],
  [
    'an import that is nowhere',
    'syntax = "proto3";\nimport "no/such.proto";\n',
    /test\.proto:2:8: error: import "no\/such\.proto": .* \[unknown-import\]$/,
  ],
  [
    'a field of a rule that was meant to be another',
    rpc('option (google.api.http) = { get: "/v1" responce_body: "a" };'),
    /test\.proto:6:\d+: error: http-rule: unknown field 'responce_body', did you mean 'response_body'\? \[http-rule\]$/,
  ],
  [
    'a message named __proto__',
    `${HEAD}message __proto__ {}\n`,
    /test\.proto:4:1: error: .*__proto__.* \[reserved-name\]$/,
  ],
  [
    'a field named __proto__',
    `${HEAD}message M { string __proto__ = 1; }\n`,
    /test\.proto:4:20: error: .*__proto__.* \[reserved-name\]$/,
  ],
  [
    'a rule that is no message',
    rpc('option (google.api.http) = "/v1/a";'),
    /test\.proto:6:54: error: .*expected a message.* \[http-rule\]$/,
  ],
  [
    'a misspelt policy',
    rpc('option (protogate.v1.polcy) = { auth { mode: MODE_REQUIRED } };'),
    /test\.proto:6:33: error: expected \(protogate\.v1\.policy\) or \(protogate\.v1\.aggregate\) on an rpc, got \(protogate\.v1\.polcy\), did you mean '\(protogate\.v1\.policy\)'\? \[unknown-option\]$/,
  ],
  [
    'a misspelt policy, one field of it set, with a leading dot and blanks',
    rpc('option deprecated = true; option ( .protogate.v1.polices ).timeout.seconds = 2;'),
    /test\.proto:6:\d+: error: .* got \(\.protogate\.v1\.polices\), did you mean '\(protogate\.v1\.policy\)'\? \[unknown-option\]$/,
  ],
  [
    'a policy in a misspelt package',
    rpc('option (protgate.v1.policy) = { labels: "a" };'),
    /test\.proto:6:33: error: .* got \(protgate\.v1\.policy\), .* \[unknown-option\]$/,
  ],
  [
    'a policy without parentheses',
    rpc('option protogate.v1.policy = { labels: "a" };'),
    /test\.proto:6:33: error: expected \(protogate\.v1\.policy\) or .*, got protogate without parentheses \[unknown-option\]$/,
  ],
  [
    'a policy whose parentheses end behind its package',
    rpc('option (protogate.v1).policy = { auth { mode: MODE_REQUIRED } };'),
    /test\.proto:6:33: error: expected \(protogate\.v1\.policy\) or .*, got \(protogate\.v1\) \[unknown-option\]$/,
  ],
  [
    'a misspelt aggregate',
    rpc('option (protogate.v1.agregate) = { max_calls: 2 };'),
    /test\.proto:6:33: error: .* did you mean '\(protogate\.v1\.aggregate\)'\? \[unknown-option\]$/,
  ],
  [
    'a default_policy on an rpc',
    rpc('option (protogate.v1.default_policy) = { labels: "a" };'),
    /test\.proto:6:33: error: expected \(protogate\.v1\.policy\) or .* on an rpc, got \(protogate\.v1\.default_policy\), did you mean '\(protogate\.v1\.policy\)'\? \[unknown-option\]$/,
  ],
  [
    'a policy on a service',
    `${HEAD}service S {\n  option (protogate.v1.policy) = { labels: "a" };\n}\n`,
    /test\.proto:5:10: error: expected \(protogate\.v1\.default_policy\) on a service, got \(protogate\.v1\.policy\) \[unknown-option\]$/,
  ],
  [
    'a misspelt rule',
    rpc('option (google.api.htttp) = { get: "/a" };'),
    /test\.proto:6:33: error: expected \(google\.api\.http\) on an rpc, got \(google\.api\.htttp\) \[unknown-option\]$/,
  ],
  [
    'a rule on a service',
    `${HEAD}service S {\n  option (google.api.http) = { get: "/a" };\n}\n`,
    /test\.proto:5:10: error: expected \(google\.api\.http\) on an rpc, got \(google\.api\.http\) on a service \[unknown-option\]$/,
  ],
  [
    'a misspelt name that is relative to the package',
    'syntax = "proto3";\npackage protogate.v1.x;\nmessage M {}\nservice S {\n  rpc R(M) returns (M) { option (polcy).labels = "a"; }\n}\n',
    /test\.proto:5:33: error: .* got \(polcy\), did you mean .* \[unknown-option\]$/,
  ],
  [
    'a misspelt behavior of a field',
    `${HEAD}message M {\n  string a = 1;\n  string b = 2 [deprecated = true, (google.api.field_behaviour) = REQUIRED];\n}\n`,
    /test\.proto:6:36: error: expected \(google\.api\.field_behavior\) on a field, got \(google\.api\.field_behaviour\) \[unknown-option\]$/,
  ],
  [
    'one after another option that has a list, in a oneof',
    `${HEAD}message M {\n  oneof o { string a = 1 [(x.y) = { b: "]", c: [1, 2] },\n    (google.api.feild_behavior) = REQUIRED]; }\n}\n`,
    /test\.proto:6:5: error: .* got \(google\.api\.feild_behavior\) \[unknown-option\]$/,
  ],
  [
    'one of a map',
    `${HEAD}message M { map<string, string> m = 1 [( google.api.field_behaviors ) = REQUIRED]; }\n`,
    /test\.proto:4:\d+: error: .* got \(google\.api\.field_behaviors\) \[unknown-option\]$/,
  ],
  [
    'one of an extension',
    `${HEAD}import "google/protobuf/descriptor.proto";\nextend google.protobuf.FieldOptions { string e = 50000 [(google.api.field_behaviour) = REQUIRED]; }\n`,
    /test\.proto:5:57: error: .* \[unknown-option\]$/,
  ],
  [
    'a policy on a message, behind one that is nested',
    `${HEAD}message M {\n  message N { option (x.y) = 1; }\n  option (protogate.v1.policy) = { labels: "a" };\n}\n`,
    /test\.proto:6:10: error: expected \(protogate\.v1\.policy\) or .* on an rpc, got \(protogate\.v1\.policy\) on a message \[unknown-option\]$/,
  ],
  [
    'a misspelt default_policy on a file',
    `${HEAD}option java_package = "a";\noption (protogate.v1.default_polcy) = { labels: "a" };\n`,
    /test\.proto:5:8: error: expected \(protogate\.v1\.default_policy\) on a service, got .* on a file \[unknown-option\]$/,
  ],
  [
    'a policy on a file before its package',
    'syntax = "proto3";\noption (protogate.v1.policy) = { labels: "a" };\npackage a.v1;\nmessage M {}\n',
    /test\.proto:2:8: error: .* got \(protogate\.v1\.policy\) on a file \[unknown-option\]$/,
  ],
  [
    'a misspelt default_policy',
    `${HEAD}service S {\n  option (protogate.v1.servce) = { labels: "a" };\n}\n`,
    /test\.proto:5:10: error: expected \(protogate\.v1\.default_policy\) on a service, got \(protogate\.v1\.servce\) \[unknown-option\]$/,
  ],
  [
    'the behavior of a field on its message',
    `${HEAD}message M {\n  option (google.api.field_behavior) = REQUIRED;\n}\n`,
    /test\.proto:5:10: error: expected \(google\.api\.field_behavior\) on a field, got .* on a message \[unknown-option\]$/,
  ],
  [
    'a pattern given twice',
    rpc('option (google.api.http) = { get: "/a" get: "/b" };'),
    /test\.proto:6:\d+: error: .*get: expected one value, got 2 \[http-rule\]$/,
  ],
  [
    'an unknown field of a rule',
    rpc('option (google.api.http) = { gte: "/a" };'),
    /test\.proto:6:\d+: error: .*unknown field 'gte', did you mean 'get'\? \[http-rule\]$/,
  ],
  [
    'a number for a path',
    rpc('option (google.api.http) = { get: 7 };'),
    /test\.proto:6:\d+: error: .*get: expected a string, got 7 \[http-rule\]$/,
  ],
];
for (const [fact, text, says] of wrong) {
  test(`${fact} is named with its place`, async (t) => {
    const { diagnostics } = schemaOf(text);
    t.regex(diagnostics.map(formatDiagnostic)[0] ?? 'nothing', says);
  });
}

test("options that are none of ours are nobody's problem", async (t) => {
  const { diagnostics } = schemaOf(
    rpc(`option deprecated = true; option (google.api.method_signature) = "a"; option (google.api.routing) = {};
      option (google.api.method_visibility).restriction = "x"; option (google.longrunning.operation_info) = {};
      option (acme.policy) = { mode: 1 }; option (policy) = 1; option (http) = 2; option (.google.api.http) = { get: "/a" };`),
  );
  t.deepEqual(diagnostics, []);
});

test('misspelt options of files, messages and fields are not accepted either', async (t) => {
  const { diagnostics } = schemaOf(`syntax = "proto3";
package a.v1;
option java_package = "x"; option (google.api.resource_definition) = { type: "a" }; option (policy) = 1;
option (grpc.gateway.protoc_gen_openapiv2.options.openapiv2_swagger) = {}; option features.field_presence = IMPLICIT;
message M {
  option (google.api.resource) = { type: "a" }; option (google.api.message_visibility).restriction = "x";
  option (buf.validate.message).disabled = true; option (acme.v1.policy) = {}; option (aggregate) = 1;
  string a = 1 [json_name = "x", deprecated = true, (google.api.field_behavior) = REQUIRED, (.google.api.field_behavior) = OPTIONAL];
  string b = 2 [(google.api.field_info).format = UUID4, (google.api.resource_reference).type = "x", (gogoproto.customname) = "x"];
  string c = 3 [(google.api.field_visibility).restriction = "x", (validate.rules).string.min_len = 1, (acme.field_behaviour) = 1];
  string d = 4 [(google.api.field_policy) = {}, (google.cloud.field_behavior_x) = 1, (field_behavior) = 1, (http) = 1];
}
`);
  t.deepEqual(diagnostics, []);
});

test('two spellings of one option are one rule, each value at its place', async (t) => {
  const { registry } = schemaOf(
    rpc('option (.google.api.http).get = "/v1/{a}"; option (google.api.http).response_body = "a";'),
  );
  const [method] = methodsOf(registry);
  t.like(method?.httpRule, { kind: 'GET', path: '/v1/{a}', responseBody: 'a' });
  t.is(method?.httpRule?.positions.path.line, 6);
  t.is(method?.httpRule?.positions.path.column, 59);
});

test('one file reached over two roots is one file; two files of one name are an error', async (t) => {
  const outer = await protoFolder(t, { 'in/x.proto': 'syntax = "proto3";\npackage x;\nmessage M {}\n' });
  const nested = loadSchema({ protos: [outer, join(outer, 'in')], imports: [], descriptorSets: [] });
  t.deepEqual(nested.diagnostics, []);
  t.truthy(nested.registry.message('x.M'));
  const other = await protoFolder(t, { 'in/x.proto': 'syntax = "proto3";\npackage y;\nmessage N {}\n' });
  const { diagnostics } = loadSchema({ protos: [outer, other], imports: [], descriptorSets: [] });
  t.regex(
    formatDiagnostic(diagnostics[0]!),
    /in\/x\.proto: error: .*expected the same file in all inputs.* \[duplicate-file\]$/,
  );
});

test('two files that declare one name are an error that names both', async (t) => {
  const { diagnostics } = schemaOf({
    'a.proto': 'syntax = "proto3";\nmessage M {}\n',
    'b.proto': 'syntax = "proto3";\n\nmessage M {}\n',
  });
  t.regex(
    diagnostics.map(formatDiagnostic).join(),
    /b\.proto:3:1: error: M: expected a name that is declared once, but .*a\.proto:2:1 declares it too \[duplicate-name\]/,
  );
});

test('a service, a message and an enum of one name are reported too, a file of two import names is not', async (t) => {
  const folder = await protoFolder(t, {
    'a.proto': 'syntax = "proto3";\nmessage M {}\nservice S {}\n',
    'b.proto': 'syntax = "proto3";\nenum M { ZERO = 0; }\nservice S {}\n',
    'c.proto': 'syntax = "proto3";\nservice M {}\n',
    'in/d.proto': 'syntax = "proto3";\nmessage D {}\nenum E { NONE = 0; }\nservice T {}\n',
  });
  const { diagnostics } = loadSchema({ protos: [folder, join(folder, 'in')], imports: [], descriptorSets: [] });
  t.deepEqual(
    diagnostics.map((one) => formatDiagnostic(one).replaceAll(`${folder}/`, '')),
    [
      'b.proto:2:1: error: M: expected a name that is declared once, but a.proto:2:1 declares it too [duplicate-name]',
      'b.proto:3:1: error: S: expected a name that is declared once, but a.proto:3:1 declares it too [duplicate-name]',
      'c.proto:2:1: error: M: expected a name that is declared once, but a.proto:2:1 declares it too [duplicate-name]',
    ],
  );
});

test('hidden folders and loops of links are not followed', async (t) => {
  const folder = await protoFolder(t, { 'a.proto': 'syntax = "proto3";\nmessage A {}\n', '.git/b.proto': 'nonsense' });
  await symlink(folder, join(folder, 'loop'));
  const { registry, diagnostics } = loadSchema({ protos: [folder], imports: [], descriptorSets: [] });
  t.deepEqual(diagnostics, []);
  t.truthy(registry.message('A'));
});

test('the contents of messages and enums do not shift the places of a service behind them', async (t) => {
  const folder = await protoFolder(t, {
    'a.proto': `syntax = "proto2";
message A { /* } */ message In { optional string s = 1 [default = "}{;"]; } // {
  oneof one { string message = 2; } optional group Rpc = 3 { optional int32 service = 1; }
  extensions 100 to 200; reserved "service";
}
enum E { option allow_alias = true; message = 0 [deprecated = true]; rpc = 0; }
extend A { optional group Ext = 100 { optional int32 x = 1; } }
service S { rpc Do(A) returns (A); }
`,
  });
  const { registry, diagnostics } = loadSchema({ protos: [folder], imports: [], descriptorSets: [] });
  t.deepEqual(diagnostics, []);
  t.like(registry.method('S/Do')?.position, { line: 8, column: 13 });
  t.like(registry.method('S/Do')?.service.position, { line: 8, column: 1 });
  t.like(registry.message('A.In')?.position, { line: 2, column: 21 });
});

test('each of many bindings has its own place', async (t) => {
  const rule = (i: number) => `      additional_bindings { post: "/v1/${i}"\n body: "*" }`;
  const { registry, diagnostics } = schemaOf(`syntax = "proto3";
import "google/api/annotations.proto";
message M { string body = 1; }
service S {
  rpc Do(M) returns (M) {
    option (google.api.http) = {
      get: "/v1/a"
${Array.from({ length: 100 }, (_, i) => rule(i)).join('\n')}
    };
  }
}
`);
  t.deepEqual(diagnostics, []);
  const bindings = registry.method('S/Do')?.httpRule?.additionalBindings ?? [];
  t.is(bindings.length, 100);
  for (const [i, { positions }] of bindings.entries()) {
    t.like(positions, { path: { line: 8 + 2 * i, column: 36 }, body: { line: 9 + 2 * i, column: 9 } });
  }
});

function methodsOf(registry: Registry) {
  return registry.services.flatMap(({ methods }) => methods.filter(({ routing }) => routing === 'routed'));
}
