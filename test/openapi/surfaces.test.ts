/**
 * Nothing that a surface excludes is in its OpenAPI document: no method, field, type, enum value, comment, rule or example.
 * Everything hidden below has a name or a text with `hush`, and a number of its own.
 */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { type Api, apisOf } from '../../src/openapi/api.js';
import { examplesFrom } from '../../src/openapi/examples.js';
import { planOf } from '../support/gateway.js';
import { textOf, validated } from './support.js';

const PROTO = `
syntax = "proto3";
package d.v1;
import "buf/validate/validate.proto";
import "google/api/annotations.proto";
import "google/protobuf/field_mask.proto";
import "protogate/v1/annotations.proto";

// The items.
service Items {
  // Gets one.
  rpc Get(GetRequest) returns (Item) {
    option (google.api.http) = { get: "/v1/items/{id}" additional_bindings { post: "/v1/items:get" body: "*" } };
  }
  rpc Update(UpdateRequest) returns (Item) { option (google.api.http) = { patch: "/v1/{item.id=items/*}" body: "item" }; }
  rpc Page(GetRequest) returns (Page) {
    option (google.api.http) = { get: "/v1/pages/{id}" };
    option (protogate.v1.aggregate) = {
      steps: { into: "item" call: "d.v1.Items/Get" with: "id = request.id" }
      steps: { into: "hush01" call: "d.v1.Items/GetScore" with: "id = request.id" take: "score" optional: true }
    };
  }
  rpc Watch(GetRequest) returns (stream Item) { option (google.api.http) = { get: "/v1/items:watch" }; }
  // The comment of an rpc without a route: hush02.
  rpc GetScore(GetRequest) returns (Score) {}
  // Drops one: hush03.
  rpc Hush04Drop(Hush05Request) returns (Hush06Answer) { option (google.api.http) = { delete: "/v1/items/{id}" }; }
  rpc Hush07(GetRequest) returns (Item) { option (google.api.http) = { put: "/v1/hush08/{id}" }; }
}
// Secret things: hush09.
service Hush10 {
  option (protogate.v1.default_policy) = { labels: "inside" };
  // Dumps all: hush11.
  rpc Dump(GetRequest) returns (Item) { option (google.api.http) = { get: "/v1/hush12/{id}" }; }
}
message GetRequest {
  string id = 1;
  // hush13
  string hush14_filter = 2;
  Item like = 3;
}
message Hush05Request { string id = 1; Hush39Why why = 2; }
message Hush39Why { string text = 1; }
message Hush06Answer { Hush15State state = 1; }
// A state: hush16.
enum Hush15State {
  HUSH17_UNSPECIFIED = 0;
  // hush18
  HUSH19_GONE = 1;
}
message UpdateRequest { Item item = 1; google.protobuf.FieldMask update_mask = 2; bool hush20_force = 3; }
message Item {
  string id = 1;
  // The price in the shop: hush21.
  int64 hush22_price = 2;
  Hush23Kind hush24_kind = 3;
  repeated Hush25Note hush26_notes = 4;
  map<string, Hush27Part> hush28_parts = 5;
  oneof contact { string phone = 6; string hush29_phone = 7; }
  oneof way { string mail = 8; string road = 9; string hush30_way = 10; }
  Maker maker = 11;
  string code = 12;
  string hush31_code = 13 [(buf.validate.field).string.pattern = "^hush32$"];
}
message Maker { string name = 1; string hush33_account = 2 [(buf.validate.field).required = true]; }
enum Hush23Kind { HUSH34_KIND_UNSPECIFIED = 0; }
message Hush25Note { string text = 1; }
message Hush27Part { Hush23Kind kind = 1; }
message Page { Item item = 1; int32 hush01 = 2; }
message Score { int32 score = 1; }
`;

/** The numbers of what no document has: an rpc without a route, and a request all of whose fields are parameters. */
const NOWHERE = ['02', '05', '39'];

const SURFACES: NonNullable<ConfigInput['surfaces']> = [
  {
    name: 'open',
    exclude: ['d.v1.Items/Hush04Drop', 'd.v1.Items/Hush07', 'label:inside'],
    omitFields: [
      'd.v1.Page.hush01',
      'd.v1.GetRequest.hush14_filter',
      'd.v1.UpdateRequest.hush20_force',
      'd.v1.Item.hush22_price',
      'd.v1.Item.hush24_kind',
      'd.v1.Item.hush26_notes',
      'd.v1.Item.hush28_parts',
      'd.v1.Item.hush29_phone',
      'd.v1.Item.hush30_way',
      'd.v1.Item.hush31_code',
      'd.v1.Maker.hush33_account',
    ],
  },
  { name: 'office', basePath: '/office' },
];

/** Requests of the office, which are examples in both documents. */
const EXAMPLES = examplesFrom([
  { method: 'GET', target: '/v1/items/7?hush14Filter=hush35&hush14_filter=hush35&like.hush22Price=5', body: undefined },
  {
    method: 'PATCH',
    target: '/v1/items/7',
    body: { hush22Price: 'hush36', code: 'x', maker: { hush33Account: 'hush37', name: 'x' } },
  },
  {
    method: 'POST',
    target: '/v1/items:get',
    body: { id: '7', like: { hush31Code: 'hush38', hush26Notes: [{ text: 'a' }], hush28Parts: { a: {} } } },
  },
]);

/** The numbers of the texts in the examples. */
const IN_EXAMPLES = ['35', '36', '37', '38'];

async function apis(t: ExecutionContext, more: Partial<ConfigInput> = {}): Promise<readonly Api[]> {
  const plan = await planOf(t, PROTO, { surfaces: SURFACES, ...more });
  t.deepEqual(
    plan.diagnostics.filter(({ severity }) => severity === 'error'),
    [],
  );
  return apisOf(plan, EXAMPLES);
}

const hushIn = (text: string) => [...new Set(text.match(/hush\d\d/gi)?.map((one) => one.slice(4)) ?? [])].toSorted();

test('a document has nothing that its surface excludes, and that of a surface without exclusions has all of it', async (t) => {
  for (const json of [{}, { protoNames: true, emitDefaults: true, enumsAsInts: true }]) {
    const [open, office] = await apis(t, { json });
    const all = hushIn(PROTO).filter((one) => !NOWHERE.includes(one));
    t.deepEqual(hushIn(textOf(office!)), [...new Set([...all, ...IN_EXAMPLES])].toSorted());
    t.deepEqual(hushIn(textOf(open!)), []);
    t.deepEqual(hushIn(textOf(open!, 'd.v1.Items')), []);
    await validated(textOf(open!));
  }
});
