/**
 * Tools for the cases of the migration pages: a service with many kinds of rules and fields, and a gateway in front of it for
 * each config that a case needs. Cases with the same config share a gateway.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { type Answer, planOf, protoFolder, startGateway, type Teardown, type TestGateway } from '../support/gateway.js';
import { arriving, type Handlers } from '../support/upstream.js';

const HEAD = `syntax = "proto3"; package shop.v1;
import "google/api/annotations.proto"; import "google/api/httpbody.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto";
enum Kind { KIND_UNSPECIFIED = 0; KIND_BOOK = 1; }
message Inner { string text = 1; }
message Item {
  string name = 1; string display_name = 2; int64 stock = 3; Kind kind = 4; bool sold = 5; repeated string tags = 6;
  Inner inner = 7;
}
message Ask {
  string name = 1; repeated string ids = 2; Kind kind = 3; bool sold = 4; google.protobuf.Duration age = 5;
  google.protobuf.Struct filter = 6; google.protobuf.FieldMask mask = 7; map<string, string> labels = 8;
  oneof what { google.protobuf.Empty nothing = 9; string some = 10; }
}
message UpdateItemRequest { Item item = 1; google.protobuf.FieldMask update_mask = 2; }
message Upload { string name = 1; google.api.HttpBody file = 2; }
`;

/** Returns a proto with these rpcs, each written as `Name(Input → Output) rule`. */
const protoOf = (...rpcs: readonly string[]) =>
  `${HEAD}service Shop { ${rpcs.map((one) => one.replace(/^(\w+)\((.*?) → (.*?)\) (.*)$/s, 'rpc $1($2) returns ($3) { option (google.api.http) = { $4 }; }')).join('\n')} }`;

export const SHOP = protoOf(
  'GetItem(Ask → Item) get: "/v1/{name=items/*}"',
  'ListItems(Ask → Item) get: "/v1/items"',
  'CreateItem(Item → Item) post: "/v1/items" body: "*"',
  'PutItem(Item → Item) put: "/v1/{name=items/*}" body: "*"',
  'UpdateItem(UpdateItemRequest → Item) patch: "/v1/{item.name=items/*}" body: "item"',
  'DeleteItem(Ask → google.protobuf.Empty) delete: "/v1/{name=items/*}"',
  'PurgeItem(Item → Item) delete: "/v1/purge/{name}" body: "*"',
  'PublishItem(Item → Item) post: "/v1/{name=items/*}:publish" body: "*"',
  'GetFile(Ask → Item) get: "/v1/files/{name=**}"',
  'GetOne(Ask → Item) get: "/v1/one/{name}"',
  'GetTags(Ask → Item) get: "/v1/tags" response_body: "tags"',
  'Watch(Ask → stream Item) get: "/v1/{name=items/*}/watch"',
  'Add(stream Item → Item) post: "/v1/{name=lists/*}/items" body: "*"',
  'Chat(stream Item → stream Item) get: "/v1/{name=rooms/*}/chat" additional_bindings { post: "/v1/{name=rooms/*}/chat" body: "*" }',
  'Download(Ask → google.api.HttpBody) get: "/v1/download/{name}"',
  'Send(Upload → Item) post: "/v1/upload/{name}" body: "file"',
  'Twice(Ask → Item) additional_bindings { get: "/v1/first/{name}" } additional_bindings { get: "/v1/second/{name}" }',
  'rpc Unbound(Ask) returns (Item);',
);

const ITEM = { name: 'items/1', display_name: 'Emma', stock: '7', kind: 1 };
const HANDLERS: Handlers = {
  Watch: { messages: [{ name: 'a' }, { name: 'b' }] },
  Add: async (call) => {
    await call.whenHalfClosed;
    return { message: { stock: call.requests.length } };
  },
  Chat: (call) => ({ messages: arriving(call) as AsyncIterable<object> }),
  Download: { message: { content_type: 'text/csv', data: Buffer.from('a,b') } },
};
/** The answers of the unary methods that cases script. */
const UNARY: Handlers = Object.fromEntries(
  ['GetItem', 'ListItems', 'GetTags'].map((name) => [name, { message: ITEM }]),
);

/** A config; its `schema` is added to the protos of the service. */
export type Config = Omit<Partial<ConfigInput>, 'schema'> & { readonly schema?: Partial<ConfigInput['schema']> };

/** The tools of a case. */
export interface Tools {
  /** Returns the gateway with this config; the same one for equal configs. */
  readonly gateway: (config?: Config) => Promise<TestGateway>;
  /** Returns the findings of `check` for these rpcs, which are written as for {@link protoOf}. */
  readonly check: (rpcs: readonly string[], config?: Config) => Promise<readonly string[]>;
  /** Writes a file with this content and returns its path. */
  readonly file: (name: string, content: string | Uint8Array) => Promise<string>;
}

export type Case = (t: ExecutionContext, tools: Tools) => Promise<void>;

export function toolsFor(owner: Teardown): Tools {
  const gateways = new Map<string, Promise<TestGateway>>();
  return {
    async gateway(config = {}) {
      const key = JSON.stringify(config);
      const handlers = { ...HANDLERS, ...UNARY };
      const started =
        gateways.get(key) ?? besides(owner, SHOP, config).then((whole) => startGateway(owner, SHOP, handlers, whole));
      gateways.set(key, started);
      const { upstream } = await started;
      for (const [name, handler] of Object.entries(handlers)) upstream.script(name, handler);
      return started;
    },
    async check(rpcs, config = {}) {
      const protos = protoOf(...rpcs);
      const { diagnostics } = await planOf(owner, protos, await besides(owner, protos, config));
      return diagnostics.filter(({ rule }) => rule !== 'no-auth').map(({ severity, text }) => `${severity}: ${text}`);
    },
    async file(name, content) {
      const path = join(await protoFolder(owner, {}), name);
      await writeFile(path, content);
      return path;
    },
  };
}

async function besides(owner: Teardown, protos: string, { schema, ...config }: Config): Promise<Partial<ConfigInput>> {
  if (schema === undefined) return config;
  return { ...config, schema: { protos: [await protoFolder(owner, protos)], ...schema } };
}

/** Returns the status and the message of an error. */
export const told = ({ status, json }: Answer): string => `${status} ${json?.message}`;
