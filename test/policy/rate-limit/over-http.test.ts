/** Rate limits of methods, services, rules and plans, through real sockets. Each test has counters of its own. */
import { request } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import { addressKey } from '../../../src/policy/rate-limit/planned.js';
import { startGateway, type TestGateway } from '../../support/gateway.js';
import { startIssuer } from '../../support/issuer.js';

const PROTO = `package acme.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; string customer = 2; }
message Reply { string text = 1; }
service Notes {
  option (protogate.v1.default_policy) = { rate_limits: { limit: 4 period: { seconds: 3600 } } };
  rpc Shared(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/shared/{id}" }; }
  rpc Both(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/both/{id}" }; }
  rpc Caller(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/caller/{id}" };
    option (protogate.v1.policy) = { rate_limits: { limit: 2 period: { seconds: 3600 } per: PER_CONSUMER } };
  }
  rpc Address(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/address/{id}" };
    option (protogate.v1.policy) = {
      rate_limits: { limit: 3 period: { seconds: 3600 } per: PER_IP }
      rate_limits: { limit: 2 period: { seconds: 3600 } per: PER_CONSUMER }
    };
  }
  rpc Free(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/free/{id}" };
    option (protogate.v1.policy) = { labels: "free" rate_limits: { limit: 1000 period: { seconds: 3600 } } };
  }
}
service Plain {
  rpc Get(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/plain/{id}" }; }
}`;

function start(t: ExecutionContext, overrides: Partial<ConfigInput> = {}): Promise<TestGateway> {
  return startGateway(t, PROTO, {}, overrides);
}

async function statuses(gateway: TestGateway, path: string, count: number, headers = {}): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < count; i++) found.push((await gateway.send('GET', path, { headers })).status);
  return found;
}

test('a limit of a service is one counter for its methods', async (t) => {
  const gateway = await start(t);
  t.deepEqual(await statuses(gateway, '/v1/shared/1', 3), [200, 200, 200]);
  t.deepEqual(await statuses(gateway, '/v1/both/1', 2), [200, 429]);
  t.deepEqual(await statuses(gateway, '/v1/plain/1', 6), Array(6).fill(200), 'another service has none');
  t.is(gateway.upstream.calls.length, 10, 'a refused request costs no call');
});

test('429 is RESOURCE_EXHAUSTED with RetryInfo, Retry-After and the RateLimit headers', async (t) => {
  const gateway = await start(t);
  const headers = (answer: Awaited<ReturnType<TestGateway['send']>>) =>
    ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after'].map((name) => answer.headers[name]);
  const first = await gateway.send('GET', '/v1/caller/1');
  t.deepEqual(headers(first), ['2', '1', '3600', undefined]);
  const last = await gateway.send('GET', '/v1/caller/1');
  t.deepEqual([last.status, ...headers(last).slice(0, 2)], [200, '2', '0']);
  const { status, json, ...answer } = await gateway.send('GET', '/v1/caller/1');
  t.is(status, 429);
  t.is(json.code, 8);
  t.is(json.details[0].reason, 'RATE_LIMITED');
  t.is(json.details[1]['@type'], 'type.googleapis.com/google.rpc.RetryInfo');
  const [limit, remaining, reset, retryAfter] = headers({ status, json, ...answer });
  t.deepEqual([limit, remaining], ['2', '0']);
  t.is(retryAfter, reset);
  // Two requests were counted at once. Half of the next window must pass before their weight is one.
  t.true(Number(retryAfter) <= 5400 && Number(retryAfter) > 5340, `${retryAfter}`);
});

test('errors of the route have the RateLimit headers too, and a route without limits has none', async (t) => {
  const gateway = await start(t);
  const refused = await gateway.send('GET', '/v1/shared/1?nonsense=1');
  t.deepEqual([refused.status, refused.headers['ratelimit-remaining']], [400, '3']);
  t.is((await gateway.send('GET', '/v1/plain/1')).headers['ratelimit-limit'], undefined);
});

test('exactly as many of a hundred parallel requests pass as the limit allows', async (t) => {
  const gateway = await start(t, { policies: [{ selector: '*', rateLimits: [{ limit: 37, period: '1h' }] }] });
  const answers = await Promise.all(Array.from({ length: 100 }, () => gateway.send('GET', '/v1/plain/1')));
  t.is(answers.filter(({ status }) => status === 200).length, 37);
  t.is(gateway.upstream.calls.length, 37);
});

test('a rule of the operators replaces the limits of the proto and is shared by all that it selects', async (t) => {
  const gateway = await start(t, {
    policies: [{ selector: 'acme.v1.*', rateLimits: [{ limit: 2, period: '1h', per: ['ip'] }] }],
  });
  t.deepEqual(await statuses(gateway, '/v1/shared/1', 1), [200]);
  t.deepEqual(await statuses(gateway, '/v1/plain/1', 2), [200, 429]);
});

test('per route each method has a counter of its own', async (t) => {
  const gateway = await start(t, {
    policies: [{ selector: '*', rateLimits: [{ limit: 1, period: '1h', per: ['route'] }] }],
  });
  t.deepEqual(await statuses(gateway, '/v1/shared/1', 2), [200, 429]);
  t.deepEqual(await statuses(gateway, '/v1/plain/1', 2), [200, 429]);
});

test('one path is one counter, however it is escaped', async (t) => {
  const gateway = await start(t);
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 1), [200]);
  t.deepEqual(await statuses(gateway, '/v1/caller/%31', 1), [200]);
  t.deepEqual(await statuses(gateway, '/v1/%63aller/1', 1), [429]);
});

test('enforce: false counts, refuses no request and sends no headers', async (t) => {
  const gateway = await start(t, {
    policies: [{ selector: '*', rateLimits: [{ limit: 1, period: '1h', enforce: false }] }],
  });
  t.deepEqual(await statuses(gateway, '/v1/plain/1', 3), [200, 200, 200]);
  t.is((await gateway.send('GET', '/v1/plain/1')).headers['ratelimit-limit'], undefined);
  const metrics = await gateway.gateway.metrics.registry.metrics();
  t.regex(metrics, /protogate_ratelimit_decisions_total\{decision="admitted"\} 1\n/);
  t.regex(metrics, /protogate_ratelimit_decisions_total\{decision="over"\} 3\n/);
});

test('every limit must pass, and a request that one refuses counts for none, also across stages', async (t) => {
  const gateway = await start(t);
  // Two requests of the caller pass and three are refused. If the refused ones counted, the address would have none left.
  t.deepEqual(await statuses(gateway, '/v1/address/1', 5), [200, 200, 429, 429, 429]);
  const { headers } = await gateway.send('GET', '/v1/address/1');
  t.is(headers['ratelimit-limit'], '2', 'the limit that refused is the one that is told');
});

test('addresses count apart, IPv6 by its /64; an address that the client makes up is not its address', async (t) => {
  const gateway = await start(t, {
    trustedProxies: ['127.0.0.1'],
    policies: [{ selector: '*', rateLimits: [{ limit: 1, period: '1h', per: ['ip'] }] }],
  });
  const as = (forwarded: string) => statuses(gateway, '/v1/plain/1', 1, { 'x-forwarded-for': forwarded });
  t.deepEqual(await as('192.0.2.1'), [200]);
  t.deepEqual(await as('192.0.2.2'), [200]);
  t.deepEqual(await as('192.0.2.9, 192.0.2.1'), [429]);
  t.deepEqual(await as('2001:db8::1'), [200]);
  t.deepEqual(await as('2001:db8:0:0:ffff::2'), [429]);
  t.deepEqual(await as('2001:db8:0:1::1'), [200]);
});

for (const [address, key] of [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8:0:0::'],
  ['2001:0DB8:0000::1', '2001:db8:0:0::'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
  ['::1', '0:0:0:0::'],
  ['1:2:3::', '1:2:3:0::'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::'],
] as const) {
  test(`the address ${address} counts as ${key}`, (t) => t.is(addressKey(address), key));
}

test('callers count apart by issuer and consumer; a plan counts over all routes of its consumer', async (t) => {
  const issuer = await startIssuer(t);
  const gateway = await start(t, {
    auth: { default: 'optional', jwt: [{ issuer: issuer.issuer, audiences: ['api'], jwksUri: issuer.jwksUri }] },
    plans: { free: { rateLimits: [{ limit: 3, period: '1h' }] }, paid: { rateLimits: [{ limit: 30, period: '1h' }] } },
    policies: [{ selector: 'label:free', rateLimits: [] }],
  });
  const as = (sub: string, plan?: string) => ({ authorization: `Bearer ${issuer.sign({ sub, plan })}` });
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 3, as('ada')), [200, 200, 429]);
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 3, as('ben')), [200, 200, 429]);
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 3), [200, 200, 429], 'nobody counts by address');

  t.deepEqual(await statuses(gateway, '/v1/free/1', 2, as('carla', 'free')), [200, 200]);
  t.deepEqual(await statuses(gateway, '/v1/plain/1', 2, as('carla', 'free')), [200, 429]);
  t.deepEqual(await statuses(gateway, '/v1/plain/1', 4, as('dora', 'paid')), Array(4).fill(200));
  t.deepEqual(await statuses(gateway, '/v1/plain/1', 4, as('emil', 'unheard of')), Array(4).fill(200));
});

test('an address is counted before anybody is asked who they are, a caller only after they may', async (t) => {
  const issuer = await startIssuer(t);
  const gateway = await start(t, {
    auth: { jwt: [{ issuer: issuer.issuer, audiences: ['api'], jwksUri: issuer.jwksUri }] },
  });
  t.deepEqual(await statuses(gateway, '/v1/address/1', 5), [401, 401, 401, 429, 429]);
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 5), Array(5).fill(401));
  const ada = { authorization: `Bearer ${issuer.sign({ sub: 'ada' })}` };
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 3, ada), [200, 200, 429]);
});

test('a reload that leaves the limits as they are forgets nothing', async (t) => {
  const gateway = await start(t);
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 2), [200, 200]);
  await gateway.gateway.reload();
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 1), [429]);
});

test('a client that leaves has been counted', async (t) => {
  const gateway = await start(t);
  gateway.upstream.script('Caller', { hang: true });
  for (let i = 0; i < 2; i++) {
    const req = request({ port: gateway.port, path: '/v1/caller/1' });
    req.on('error', () => {});
    req.end();
    while (gateway.upstream.calls.length <= i) await new Promise((resolve) => setTimeout(resolve, 5));
    req.destroy();
  }
  t.deepEqual(await statuses(gateway, '/v1/caller/1', 1), [429]);
});
