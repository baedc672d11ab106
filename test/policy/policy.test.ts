/** Policies before any request: how declarations are merged, which callers may call, and the diagnostics of `check`. */
import { writeFile } from 'node:fs/promises';
import test from 'ava';
import { formatPosition } from '../../src/base/diagnostic.js';
import type { ConfigInput } from '../../src/config/config.js';
import type { Plan } from '../../src/gateway/plan.js';
import { missingScope } from '../../src/policy/access/demands.js';
import type { AccessMode } from '../../src/policy/access/planned.js';
import { planOf, protoFolder } from '../support/gateway.js';

const HEAD = `package p.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; string note = 2; }
message R {}
`;

/** Returns a proto with one method `Get` (GET) and one `Put` (PUT), with the given options. */
function proto({ service = '', get = '', put = '' }: { service?: string; get?: string; put?: string }): string {
  const policy = (name: string, text: string) => (text === '' ? '' : `option (protogate.v1.${name}) = { ${text} };`);
  return `${HEAD}service S {
  ${policy('default_policy', service)}
  rpc Get(Q) returns (R) { option (google.api.http) = { get: "/v1/{id}" }; ${policy('policy', get)} }
  rpc Put(Q) returns (R) { option (google.api.http) = { put: "/v1/{id}" body: "*" }; ${policy('policy', put)} }
}`;
}

const SECRET = 'a secret of thirty-two bytes, or more';
const JWT: NonNullable<ConfigInput['auth']> = { jwt: [{ issuer: 'i', audiences: ['a'], secret: SECRET }] };

/** Returns the diagnostics as `rule: text`, without the folder. */
function problems({ diagnostics }: Plan): string[] {
  return diagnostics.map(({ severity, rule, text }) => `${severity} ${rule}: ${text}`);
}

test('service < method < rules in their order, whole keys', async (t) => {
  const text = proto({
    service: 'auth: { scopes: "s" } timeout { seconds: 1 } max_request_bytes: 5 labels: "slow"',
    get: 'auth: { require: "request.id = caller.subject" }',
  });
  const { routes } = await planOf(t, text, {
    auth: JWT,
    policies: [
      { selector: 'p.*', timeout: '2s' },
      { selector: 'label:slow', timeout: '3s', successStatus: 202 },
      { selector: 'p.v1.S/Put', auth: { mode: 'optional' } },
      { selector: 'p.v1.S.Get', maxRequestBytes: 7 },
      { selector: 'label:fast', successStatus: 201 },
      { selector: 'p.v1.Other.*', successStatus: 201 },
    ],
  });
  const [get, put] = routes.map(({ policy }) => policy);
  t.deepEqual(get?.settings, {
    auth: { scopes: [], require: ['request.id = caller.subject'] },
    timeoutMs: 3000,
    maxRequestBytes: 7,
    successStatus: 202,
    labels: ['slow'],
  });
  t.deepEqual(put?.settings, {
    auth: { mode: 'optional', scopes: [], require: [] },
    timeoutMs: 3000,
    maxRequestBytes: 5,
    successStatus: 202,
    labels: ['slow'],
  });
  t.regex(formatPosition(get!.origins.get('auth')!), /test\.proto:\d+:\d+$/);
  t.is(formatPosition(get!.origins.get('timeoutMs')!), 'options');
});

test('the mode that follows from what is declared', async (t) => {
  const rows: readonly [fact: string, get: string, auth: ConfigInput['auth'], mode: AccessMode][] = [
    ['nothing, and no auth block', '', undefined, 'public'],
    ['nothing, with an auth block', '', JWT, 'required'],
    ['nothing, default optional', '', { ...JWT, default: 'optional' }, 'optional'],
    ['an empty auth', 'auth: {}', { ...JWT, default: 'public' }, 'public'],
    ['scopes, default public', 'auth: { scopes: "a" }', { ...JWT, default: 'public' }, 'required'],
    [
      'a require over the caller',
      'auth: { require: "request.id = caller.subject" }',
      { ...JWT, default: 'public' },
      'required',
    ],
    ['a require over the request', `auth: { require: "request.id = 'x'" }`, { ...JWT, default: 'public' }, 'public'],
    ['public', 'auth: { mode: MODE_PUBLIC }', JWT, 'public'],
    ['unspecified', 'auth: { mode: MODE_UNSPECIFIED }', JWT, 'required'],
  ];
  for (const [fact, get, auth, mode] of rows) {
    const { routes } = await planOf(t, proto({ get }), auth === undefined ? {} : { auth });
    t.is(routes[0]?.access.mode, mode, fact);
  }
});

test('check reports auth settings that contradict each other, are impossible or look wrong', async (t) => {
  const certificates: ConfigInput['auth'] = { mtls: {} };
  const rows: readonly [fact: string, text: string, config: Partial<ConfigInput>, found: readonly string[]][] = [
    [
      'no auth block',
      proto({}),
      {},
      [
        'warning no-auth: no auth is configured, so every route is public; an auth block in the config file closes them, and auth: { default: public } says that it is meant',
      ],
    ],
    ['all is well', proto({}), { auth: JWT }, []],
    [
      'public with scopes',
      proto({ get: 'auth: { mode: MODE_PUBLIC scopes: "a" }' }),
      { auth: JWT },
      ['error auth-contradiction: p.v1.S/Get: expected auth mode required, because the policy has scopes, got public'],
    ],
    [
      'optional with a require over the caller',
      proto({ get: 'auth: { mode: MODE_OPTIONAL require: "request.id = caller.subject" }' }),
      { auth: JWT },
      [
        'error auth-contradiction: p.v1.S/Get: expected auth mode required, because the policy has a require that reads the caller, got optional',
      ],
    ],
    [
      'a demand where nothing authenticates',
      proto({ get: 'auth: { mode: MODE_REQUIRED }' }),
      {},
      [
        'error auth-impossible: p.v1.S/Get: its policy requires a caller, but the config has no way to authenticate one; add auth.jwt, auth.apiKeys or auth.mtls',
        'warning no-auth: no auth is configured, so every route is public; an auth block in the config file closes them, and auth: { default: public } says that it is meant',
      ],
    ],
    [
      'an auth block that proves nothing: one error, not one a method',
      proto({}),
      { auth: {} },
      [
        'error auth-impossible: auth: expected jwt, apiKeys or mtls, got none of them, so no caller can be authenticated',
      ],
    ],
    ['a public API, and nothing to prove who calls: that is meant', proto({}), { auth: { default: 'public' } }, []],
    [
      'a public API with a method that demands a caller',
      proto({ get: 'auth: { mode: MODE_REQUIRED }' }),
      { auth: { default: 'public' } },
      [
        'error auth-impossible: p.v1.S/Get: its policy requires a caller, but the config has no way to authenticate one; add auth.jwt, auth.apiKeys or auth.mtls',
      ],
    ],
    [
      'scopes where only certificates prove anything',
      proto({ get: 'auth: { scopes: "a" }' }),
      { auth: certificates },
      [
        'error auth-impossible: p.v1.S/Get: its policy requires scopes, but client certificates, the only configured credentials, have none; add auth.jwt or auth.apiKeys',
      ],
    ],
    [
      'a require that does not parse, or does not fit',
      proto({ get: 'auth: { require: "request.id == x" require: "request.nothing = caller.subject" }' }),
      { auth: JWT },
      [
        "error require: p.v1.S/Get: require 'request.id == x': column 13: expected a value, got '='",
        "error require: p.v1.S/Get: require 'request.nothing = caller.subject': column 9: expected a field of p.v1.Q, got 'nothing'",
      ],
    ],
    [
      'a public method that writes',
      proto({ put: 'auth: { mode: MODE_PUBLIC }' }),
      { auth: JWT },
      [
        'warning public-write: p.v1.S/Put: PUT /v1/{id} is public and may change data; require a caller if that is not intended',
      ],
    ],
    [
      'credentials that nothing accepts',
      proto({}),
      { auth: { ...JWT, default: 'public' } },
      [
        'warning unused-credentials: auth: every route is public, so the configured credentials are never checked; remove mode public where callers must be known',
        'warning public-write: p.v1.S/Put: PUT /v1/{id} is public and may change data; require a caller if that is not intended',
      ],
    ],
    [
      'a rule that selects nothing',
      proto({}),
      {
        auth: JWT,
        policies: [
          { selector: 'p.v1.S.Gett', timeout: '1s' },
          { selector: '*', timeout: '1s' },
        ],
      },
      [
        "warning unused-policy: policies.0: expected a selector that matches a method with a route, got 'p.v1.S.Gett', did you mean 'p.v1.S.Get'?",
      ],
    ],
  ];
  for (const [fact, text, config, found] of rows) {
    t.deepEqual(problems(await planOf(t, text, config)), found, fact);
  }
});

test('every scope is demanded, a|b is either', (t) => {
  const rows: readonly [demanded: string[], held: string[], missing: string | undefined][] = [
    [[], [], undefined],
    [['a'], [], 'a'],
    [['a', 'b'], ['a'], 'b'],
    [['a|b'], ['b'], undefined],
    [['a|b', 'c'], ['a'], 'c'],
    [['a|b'], ['a|b'], 'a|b'],
    [['a'], ['A', 'aa', 'a '], 'a'],
  ];
  for (const [demanded, held, missing] of rows) t.is(missingScope(demanded, new Set(held)), missing);
});

for (const [title, policies, config, expected] of [
  [
    'a public cache where a require reads the caller',
    { get: 'auth: { require: "request.id = caller.subject" } cache: { ttl: { seconds: 1 } scope: SCOPE_PUBLIC }' },
    {},
    ['error cache-public: p.v1.S/Get: expected cache scope consumer, because require reads the caller, got public'],
  ],
  [
    'a public cache where identity would reach the upstream',
    { get: 'cache: { ttl: { seconds: 1 } scope: SCOPE_PUBLIC }' },
    { metadata: { forwardAuthorization: true } },
    [
      'warning cache-anonymous: p.v1.S/Get: the cache scope is public, so no identity of the caller is sent to the upstream; use scope consumer if it needs one',
    ],
  ],
  [
    'a cache of what is no GET',
    { put: 'cache: { ttl: { seconds: 1 } }' },
    {},
    ['warning cache-unused: p.v1.S/Put: cache: expected a GET route, so answers of this method are never cached'],
  ],
  [
    'a cache without a time',
    { get: 'cache: { scope: SCOPE_PUBLIC }' },
    {},
    ['error policy: policy: cache.ttl: expected a duration such as { seconds: 30 }, got nothing'],
  ],
  [
    'durations that are texts, each once',
    { get: 'timeout: "2s" cache: { ttl: "30s" } rate_limits: { limit: 1 period: 5 }' },
    {},
    [
      'error policy: policy: period: expected a duration such as { seconds: 30 }, got 5',
      'error policy: policy: ttl: expected a duration such as { seconds: 30 }, got "30s"',
      'error policy: policy: timeout: expected a duration such as { seconds: 30 }, got "2s"',
    ],
  ],
  [
    'a limit per consumer of a public method',
    { get: 'auth: { mode: MODE_PUBLIC } rate_limits: { limit: 1 period: { seconds: 1 } per: PER_CONSUMER }' },
    {},
    [
      'warning limit-of-nobody: p.v1.S/Get: the method is public and its callers are unknown, so its limit per consumer counts per client address; use per: [ip], or require a caller',
    ],
  ],
  [
    'a limit of none, in no time',
    { get: 'rate_limits: { per: PER_IP }' },
    {},
    [
      'error policy: policy: rate_limits[0].limit: expected more than 0, got 0',
      'error policy: policy: rate_limits[0].period: expected a duration such as { seconds: 30 }, got nothing',
    ],
  ],
] as const) {
  test(`check tells of ${title}`, async (t) => {
    t.deepEqual(problems(await planOf(t, proto(policies), { auth: JWT, ...config })), [...expected]);
  });
}

test('check warns about a key whose plan the config does not list', async (t) => {
  const folder = await protoFolder(t, {});
  await writeFile(`${folder}/keys.yaml`, `keys: [{ sha256: "${'0'.repeat(64)}", consumer: acme, plan: gold }]`);
  const auth = { apiKeys: { file: `${folder}/keys.yaml` } };
  const plans = { free: { rateLimits: [] }, paid: { rateLimits: [] } };
  t.deepEqual(problems(await planOf(t, proto({}), { auth, plans })), [
    "warning unknown-plan: plan 'gold': expected one of the config's plans (free, paid)",
  ]);
});

test('check warns of a rule that reads the subject alone where several may vouch for it', async (t) => {
  const folder = await protoFolder(t, {});
  await writeFile(`${folder}/keys.yaml`, 'keys: []');
  const apiKeys = { file: `${folder}/keys.yaml` };
  const jwt = JWT.jwt ?? [];
  const two = [...jwt, { issuer: 'j', audiences: ['a'], secret: SECRET }];
  const SUBJECT = 'require: "request.id = caller.subject"';
  const SUB = 'require: "request.id = \'u/{caller.claims.sub}\'"';
  const beside = (means: string) =>
    `it compares only the subject, but ${means} may give different callers the same subject; compare caller.issuer too`;
  const rows: readonly [fact: string, auth: NonNullable<ConfigInput['auth']>, require: string, means?: string][] = [
    ['one issuer', { jwt }, SUBJECT],
    ['API keys alone', { apiKeys }, SUBJECT],
    ['two issuers', { jwt: two }, SUBJECT, '2 token issuers'],
    ['an issuer and API keys', { jwt, apiKeys }, SUBJECT, 'a token issuer and API keys'],
    ['keys and certificates', { apiKeys, mtls: {} }, SUBJECT, 'API keys and client certificates'],
    ['the claim of two issuers', { jwt: two }, SUB, '2 token issuers'],
    ['the claim of one issuer, which no key has', { jwt, apiKeys }, SUB],
    ['the issuer beside it', { jwt: two }, `${SUBJECT} require: "caller.issuer = 'i'"`],
    ['the issuer in the same text', { jwt: two }, 'require: "request.id = \'{caller.issuer}/{caller.subject}\'"'],
    ['the claim iss beside it', { jwt: two }, `${SUBJECT} require: "caller.claims.iss = 'i'"`],
    ['no subject', { jwt: two }, 'require: "request.id = caller.claims.customer"'],
  ];
  for (const [fact, auth, require, means] of rows) {
    const plan = await planOf(t, proto({ get: `auth: { ${require} }` }), { auth });
    const found = problems(plan).filter((text) => text.includes('subject-alone'));
    const text = /require: "(.*?)"/.exec(require)?.[1];
    const told = means && `warning subject-alone: p.v1.S/Get: require '${text}': ${beside(means)}`;
    t.deepEqual(found, told === undefined ? [] : [told], fact);
  }
});
