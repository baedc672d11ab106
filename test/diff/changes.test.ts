/** `diff` judges changes of protos as docs/diff.md says. */
import test from 'ava';
import { sideOf } from '../../src/cli/diff-side.js';
import { parseConfig } from '../../src/config/parse.js';
import { CHANGES } from '../../src/diff/changes.js';
import { diff } from '../../src/diff/diff.js';
import type { Finding } from '../../src/diff/finding.js';
import type { Side } from '../../src/diff/side.js';
import { plan } from '../../src/gateway/plan.js';
import { schemaOf } from '../support/schema.js';
import { BASE, CASES, changed } from './cases.js';

async function sideFrom(proto: string): Promise<Side> {
  const { config } = parseConfig({ version: 1 });
  return sideOf(await plan(config!, { schema: schemaOf(proto) }), undefined);
}

const base = sideFrom(BASE);

function shown({ severity, change, subject }: Finding): string {
  return `${severity} ${change} ${subject}`;
}

for (const one of CASES) {
  test(`${one.fact}: ${one.finds.length === 0 ? 'nothing breaks' : one.finds.map(([severity, change]) => `${severity} ${change}`)}`, async (t) => {
    const after = await sideFrom(changed(one));
    const found = diff(await base, after);
    const unsafe = found.filter(({ severity }) => severity !== 'safe');
    t.deepEqual(unsafe.map(shown).sort(), one.finds.map((parts) => parts.join(' ')).sort(), JSON.stringify(found));
    for (const { change, severity, routes } of found) {
      t.true((CHANGES[change].severities as readonly string[]).includes(severity), `${change} ${severity}`);
      t.true(routes.count > 0);
    }
  });
}

test('a version against itself has no finding', async (t) => {
  t.deepEqual(diff(await base, await sideFrom(BASE)), []);
});

test('a route with a literal takes a path from one that begins with a wildcard', async (t) => {
  const proto = (more: string) => `syntax = "proto3"; package a.v1; import "google/api/annotations.proto";
message Q { string id = 1; } message R {}
service S { rpc List(Q) returns (R) { option (google.api.http) = { get: "/v1/{id}/list" }; } ${more} }`;
  const more = 'rpc Get(Q) returns (R) { option (google.api.http) = { get: "/v1/items/{id}" }; }';
  const [found] = diff(await sideFrom(proto('')), await sideFrom(proto(more)));
  t.is(
    found?.text,
    'GET /v1/items/{id}: the route of a.v1.S/Get answers some requests that another route answered; such as /v1/items/list',
  );
  t.deepEqual(found?.routes.examples, ['GET /v1/{id}/list']);
});

test('a route is narrower if another rpc answers some of its paths', async (t) => {
  const proto = (get: string, more: string) => `syntax = "proto3"; package a.v1; import "google/api/annotations.proto";
message Q { string id = 1; } message R {}
service S { rpc Get(Q) returns (R) { option (google.api.http) = { get: "${get}" }; } ${more} }`;
  const more = `rpc Rest(Q) returns (R) { option (google.api.http) = {
    get: "/v1/{id=*/**}" additional_bindings { get: "/v1" } }; }`;
  const found = diff(await sideFrom(proto('/v1/{id=**}', '')), await sideFrom(proto('/v1/{id=*}', more)));
  t.true(found.map(shown).includes('breaking route-narrowed GET /v1/{id=**}'), found.map(shown).join('\n'));
});

test('a second name of an enum value that goes is missed in requests, and not in answers', async (t) => {
  const proto = (values: string) => `syntax = "proto3"; package a.v1; import "google/api/annotations.proto";
message Q { E e = 1; } message R { F f = 1; }
enum E { option allow_alias = true; A = 0; B = 1; ${values} } enum F { option allow_alias = true; C = 0; D = 1; ${values.replace('X', 'Y')} }
service S { rpc Get(Q) returns (R) { option (google.api.http) = { get: "/v1/e" }; } }`;
  const found = diff(await sideFrom(proto('X = 1;')), await sideFrom(proto('')));
  t.deepEqual(found.map(shown), ['breaking enum-value-renamed a.v1.E.X']);
});

test('a field that is REQUIRED now is risky in an update and breaking in a request that creates', async (t) => {
  const proto = (behavior: string, rpcs: string) => `syntax = "proto3"; package a.v1;
import "google/api/annotations.proto"; import "google/api/field_behavior.proto";
message Q { I i = 1; } message I { string id = 1; J j = 2; } message J { string x = 1 ${behavior}; }
service S { ${rpcs} }`;
  const update = 'rpc Update(Q) returns (Q) { option (google.api.http) = { patch: "/v1/i/{i.id}" body: "i" }; }';
  const create = 'rpc Create(Q) returns (Q) { option (google.api.http) = { post: "/v1/i" body: "i" }; }';
  const required = '[(google.api.field_behavior) = REQUIRED]';
  for (const [rpcs, severity] of [
    [update, 'risky'],
    [create, 'breaking'],
    [`${update} ${create}`, 'breaking'],
  ] as const) {
    const found = diff(await sideFrom(proto('', rpcs)), await sideFrom(proto(required, rpcs)));
    t.deepEqual(found.map(shown), [`${severity} field-required a.v1.J.x`]);
  }
});
