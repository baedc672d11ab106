/** Protos with everything that a schema can contain, each a folder of files. They have no mistakes. */
export type Fixture = Readonly<Record<string, string>>;

const PROTO3 = `syntax = "proto3";
package t.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/timestamp.proto";
// An item.
message Item {
  string display_name = 1 [(google.api.field_behavior) = REQUIRED, (google.api.field_behavior) = IMMUTABLE];
  optional int32 maybe = 2;
  repeated int32 numbers = 3;
  repeated int32 loose = 4 [packed = false];
  map<string, Item> children = 5;
  map<int64, Kind> kinds = 6;
  oneof choice { string text = 7; Inner inner = 8; }
  string renamed = 9 [json_name = "other"];
  google.protobuf.Timestamp at = 10;
  bytes data = 11 [deprecated = true];
  string constructor = 13;
  string a__b_1 = 14;
  message Inner { Kind kind = 1; Item up = 2; }
  enum Kind { option allow_alias = true; KIND_UNSPECIFIED = 0; A = 1; ALSO_A = 1; NEGATIVE = -3; }
  reserved 100 to 110, 120;
  reserved "gone";
}
message constructor { string toString = 1; }
service Items {
  // Gets one.
  rpc Get(Item) returns (Item) {
    option deprecated = true;
    option idempotency_level = NO_SIDE_EFFECTS;
    option (google.api.http) = {
      get: "/v1/{display_name=items/*}"
      additional_bindings { post: "/v1/items:get" body: "*" }
      additional_bindings { custom { kind: "HEAD" path: "/v1/items" } response_body: "text" }
    };
  }
  rpc One(Item) returns (stream .t.v1.Item) { option (google.api.http) = { patch: "/v1/one" body: "inner" additional_bindings: { put: "/v1/" "two" } }; }
  rpc Dotted(stream Item.Inner) returns (constructor) { option (.google.api.http).get = "/v1/dotted"; option (.google.api.http).response_body = "toString"; }
  rpc Lists(Item) returns (Item) { option (google.api.http) = { delete: '/v1/lists', additional_bindings: [{ get: "/v1/l1" }, { get: "/v1/l2" }]; }; }
  rpc Plain(Item) returns (Item);
}
`;

const PROTO2 = `syntax = "proto2";
package t.old;
import weak "google/protobuf/empty.proto";
message Defaults {
  optional int64 most = 1 [default = 9223372036854775807];
  optional sint64 least = 2 [deprecated = true, default = -9223372036854775808];
  optional fixed64 hex = 3 [default = 0xffffffffffffffff];
  optional uint64 octal = 4 [default = 01777777777777777777777];
  optional int64 small = 5 [default = -5];
  optional int32 i32 = 6 [default = 0x10];
  optional bool yes = 7 [default = true];
  optional string text = 8 [default = "a\\n\\"b" 'c'];
  optional string word = 9 [default = "true"];
  optional bytes data = 10 [default = "\\001x\\xff\\\\"];
  optional double inf = 11 [default = inf];
  optional float minus = 12 [default = -inf];
  optional double nan = 13 [default = nan];
  optional double ratio = 14 [default = 0.5];
  optional Level level = 15 [default = HIGH];
  optional string none = 16 [default = ""];
}
message M {
  required string name = 1;
  optional int32 count = 2 [default = 7];
  repeated int32 many = 3;
  repeated int32 packed = 4 [packed = true];
  optional group Part = 5 { optional string text = 1; }
  repeated group Piece = 6 { required int32 size = 1; }
  oneof one {
    int32 a = 7;
    group Either = 10 { optional string text = 1; optional group Inner = 2 { optional int32 n = 1; } }
    group TwoWords = 11 { }
  }
  optional Level level = 9;
  optional Part same = 12;
  optional google.protobuf.Empty weak = 13;
  optional Defaults defaults = 14;
  extensions 100 to 199;
  extend M { optional M nested = 101; }
}
enum Level { LOW = 1; HIGH = 2; }
extend M { optional string top = 100; repeated int32 list = 102 [packed = true]; optional group OfMany = 103 { } }
message Set { option message_set_wire_format = true; extensions 4 to max; }
message In { extend Set { optional In in = 5; } optional int32 x = 1; }
`;

const EDITION = `edition = "2023";
package t.ed;
option features.field_presence = IMPLICIT;
option features.repeated_field_encoding = EXPANDED;
message A {
  string implicit = 1;
  string explicit = 2 [features.field_presence = EXPLICIT];
  string needed = 3 [features.field_presence = LEGACY_REQUIRED];
  repeated int32 loose = 4;
  repeated int32 tight = 5 [features.repeated_field_encoding = PACKED];
  string raw = 6 [features.utf8_validation = NONE];
  B part = 7 [features.message_encoding = DELIMITED];
  map<string, B> parts = 8 [features.utf8_validation = NONE];
  oneof one { string x = 9; int32 y = 10; }
  Shut shut = 11 [features.field_presence = EXPLICIT];
}
message B { int32 n = 1; }
enum Shut { option features.enum_type = CLOSED; ONE = 1; }
enum Open { ZERO = 0; }
`;

const DELIMITED = `edition = "2023";
package t.del;
option features.message_encoding = DELIMITED;
message A { A inner = 1; map<string, A> many = 2; repeated A list = 3; string s = 4; }
`;

const POLICIES = `syntax = "proto3";
package t.pol;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message R { string name = 1; }
service S {
  option (protogate.v1.default_policy) = { auth: { mode: MODE_REQUIRED scopes: "a|b" } labels: ["x", "y"] };
  rpc One(R) returns (R) {
    option (google.api.http) = { get: "/v1/one" };
    option (protogate.v1.policy) = {
      auth { mode: MODE_PUBLIC require: "request.name = caller.subject" require: "a = b" }
      rate_limits { limit: 5 period { seconds: 60 } per: [PER_IP, PER_ROUTE] }
      rate_limits { limit: 7 period: { seconds: 1 nanos: 500000000 } per: PER_CONSUMER }
      cache { ttl { seconds: 30 } scope: SCOPE_CONSUMER stale_if_error { nanos: 5000000 } }
      timeout: { seconds: 1, nanos: 5 }
      retry { max_attempts: 3 codes: "UNAVAILABLE" }
      max_request_bytes: 4294967296
      success_status: 201
      labels: "mobile"
    };
  }
  rpc Two(R) returns (R) {
    option (protogate.v1.aggregate) = {
      steps: { into: "name" call: "t.pol.S/One" with: "name = request.name" with: "x = 5" take: "name" optional: true timeout { seconds: 2 } }
      steps { name: "n" copy: "n.name" for_each: "list" key: "id" batch_size: 50 max_items: 10 concurrency: 4 when: "request.name" }
      max_calls: 9
    };
  }
}
`;

const LITERALS = `syntax = "proto2";
package t . lit ;
message M {
  optional string escapes = 0x1 [default = "\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\'\\"\\101\\x41\\X4\\u00e9\\U0001f600\\303\\251" 'y"' /* c */ "z"];
  optional bytes raw = 02 [default = "é\\377\\x00\\"'\\?" 'a' "\\1\\12\\1234"];
  optional double one = 3 [default = 1.];
  optional double part = 4 [default = .5];
  optional double power = 5 [default = -1.5E-3];
  optional double great = 6 [default = 12345678901234567890];
  optional double zero = 7 [default = -0.0];
  optional float third = 9 [default = 0.333];
  optional int32 none = 10 [default = -0];
  optional int32 low = 11 [default = -0x80000000];
  optional uint32 octal = 12 [default = 0037777777777];
  optional . t . lit
    . E e = 13 [default = TRUE];
  map < string , t.lit /* m */ . M > many = 14 [json_name = "m\\x61ny", deprecated=true];
}
enum E { TRUE = -2147483648; inf = 2147483647; C = 0x10; D = -010; reserved -5 to -3, 100 to 2147483646; reserved "X" "Y"; };
service S { ; rpc stream ( stream . t.lit.M ) returns ( stream t . lit.M ) { ; } ; rpc returns(M) returns (.t.lit.M) {} }
;`;

const OPTION_FORMS = `syntax = "proto3";
package t.forms;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message R { string name = 1; repeated string list = 2; }
service S {
  option ( . protogate . v1 . default_policy ) . auth . scopes = "a" 'b'; option (protogate.v1.default_policy).max_request_bytes = 0x10;
  rpc Brackets(R) returns (R) {
    option (google.api.http) = { get: "/v1/\\x61", additional_bindings [ < post: "/v1/" /* c */ 'b'; body: "*" >, { put: "/v1/c" } ] additional_bindings: [] };
  }
  rpc Parts(R) returns (R) {
    option (protogate.v1.policy).timeout.seconds = 1;
    option (google.api.http).custom.kind = "HEAD";
    option (protogate.v1.policy).timeout.nanos = 017;
    option (google.api.http).custom.path = "/v1/p";
    option (protogate.v1.policy).auth.mode = MODE_PUBLIC;
  }
}
`;

const EDITION_FORMS = `edition = "2023";
package t.edf;
option features = { field_presence: IMPLICIT, repeated_field_encoding: EXPANDED };
message M {
  reserved gone, lost;
  reserved 100 to max;
  int32 a = 1 [features = { field_presence: EXPLICIT }];
  repeated int32 b = 2;
  message string { M message = 1; }
  .t.edf.M.string c = 3;
  enum Kept { reserved q, r; ZERO = 0; }
}
`;

const SCOPES: Fixture = {
  'a/b/c.proto': `syntax = "proto3"; package a.b.c; import "a/b/other.proto"; import "a/top.proto";
message M { N n = 1; .a.N absolute = 2; b.Other other = 3; Outer.N inner = 4; E e = 5;
  message Outer { message N { N self = 1; M.E e = 2; } } message N { string own = 1; } enum E { Z = 0; } }`,
  'a/b/other.proto': 'syntax = "proto3"; package a.b; message Other { N n = 1; }  message N { string from_b = 1; }',
  'a/top.proto': 'syntax = "proto3"; package a; message N { string from_a = 1; }',
};

export const FIXTURES: readonly (readonly [name: string, fixture: Fixture])[] = [
  ['proto3', { 'test.proto': PROTO3 }],
  ['proto2', { 'test.proto': PROTO2 }],
  ['edition 2023 features, inherited and overridden', { 'test.proto': EDITION }],
  ['a whole file DELIMITED', { 'test.proto': DELIMITED }],
  ['policies and aggregates', { 'test.proto': POLICIES }],
  ['literals and names of all forms', { 'test.proto': LITERALS }],
  ['options of all forms', { 'test.proto': OPTION_FORMS }],
  ['edition 2023, other forms', { 'test.proto': EDITION_FORMS }],
  ['names in scopes', SCOPES],
  [
    'google/api itself declares nothing twice',
    {
      'g/x.proto':
        'syntax = "proto3"; package google.api.x; import "google/api/annotations.proto"; message R {} service S { rpc A(R) returns (R) { option (http) = { get: "/v1/x" }; } }',
    },
  ],
  [
    'a relative option name',
    {
      'g/x.proto':
        'syntax = "proto3"; package google.y; import "google/api/annotations.proto"; message R {} service S { rpc A(R) returns (R) { option (api.http).get = "/v1/x"; } }',
    },
  ],
  [
    'no package',
    {
      'x.proto':
        'syntax = "proto3"; message R { R r = 1; E e = 2; } enum E { Z = 0; } service S { rpc A(R) returns (R); }',
    },
  ],
];
