/** Surfaces: which requests belong to which, and what clients of each one get. */
import test from 'ava';
import { startGateway } from '../support/gateway.js';

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
