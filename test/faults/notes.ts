/** The services of the scenarios. */

/** The number of times that `Limited` may be called in an hour. */
export const LIMIT = 30;

export const PROTO = `package faults.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string id = 1; }
message Reply { string text = 1; }
service Notes {
  rpc Get(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/notes/{id}" }; }
  rpc Make(Ask) returns (Reply) { option (google.api.http) = { post: "/v1/notes" body: "*" }; }
  rpc Limited(Ask) returns (Reply) {
    option (google.api.http) = { get: "/v1/limited" };
    option (protogate.v1.policy) = { rate_limits: { limit: ${LIMIT} period: { seconds: 3600 } } };
  }
  rpc Follow(Ask) returns (stream Reply) { option (google.api.http) = { get: "/v1/notes/{id}:follow" }; }
}
service Others { rpc GetOther(Ask) returns (Reply) { option (google.api.http) = { get: "/v1/others/{id}" }; } }`;

/** The number of messages that a stream has, and the time between two of them. */
export const STREAM = { messages: 10, everyMs: 200 };
