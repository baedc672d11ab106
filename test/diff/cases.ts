/**
 * Changes of protos, each with the findings that `diff` must have. docs/diff.md shows them in a table beside what `buf breaking` finds.
 * A change replaces a part of the proto that occurs in it once.
 */
import type { ChangeId, Severity } from '../../src/diff/changes.js';

/** The proto that all changes begin with. */
export const BASE = `syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/httpbody.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "protogate/v1/annotations.proto";

service Shop {
  rpc GetItem(GetItemRequest) returns (Item) { option (google.api.http) = { get: "/v1/{name=items/*}" }; }
  rpc FindItems(FindItemsRequest) returns (FindItemsResponse) { option (google.api.http) = { get: "/v1/items" }; }
  rpc MakeItem(MakeItemRequest) returns (Item) { option (google.api.http) = { post: "/v1/items" body: "item" }; }
  rpc PackItems(PackItemsRequest) returns (PackItemsResponse) { option (google.api.http) = { post: "/v1/items:pack" body: "*" }; }
  rpc GetStock(GetStockRequest) returns (Stock) { option (google.api.http) = { get: "/v1/stock/{id}" }; }
  rpc Ping(PingRequest) returns (PingResponse) {
    option (google.api.http) = { post: "/v1/ping" body: "*" };
    option (protogate.v1.policy) = { auth: { mode: MODE_REQUIRED scopes: "ping" } rate_limits: { limit: 60 period: { seconds: 60 } } };
  }
}
message GetItemRequest { string name = 1; }
message FindItemsRequest { string owner = 1; int32 page_size = 2; Color color = 3; string tag = 4; repeated Area areas = 9; }
message FindItemsResponse { repeated Item items = 1; int32 total = 2; }
message MakeItemRequest { Item item = 1; string request_id = 2; }
message PackItemsRequest { repeated string names = 1; Box box = 2; oneof speed { bool fast = 3; int32 days = 4; } string note = 5; Parcel last = 6 [(google.api.field_behavior) = OUTPUT_ONLY]; }
message PackItemsResponse { Parcel parcel = 1; Packed state = 2; }
message GetStockRequest { string id = 1; }
message Stock { int32 count = 1; }
message PingRequest {}
message PingResponse {}
message Box { int32 width = 1; string paper = 2; }
message Area { int32 north = 1; int32 west = 2; }
message Parcel {
  string code = 1;
  int32 weight = 2;
  uint32 price = 3;
  Packed state = 4;
  google.protobuf.Timestamp sent = 5;
  google.protobuf.StringValue remark = 6;
  bytes label = 7;
  oneof place { string shelf = 8; string truck = 9; }
  google.protobuf.Struct extra = 10;
}
message Item { string name = 1; string title = 2; Color color = 3; repeated string tags = 4; optional int32 age = 5; }
enum Color { COLOR_UNSPECIFIED = 0; RED = 1; DARK_BLUE = 2; }
enum Packed { PACKED_UNSPECIFIED = 0; OPEN = 1; CLOSED = 2; }
`;

export interface Case {
  /** The change, in words. */
  readonly fact: string;
  readonly edits: readonly (readonly [before: string, after: string])[];
  /** The findings of `diff`, without safe changes. */
  readonly finds: readonly (readonly [severity: Severity, change: ChangeId, subject: string])[];
}

/** Returns the proto of the new version. */
export function changed({ edits }: Pick<Case, 'edits'>): string {
  return edits.reduce((text, [before, after]) => {
    if (text.split(before).length !== 2) throw new Error(`expected once in the proto: ${before}`);
    return text.replace(before, () => after);
  }, BASE);
}

const GET = 'GET /v1/{name=items/*}';
const FIND = 'GET /v1/items';
const PACK = 'POST /v1/items:pack';

export const CASES: readonly Case[] = [
  {
    fact: 'an rpc is removed',
    edits: [
      [
        '  rpc GetStock(GetStockRequest) returns (Stock) { option (google.api.http) = { get: "/v1/stock/{id}" }; }\n',
        '',
      ],
    ],
    finds: [['breaking', 'route-gone', 'GET /v1/stock/{id}']],
  },
  {
    fact: 'an rpc loses its HTTP rule',
    edits: [['(Stock) { option (google.api.http) = { get: "/v1/stock/{id}" }; }', '(Stock);']],
    finds: [['breaking', 'route-gone', 'GET /v1/stock/{id}']],
  },
  {
    fact: 'a path is changed',
    edits: [['"/v1/stock/{id}"', '"/v1/stocks/{id}"']],
    finds: [['breaking', 'route-moved', 'GET /v1/stock/{id}']],
  },
  {
    fact: 'GET becomes POST',
    edits: [['get: "/v1/stock/{id}"', 'post: "/v1/stock/{id}"']],
    finds: [['breaking', 'route-moved', 'GET /v1/stock/{id}']],
  },
  {
    fact: 'a path variable has another name',
    edits: [
      ['/v1/stock/{id}', '/v1/stock/{item_id}'],
      ['GetStockRequest { string id = 1; }', 'GetStockRequest { string item_id = 1; }'],
    ],
    finds: [],
  },
  {
    fact: 'a path variable takes more segments',
    edits: [['{name=items/*}', '{name=items/**}']],
    finds: [],
  },
  {
    fact: 'a path variable takes fewer paths',
    edits: [['{name=items/*}', '{name=items/red}']],
    finds: [['breaking', 'route-narrowed', GET]],
  },
  {
    fact: 'a path has one segment more',
    edits: [['/v1/stock/{id}', '/v1/stock/{id=shelves/*}']],
    finds: [['breaking', 'route-moved', 'GET /v1/stock/{id}']],
  },
  {
    fact: 'a path variable becomes a number',
    edits: [['GetStockRequest { string id = 1; }', 'GetStockRequest { int32 id = 1; }']],
    finds: [['breaking', 'path-variable', 'shop.v1.GetStockRequest.id']],
  },
  {
    fact: 'a new rpc takes some paths of an old one',
    edits: [
      [
        '  rpc Ping(',
        '  rpc GetBest(PingRequest) returns (Stock) { option (google.api.http) = { get: "/v1/items/best" }; }\n  rpc Ping(',
      ],
    ],
    finds: [['risky', 'route-shadowed', 'GET /v1/items/best']],
  },
  {
    fact: 'a new rpc with a verb takes paths that end in it',
    edits: [
      [
        '  rpc Ping(',
        '  rpc Show(PingRequest) returns (Stock) { option (google.api.http) = { get: "/v1/**:show" }; }\n  rpc Ping(',
      ],
    ],
    finds: [['risky', 'route-shadowed', 'GET /v1/**:show']],
  },
  {
    fact: 'a new rpc with a wildcard takes a path that begins with a literal',
    edits: [
      [
        '  rpc Ping(',
        '  rpc Any(PingRequest) returns (Stock) { option (google.api.http) = { get: "/v1/*/best" }; }\n  rpc Ping(',
      ],
    ],
    finds: [],
  },
  {
    fact: 'a new rpc',
    edits: [
      [
        '  rpc Ping(',
        '  rpc Count(PingRequest) returns (Stock) { option (google.api.http) = { get: "/v1/count" }; }\n  rpc Ping(',
      ],
    ],
    finds: [],
  },
  {
    fact: 'an rpc has another name',
    edits: [['rpc GetStock(', 'rpc ReadStock(']],
    finds: [['risky', 'route-rpc', 'GET /v1/stock/{id}']],
  },
  {
    fact: 'a message has another name',
    edits: [
      ['returns (Stock)', 'returns (Inventory)'],
      ['message Stock {', 'message Inventory {'],
    ],
    finds: [],
  },
  {
    fact: 'a body is another part of the request',
    edits: [['post: "/v1/items:pack" body: "*"', 'post: "/v1/items:pack" body: "box"']],
    finds: [['breaking', 'body-rule', PACK]],
  },
  {
    fact: 'the field that is the body has another name',
    edits: [
      ['body: "item"', 'body: "thing"'],
      ['message MakeItemRequest { Item item = 1;', 'message MakeItemRequest { Item thing = 1;'],
    ],
    finds: [],
  },
  {
    fact: 'the answer is one field of the response',
    edits: [['get: "/v1/items" }', 'get: "/v1/items" response_body: "items" }']],
    finds: [['breaking', 'response-body', FIND]],
  },
  {
    fact: 'an answer becomes a stream',
    edits: [
      ['(FindItemsRequest) returns (FindItemsResponse)', '(FindItemsRequest) returns (stream FindItemsResponse)'],
    ],
    finds: [['breaking', 'stream-kind', FIND]],
  },
  {
    fact: 'a request becomes a stream',
    edits: [['PackItems(PackItemsRequest)', 'PackItems(stream PackItemsRequest)']],
    finds: [['risky', 'stream-kind', PACK]],
  },
  {
    fact: 'an answer becomes a file (HttpBody)',
    edits: [['GetStock(GetStockRequest) returns (Stock)', 'GetStock(GetStockRequest) returns (google.api.HttpBody)']],
    finds: [['breaking', 'response-body', 'GET /v1/stock/{id}']],
  },
  {
    fact: 'a field of an answer is removed',
    edits: [['int32 total = 2; ', '']],
    finds: [['breaking', 'field-gone', 'shop.v1.FindItemsResponse.total']],
  },
  {
    fact: 'a field of an answer is removed, and reserved',
    edits: [['int32 total = 2; ', 'reserved 2; reserved "total"; ']],
    finds: [['breaking', 'field-gone', 'shop.v1.FindItemsResponse.total']],
  },
  {
    fact: 'a query parameter is removed, and reserved',
    edits: [[' string tag = 4;', ' reserved 4; reserved "tag";']],
    finds: [['breaking', 'field-gone', 'shop.v1.FindItemsRequest.tag']],
  },
  {
    fact: 'a field has another number',
    edits: [['int32 total = 2;', 'int32 total = 7;']],
    finds: [],
  },
  {
    fact: 'a field has another name',
    edits: [['int32 total = 2;', 'int32 total_count = 2;']],
    finds: [['breaking', 'field-renamed', 'shop.v1.FindItemsResponse.total']],
  },
  {
    fact: 'a field of an answer has another name and keeps its JSON name',
    edits: [['int32 total = 2;', 'int32 total_count = 2 [json_name = "total"];']],
    finds: [],
  },
  {
    fact: 'a query parameter has another name and keeps its JSON name',
    edits: [['int32 page_size = 2;', 'int32 size = 2 [json_name = "pageSize"];']],
    finds: [['risky', 'field-renamed', 'shop.v1.FindItemsRequest.page_size']],
  },
  {
    fact: 'a field has another JSON name',
    edits: [['int32 total = 2;', 'int32 total = 2 [json_name = "sum"];']],
    finds: [['breaking', 'field-renamed', 'shop.v1.FindItemsResponse.total']],
  },
  {
    fact: 'int32 becomes int64 in an answer',
    edits: [['int32 weight = 2;', 'int64 weight = 2;']],
    finds: [['breaking', 'field-type', 'shop.v1.Parcel.weight']],
  },
  {
    fact: 'int32 becomes int64 in a query',
    edits: [['int32 page_size = 2;', 'int64 page_size = 2;']],
    finds: [],
  },
  {
    fact: 'int32 becomes sint32',
    edits: [['int32 weight = 2;', 'sint32 weight = 2;']],
    finds: [],
  },
  {
    fact: 'uint32 becomes int32 in an answer',
    edits: [['uint32 price = 3;', 'int32 price = 3;']],
    finds: [['risky', 'field-type', 'shop.v1.Parcel.price']],
  },
  {
    fact: 'int32 becomes double in an answer',
    edits: [['int32 weight = 2;', 'double weight = 2;']],
    finds: [['risky', 'field-type', 'shop.v1.Parcel.weight']],
  },
  {
    fact: 'string becomes bytes',
    edits: [['string code = 1;', 'bytes code = 1;']],
    finds: [['breaking', 'field-type', 'shop.v1.Parcel.code']],
  },
  {
    fact: 'an enum becomes a string in a query',
    edits: [['Color color = 3; string tag', 'string color = 3; string tag']],
    finds: [],
  },
  {
    fact: 'an enum becomes a string in an answer',
    edits: [['  Packed state = 4;', '  string state = 4;']],
    finds: [['risky', 'field-type', 'shop.v1.Parcel.state']],
  },
  {
    fact: 'a string becomes an enum in a query',
    edits: [['string tag = 4;', 'Color tag = 4;']],
    finds: [['breaking', 'field-type', 'shop.v1.FindItemsRequest.tag']],
  },
  {
    fact: 'a string becomes an enum in an answer',
    edits: [['string code = 1;', 'Packed code = 1;']],
    finds: [],
  },
  {
    fact: 'StringValue becomes optional string',
    edits: [['google.protobuf.StringValue remark = 6;', 'optional string remark = 6;']],
    finds: [],
  },
  {
    fact: 'Timestamp becomes int64',
    edits: [['google.protobuf.Timestamp sent = 5;', 'int64 sent = 5;']],
    finds: [['breaking', 'field-type', 'shop.v1.Parcel.sent']],
  },
  {
    fact: 'Struct becomes a message in an answer',
    edits: [['google.protobuf.Struct extra = 10;', 'Box extra = 10;']],
    finds: [],
  },
  {
    fact: 'a field of an answer becomes repeated',
    edits: [['Parcel parcel = 1;', 'repeated Parcel parcel = 1;']],
    finds: [['breaking', 'field-type', 'shop.v1.PackItemsResponse.parcel']],
  },
  {
    fact: 'a query parameter becomes repeated',
    edits: [['string owner = 1; int32 page', 'repeated string owner = 1; int32 page']],
    finds: [],
  },
  {
    fact: 'another message with the same fields',
    edits: [
      ['Box box = 2;', 'Carton box = 2;'],
      ['message Box {', 'message Carton { int32 width = 1; string paper = 2; }\nmessage Box {'],
    ],
    finds: [],
  },
  {
    fact: 'another message without one of the fields',
    edits: [
      ['Box box = 2;', 'Carton box = 2;'],
      ['message Box {', 'message Carton { int32 width = 1; }\nmessage Box {'],
    ],
    finds: [['breaking', 'field-gone', 'shop.v1.Box.paper']],
  },
  {
    fact: 'another message with few of the fields',
    edits: [
      ['returns (Item) { option (google.api.http) = { get', 'returns (Stock) { option (google.api.http) = { get'],
    ],
    finds: [['breaking', 'message-type', 'shop.v1.Item']],
  },
  {
    fact: 'a field of a message that cannot be in a query is removed',
    edits: [[' int32 west = 2;', '']],
    finds: [],
  },
  {
    fact: 'a new field',
    edits: [['int32 total = 2;', 'int32 total = 2; string next = 3;']],
    finds: [],
  },
  {
    fact: 'a new field of a request is REQUIRED',
    edits: [['string tag = 4;', 'string tag = 4; string region = 5 [(google.api.field_behavior) = REQUIRED];']],
    finds: [['breaking', 'field-required', 'shop.v1.FindItemsRequest.region']],
  },
  {
    fact: 'a field of a request becomes REQUIRED',
    edits: [['string owner = 1; int32 page', 'string owner = 1 [(google.api.field_behavior) = REQUIRED]; int32 page']],
    finds: [['breaking', 'field-required', 'shop.v1.FindItemsRequest.owner']],
  },
  {
    fact: 'the field of a path variable becomes REQUIRED',
    edits: [
      [
        'GetItemRequest { string name = 1; }',
        'GetItemRequest { string name = 1 [(google.api.field_behavior) = REQUIRED]; }',
      ],
    ],
    finds: [],
  },
  {
    fact: 'a field of an answer becomes INPUT_ONLY',
    edits: [['string code = 1;', 'string code = 1 [(google.api.field_behavior) = INPUT_ONLY];']],
    finds: [['breaking', 'field-behavior', 'shop.v1.Parcel.code']],
  },
  {
    fact: 'a field inside an OUTPUT_ONLY message becomes REQUIRED',
    edits: [['string code = 1;', 'string code = 1 [(google.api.field_behavior) = REQUIRED];']],
    finds: [],
  },
  {
    fact: 'optional is removed',
    edits: [['optional int32 age = 5;', 'int32 age = 5;']],
    finds: [['risky', 'field-presence', 'shop.v1.Item.age']],
  },
  {
    fact: 'optional is added',
    edits: [['string title = 2;', 'optional string title = 2;']],
    finds: [],
  },
  {
    fact: 'a field of a request joins a oneof',
    edits: [['int32 days = 4; } string note = 5;', 'int32 days = 4; string note = 5; }']],
    finds: [['breaking', 'oneof-joined', 'shop.v1.PackItemsRequest.note']],
  },
  {
    fact: 'a oneof of an answer has a new member',
    edits: [['string truck = 9; }', 'string truck = 9; string ship = 11; }']],
    finds: [['risky', 'field-added', 'shop.v1.Parcel.ship']],
  },
  {
    fact: 'an enum of requests and answers loses a value',
    edits: [[' DARK_BLUE = 2;', '']],
    finds: [['breaking', 'enum-value-gone', 'shop.v1.Color.DARK_BLUE']],
  },
  {
    fact: 'an enum of answers loses a value',
    edits: [[' CLOSED = 2;', '']],
    finds: [['risky', 'enum-value-gone', 'shop.v1.Packed.CLOSED']],
  },
  {
    fact: 'a value of an enum has another name',
    edits: [[' CLOSED = 2;', ' SHUT = 2;']],
    finds: [['breaking', 'enum-value-renamed', 'shop.v1.Packed.CLOSED']],
  },
  {
    fact: 'a value of an enum gets a second name',
    edits: [[' CLOSED = 2; }', ' CLOSED = 2; SHUT = 2; option allow_alias = true; }']],
    finds: [],
  },
  {
    fact: 'a value of an enum gets a second name, which is declared first',
    edits: [[' CLOSED = 2; }', ' SHUT = 2; CLOSED = 2; option allow_alias = true; }']],
    finds: [['breaking', 'enum-value-renamed', 'shop.v1.Packed.CLOSED']],
  },
  {
    fact: 'an enum of answers has a new value',
    edits: [[' CLOSED = 2;', ' CLOSED = 2; LOST = 3;']],
    finds: [['risky', 'enum-value-added', 'shop.v1.Packed.LOST']],
  },
  {
    fact: 'a value of an enum of answers has another number',
    edits: [[' CLOSED = 2;', ' CLOSED = 7;']],
    finds: [],
  },
  {
    fact: 'callers need a scope more',
    edits: [['scopes: "ping"', 'scopes: "ping" scopes: "admin"']],
    finds: [['breaking', 'scope', 'shop.v1.Shop/Ping']],
  },
  {
    fact: 'callers need one of two scopes instead of one',
    edits: [['scopes: "ping"', 'scopes: "ping|admin"']],
    finds: [],
  },
  {
    fact: 'a public rpc demands a caller',
    edits: [
      [
        'get: "/v1/stock/{id}" };',
        'get: "/v1/stock/{id}" }; option (protogate.v1.policy) = { auth: { mode: MODE_REQUIRED } };',
      ],
    ],
    finds: [['breaking', 'auth-mode', 'shop.v1.Shop/GetStock']],
  },
  {
    fact: 'a rate limit is lower',
    edits: [['limit: 60 period', 'limit: 10 period']],
    finds: [['risky', 'rate-limit', 'shop.v1.Shop/Ping']],
  },
  {
    fact: 'the status of success is 204',
    edits: [['scopes: "ping" }', 'scopes: "ping" } success_status: 204']],
    finds: [['breaking', 'success-status', 'shop.v1.Shop/Ping']],
  },
];
