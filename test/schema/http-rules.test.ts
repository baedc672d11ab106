/** Service configs, which are files with rules beside the protos. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { parseConfig } from '../../src/config/parse.js';
import { type Plan, plan } from '../../src/gateway/plan.js';
import { createGateway, GatewayError } from '../../src/index.js';
import { routeRows } from '../../src/report/route-map.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { protoFolder, sendTo, startGateway, type Teardown } from '../support/gateway.js';
import { protogate, serving } from '../support/run.js';
import { startUpstream } from '../support/upstream.js';

const SHOP = `package shop.v1; import "google/api/annotations.proto"; message M { string id = 1; M inner = 2; }
  service Orders {
    rpc Get(M) returns (M) { option (google.api.http) = { get: "/old/{id}" additional_bindings { get: "/older/{id}" } }; }
    rpc Make(M) returns (M);
    rpc Bad(M) returns (M) { option (google.api.http) = { gte: "/bad" }; }
  }`;
const RULES = `type: google.api.Service
config_version: 3
name: shop.example.com
http:
  rules:
    - selector: shop.v1.Orders.Get
      get: "/v1/orders/{id}"
      additional_bindings:
        - post: /v1/orders:get
          body: "*"
    - { selector: shop.v1.Orders.Make, post: /v1/orders, body: inner, responseBody: inner }
    - selector: shop.v1.Orders.Bad
      custom: { kind: HEAD, path: /v1/bad }
`;

async function planWith(
  t: Teardown,
  protos: string | Readonly<Record<string, string>>,
  rules: Readonly<Record<string, string>>,
  exclude: string[] = [],
): Promise<Plan> {
  const folder = await protoFolder(t, protos);
  const other = await protoFolder(t, {});
  for (const [name, text] of Object.entries(rules)) {
    await mkdir(dirname(join(other, name)), { recursive: true });
    await writeFile(join(other, name), text);
  }
  const httpRules = Object.keys(rules).map((name) => join(other, name));
  const { config } = parseConfig({ version: 1, schema: { protos: [folder], httpRules, exclude } });
  return plan(config!);
}

const lines = ({ diagnostics }: Plan) =>
  diagnostics
    .filter(({ rule }) => rule !== 'no-auth')
    .map((one) => formatDiagnostic(one).replace(/\/\S*\/(?=\w+\.yaml)/g, ''));
const routes = ({ routes }: Plan) =>
  routeRows(routes).map(({ method, path, rpc }) => `${method} ${path} ${rpc.replace(/^.*\//, '')}`);

test('a rule replaces the annotation and what is wrong with it, and routes an rpc that has none', async (t) => {
  const found = await planWith(t, SHOP, { 'api.yaml': RULES });
  t.deepEqual(lines(found), []);
  t.deepEqual(routes(found), [
    'GET /v1/orders/{id} Get',
    'POST /v1/orders:get Get',
    'POST /v1/orders Make',
    'HEAD /v1/bad Bad',
  ]);
  const [, , make] = routeRows(found.routes);
  t.like(make, { body: 'inner', responseBody: 'inner' });
});

test('the source of a route is the import path of its proto, or the service config that has its rule', async (t) => {
  const { folder, set } = await bothFormsOf(t, { 'shop/v1/a.proto': SHOP.replace('gte', 'get') });
  const api = join(await protoFolder(t, {}), 'api.yaml');
  await writeFile(api, 'http: { rules: [{ selector: shop.v1.Orders.Make,\n post: /v1/orders }] }');
  const rows = async (schema: object) =>
    routeRows((await plan(parseConfig({ version: 1, schema }).config!)).routes).map(({ rpc, source }) => [
      rpc.replace(/^.*\//, ''),
      source,
    ]);
  const source = { file: 'shop/v1/a.proto', line: 4 };
  const bad = ['Bad', { ...source, line: 6 }];
  const make = ['Make', { file: api, line: 2 }];
  t.deepEqual(await rows({ protos: [folder], httpRules: [api] }), [['Get', source], ['Get', source], make, bad]);
  t.deepEqual(await rows({ descriptorSets: [set] }), [['Get', source], ['Get', source], bad]);
  const { stdout } = await protogate(['routes', '--format', 'json', '--protos', folder]);
  t.like(JSON.parse(stdout)[0], { source });
});

test('requests reach the routes of the rules, and not the annotations that these replace', async (t) => {
  const folder = await protoFolder(t, { 'p/a.proto': SHOP, 'api.yaml': '' });
  await writeFile(join(folder, 'api.yaml'), RULES);
  const schema = { protos: [join(folder, 'p')], httpRules: [join(folder, 'api.yaml')] };
  const { send, upstream } = await startGateway(t, SHOP.replace('gte', 'get'), {}, { schema });
  t.is((await send('POST', '/v1/orders:get', { body: { id: '7' } })).status, 200);
  t.deepEqual(upstream.last().request, { id: '7' });
  t.is((await send('GET', '/v1/orders/8')).status, 200);
  t.is((await send('GET', '/old/8')).status, 404);
  t.is((await send('GET', '/older/8')).status, 404);
});

test('the last rule of an rpc wins, in a file and over files; the others are named', async (t) => {
  const rule = (path: string) => `  - selector: shop.v1.Orders.Make\n    get: ${path}\n`;
  const found = await planWith(t, SHOP.replace('gte', 'get'), {
    'a.yaml': `http:\n  rules:\n${rule('/a')}${rule('/b')}`,
    'b.yaml': `http:\n  rules:\n${rule('/c')}`,
  });
  t.true(routes(found).includes('GET /c Make'));
  t.is(routes(found).filter((one) => one.endsWith(' Make')).length, 1);
  t.regex(
    lines(found).join('\n'),
    /^a\.yaml:3:15: warning: shop\.v1\.Orders\.Make: expected one rule for this rpc, but the rule at a\.yaml:5:15 replaces it \[http-rules\]\na\.yaml:5:15: warning: .* b\.yaml:3:15 .*$/,
  );
});

test('a rule routes an rpc of a file that is only imported, and no other rpc of it', async (t) => {
  const found = await planWith(
    t,
    'package a; import "google/longrunning/operations.proto"; message A { google.longrunning.Operation o = 1; }',
    {
      'api.yaml': `http: { rules: [{ selector: google.longrunning.Operations.GetOperation, get: "/v1/{name=operations/**}" }] }`,
    },
  );
  t.deepEqual(lines(found), []);
  t.deepEqual(routes(found), ['GET /v1/{name=operations/**} GetOperation']);
});

test('a rule of an rpc that is excluded routes nothing, and nothing of it is reported', async (t) => {
  const bad = RULES.replace('/v1/orders/{id}', '/v1/{nope').replace('custom: {', 'custum: {');
  const found = await planWith(t, SHOP, { 'api.yaml': bad }, ['shop.v1.Orders.Get', 'shop.v1.Orders.Bad']);
  t.deepEqual([lines(found), routes(found)], [[], ['POST /v1/orders Make']]);
});

const wrong: readonly (readonly [fact: string, yaml: string, ...says: string[]])[] = [
  [
    'a template, to the column, in every style of YAML',
    `http:
  rules:
    - selector: shop.v1.Orders.Make
      get: "/v1/{nope}"
      additional_bindings:
        - get: '/v2/{nope}'
        - put: /v3/{nope}
        - post: >-
            /v4/{nope}`,
    "api.yaml:4:18: error: path variable {nope}: expected a field of shop.v1.M, got 'nope' [path-variable]",
    "api.yaml:6:22: error: path variable {nope}: expected a field of shop.v1.M, got 'nope' [path-variable]",
    "api.yaml:7:21: error: path variable {nope}: expected a field of shop.v1.M, got 'nope' [path-variable]",
    "api.yaml:8: error: path variable {nope}: expected a field of shop.v1.M, got 'nope' [path-variable]",
  ],
  [
    'fields and patterns of a rule',
    `http: { rules: [{ selector: shop.v1.Orders.Make, gte: /a, get: /b, post: 7 }] }`,
    'api.yaml:1:74: error: http-rule: post: expected a string, got 7 [http-rule]',
    'api.yaml:1:17: error: http-rule: expected one pattern, got GET and POST [http-rule]',
    "api.yaml:1:55: error: http-rule: unknown field 'gte', did you mean 'get'? [http-rule]",
  ],
  [
    'a selector that is none, or is missing',
    `http:\n  rules:\n  - selector: "*"\n    get: /a\n  - get: /b\n  - selector: { a: 1 }`,
    "api.yaml:3:16: error: selector: expected an rpc (pkg.Service.Method), got '*' [http-rules]",
    'api.yaml:5:5: error: selector: expected an rpc (pkg.Service.Method), got none [http-rules]',
    'api.yaml:6:15: error: selector: expected an rpc (pkg.Service.Method), got a mapping [http-rules]',
  ],
  [
    'a slip in the rpc of a service that is there',
    `http: { rules: [{ selector: shop.v1.Orders.Mke, get: /a }] }`,
    "api.yaml:1:29: error: selector: expected an rpc, got 'shop.v1.Orders.Mke', did you mean 'shop.v1.Orders.Make'? [http-rules]",
  ],
  [
    'rules of services that are not there, once a service, as a warning',
    `http:\n  rules:\n  - { selector: google.cloud.location.Locations.GetLocation, get: /a }\n  - { selector: google.cloud.location.Locations.ListLocations, get: /b }\n  - { selector: shop.v1.Order.Get, get: /c }`,
    "api.yaml:3:17: warning: selector: no loaded file declares the service 'google.cloud.location.Locations', so its rules are not served [http-rules]",
    "api.yaml:5:17: warning: selector: no loaded file declares the service 'shop.v1.Order', so its rules are not served, did you mean 'shop.v1.Orders'? [http-rules]",
  ],
  [
    'other blocks, by their names',
    `type: google.api.Service\nname: a\nauthentication:\n  rules: [{ selector: "*" }]\nhttp: { rules: [] }\nbackend: {}\nquota: { limits: [[1]] }`,
    'api.yaml:3:1: warning: authentication, backend, quota: ignored, because only the http block is read; use auth, policies and upstreams of the config instead [http-rules]',
  ],
  [
    'decoding that is not done',
    'http: { rules: [], fullyDecodeReservedExpansion: false }',
    'api.yaml:1:50: warning: fully_decode_reserved_expansion: expected true, got false, which is ignored: everything except %2F is decoded [http-rules]',
  ],
  [
    'a slip in the http block',
    'http: { ruls: [] }',
    "api.yaml:1:7: error: http-rules: unknown field 'ruls', did you mean 'rules'? [http-rules]",
  ],
  [
    'a rule that is no mapping',
    'http: { rules: [get] }',
    'api.yaml:1:17: error: http-rules: rules: expected a message, got "get" [http-rules]',
  ],
  [
    'a file without rules',
    'type: google.api.Service',
    'api.yaml: error: expected google.api.Service with an http block, got none [http-rules]',
  ],
  [
    'another type',
    'type: google.api.Servce\nhttp: {}',
    "api.yaml:1:7: error: type: expected google.api.Service, got 'google.api.Servce' [http-rules]",
  ],
  ['a list', '- http', 'api.yaml: error: expected google.api.Service with an http block, got none [http-rules]'],
  [
    'an alias',
    'http:\n  rules:\n  - &a { selector: shop.v1.Orders.Make, get: /a }\n  - *a',
    'api.yaml:4:5: error: expected a value or a mapping, got an alias or a list [http-rules]',
  ],
];
for (const [fact, yaml, ...says] of wrong) {
  test(`a problem of a service config is reported at its place: ${fact}`, async (t) => {
    t.deepEqual(lines(await planWith(t, SHOP.replace('gte', 'get'), { 'api.yaml': yaml })), says);
  });
}

test('a service config that is no YAML or not there is an error', async (t) => {
  const found = await planWith(t, SHOP.replace('gte', 'get'), { 'a.yaml': 'http: {', 'b.yaml': RULES });
  t.regex(lines(found)[0] ?? '', /^a\.yaml:1:7: error: expected } for this {, got none \[yaml\]$/);
  t.is(lines(found).length, 1);
  const { config } = parseConfig({ version: 1, schema: { protos: [], httpRules: ['/nowhere.yaml', '/'] } });
  t.deepEqual((await plan(config!)).diagnostics.filter(({ rule }) => rule === 'http-rules').map(formatDiagnostic), [
    '/nowhere.yaml: error: expected a file, found none [http-rules]',
    '/: error: expected a file of at most 16777216 bytes, got no regular file [http-rules]',
  ]);
});

for (const [fact, yaml] of [
  ['brackets', `http: ${'['.repeat(100_000)}`],
  ['braces', '{'.repeat(100_000)],
  ['dashes', '- '.repeat(100_000)],
  ['levels', Array.from({ length: 1300 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
] as const) {
  test(`a service config that is too deep is one error at its place, and ends no process: ${fact}`, async (t) => {
    const found = await planWith(t, SHOP.replace('gte', 'get'), { 'api.yaml': yaml });
    t.is(lines(found).length, 1);
    t.regex(lines(found)[0] ?? '', /^api\.yaml:\d+(:\d+)?: error: expected at most 100 levels, got more \[yaml\]$/);
  });
}

test('workers serve by the rules; reload reads them again', async (t) => {
  const folder = await protoFolder(t, { 'p/a.proto': SHOP });
  const upstream = await startUpstream(SHOP.replace('gte', 'get'), { Get: { message: { id: 'x' } } });
  t.teardown(upstream.close);
  await writeFile(join(folder, 'api.yaml'), RULES);
  await writeFile(join(folder, 'c.yaml'), 'version: 1\nschema: { protos: [p], httpRules: [api.yaml] }\n');
  const flags = ['--upstream', upstream.target, '--port', '0', '--admin-port', '0', '--workers', '2'];
  const { url, line, stop } = await serving(['serve', '-c', join(folder, 'c.yaml'), ...flags]);
  t.teardown(() => void stop());
  t.regex(line, /: 4 routes of 1 service$/);
  t.deepEqual((await sendTo(url, 'GET', '/v1/orders/7')).json, { id: 'x' });
  t.is(await stop(), 0);
});

test('a hint about exclude and httpRules is printed once, after all errors', async (t) => {
  const folder = await protoFolder(t, SHOP.replace('/old/{id}', '/old/{no}'));
  const hint = /^hint: .*schema\.exclude .*schema\.httpRules .*$/gm;
  const checked = await protogate(['check', '--protos', folder]);
  t.is(checked.stdout.match(/: error: /g)?.length, 3);
  t.is(checked.stderr.match(hint)?.length, 1);
  const serve = await protogate(['serve', '--protos', folder, '--upstream', '127.0.0.1:1']);
  t.is(serve.stderr.match(hint)?.length, 1);
  const error = await t.throwsAsync(createGateway({ version: 1, schema: { protos: [folder] } }), {
    instanceOf: GatewayError,
  });
  t.is(error.message.match(hint)?.length, 1);
  const fine = await protogate(['check', '--protos', await protoFolder(t, SHOP.replace('gte', 'get'))]);
  t.notRegex(fine.stderr, /hint:/);
});
