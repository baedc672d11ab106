/** Tests which requests belong to which surface, and what clients of each surface get. */
import test from 'ava';
import { applyOverrides } from '../../src/config/overrides.js';
import { parseConfig } from '../../src/config/parse.js';
import { startGateway as start } from '../../src/gateway/gateway.js';
import { plan } from '../../src/gateway/plan.js';
import { createLog } from '../../src/telemetry/log.js';
import { planOf, startGateway } from '../support/gateway.js';

const SHOP = `
syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";

service Orders {
  rpc GetOrder(GetOrderRequest) returns (Order) { option (google.api.http) = { get: "/v1/{name=orders/*}" }; }
  rpc CreateOrder(Order) returns (Order) { option (google.api.http) = { post: "/v1/orders" body: "*" }; }
}
service Admin {
  rpc GetStats(GetStatsRequest) returns (Stats) {
    option (google.api.http) = { get: "/v1/stats" };
    option (protogate.v1.policy) = { labels: "internal" };
  }
}
message GetOrderRequest { string name = 1; }
message Order { string name = 1; string title = 2; string internal_notes = 3; }
message GetStatsRequest {}
message Stats { int32 orders = 1; }
`;

const HANDLERS = {
  GetOrder: { message: { name: 'orders/7', title: 'A lamp', internal_notes: 'late' } },
  CreateOrder: { message: { name: 'orders/8' }, headers: { location: '/v1/orders/8' } },
  GetStats: { message: { orders: 3 } },
};

const SURFACES = {
  surfaces: [
    { name: 'web', hosts: ['www.example.com', '*.shop.example'] },
    {
      name: 'mobile',
      basePath: '/mobile',
      exclude: ['shop.v1.Admin.*'],
      omitFields: ['shop.v1.Order.internal_notes'],
      json: { emitDefaults: true },
      metadata: { response: ['location'] },
    },
  ],
};

test('a request belongs to the surface of its host or its base path', async (t) => {
  const { send } = await startGateway(t, SHOP, HANDLERS, SURFACES);
  const web = await send('GET', '/v1/orders/7', { headers: { host: 'www.example.com' } });
  t.deepEqual(web.json, { name: 'orders/7', title: 'A lamp', internalNotes: 'late' });
  const mobile = await send('GET', '/mobile/v1/orders/7');
  t.deepEqual(mobile.json, { name: 'orders/7', title: 'A lamp' });
  t.is((await send('GET', '/v1/stats', { headers: { host: 'a.shop.example' } })).status, 200);
  t.is((await send('GET', '/mobile/v1/stats')).status, 404);
  t.is((await send('GET', '/v1/orders/7')).status, 404);
});

test('upstreams get the base path, and a location gets it in front', async (t) => {
  const { send, upstream } = await startGateway(t, SHOP, HANDLERS, SURFACES);
  const headers = { 'x-forwarded-prefix': '/evil' };
  const { status, headers: sent } = await send('POST', '/mobile/v1/orders', { body: { title: 'A lamp' }, headers });
  t.is(status, 200);
  t.is(sent.location, '/mobile/v1/orders/8');
  t.deepEqual(upstream.calls[0]!.metadata.get('x-forwarded-prefix'), ['/mobile']);
});

const VERSIONS = `
syntax = "proto3";
package shop;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
service V1 {
  option (protogate.v1.default_policy) = { deprecated: { since: "2026-01-01" sunset: "2026-12-31" link: "https://example.com/v2" } };
  rpc Get(Item) returns (Item) { option (google.api.http) = { get: "/v1/items/{id}" }; }
}
service V2 {
  rpc Get(Item) returns (Item) { option (google.api.http) = { get: "/v2/items/{id}" }; option deprecated = true; }
  rpc List(Item) returns (Item) { option (google.api.http) = { get: "/v2/items" }; }
}
message Item { int32 id = 1; }
`;

test('a deprecated method says so with every answer, and one with the option alone does not', async (t) => {
  const policies = [{ selector: 'shop.V2.List', deprecated: { since: '2026-06-01T12:00:00Z' } }];
  const { send } = await startGateway(t, VERSIONS, {}, { policies });
  for (const id of ['7', 'seven']) {
    const { headers } = await send('GET', `/v1/items/${id}`);
    t.is(headers.deprecation, '@1767225600');
    t.is(headers.sunset, 'Thu, 31 Dec 2026 00:00:00 GMT');
    t.is(headers.link, '<https://example.com/v2>; rel="deprecation", <https://example.com/v2>; rel="sunset"');
  }
  const listed = (await send('GET', '/v2/items')).headers;
  t.deepEqual([listed.deprecation, listed.sunset, listed.link], ['@1780315200', undefined, undefined]);
  t.is((await send('GET', '/v2/items/7')).headers.deprecation, undefined);
});

for (const [deprecated, text] of [
  [{ since: '2026-02-30' }, 'since: expected a date such as 2027-01-31'],
  [{ since: '2026-01-02', sunset: '2026-01-01' }, 'sunset: expected a date that is not before since'],
  [{ since: '2026-01-02', link: 'javascript:alert(1)' }, 'link: expected a URL such as https://example.com/migrate'],
] as const) {
  test(`deprecated: ${JSON.stringify(deprecated)} is refused`, (t) => {
    const { diagnostics } = parseConfig({ version: 1, policies: [{ selector: '*', deprecated }] });
    t.true(diagnostics[0]!.text.includes(text), diagnostics[0]!.text);
  });
}

test('--surface serves one surface, and opens only the upstreams that it calls', async (t) => {
  const { config } = parseConfig({
    version: 1,
    upstreams: { orders: { target: '127.0.0.1:1', services: ['shop.v1.Orders'] }, rest: { target: '127.0.0.1:2' } },
    surfaces: [{ name: 'web' }, { name: 'app', basePath: '/app', include: ['shop.v1.Orders.*'] }],
  });
  const flags = { protos: [], imports: [], descriptorSets: [], upstreams: [] };
  t.is(
    applyOverrides(config!, { ...flags, surface: 'apps' }).diagnostics[0]!.text,
    "expected one of web, app, got 'apps'",
  );
  const only = applyOverrides(config!, { ...flags, surface: 'app' }).config;
  const { schema } = await planOf(t, SHOP);
  const planned = await plan(only, { schema });
  t.deepEqual(new Set(planned.diagnostics.map(({ rule }) => rule)), new Set(['no-auth']));
  const gateway = start(planned, createLog({ destination: { write: () => {} } }));
  t.teardown(() => gateway.close());
  await gateway.prepared;
  const { upstreams, surfaces } = gateway.snapshots.current;
  t.deepEqual([...upstreams.keys()], ['orders']);
  t.deepEqual(
    surfaces.map(({ name }) => name),
    ['app'],
  );
});

test('surfaces are added, changed and removed under load: no request fails', async (t) => {
  const {
    send,
    gateway,
    upstream,
    plan: first,
  } = await startGateway(t, SHOP, HANDLERS, {
    surfaces: [{ name: 'web' }, { name: 'a', basePath: '/a' }],
  });
  const common = {
    version: 1 as const,
    schema: { protos: [...first.config.schema.protos] },
    upstreams: { test: { target: upstream.target, services: ['*'] } },
  };
  let isDone = false;
  const statuses = new Set<number>();
  const seen = { withNotes: 0, without: 0 };
  const clients = ['', '/a'].map(async (base) => {
    while (!isDone) {
      const { status, text } = await send('GET', `${base}/v1/orders/7`);
      statuses.add(status);
      if (base === '/a') seen[text.includes('late') ? 'withNotes' : 'without']++;
    }
  });
  for (let round = 0; round < 4; round++) {
    const omitFields = round % 2 === 0 ? ['shop.v1.Order.internal_notes'] : [];
    const added = round % 2 === 0 ? [{ name: 'b', basePath: '/b' }] : [];
    await gateway.reload({
      ...common,
      surfaces: [{ name: 'web' }, { name: 'a', basePath: '/a', omitFields }, ...added],
    });
    t.is((await send('GET', '/b/v1/orders/7')).status, round % 2 === 0 ? 200 : 404);
    for (let asked = 0; asked < 5; asked++) await send('GET', '/a/v1/orders/7');
  }
  isDone = true;
  await Promise.all(clients);
  t.deepEqual([...statuses], [200]);
  t.true(seen.withNotes > 0 && seen.without > 0, JSON.stringify(seen));
});

test('a stream ends when its surface is removed, or when another surface takes its request', async (t) => {
  const proto = `
    syntax = "proto3";
    package w.v1;
    import "google/api/annotations.proto";
    service W { rpc Watch(In) returns (stream In) { option (google.api.http) = { get: "/v1/watch" }; } }
    message In { string id = 1; }
  `;
  const watch = { messages: [{ id: 'one' }], hang: true };
  const surfaces = [{ name: 'web' }, { name: 'a', basePath: '/a' }];
  const { send, gateway, upstream, plan: first, logged } = await startGateway(t, proto, { Watch: watch }, { surfaces });
  const common = {
    version: 1 as const,
    schema: { protos: [...first.config.schema.protos] },
    upstreams: { test: { target: upstream.target, services: ['*'] } },
  };
  const stream = send('GET', '/a/v1/watch');
  while (upstream.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await gateway.reload({ ...common, surfaces: [{ name: 'web' }, { name: 'other', basePath: '/a' }] });
  // The stream is cut off. If its first message had not come by then, its answer is the error.
  const answer = await stream.catch(() => undefined);
  t.true(answer === undefined || answer.status === 403);
  t.true(logged().some(({ reason, surface }) => reason === 'ROUTE_WITHDRAWN' && surface === 'a'));
});
