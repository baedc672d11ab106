/**
 * The claims of a token as the source of consumer and plan, of scopes, of metadata, and of values in rules, over real
 * sockets.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import { certificates } from '../../support/certificates.js';
import { planOf, protoFolder, type SendOptions, startGateway } from '../../support/gateway.js';
import { startIssuer, type TestIssuer } from '../../support/issuer.js';
import { keepSecret } from '../../support/secrets.js';
import { tlsFiles } from '../../support/tls-files.js';

const PROTO = `package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; string customer = 2; }
message Reply { string text = 1; }
message Page { Reply part = 1; Reply extra = 2; }
service Pages {
  rpc GetPage(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/page/{id}" };
    option (protogate.v1.aggregate) = {
      steps: { into: "part" call: "acme.v1.Notes/Plain" with: "id = caller.issuer" with: "customer = caller.claims.realm_access.tenant" }
      steps: { into: "extra" call: "acme.v1.Notes/Plain" with: "id = 'extra'" when: "caller.claims.realm_access.extra" }
    };
  }
}
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
  rpc Own(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/own/{customer}" };
    option (protogate.v1.policy) = { auth: { require: "request.customer = caller.claims.realm_access.tenant" } };
  }
  rpc Vouched(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/vouched/{customer}" };
    option (protogate.v1.policy) = {
      auth: { require: "request.customer = caller.subject" require: "request.id = caller.issuer" }
    };
  }
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

/** Values of a claim that name no consumer. */
const NO_TEXTS: readonly unknown[] = [undefined, null, '', 42, true, ['acme'], { id: 'acme' }, []];

test("a subject called like an organisation spends none of that organisation's limit", async (t) => {
  const { statuses, logged } = await start(t, { consumerClaim: 'org' });
  t.deepEqual(await statuses('/v1/limited/1', 1, { org: 'acme' }), [200]);
  // A caller without a consumer is counted by address, together with all others from that address.
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

test('a cached answer belongs to its subject, with or without a consumer', async (t) => {
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

test('rules and steps of aggregates read claims inside of others', async (t) => {
  const { get, upstream } = await start(t, {});
  const tenant = (name: unknown) => ({ realm_access: { tenant: name } });
  t.is((await get('/v1/own/acme', tenant('acme'))).status, 200);
  for (const claims of [
    tenant('zeta'),
    tenant(['acme']),
    {},
    { tenant: 'acme' },
    { 'realm_access.tenant': 'zeta', ...tenant('acme') },
  ]) {
    t.is((await get('/v1/own/acme', claims)).status, 403, JSON.stringify(claims));
  }
  t.is(upstream.calls.length, 1);
  t.is((await get('/v1/page/1', { realm_access: { tenant: 'acme', extra: true } })).status, 200);
  const asked = upstream.calls.slice(1).map(({ request }) => request);
  t.deepEqual(asked, [{ id: 'https://claims.test', customer: 'acme' }, { id: 'extra' }]);
  t.is((await get('/v1/page/1', tenant('acme'))).status, 200);
  t.is(upstream.calls.length, 4, 'no claim, no call');
});

test('the same subject of a token, another issuer, a key and a certificate is four callers', async (t) => {
  const made = certificates();
  const folder = await protoFolder(t, {});
  const key = keepSecret('pg_known-key-known-key-known-key-known-key');
  const digest = createHash('sha256').update(key).digest('hex');
  await writeFile(join(folder, 'keys.yaml'), `keys: [{ sha256: "${digest}", consumer: gateway.test }]`);
  const [one, two] = [await startIssuer(t, 'one'), await startIssuer(t, 'two')];
  const toMetadata = { consumerToMetadata: 'x-user-id', issuerToMetadata: 'x-issuer' };
  const { send, upstream } = await startGateway(
    t,
    PROTO,
    {},
    {
      listen: { tls: await tlsFiles(t, made) },
      auth: {
        jwt: [one, two].map(({ issuer, jwksUri }) => ({
          issuer,
          jwksUri,
          audiences: ['api'],
          claimsToMetadata: { sub: 'x-user-id', iss: 'x-issuer' },
        })),
        apiKeys: { file: join(folder, 'keys.yaml'), ...toMetadata },
        mtls: { identity: ['dns'], ...toMetadata },
      },
      metadata: { request: ['*'] },
    },
  );
  const { ca, client } = made;
  const bearer = (issuer: TestIssuer) => ({ authorization: `Bearer ${issuer.sign({ sub: 'gateway.test' })}` });
  const callers: readonly [issuer: string, options: SendOptions][] = [
    ['https://one.test', { tls: { ca }, headers: bearer(one) }],
    ['https://two.test', { tls: { ca }, headers: bearer(two) }],
    ['api-key', { tls: { ca }, headers: { 'x-api-key': key } }],
    ['certificate', { tls: { ca, ...client } }],
  ];
  for (const [issuer, options] of callers) {
    for (const [claimed] of callers) {
      const before = upstream.calls.length;
      const headers = { ...options.headers, 'x-issuer': 'forged', x_issuer: 'forged' };
      const target = `/v1/vouched/gateway.test?id=${encodeURIComponent(claimed)}`;
      const { status } = await send('GET', target, { ...options, headers });
      t.is(status, claimed === issuer ? 200 : 403, `${issuer} as ${claimed}`);
      t.is(upstream.calls.length - before, status === 200 ? 1 : 0);
      if (status !== 200) continue;
      const { metadata } = upstream.last();
      t.deepEqual(
        [metadata.get('x-user-id'), metadata.get('x-issuer'), metadata.get('x_issuer')],
        [['gateway.test'], [issuer], []],
      );
    }
  }
});

test('check warns of a step that reads the subject alone where several may vouch for it', async (t) => {
  const secret = 'a secret of thirty-two bytes, or more';
  const jwt = ['i', 'j'].map((issuer) => ({ issuer, audiences: ['a'], secret }));
  const page = (...withs: string[]) => `package a.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; string who = 2; }
message Page { Ask part = 1; }
service S { rpc Get(Ask) returns (Ask) { option (google.api.http) = { get: "/v1/part" }; } }
service Pages {
  rpc GetPage(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/page" };
    option (protogate.v1.aggregate) = { steps: { into: "part" call: "a.v1.S/Get" ${withs.map((text) => `with: "${text}"`).join(' ')} } };
  }
}`;
  const warnings = async (...withs: string[]) =>
    (await planOf(t, page(...withs), { auth: { jwt } })).diagnostics
      .filter(({ rule }) => rule === 'subject-alone')
      .map(({ severity, text }) => `${severity}: ${text}`);
  const told =
    'warning: a.v1.Pages/GetPage: part: it compares only the subject, but 2 token issuers may give different callers the same subject; compare caller.issuer too';
  t.deepEqual(await warnings('id = caller.subject'), [told]);
  t.deepEqual(await warnings('id = caller.claims.sub'), [told]);
  t.deepEqual(await warnings('id = caller.subject', 'who = caller.issuer'), []);
  t.deepEqual(await warnings('id = caller.claims.customer'), []);
});
