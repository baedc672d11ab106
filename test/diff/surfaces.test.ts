/** `diff` compares surface by surface: the way in, methods, fields and settings of each. */
import test from 'ava';
import { sideOf } from '../../src/cli/diff-side.js';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import { diff } from '../../src/diff/diff.js';
import { plan } from '../../src/gateway/plan.js';
import { schemaOf } from '../support/schema.js';

const SCHEMA = schemaOf(`syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
service Shop {
  rpc GetItem(GetItemRequest) returns (Item) { option (google.api.http) = { get: "/v1/{name=items/*}" }; }
  rpc Pack(Item) returns (Item) { option (google.api.http) = { post: "/v1/items:pack" body: "*" }; }
}
message GetItemRequest { string name = 1; }
message Item { string name = 1; string note = 2; }`);

type Surfaces = NonNullable<ConfigInput['surfaces']>;
type Surface = Surfaces[number];

async function changesOf(old: Surfaces, now: Surfaces): Promise<readonly string[]> {
  const [before, after] = await Promise.all(
    [old, now].map(async (surfaces) => {
      const { config, diagnostics } = parseConfig({ version: 1, surfaces });
      if (config === undefined) throw new Error(JSON.stringify(diagnostics));
      return sideOf(await plan(config, { schema: SCHEMA }), (path) => ({ file: path.join('.') }));
    }),
  );
  return diff(before!, after!).map(({ severity, change, subject, routes }) => {
    const used = routes.count === 0 ? '' : ` (${routes.examples.join(', ')})`;
    return `${severity} ${change} ${subject}${used}`;
  });
}

const WEB: Surface = { name: 'web', hosts: ['www.example.com', 'example.com'] };
const MOBILE: Surface = { name: 'mobile', hosts: ['m.example.com'] };

const GET = 'GET /v1/{name=items/*}';
const PACK = 'POST /v1/items:pack';

const cases: readonly (readonly [fact: string, old: Surfaces, now: Surfaces, changes: readonly string[]])[] = [
  ['the order of surfaces does not matter', [WEB, MOBILE], [MOBILE, WEB], []],
  [
    'an omitted field is gone for the clients of its surface',
    [WEB, MOBILE],
    [WEB, { ...MOBILE, omitFields: ['shop.v1.Item.note'] }],
    [`breaking field-gone shop.v1.Item.note (mobile: ${GET}, mobile: ${PACK})`],
  ],
  [
    'an excluded method is gone for the clients of its surface',
    [WEB, MOBILE],
    [WEB, { ...MOBILE, exclude: ['shop.v1.Shop.Pack'] }],
    [`breaking route-gone mobile: ${PACK} (mobile: ${PACK})`],
  ],
  ['a surface is gone', [WEB, MOBILE], [WEB], ['breaking surface-gone surfaces.mobile']],
  ['a surface with the same way in has another name', [WEB, MOBILE], [WEB, { ...MOBILE, name: 'app' }], []],
  ['surfaces for all requests take the place of none', [], [{ name: 'all' }], []],
  ['no surface takes requests that were taken', [], [WEB], ['breaking surface-gone surfaces.default']],
  ['a host is gone', [WEB], [{ ...WEB, hosts: ['www.example.com'] }], ['breaking surface-entrance surfaces.web']],
  ['a pattern takes the hosts', [WEB], [{ ...WEB, hosts: ['*.example.com', 'example.com'] }], []],
  ['a base path is new', [WEB], [{ ...WEB, basePath: '/api' }], ['breaking surface-entrance surfaces.web']],
  [
    'a header is demanded',
    [WEB],
    [{ ...WEB, headers: { 'x-client': 'a' } }],
    ['breaking surface-entrance surfaces.web'],
  ],
  ['a header is no longer demanded', [{ ...WEB, headers: { 'x-client': 'a' } }], [WEB], []],
  [
    'a new surface takes requests of another one',
    [{ name: 'all' }],
    [{ name: 'all' }, MOBILE],
    ['risky surface-added surfaces.mobile'],
  ],
  ['a new surface takes requests of none', [WEB], [WEB, MOBILE], []],
  [
    'a setting of one surface',
    [WEB, MOBILE],
    [WEB, { ...MOBILE, json: { protoNames: true } }],
    ['breaking json-form surfaces.mobile.json.protoNames'],
  ],
  [
    'a policy of one surface',
    [WEB, MOBILE],
    [WEB, { ...MOBILE, policies: [{ selector: 'shop.v1.Shop.Pack', successStatus: 201 }] }],
    [`risky success-status surface mobile policy shop.v1.Shop.Pack (mobile: ${PACK})`],
  ],
];

for (const [fact, old, now, changes] of cases) {
  test(`surfaces: ${fact}`, async (t) => {
    t.deepEqual(await changesOf(old, now), changes);
  });
}
