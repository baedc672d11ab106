/** Tests what surfaces share and what they have apart: limits, plans, keys, caches, CORS, settings (docs/surfaces.md). */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { type Answer, startGateway, type TestGateway } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { keepSecret } from '../support/secrets.js';

const PROTO = `
syntax = "proto3";
package s.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
service Items {
  rpc Get(Item) returns (Item) { option (google.api.http) = { get: "/v1/items/{id}" }; }
  rpc Limited(Item) returns (Item) {
    option (google.api.http) = { get: "/v1/limited/{id}" };
    option (protogate.v1.policy) = { rate_limits: { limit: 2 period: { seconds: 60 } per: PER_IP } };
  }
  rpc Put(Item) returns (Item) { option (google.api.http) = { post: "/v1/items" body: "*" }; }
}
message Item { string id = 1; int32 count = 2; }
`;

type Surfaces = NonNullable<ConfigInput['surfaces']>;

const TWO: Surfaces = [{ name: 'web' }, { name: 'app', basePath: '/app' }];

/** Returns a function that requests paths one after the other, and returns the statuses. */
function asking({ send }: TestGateway, headers: Record<string, string> = {}) {
  return async (...paths: readonly string[]): Promise<readonly number[]> => {
    const statuses: number[] = [];
    for (const path of paths) statuses.push((await send('GET', path, { headers })).status);
    return statuses;
  };
}

test('a limit of a proto is one counter for all surfaces', async (t) => {
  const ask = asking(await startGateway(t, PROTO, {}, { surfaces: TWO }));
  t.deepEqual(
    await ask('/v1/limited/1', '/app/v1/limited/1', '/v1/limited/1', '/app/v1/limited/1'),
    [200, 200, 429, 429],
  );
});

test('a limit of a common policy is one counter, and one of a surface counts apart', async (t) => {
  const limited = { selector: 's.v1.Items/Get', rateLimits: [{ limit: 1, period: '1m', per: ['ip' as const] }] };
  const common = asking(await startGateway(t, PROTO, {}, { surfaces: TWO, policies: [limited] }));
  t.deepEqual(await common('/v1/items/1', '/app/v1/items/1'), [200, 429]);
  const surfaces = TWO.map((one) => ({ ...one, policies: [limited] }));
  const own = asking(await startGateway(t, PROTO, {}, { surfaces }));
  t.deepEqual(await own('/v1/items/1', '/app/v1/items/1', '/v1/items/1', '/app/v1/items/1'), [200, 200, 429, 429]);
});

/** Makes a file with API keys of the consumer `acme`, who has the plan `free`. Returns its path. */
function keyFile(t: { teardown(task: () => void): void }, ...keys: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'protogate-keys-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const entries = keys.map((key) => {
    const sha256 = createHash('sha256').update(keepSecret(key)).digest('hex');
    return `  - { sha256: "${sha256}", consumer: acme, plan: free }`;
  });
  const file = join(folder, 'keys.yaml');
  writeFileSync(file, `keys:\n${entries.join('\n')}\n`);
  return file;
}

const ONE_KEY = 'pg_surface-test-key-number-one-with-much-entropy';
const OTHER_KEY = 'pg_surface-test-key-number-two-with-much-entropy';

test('the limits of a plan count for each consumer over all surfaces', async (t) => {
  const plans = { free: { rateLimits: [{ limit: 2, period: '1m' }] } };
  const auth = { apiKeys: { file: keyFile(t, ONE_KEY) } };
  const ask = asking(await startGateway(t, PROTO, {}, { surfaces: TWO, plans, auth }), { 'x-api-key': ONE_KEY });
  t.deepEqual(await ask('/v1/items/1', '/app/v1/items/1', '/v1/items/1', '/app/v1/items/1'), [200, 200, 429, 429]);
});

test('a surface with its own auth has only its own keys and issuers', async (t) => {
  const issuer = await startIssuer(t);
  const jwt = [{ issuer: issuer.issuer, audiences: ['api'], jwksUri: issuer.jwksUri, algorithms: ['RS256' as const] }];
  const surfaces = [
    { name: 'web' },
    { name: 'app', basePath: '/app', auth: { apiKeys: { file: keyFile(t, OTHER_KEY) } } },
    { name: 'open', basePath: '/open', auth: { default: 'public' as const } },
  ];
  const auth = { jwt, apiKeys: { file: keyFile(t, ONE_KEY) } };
  const gateway = await startGateway(t, PROTO, {}, { surfaces, auth });
  const at = (headers: Record<string, string>) =>
    asking(gateway, headers)('/v1/items/1', '/app/v1/items/1', '/open/v1/items/1');
  t.deepEqual(await at({}), [401, 401, 200]);
  t.deepEqual(await at({ authorization: `Bearer ${issuer.sign({ sub: 'ada' })}` }), [200, 401, 200]);
  t.deepEqual(await at({ 'x-api-key': ONE_KEY }), [200, 401, 200]);
  t.deepEqual(await at({ 'x-api-key': OTHER_KEY }), [401, 200, 200]);
});

test('a header in which one surface sends an identity passes from the clients of none', async (t) => {
  const file = keyFile(t, ONE_KEY);
  const surfaces = [
    { name: 'web', auth: { default: 'public' as const } },
    { name: 'app', basePath: '/app', auth: { apiKeys: { file, consumerToMetadata: 'x-user-id' } } },
  ];
  const { send, upstream } = await startGateway(t, PROTO, {}, { surfaces, metadata: { request: ['*'] } });
  const headers = { 'x-user-id': 'root', 'x-api-key': ONE_KEY, 'x-other': 'passes' };
  for (const base of ['', '/app']) t.is((await send('GET', `${base}/v1/items/1`, { headers })).status, 200);
  const got = upstream.calls.map(({ metadata }) => [metadata.get('x-user-id'), metadata.get('x-other')]);
  t.deepEqual(got, [
    [[], ['passes']],
    [['acme'], ['passes']],
  ]);
});

test('cached answers are apart, and each surface has its own rule', async (t) => {
  const cached = { selector: 's.v1.Items/Get', cache: { ttl: '1m', scope: 'public' as const } };
  const { send, upstream } = await startGateway(
    t,
    PROTO,
    { Get: { message: { id: '1' } } },
    { surfaces: TWO, policies: [cached] },
  );
  const ask = async (path: string) => (await send('GET', path)).headers['cache-status'];
  t.is(await ask('/v1/items/1'), 'protogate; fwd=miss');
  t.is(await ask('/v1/items/1'), 'protogate; hit');
  t.is(await ask('/app/v1/items/1'), 'protogate; fwd=miss');
  t.is(await ask('/app/v1/items/1'), 'protogate; hit');
  t.is(upstream.calls.length, 2);
});

test('json, query, errors, limits and metadata are set key by key', async (t) => {
  const surfaces: Surfaces = [
    { name: 'web' },
    {
      name: 'app',
      basePath: '/app',
      json: { emitDefaults: true },
      query: { unknown: 'ignore' },
      errors: { format: 'problem' },
      limits: { bodyBytes: 20 },
      metadata: { request: ['x-own'] },
    },
  ];
  const json = { protoNames: true, unknownFields: 'ignore' as const };
  const { send, upstream } = await startGateway(
    t,
    PROTO,
    { Get: { message: { id: '1' } } },
    { surfaces, json, metadata: { response: ['x-a'] } },
  );
  const answers = async (ask: (base: string) => Promise<Answer>) => [await ask(''), await ask('/app')] as const;
  const [web, app] = await answers((base) => send('GET', `${base}/v1/items/1`, { headers: { 'x-own': 'yes' } }));
  t.deepEqual([web.json, app.json], [{ id: '1' }, { id: '1', count: 0 }]);
  t.deepEqual(
    upstream.calls.map(({ metadata }) => metadata.get('x-own')),
    [[], ['yes']],
  );
  const unknown = await answers((base) => send('GET', `${base}/v1/items/1?what=1`));
  t.deepEqual(
    unknown.map(({ status }) => status),
    [400, 200],
  );
  const body = { id: '123456789012345', what: 1 };
  const large = await answers((base) => send('POST', `${base}/v1/items`, { body }));
  t.deepEqual(
    large.map(({ status }) => status),
    [200, 413],
  );
  t.deepEqual(
    large.map(({ headers }) => headers['content-type']),
    ['application/json', 'application/problem+json'],
  );
});

test('CORS is that of the surface; a preflight is decided by host and base path', async (t) => {
  const surfaces: Surfaces = [
    { name: 'web', cors: { origins: ['https://web.example'] } },
    { name: 'beta', headers: { 'x-beta': '1' }, cors: { origins: ['https://beta.example'] } },
    { name: 'app', basePath: '/app', cors: { origins: ['https://app.example'] } },
  ];
  const { send } = await startGateway(t, PROTO, {}, { surfaces });
  const asks = async (method: string, path: string, origin: string, more: Record<string, string> = {}) => {
    const { headers } = await send(method, path, { headers: { origin, ...more } });
    return headers['access-control-allow-origin'];
  };
  const preflight = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'x-beta' };
  for (const [path, origin, allowed] of [
    ['/v1/items/1', 'https://web.example', true],
    ['/v1/items/1', 'https://beta.example', true],
    ['/v1/items/1', 'https://app.example', false],
    ['/app/v1/items/1', 'https://app.example', true],
    ['/app/v1/items/1', 'https://web.example', false],
  ] as const) {
    t.is(await asks('OPTIONS', path, origin, preflight), allowed ? origin : undefined, `${path} ${origin}`);
  }
  t.is(await asks('GET', '/v1/items/1', 'https://beta.example'), undefined);
  t.is(await asks('GET', '/v1/items/1', 'https://beta.example', { 'x-beta': '1' }), 'https://beta.example');
});

test('headers that choose a surface stand in Vary, also beside those of CORS and caching, and in a 404', async (t) => {
  const surfaces: Surfaces = [
    { name: 'web', cors: { origins: ['https://web.example'] } },
    { name: 'beta', headers: { 'x-beta': '1' } },
    { name: 'inner', hosts: ['inner.example.com'] },
  ];
  const policies = [{ selector: 's.v1.Items/Get', cache: { ttl: '1m', scope: 'public' as const } }];
  const { send } = await startGateway(t, PROTO, {}, { surfaces, policies });
  const vary = async (path: string, headers: Record<string, string> = {}) =>
    (await send('GET', path, { headers })).headers.vary;
  t.is(await vary('/v1/items/1', { origin: 'https://web.example' }), 'x-beta, origin');
  t.is(await vary('/v1/nowhere', { 'x-beta': '1' }), 'x-beta');
  // The host alone decides here.
  t.is(await vary('/v1/limited/1', { host: 'inner.example.com' }), undefined);
});

test('metrics and log name the surface, and the whole path', async (t) => {
  const { send, gateway, logged } = await startGateway(t, PROTO, {}, { surfaces: [{ name: 'app', basePath: '/app' }] });
  await send('GET', '/app/v1/items/1');
  await send('GET', '/v1/items/1');
  const metrics = await gateway.metrics.registry.metrics();
  t.regex(metrics, /protogate_http_requests_total\{surface="app",route="\/v1\/items\/\{id\}",method="GET",code="200"/);
  t.regex(metrics, /protogate_http_requests_total\{surface="none",route="none",method="GET",code="404"/);
  t.deepEqual(
    logged()
      .filter(({ msg }) => msg === 'request')
      .map(({ path, surface }) => [path, surface]),
    [
      ['/app/v1/items/1', 'app'],
      ['/v1/items/1', undefined],
    ],
  );
});

test('a surface alone in a gateway takes no request of the others, and keeps their identity headers out', async (t) => {
  const file = keyFile(t, ONE_KEY);
  const surfaces: Surfaces = [
    { name: 'web', auth: { default: 'public' as const } },
    { name: 'app', basePath: '/v1/items', auth: { apiKeys: { file, consumerToMetadata: 'x-user-id' } } },
    { name: 'beta', headers: { 'x-beta': '1' } },
    { name: 'inner', hosts: ['inner.example.com'] },
  ];
  const overrides = { surfaces, metadata: { request: ['*'] } };
  const { send, upstream } = await startGateway(t, PROTO, {}, overrides, { surface: 'web' });
  const ask = (path: string, headers: Record<string, string> = {}) => send('GET', path, { headers });
  t.is((await ask('/v1/items/1')).status, 404);
  t.is((await ask('/v1/limited/1', { 'x-beta': '1' })).status, 404);
  t.is((await ask('/v1/limited/1', { host: 'inner.example.com' })).status, 404);
  t.is(upstream.calls.length, 0);
  const { status, headers } = await ask('/v1/limited/1', { 'x-user-id': 'root', 'x-other': 'passes' });
  t.is(status, 200);
  t.is(headers.vary, 'x-beta');
  const { metadata } = upstream.calls[0]!;
  t.deepEqual([metadata.get('x-user-id'), metadata.get('x-other')], [[], ['passes']]);
});
