/** The protos that several tests over real sockets share. */

/** A library with resource names, a nested update, a verb, a list, and a path of any length. */
export const LIBRARY = `syntax = "proto3";
package library.v1;
import "google/api/annotations.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";

service Library {
  rpc GetShelf(GetShelfRequest) returns (Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; }
  rpc GetBook(GetBookRequest) returns (Book) {
    option (google.api.http) = {
      get: "/v1/{name=shelves/*/books/*}"
      additional_bindings { get: "/v1/books/{name}" }
    };
  }
  rpc ListBooks(ListBooksRequest) returns (ListBooksResponse) {
    option (google.api.http) = {
      get: "/v1/{parent=shelves/*}/books"
      additional_bindings { get: "/v1/{parent=shelves/*}/titles" response_body: "titles" }
      additional_bindings { get: "/v1/{parent=shelves/*}/count" response_body: "total" }
      additional_bindings { get: "/v1/{parent=shelves/*}/index" response_body: "by_title" }
      additional_bindings { get: "/v1/{parent=shelves/*}/first" response_body: "first" }
    };
  }
  rpc CreateBook(CreateBookRequest) returns (Book) {
    option (google.api.http) = {
      post: "/v1/{parent=shelves/*}/books" body: "book"
      additional_bindings { post: "/v1/books:create" body: "*" }
      additional_bindings { post: "/v1/{parent=shelves/*}/tags" body: "tags" }
      additional_bindings { post: "/v1/{parent=shelves/*}/labels" body: "labels" }
      additional_bindings { put: "/v1/{parent=shelves/*}/copies" body: "copies" }
    };
  }
  rpc UpdateBook(UpdateBookRequest) returns (Book) {
    option (google.api.http) = {
      patch: "/v1/{book.name=shelves/*/books/*}" body: "book"
      additional_bindings { put: "/v1/{book.name=shelves/*/books/*}" body: "*" }
    };
  }
  rpc DeleteBook(GetBookRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = { delete: "/v1/{name=shelves/*/books/*}" };
  }
  rpc Burn(BurnBookRequest) returns (google.protobuf.Empty) {
    option (google.api.http) = { post: "/v1/{name=shelves/*/books/*}:burn" };
  }
  rpc GetFile(GetFileRequest) returns (File) { option (google.api.http) = { get: "/files/{path=**}" }; }
  rpc Probe(GetFileRequest) returns (File) {
    option (google.api.http) = {
      custom { kind: "HEAD" path: "/probe/{path}" }
      additional_bindings { custom { kind: "*" path: "/any/{path}" } }
    };
  }
  rpc Hidden(GetFileRequest) returns (File);
}

message GetShelfRequest { string name = 1; }
message Shelf { string name = 1; string theme = 2; int64 book_count = 3; }
message GetBookRequest { string name = 1; bool full = 2; }
message BurnBookRequest { string name = 1; }
message Book {
  string name = 1;
  string title = 2;
  Author author = 3;
  int64 pages = 4;
  repeated string tags = 5;
  map<string, string> labels = 6;
  Genre genre = 7;
  bytes cover = 8;
}
message Author { string name = 1; int32 born = 2; }
enum Genre { GENRE_UNSPECIFIED = 0; NOVEL = 1; POETRY = 2; }
message ListBooksRequest { string parent = 1; int32 page_size = 2; string page_token = 3; Book like = 4; }
message ListBooksResponse {
  repeated Book books = 1; repeated string titles = 2; int64 total = 3; map<string, Book> by_title = 4; Book first = 5;
}
message CreateBookRequest {
  string parent = 1; Book book = 2; string book_id = 3; repeated string tags = 4; map<string, int32> labels = 5; int32 copies = 6;
}
message UpdateBookRequest { Book book = 1; google.protobuf.FieldMask update_mask = 2; bool allow_missing = 3; }
message GetFileRequest { string path = 1; }
message File { string path = 1; bytes data = 2; }
`;

/** A service with every kind of query parameter. */
export const SEARCH = `syntax = "proto3";
package search.v1;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

service Search {
  rpc Find(FindRequest) returns (FindResponse) {
    option (google.api.http) = { get: "/find" additional_bindings { get: "/find/{text}" } };
  }
}
enum Color { COLOR_UNSPECIFIED = 0; RED = 1; DARK_BLUE = 2; }
message FindRequest {
  string text = 1;
  int32 i32 = 2; int64 i64 = 3; uint32 u32 = 4; uint64 u64 = 5; sint32 s32 = 6; sint64 s64 = 7;
  fixed32 f32 = 8; fixed64 f64 = 9; sfixed32 sf32 = 10; sfixed64 sf64 = 11;
  double ratio = 12; float weight = 13; bool exact = 14; bytes raw = 15;
  Color color = 16; repeated Color colors = 17; repeated int64 ids = 18;
  google.protobuf.Timestamp since = 19; google.protobuf.Duration within = 20; google.protobuf.FieldMask read_mask = 21;
  google.protobuf.Int64Value limit = 22; google.protobuf.BoolValue flag = 23; google.protobuf.StringValue note = 24;
  map<string, string> labels = 25; map<int32, bool> marks = 26;
  Range price_range = 27; repeated Range ranges = 28; Tree tree = 29;
  google.protobuf.Struct extra = 30; google.protobuf.Value value = 31; google.protobuf.Any any = 32;
  oneof scope { string site = 33; string host = 34; }
  optional int32 maybe = 35;
  string explicit_name = 36 [json_name = "renamed"];
}
message Range { int64 min_value = 1; int64 max_value = 2; }
message Tree { string label = 1; Tree left = 2; }
message FindResponse { repeated string hits = 1; }
`;
