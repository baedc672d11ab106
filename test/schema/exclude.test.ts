/** The methods that `schema.exclude` leaves out, and those that stay. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { parseConfig } from '../../src/config/parse.js';
import { type Plan, plan } from '../../src/gateway/plan.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { planOf, protoFolder, sendTo, startGateway, type Teardown } from '../support/gateway.js';
import { protogate, serving } from '../support/run.js';
import { startUpstream } from '../support/upstream.js';

const HEAD =
  'import "google/api/annotations.proto"; import "protogate/v1/annotations.proto"; message M { string id = 1; }';
const get = (name: string, path: string, more = '') =>
  `rpc ${name}(M) returns (M) { option (google.api.http) = { get: "${path}" }; ${more} }`;
const SHOP = `package shop.v1; ${HEAD}
  service Orders { ${get('Get', '/v1/orders/{id}')} ${get('Dump', '/v1/dump/{nope}')} }
  service Admin { ${get('Wipe', '/v1/wipe', 'option (protogate.v1.polcy) = {};')} }`;

function errors({ diagnostics }: Plan): readonly string[] {
  return diagnostics.filter(({ severity }) => severity === 'error').map(({ rule, text }) => `${rule}: ${text}`);
}

function routed({ routes }: Plan): readonly string[] {
  return routes.map(({ binding }) => binding.method.fullName);
}

async function planWith(t: Teardown, protos: string | Readonly<Record<string, string>>, ...exclude: string[]) {
  const folder = await protoFolder(t, protos);
  const { config, diagnostics } = parseConfig({ version: 1, schema: { protos: [folder], exclude, autoRoutes: ['*'] } });
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  return plan(config);
}

test('an excluded rpc, service or package has no route and no auto route, and its rules stop nothing', async (t) => {
  const both = await planWith(t, SHOP, 'shop.v1.Orders/Dump', 'shop.v1.Admin.*');
  t.deepEqual([errors(both), routed(both)], [[], ['shop.v1.Orders/Get']]);
  t.is((await planWith(t, SHOP, 'shop.*')).routes.length, 0);
  const none = await planWith(t, SHOP);
  t.deepEqual(
    errors(none).map((text) => text.split(':', 1)[0]),
    ['unknown-option', 'path-variable'],
  );
});

test('an excluded rpc causes no error for a missing type; it can be excluded by label too', async (t) => {
  const found = await planWith(
    t,
    `package a.v1; ${HEAD} service S { rpc Lost(Nowhere) returns (M) { option (google.api.http) = { get: "/l" }; }
     ${get('Old', '/old/{nope}', 'option (protogate.v1.policy) = { labels: "internal" };')} ${get('New', '/new')} }`,
    'a.v1.S.Lost',
    'label:internal',
  );
  t.deepEqual([errors(found), routed(found)], [[], ['a.v1.S/New']]);
});

test('an excluded file has no routes; its types stay, for those who import it and for an Any', async (t) => {
  const found = await planWith(
    t,
    {
      'vendor/types.proto': `package vendor; import "google/api/annotations.proto"; message T { string id = 1; }
        service V { rpc Get(T) returns (T) { option (google.api.http) = { get: "/v/{nope}" }; } }`,
      'vendor/alone.proto': 'package vendor; message Alone { string id = 1; }',
      'a.proto': `package a.v1; import "google/api/annotations.proto"; import "vendor/types.proto";
        service A { rpc Get(vendor.T) returns (vendor.T) { option (google.api.http) = { get: "/a/{id}" }; } }`,
    },
    'vendor/**',
  );
  t.deepEqual([errors(found), routed(found)], [[], ['a.v1.A/Get']]);
  t.truthy(found.registry.message('vendor.Alone'));
});

test('errors in an excluded file that nothing imports are not reported', async (t) => {
  const wrong = {
    'ok.proto': `package ok; ${HEAD} service S { ${get('Get', '/ok')} }`,
    'no/syntax.proto': 'messsage M {}',
    'no/import.proto': 'package no; import "nowhere.proto"; message L { Lost lost = 1; }',
    'no/twice.proto': 'package ok; message M { int32 other = 1; } service S { rpc Get(M) returns (M); }',
    'no/option.proto': 'package no; option (protogate.v1.polcy) = {};',
  };
  const found = await planWith(t, wrong, 'no/*.proto');
  t.deepEqual([errors(found), routed(found)], [[], ['ok.S/Get']]);
  t.is(found.registry.message('ok.M')?.field(1)?.name, 'id');
  t.true(errors(await planWith(t, wrong)).length >= 4);
});

test('an excluded file that another one imports is read, and has to be right', async (t) => {
  const found = await planWith(
    t,
    { 'no/b.proto': 'message {', 'a.proto': 'import "no/b.proto"; message A { B b = 1; }' },
    'no/**',
  );
  t.deepEqual(errors(found), ["proto-syntax: expected a name, got '{'"]);
});

test('a file of two names is excluded under both', async (t) => {
  const folder = await protoFolder(t, { 'in/x.proto': `package x; ${HEAD} service S { ${get('Get', '/x')} }` });
  for (const pattern of ['in/x.proto', 'x.proto', '**/x.proto']) {
    const schema = { protos: [folder, join(folder, 'in')], exclude: [pattern] };
    const found = await plan(parseConfig({ version: 1, schema }).config!);
    t.deepEqual([errors(found), routed(found)], [[], []], pattern);
  }
});

test('files of a descriptor set are excluded as those of a folder are', async (t) => {
  const { set } = await bothFormsOf(t, {
    'no/b.proto': 'package no; message B { string id = 1; } service S { rpc Get(B) returns (B); }',
    'a.proto': 'package a; import "no/b.proto"; service S { rpc Get(no.B) returns (no.B); }',
  });
  const schema = { descriptorSets: [set], exclude: ['no/**'], autoRoutes: ['*'] };
  const found = await plan(parseConfig({ version: 1, schema }).config!);
  t.deepEqual([errors(found), routed(found)], [[], ['a.S/Get']]);
});

const unmatched: readonly (readonly [pattern: string, says: string])[] = [
  [
    'shop.v1.Orders/Dmp',
    "expected a selector that matches an rpc, got 'shop.v1.Orders/Dmp', did you mean 'shop.v1.Orders/Dump'?",
  ],
  ['shop.v1.Admn.*', "expected a selector that matches an rpc, got 'shop.v1.Admn.*', did you mean 'shop.v1.Admin.*'?"],
  ['shop.v1.Admin', "expected a selector that matches an rpc, got 'shop.v1.Admin', did you mean 'shop.v1.Admin.*'?"],
  ['label:internal', "expected a selector that matches an rpc, got 'label:internal'"],
  [
    'protos/shop/v1/**',
    "expected a pattern that matches the import name of a file, got 'protos/shop/v1/**', did you mean 'shop/v1/**'?",
  ],
  [
    'shop/v1/a.b.proto',
    "expected a pattern that matches the import name of a file, got 'shop/v1/a.b.proto', did you mean 'shop/v1/axb.proto'?",
  ],
  ['hop/**', "expected a pattern that matches the import name of a file, got 'hop/**'"],
];
for (const [pattern, says] of unmatched) {
  test(`an entry that matches nothing is an error: ${pattern}`, async (t) => {
    const found = await planWith(t, { 'shop/v1/axb.proto': SHOP }, 'shop.v1.Orders/Dump', 'shop.v1.Admin.*', pattern);
    t.deepEqual(errors(found), [`unused-exclude: schema.exclude.2: ${says}`]);
  });
}

test('an entry that matches nothing is reported at its place, and an invalid entry is refused', async (t) => {
  const folder = await protoFolder(t, { 'p/a.proto': SHOP });
  const config = join(folder, 'c.yaml');
  await writeFile(config, 'version: 1\nschema:\n  protos: [p]\n  exclude:\n    - shop.v1.*\n    - shp.v1.*\n');
  const { stdout } = await protogate(['check', '-c', config]);
  t.regex(stdout, /c\.yaml:6:7: error: schema\.exclude\.1: .* \[unused-exclude\]\n/);
  for (const wrong of ['shop', '', 'shop/v1/', 'vendor/*', '*.Admin']) {
    const { diagnostics } = parseConfig({ version: 1, schema: { protos: ['p'], exclude: [wrong] } });
    t.regex(formatDiagnostic(diagnostics[0]!), /schema\.exclude\.0: expected a method .*, or files \(.*, got /, wrong);
  }
});

const PAGE = (policy: string) => `package p.v1; ${HEAD} message Page { M one = 1; }
  service Hidden { rpc Get(M) returns (M) { option (google.api.http) = { get: "/hidden/{nope}" }; HIDDEN } }
  service Pages { rpc GetPage(M) returns (Page) {
    option (google.api.http) = { get: "/page/{id}" };
    option (protogate.v1.aggregate) = { steps: { into: "one" call: "p.v1.Hidden/Get" with: "id = request.id" } };
    ${policy} } }`;
const OPEN = 'option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC } };';

test('a step of an aggregate calls an excluded rpc only if the aggregate declares auth, with an auth block or without', async (t) => {
  const auth = { jwt: [{ issuer: 'i', audiences: ['a'], secret: 's'.repeat(32) }] };
  const refused =
    "aggregate-auth: p.v1.Pages/GetPage: one: p.v1.Hidden/Get is excluded (schema.exclude): expected auth in the aggregate's policy, such as { mode: MODE_REQUIRED }, got none";
  for (const config of [{}, { auth }]) {
    for (const [policy, expected] of [
      ['', [refused]],
      ['option (protogate.v1.policy) = { timeout: { seconds: 1 } };', [refused]],
      [OPEN, []],
    ] as const) {
      const folder = await protoFolder(t, PAGE(policy).replace('HIDDEN', OPEN));
      const found = await planOf(t, '', { schema: { protos: [folder], exclude: ['p.v1.Hidden.*'] }, ...config });
      t.deepEqual(errors(found), expected, policy);
    }
  }
});

test('an rpc of a file that is only imported has no route of its own either, whatever its annotation says', async (t) => {
  const hidden = `package h.v1; ${HEAD} service Hidden { ${get('Get', '/hidden/{id}')} }`;
  const pages = (
    policy: string,
  ) => `package p.v1; import "google/api/annotations.proto"; import "protogate/v1/annotations.proto";
    import "h.proto"; message Page { h.v1.M one = 1; }
    service Pages { rpc GetPage(h.v1.M) returns (Page) {
      option (google.api.http) = { get: "/page/{id}" };
      option (protogate.v1.aggregate) = { steps: { into: "one" call: "h.v1.Hidden/Get" with: "id = request.id" } }; ${policy} } }`;
  const imports = [await protoFolder(t, { 'h.proto': hidden })];
  const auth = { jwt: [{ issuer: 'i', audiences: ['a'], secret: 's'.repeat(32) }] };
  for (const [policy, rules] of [
    ['', ['aggregate-auth']],
    [OPEN, []],
  ] as const) {
    const schema = { protos: [await protoFolder(t, pages(policy))], imports };
    const found = await planOf(t, '', { schema, auth });
    t.deepEqual(
      errors(found).map((text) => text.split(':', 1)[0]),
      rules,
    );
  }
});

test('the policy of an excluded rpc that an aggregate calls has to be right: it holds', async (t) => {
  const found = await planWith(t, PAGE(OPEN).replace('HIDDEN', 'option (protogate.v1.polcy) = {};'), 'p.v1.Hidden.*');
  t.deepEqual(
    errors(found).map((text) => text.split(':', 1)[0]),
    ['unknown-option'],
  );
});

test('an aggregate over an excluded rpc answers, and the rpc itself is not there', async (t) => {
  const text = PAGE(OPEN).replace('HIDDEN', '').replace('{nope}', '{id}');
  const folder = await protoFolder(t, text);
  const schema = { protos: [folder], exclude: ['p.v1.Hidden.*'] };
  const { send } = await startGateway(t, text, { Get: { message: { id: 'x' } } }, { schema });
  t.deepEqual((await send('GET', '/page/7')).json, { one: { id: 'x' } });
  t.is((await send('GET', '/hidden/7')).status, 404);
});

test('workers serve what is not excluded', async (t) => {
  const folder = await protoFolder(t, { 'p/a.proto': SHOP });
  const upstream = await startUpstream(SHOP, { Get: { message: { id: 'x' } } });
  t.teardown(upstream.close);
  const config = join(folder, 'c.yaml');
  await writeFile(config, 'version: 1\nschema: { protos: [p], exclude: [shop.v1.Orders/Dump, shop.v1.Admin.*] }\n');
  const flags = ['--upstream', upstream.target, '--port', '0', '--admin-port', '0', '--workers', '2'];
  const { url, line, stop } = await serving(['serve', '-c', config, ...flags]);
  t.teardown(() => void stop());
  t.regex(line, /: 1 route of 1 service$/);
  t.deepEqual((await sendTo(url, 'GET', '/v1/orders/7')).json, { id: 'x' });
  t.is((await sendTo(url, 'GET', '/v1/dump/7')).status, 404);
  t.is(await stop(), 0);
});
