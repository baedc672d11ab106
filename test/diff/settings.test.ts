/** `diff` sees the settings of a config that clients notice. */
import test from 'ava';
import { sideOf } from '../../src/cli/diff-side.js';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import { diff } from '../../src/diff/diff.js';
import type { Side } from '../../src/diff/side.js';
import { plan } from '../../src/gateway/plan.js';
import { schemaOf } from '../support/schema.js';

const PROTO = `syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
service Shop {
  rpc GetItem(GetItemRequest) returns (Item) { option (google.api.http) = { get: "/v1/{name=items/*}" }; }
  rpc Pack(Item) returns (Item) { option (google.api.http) = { post: "/v1/items:pack" body: "*" }; }
}
message GetItemRequest { string name = 1; string old = 2; }
message Item { string name = 1; Color color = 2; bool sold = 3; }
enum Color { COLOR_UNSPECIFIED = 0; RED = 1; }`;

type Settings = Omit<ConfigInput, 'version'>;

async function sideWith(settings: Settings, proto = PROTO): Promise<Side> {
  const { config, diagnostics } = parseConfig({ version: 1, ...settings });
  if (config === undefined) throw new Error(JSON.stringify(diagnostics));
  return sideOf(await plan(config, { schema: schemaOf(proto) }), (path) => ({ file: `c.yaml:${path.join('.')}` }));
}

async function changesOf(old: Settings, now: Settings, newProto = PROTO): Promise<readonly string[]> {
  const found = diff(await sideWith(old), await sideWith(now, newProto));
  return found.map(({ severity, change, subject }) => `${severity} ${change} ${subject}`);
}

const KEYS = { file: '/dev/null' };
const ISSUER = {
  issuer: 'https://a.example',
  audiences: ['api', 'web'],
  jwksFile: '/dev/null',
  algorithms: ['RS256' as const, 'ES256' as const],
  from: [{ header: 'authorization' }, { cookie: 'session' }],
};
const AUTH = { default: 'public' as const, jwt: [ISSUER], apiKeys: KEYS };

const cases: readonly (readonly [fact: string, old: Settings, now: Settings, changes: readonly string[]])[] = [
  ['json.protoNames', {}, { json: { protoNames: true } }, ['breaking json-form json.protoNames']],
  ['json.enumsAsInts', { json: { enumsAsInts: true } }, {}, ['breaking json-form json.enumsAsInts']],
  ['defaults are no longer written', { json: { emitDefaults: true } }, {}, ['breaking json-form json.emitDefaults']],
  ['defaults are written', {}, { json: { emitDefaults: true } }, ['safe json-form json.emitDefaults']],
  [
    'unknown fields are refused',
    { json: { unknownFields: 'ignore' } },
    {},
    ['breaking unknown-fields json.unknownFields'],
  ],
  ['unknown fields are ignored', {}, { json: { unknownFields: 'ignore' } }, []],
  ['unknown parameters are refused', { query: { unknown: 'ignore' } }, {}, ['breaking unknown-fields query.unknown']],
  [
    'a parameter is no longer ignored',
    { query: { ignore: ['utm_*', 'v'] } },
    { query: { ignore: ['v*'] } },
    ['breaking unknown-fields query.ignore'],
  ],
  ['a pattern covers what was ignored by name', { query: { ignore: ['utm_a'] } }, { query: { ignore: ['utm_*'] } }, []],
  ['errors have another form', {}, { errors: { format: 'problem' } }, ['breaking error-format errors.format']],
  ['texts of a code are hidden', { errors: { expose: ['INTERNAL'] } }, {}, ['risky error-format errors.expose']],
  [
    'smaller bodies',
    {},
    { limits: { bodyBytes: '1MiB', jsonDepth: 10 } },
    ['risky size-limit limits.bodyBytes', 'risky size-limit limits.jsonDepth'],
  ],
  ['larger bodies', {}, { limits: { bodyBytes: '8MiB' } }, []],
  ['less time', {}, { limits: { requestTimeout: '5s' } }, ['risky time-limit limits.requestTimeout']],
  [
    'fewer headers',
    { metadata: { request: ['x-a'], response: ['x-b'] } },
    { metadata: { response: ['x-*'] } },
    ['risky header metadata.request'],
  ],
  ['an origin is gone', { cors: { origins: ['https://a.example'] } }, {}, ['breaking cors cors.origins']],
  ['all origins', { cors: { origins: ['https://a.example'] } }, { cors: { origins: ['*'] } }, []],
  ['an issuer is gone', { auth: AUTH }, { auth: { ...AUTH, jwt: [] } }, ['breaking credential auth.jwt']],
  [
    'an issuer has fewer audiences, algorithms and sources',
    { auth: AUTH },
    {
      auth: {
        ...AUTH,
        jwt: [{ ...ISSUER, audiences: ['api'], algorithms: ['RS256'], from: [{ header: 'authorization' }] }],
      },
    },
    ['breaking credential auth.jwt', 'breaking credential auth.jwt', 'breaking credential auth.jwt'],
  ],
  [
    'API keys in another header',
    { auth: AUTH },
    { auth: { ...AUTH, apiKeys: { ...KEYS, from: [{ header: 'x-k' }] } } },
    ['breaking credential auth.apiKeys'],
  ],
  ['no API keys', { auth: AUTH }, { auth: { ...AUTH, apiKeys: undefined } }, ['breaking credential auth.apiKeys']],
  [
    'all routes demand a caller',
    { auth: AUTH },
    { auth: { ...AUTH, default: 'required' } },
    ['breaking auth-mode auth.default'],
  ],
  [
    'no route demands a caller',
    { auth: { ...AUTH, default: 'required' } },
    { auth: AUTH },
    ['safe auth-mode auth.default'],
  ],
  [
    'wrong credentials are refused',
    { auth: AUTH },
    { auth: { ...AUTH, default: 'optional' } },
    ['risky auth-mode auth.default'],
  ],
  [
    'an operator demands a scope and a condition',
    { auth: AUTH },
    {
      auth: AUTH,
      policies: [
        { selector: 'shop.v1.Shop.GetItem', auth: { scopes: ['read'], require: ['request.name = caller.subject'] } },
      ],
    },
    [
      'breaking auth-mode policy shop.v1.Shop.GetItem',
      'breaking require policy shop.v1.Shop.GetItem',
      'breaking scope policy shop.v1.Shop.GetItem',
    ],
  ],
  [
    'an operator limits rate, size, time and addresses, and changes the status',
    {},
    {
      policies: [
        {
          selector: 'shop.v1.*',
          rateLimits: [{ limit: 5, period: '1s' }],
          maxRequestBytes: '1KiB',
          timeout: '1s',
          addresses: { allow: ['10.0.0.0/8'], deny: [] },
          successStatus: 201,
        },
      ],
    },
    ['addresses', 'rate-limit', 'size-limit', 'success-status', 'time-limit'].map(
      (change) => `risky ${change} policy shop.v1.*`,
    ),
  ],
  [
    'a limit that only counts is none',
    {},
    { policies: [{ selector: 'shop.v1.*', rateLimits: [{ limit: 5, period: '1s', enforce: false }] }] },
    [],
  ],
  [
    'a limit with the same rate and more at once is not lower',
    { policies: [{ selector: 'shop.v1.*', rateLimits: [{ limit: 1, period: '1s' }] }] },
    { policies: [{ selector: 'shop.v1.*', rateLimits: [{ limit: 60, period: '1m' }] }] },
    [],
  ],
  [
    'a plan is lower',
    { plans: { free: { rateLimits: [{ limit: 60, period: '1m' }] } } },
    { plans: { free: { rateLimits: [{ limit: 30, period: '1m' }] } } },
    ['risky rate-limit plans.free'],
  ],
  [
    'no upstream serves the service',
    { upstreams: { shop: { target: 'a:1', services: ['shop.v1.*'] } } },
    { upstreams: { shop: { target: 'a:1', services: ['store.v1.*'] } } },
    ['breaking route-gone GET /v1/{name=items/*}', 'breaking route-gone POST /v1/items:pack'],
  ],
];

for (const [fact, old, now, changes] of cases) {
  test(`settings: ${fact}`, async (t) => {
    t.deepEqual([...(await changesOf(old, now))].sort(), [...changes].sort());
  });
}

test('a finding about a setting has its places in both configs', async (t) => {
  const [found] = diff(await sideWith({}), await sideWith({ json: { protoNames: true } }));
  t.deepEqual([found?.old?.file, found?.new?.file], ['c.yaml:json.protoNames', 'c.yaml:json.protoNames']);
});

const WITHOUT = PROTO.replace(' string old = 2;', '').replace(' RED = 1;', '').replace(' bool sold = 3;', '');

test('a field removed from requests is risky where requests may have unknown fields', async (t) => {
  const strict = await changesOf({}, {}, WITHOUT);
  t.deepEqual(strict, [
    'breaking enum-value-gone shop.v1.Color.RED',
    'breaking field-gone shop.v1.GetItemRequest.old',
    'breaking field-gone shop.v1.Item.sold',
  ]);
  const lenient = { json: { unknownFields: 'ignore' }, query: { unknown: 'ignore' } } as const;
  t.deepEqual(await changesOf(lenient, lenient, WITHOUT), [
    'breaking field-gone shop.v1.Item.sold',
    'risky enum-value-gone shop.v1.Color.RED',
    'risky field-gone shop.v1.GetItemRequest.old',
  ]);
});

test('a removed field of a body is breaking or risky by the setting for unknown fields', async (t) => {
  const text = async (settings: Settings) => {
    const found = diff(await sideWith(settings), await sideWith(settings, WITHOUT));
    return found.find(({ subject }) => subject === 'shop.v1.Item.sold')?.text;
  };
  t.is(await text({}), 'shop.v1.Item.sold: the field is gone; a body with it gets 400; clients no longer get it');
  t.is(
    await text({ json: { unknownFields: 'ignore' } }),
    'shop.v1.Item.sold: the field is gone; clients no longer get it; a body with it is read without it',
  );
});

test('with enums as numbers, names may change and numbers may not', async (t) => {
  const numbers = { json: { enumsAsInts: true } };
  const proto = (enumText: string) => `syntax = "proto3"; package a.v1; import "google/api/annotations.proto";
message Q {} message R { E e = 1; } enum E { ${enumText} }
service S { rpc Get(Q) returns (R) { option (google.api.http) = { get: "/v1/e" }; } }`;
  const old = await sideWith(numbers, proto('A = 0; B = 1;'));
  t.deepEqual(diff(old, await sideWith(numbers, proto('A = 0; C = 1;'))), []);
  const [found] = diff(old, await sideWith(numbers, proto('A = 0; B = 2;')));
  t.deepEqual([found?.severity, found?.change], ['breaking', 'enum-value-number']);
});

test('with defaults written, a field that becomes optional may be missing', async (t) => {
  const now = PROTO.replace('bool sold', 'optional bool sold');
  t.deepEqual(await changesOf({}, {}, now), []);
  const written = { json: { emitDefaults: true } };
  t.deepEqual(await changesOf(written, written, now), ['risky field-presence shop.v1.Item.sold']);
});
