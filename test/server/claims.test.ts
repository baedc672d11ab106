/** Which claims of a token count for what: for limits and plans, as scopes, as metadata, in rules. Over real sockets. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { startGateway } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';

const PROTO = `package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; string customer = 2; }
message Reply { string text = 1; }
service Notes {
  rpc Limited(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/limited/{id}" };
    option (protogate.v1.policy) = { rate_limits: { limit: 2 period: { seconds: 3600 } per: PER_CONSUMER } };
  }
  rpc Kept(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/kept/{id}" };
    option (protogate.v1.policy) = { cache: { ttl: { seconds: 3600 } } };
  }
  rpc Plain(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/plain/{id}" }; }
  rpc Scoped(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/scoped/{id}" };
    option (protogate.v1.policy) = { auth: { scopes: "admin" } };
  }
}`;

type Claims = Readonly<Record<string, unknown>>;

async function start(t: ExecutionContext, names: object, more: Partial<ConfigInput> = {}) {
  const issuer = await startIssuer(t, 'claims');
  const jwt = { issuer: issuer.issuer, jwksUri: issuer.jwksUri, audiences: ['api'], ...names };
  const { send, upstream, logged } = await startGateway(t, PROTO, {}, { auth: { jwt: [jwt] }, ...more });
  const get = (path: string, claims: Claims) =>
    send('GET', path, { headers: { authorization: `Bearer ${issuer.sign({ sub: 'ada', ...claims })}` } });
  const statuses = async (path: string, count: number, claims: Claims) => {
    const found: number[] = [];
    for (let i = 0; i < count; i++) found.push((await get(path, claims)).status);
    return found;
  };
  return { get, statuses, upstream, logged };
}

/** What is no consumer, though a claim is there. */
const NO_TEXTS: readonly unknown[] = [undefined, null, '', 42, true, ['acme'], { id: 'acme' }, []];

test("a subject called like an organisation spends none of that organisation's limit", async (t) => {
  const { statuses, logged } = await start(t, { consumerClaim: 'org' });
  t.deepEqual(await statuses('/v1/limited/1', 1, { org: 'acme' }), [200]);
  // A caller without a consumer counts by address, with all others of that address.
  t.deepEqual(await statuses('/v1/limited/1', 3, { sub: 'acme' }), [200, 200, 429]);
  for (const org of NO_TEXTS) t.deepEqual(await statuses('/v1/limited/1', 1, { org }), [429], JSON.stringify(org));
  t.deepEqual(await statuses('/v1/limited/1', 2, { sub: 'acme', org: 'acme' }), [200, 429], 'one was left');
  t.deepEqual([...new Set(logged().map(({ consumer }) => consumer))], ['acme', undefined]);
});

test('a plan of a caller without a consumer counts by address', async (t) => {
  const plans = { free: { rateLimits: [{ limit: 2, period: '1h' }] } };
  const { statuses } = await start(t, { consumerClaim: 'org' }, { plans });
  t.deepEqual(await statuses('/v1/plain/1', 3, { sub: 'acme', plan: 'free' }), [200, 200, 429]);
  t.deepEqual(await statuses('/v1/plain/1', 1, { sub: 'ben', plan: 'free' }), [429]);
  t.deepEqual(await statuses('/v1/plain/1', 3, { org: 'acme', plan: 'free' }), [200, 200, 429]);
  for (const plan of [['free'], { name: 'free' }, 7, '']) {
    t.deepEqual(await statuses('/v1/plain/1', 1, { sub: 'ben', plan }), [200], `no plan: ${JSON.stringify(plan)}`);
  }
});

test('a kept answer is for its subject, whether or not there is a consumer', async (t) => {
  const { get, upstream } = await start(t, { consumerClaim: 'org', claimsToMetadata: { sub: 'x-user-id' } });
  upstream.script('Kept', (call) => ({ message: { text: String(call.metadata.get('x-user-id')) } }));
  const callers = [
    { sub: 'ada' },
    { sub: 'ben' },
    { sub: 'acme' },
    { sub: 'ada', org: 'acme' },
    { sub: 'ben', org: 'acme' },
  ];
  for (const again of [false, true]) {
    for (const claims of callers) {
      const { json, headers } = await get('/v1/kept/1', claims);
      t.is(json.text, claims.sub);
      t.is(headers['cache-status'], again ? 'protogate; hit' : 'protogate; fwd=miss', JSON.stringify(claims));
    }
  }
  t.is(upstream.calls.length, callers.length);
});

test('scopes, plan, consumer and metadata are read inside of claims', async (t) => {
  const { get, statuses, upstream } = await start(
    t,
    {
      scopesClaim: 'realm_access.roles',
      consumerClaim: '"https://acme.example/jwt".org.id',
      planClaim: 'account.plan',
      claimsToMetadata: { sub: 'x-user-id', 'realm_access.roles': 'x-roles', 'https://acme.example/team': 'x-team' },
    },
    { plans: { free: { rateLimits: [{ limit: 2, period: '1h' }] } } },
  );
  const claims = {
    realm_access: { roles: ['user', 'admin'] },
    'https://acme.example/jwt': { org: { id: 'acme' } },
    'https://acme.example/team': 'red',
  };
  t.is((await get('/v1/scoped/1', claims)).status, 200);
  const { metadata } = upstream.last();
  t.deepEqual(
    [metadata.get('x-user-id'), metadata.get('x-roles'), metadata.get('x-team')],
    [['ada'], ['user, admin'], ['red']],
  );
  t.is((await get('/v1/scoped/1', { ...claims, 'realm_access.roles': 'user' })).status, 403, 'exactly that name wins');
  t.is((await get('/v1/scoped/1', { scope: 'admin', roles: ['admin'] })).status, 403);
  t.is((await get('/v1/scoped/1', { realm_access: [{ roles: ['admin'] }] })).status, 403, 'nothing inside of lists');
  const free = { ...claims, account: { plan: 'free' } };
  t.deepEqual(await statuses('/v1/plain/1', 3, free), [200, 200, 429]);
  t.deepEqual(await statuses('/v1/plain/1', 1, { ...free, sub: 'ben' }), [429], 'of the same consumer');
  t.deepEqual(
    await statuses('/v1/plain/1', 1, { ...free, 'https://acme.example/jwt': { org: { id: 'zeta' } } }),
    [200],
  );
});
