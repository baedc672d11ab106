/** The API that the fuzzer and the hostile table attack: every kind of route, in front of a server that always answers well. */
import type { ConfigInput } from '../../src/config/config.js';
import type { Handlers } from '../support/upstream.js';

export const API = `syntax = "proto3";
package fuzz.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

service Fuzz {
  rpc Get(GetRequest) returns (Thing) {
    option (google.api.http) = { get: "/v1/{name=things/*}" additional_bindings { get: "/v1/{name=things/*}:peek" } };
  }
  rpc List(ListRequest) returns (Things) { option (google.api.http) = { get: "/v1/{parent=groups/**}/things" }; }
  rpc Create(CreateRequest) returns (Thing) { option (google.api.http) = { post: "/v1/{parent=groups/*}/things" body: "thing" }; }
  rpc Update(UpdateRequest) returns (Thing) { option (google.api.http) = { patch: "/v1/{thing.name=things/*}" body: "thing" }; }
  rpc Delete(GetRequest) returns (google.protobuf.Empty) { option (google.api.http) = { delete: "/v1/{name=things/*}" }; }
  rpc Run(Thing) returns (Thing) { option (google.api.http) = { post: "/v1/run:all" body: "*" }; }
  rpc Watch(ListRequest) returns (stream Thing) { option (google.api.http) = { get: "/v1/{parent=groups/*}/watch" }; }
  rpc Send(stream Thing) returns (Things) { option (google.api.http) = { post: "/v1/send" body: "*" }; }
  rpc Chat(stream Thing) returns (stream Thing) { option (google.api.http) = { post: "/v1/chat" body: "*" }; }
  rpc Upload(stream google.api.HttpBody) returns (Thing) { option (google.api.http) = { post: "/v1/upload" body: "*" }; }
  rpc Download(GetRequest) returns (google.api.HttpBody) { option (google.api.http) = { get: "/v1/{name=files/**}" }; }
}

message GetRequest { string name = 1; google.protobuf.FieldMask read_mask = 2; }
message ListRequest {
  string parent = 1; int32 page_size = 2; string page_token = 3; Filter filter = 4; repeated string tags = 5;
  google.protobuf.Timestamp since = 6; google.protobuf.Duration within = 7; google.protobuf.BoolValue shown = 8;
  google.protobuf.FieldMask mask = 9; map<string, string> labels = 10; repeated Kind kinds = 11; bytes token = 12;
}
message Filter { Kind kind = 1; double low = 2; Filter inner = 3; uint64 id = 4; }
message CreateRequest { string parent = 1; Thing thing = 2; string request_id = 3; }
message UpdateRequest { Thing thing = 1; google.protobuf.FieldMask update_mask = 2; }
message Things { repeated Thing things = 1; string next_page_token = 2; }
enum Kind { KIND_UNSPECIFIED = 0; SMALL = 1; LARGE = 2; }
message Thing {
  string name = 1; string text = 2; int64 wide = 3; double real = 4; bool flag = 5; Kind kind = 6; bytes blob = 7;
  repeated int32 numbers = 8; map<string, Thing> parts = 9; google.protobuf.Struct free = 10; google.protobuf.Any any = 11;
  oneof choice { string word = 12; int32 number = 13; } google.protobuf.Timestamp at = 14; google.protobuf.Duration wait = 15;
  google.protobuf.FieldMask mask = 16; google.protobuf.StringValue maybe = 17; Thing inner = 18; optional uint32 level = 19;
}
`;

const THING = { name: 'things/1', text: 'a "text"\n', wide: '9007199254740993', numbers: [1, 2] };

export const ANSWERS: Handlers = {
  Get: { message: THING },
  List: { message: { things: [THING, THING], next_page_token: 'x' } },
  Create: { message: THING },
  Update: { message: THING },
  Run: { message: THING },
  Watch: { messages: [THING, THING, THING] },
  Send: { message: { things: [THING] } },
  Chat: { messages: [THING, THING] },
  Upload: { message: THING },
  Download: { message: { content_type: 'text/plain', data: Buffer.from('a file') } },
};

export const CONFIG: Partial<ConfigInput> = {
  cors: { origins: ['https://app.example.com'], credentials: true },
  metadata: { request: ['accept-language', 'x-*', 'grpc-metadata-*'], response: ['location'] },
  limits: { bodyBytes: '256KiB', headerBytes: '8KiB', requestTimeout: '5s' },
  query: { ignore: ['utm_*'] },
};
