/** The services of the scenarios. */

export const PROTO = `package faults.v1;
import "google/api/annotations.proto";
message Ask { string id = 1; }
message Reply { string text = 1; }
service Notes {
  rpc Get(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/notes/{id}" }; }
  rpc Make(Ask) returns (Reply) { option (google.api.http) = { post: "/v1/notes" body: "*" }; }
  rpc Follow(Ask) returns (stream Reply) { option (google.api.http) = { get: "/v1/notes/{id}:follow" }; }
}
service Others { rpc GetOther(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/others/{id}" }; } }`;

/** How many messages a stream has, and the time between two of them. */
export const STREAM = { messages: 10, everyMs: 200 };
