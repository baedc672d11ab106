/** The API that the hostile table attacks: every kind of rpc and of field, in front of a server that always answers well. */
import type { ConfigInput } from '../../src/config/config.js';
import { startGateway, type Teardown, type TestGateway } from '../support/gateway.js';
import type { Handlers } from '../support/upstream.js';

export const API = `syntax = "proto3";
package hostile.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

service Hostile {
  rpc Get(Named) returns (Named) { option (google.api.http) = { get: "/v1/{name=things/*}" }; }
  rpc Peek(Named) returns (Named) { option (google.api.http) = { get: "/v1/{name=things/*}:peek" }; }
  rpc File(Named) returns (Named) { option (google.api.http) = { get: "/v1/files/{name=**}" }; }
  rpc Number(Numbered) returns (Named) { option (google.api.http) = { get: "/v1/numbers/{id}" }; }
  rpc Find(All) returns (Named) { option (google.api.http) = { get: "/v1/find" }; }
  rpc Put(All) returns (Named) { option (google.api.http) = { post: "/v1/all" body: "*" }; }
  rpc Create(Creation) returns (Named) { option (google.api.http) = { post: "/v1/{parent=groups/*}/things" body: "thing" }; }
  rpc Update(Change) returns (Named) { option (google.api.http) = { patch: "/v1/{thing.name=things/*}" body: "thing" }; }
  rpc Delete(Named) returns (google.protobuf.Empty) { option (google.api.http) = { delete: "/v1/{name=things/*}" }; }
  rpc Watch(Named) returns (stream Named) { option (google.api.http) = { get: "/v1/{name=things/*}:watch" }; }
  rpc Send(stream Named) returns (Named) { option (google.api.http) = { post: "/v1/send" body: "*" }; }
  rpc Chat(stream Named) returns (stream Named) { option (google.api.http) = { post: "/v1/chat" body: "*" }; }
  rpc Upload(stream google.api.HttpBody) returns (Named) { option (google.api.http) = { post: "/v1/upload" body: "*" }; }
  rpc Save(google.api.HttpBody) returns (Named) { option (google.api.http) = { post: "/v1/save" body: "*" }; }
  rpc Hidden(Named) returns (Named);
}

message Named { string name = 1; string text = 2; }
message Numbered { int32 id = 1; }
message Creation { string parent = 1; All thing = 2; string request_id = 3; }
message Change { All thing = 1; google.protobuf.FieldMask update_mask = 2; }
enum Kind { KIND_UNSPECIFIED = 0; SMALL = 1; LARGE = 2; BELOW = -1; }
message All {
  string name = 1;
  int32 i32 = 2; int64 i64 = 3; uint32 u32 = 4; uint64 u64 = 5; sint32 s32 = 6; sint64 s64 = 7;
  fixed32 f32 = 8; fixed64 f64 = 9; sfixed32 sf32 = 10; sfixed64 sf64 = 11;
  double real = 12; float single = 13; bool flag = 14; bytes blob = 15; string text = 16; Kind kind = 17;
  repeated int32 numbers = 18; repeated string words = 19; repeated Kind kinds = 20; repeated All parts = 21; All inner = 22;
  map<string, string> labels = 23; map<int32, string> by_number = 24; map<bool, string> by_flag = 25;
  map<string, All> by_name = 26; map<uint64, string> by_wide = 27;
  google.protobuf.Timestamp at = 28; google.protobuf.Duration wait = 29; google.protobuf.FieldMask mask = 30;
  google.protobuf.Struct free = 31; google.protobuf.Value value = 32; google.protobuf.ListValue list = 33;
  google.protobuf.Any any = 34; google.protobuf.Empty nothing = 35;
  google.protobuf.Int32Value w32 = 36; google.protobuf.Int64Value w64 = 37; google.protobuf.UInt64Value wu64 = 38;
  google.protobuf.BoolValue wflag = 39; google.protobuf.StringValue wtext = 40; google.protobuf.BytesValue wblob = 41;
  google.protobuf.DoubleValue wreal = 42;
  oneof choice { string word = 43; int32 number = 44; Named named = 45; }
  optional int32 maybe = 46; string other = 47 [json_name = "renamed"];
}
`;

const ANSWERS: Handlers = { Watch: { messages: [{ name: 'a' }, { name: 'b' }] }, Chat: { messages: [{ name: 'a' }] } };

export const HEADER_BYTES = 8192;
export const BODY_BYTES = 65_536;

const CONFIG: Partial<ConfigInput> = {
  listen: { h2c: true, headersTimeout: '500ms' },
  cors: { origins: ['https://app.example.com'], credentials: true, maxAge: '10m' },
  metadata: { request: ['x-*', 'grpc-metadata-*', 'accept-language'], response: [] },
  limits: { bodyBytes: '64KiB', headerBytes: '8KiB', requestTimeout: '500ms' },
  query: { ignore: ['utm_*'] },
};

/** Starts a gateway for the API with one worker's worth of everything. `changed` replaces keys of the config. */
export function startApi(t: Teardown, changed: Partial<ConfigInput> = {}): Promise<TestGateway> {
  return startGateway(t, API, ANSWERS, { ...CONFIG, ...changed });
}

const started = new WeakMap<Teardown, Promise<TestGateway>>();

/** Returns the gateway that most families share. */
export function sharedApi(t: Teardown): Promise<TestGateway> {
  const known = started.get(t) ?? startApi(t);
  started.set(t, known);
  return known;
}
