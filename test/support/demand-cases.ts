/**
 * The cases for rules over client streams. Each has messages that the rule accepts and one that it refuses, and runs in
 * every framing.
 */

/** The header of the cases' proto, with their types. */
export const TYPES = `syntax = "proto3";
package demands.v1;
import "google/api/annotations.proto";
import "google/protobuf/wrappers.proto";
import "protogate/v1/annotations.proto";
enum Kind { KIND_UNSPECIFIED = 0; KIND_PRIVATE = 1; }
message Inner { string list = 1; string text = 2; bool flag = 3; }
message Item {
  string list_name = 1; int64 shard = 2; string text = 3; bool dry_run = 4; Kind kind = 5;
  google.protobuf.BoolValue approved = 6; google.protobuf.StringValue tenant = 7;
  oneof target { string team = 8; string person = 9; }
  Inner inner = 10; optional string note = 11; optional int32 level = 12; repeated Inner parts = 13;
  oneof book { Inner own = 14; Inner foreign = 15; }
}
message Total { int32 count = 1; }`;

export interface Case {
  /** Names the rule and the mistake of the wrong message. */
  readonly what: string;
  /** The template of the rule's path. */
  readonly template: string;
  /** `*` if it is absent. Cases with `*` also run with a GET rule without a body, over WebSockets. */
  readonly body?: string;
  /** True if the rule is a GET without a body, whose query may give fields that messages give too; otherwise it is a POST. */
  readonly get?: true;
  readonly require?: readonly string[];
  /** The path of the request, with its query. */
  readonly path?: string;
  readonly first: object;
  /** A later message that the rule accepts: it may leave out what later messages may leave out. */
  readonly next: object;
  /** A message that breaks the demand or contradicts the path. */
  readonly wrong: object;
  /** The codes for `wrong` as the first message and as a later one. INVALID_ARGUMENT (3) means that it contradicts the path. */
  readonly codes: readonly [first: number, following: number];
  /** The messages that the service receives for `first` and `next`; undefined when they are equal to what was sent. */
  readonly arrives?: readonly [first: object, next: object];
}

const PATH = { template: '/v1/{list_name=lists/*}', path: '/v1/lists/1', require: ["request.list_name = 'lists/1'"] };
const REFUSED = [7, 7] as const;
const CONTRADICTS = [3, 3] as const;

export const CASES: readonly Case[] = [
  {
    what: 'path: another value, by its JSON name',
    ...PATH,
    first: { text: 'a' },
    next: { text: 'b' },
    wrong: { listName: 'lists/other', text: 'c' },
    codes: CONTRADICTS,
    arrives: [{ list_name: 'lists/1', text: 'a' }, { text: 'b' }],
  },
  {
    what: 'path: another value, by its proto name',
    ...PATH,
    first: { listName: 'lists/1' },
    next: { list_name: 'lists/1' },
    wrong: { list_name: 'lists/other' },
    codes: CONTRADICTS,
    arrives: [{ list_name: 'lists/1' }, { list_name: 'lists/1' }],
  },
  {
    what: 'path without a require: another value',
    ...PATH,
    require: [],
    first: { text: 'a' },
    next: { text: 'b', listName: '' },
    wrong: { listName: 'lists/2' },
    codes: CONTRADICTS,
    arrives: [{ list_name: 'lists/1', text: 'a' }, { text: 'b' }],
  },
  {
    what: 'path, a number: another one',
    template: '/v1/shards/{shard}',
    path: '/v1/shards/7',
    require: ['request.shard = 7'],
    first: { text: 'a' },
    next: { text: 'b' },
    wrong: { shard: '8' },
    codes: CONTRADICTS,
    // A number without presence cannot be left out, so every message has the number of the path.
    arrives: [
      { shard: '7', text: 'a' },
      { shard: '7', text: 'b' },
    ],
  },
  {
    what: 'path, an optional field: another value',
    template: '/v1/notes/{note}',
    path: '/v1/notes/x',
    require: ["request.note = 'x'"],
    first: {},
    next: { text: 'b' },
    wrong: { note: 'y' },
    codes: CONTRADICTS,
    arrives: [{ note: 'x' }, { text: 'b' }],
  },
  {
    what: 'path into a nested message: another value',
    template: '/v1/{inner.list=lists/*}',
    path: '/v1/lists/1',
    require: ["request.inner.list = 'lists/1'"],
    first: { inner: { text: 'a' } },
    next: { inner: { text: 'b' } },
    wrong: { inner: { list: 'lists/other', text: 'c' } },
    codes: CONTRADICTS,
    arrives: [{ inner: { list: 'lists/1', text: 'a' } }, { inner: { text: 'b' } }],
  },
  {
    what: 'path into the body field: another value',
    template: '/v1/{inner.list=lists/*}',
    body: 'inner',
    path: '/v1/lists/1',
    require: ["request.inner.list = 'lists/1'"],
    first: { text: 'a' },
    next: { text: 'b' },
    wrong: { list: 'lists/other' },
    codes: CONTRADICTS,
    arrives: [{ inner: { list: 'lists/1', text: 'a' } }, { inner: { text: 'b' } }],
  },
  {
    what: 'path into a member of a oneof: another member',
    template: '/v1/{team=teams/*}',
    path: '/v1/teams/1',
    require: ["request.team = 'teams/1'"],
    first: { text: 'a' },
    next: { text: 'b' },
    wrong: { person: 'people/1' },
    // As in any request, two members of a oneof are refused.
    codes: [3, 7],
    arrives: [{ team: 'teams/1', text: 'a' }, { text: 'b' }],
  },
  {
    what: 'path against body: they must be equal',
    template: '/v1/{list_name=lists/*}',
    path: '/v1/lists/1',
    require: ['request.list_name = request.inner.list'],
    first: { inner: { list: 'lists/1' } },
    next: { inner: { list: 'lists/1' } },
    wrong: { inner: { list: 'lists/2' } },
    codes: REFUSED,
    arrives: [{ list_name: 'lists/1', inner: { list: 'lists/1' } }, { inner: { list: 'lists/1' } }],
  },
  {
    what: 'query against the body field: they must be equal',
    template: '/v1/inner',
    body: 'inner',
    path: '/v1/inner?text=a',
    require: ['request.text = request.inner.text'],
    first: { text: 'a' },
    next: { text: 'a', list: 'x' },
    wrong: { text: 'b' },
    codes: REFUSED,
    arrives: [{ text: 'a', inner: { text: 'a' } }, { inner: { text: 'a', list: 'x' } }],
  },
  {
    what: 'query, a bool: every message has it',
    template: '/v1/inner',
    body: 'inner',
    path: '/v1/inner?dryRun=true',
    require: ['request.dry_run = true', "request.inner.text = 'a'"],
    first: { text: 'a' },
    next: { text: 'a', list: 'x' },
    wrong: { text: 'b' },
    codes: REFUSED,
    arrives: [
      { dry_run: true, inner: { text: 'a' } },
      { dry_run: true, inner: { text: 'a', list: 'x' } },
    ],
  },
  {
    what: 'body, a string: another one',
    template: '/v1/items',
    require: ["request.text = 'a'"],
    first: { text: 'a' },
    next: { listName: 'x' },
    wrong: { text: 'b' },
    codes: REFUSED,
  },
  {
    what: 'body, a bool: false',
    template: '/v1/items',
    require: ['request.dry_run = true'],
    first: { dryRun: true },
    next: { dryRun: true, text: 'b' },
    wrong: { dryRun: false },
    codes: REFUSED,
  },
  {
    what: 'body, a bool: left out',
    template: '/v1/items',
    require: ['request.dry_run = true'],
    first: { dryRun: true },
    next: { dryRun: true },
    wrong: { text: 'c' },
    codes: REFUSED,
  },
  {
    what: 'body, an enum: its zero value',
    template: '/v1/items',
    require: ['request.kind = KIND_PRIVATE'],
    first: { kind: 'KIND_PRIVATE' },
    next: { kind: 1, text: 'b' },
    wrong: { kind: 'KIND_UNSPECIFIED' },
    codes: REFUSED,
  },
  {
    what: 'body, a number: left out',
    template: '/v1/items',
    require: ['request.shard = 7'],
    first: { shard: '7' },
    next: { shard: 7, text: 'b' },
    wrong: { text: 'c' },
    codes: REFUSED,
  },
  {
    what: 'body, an optional string: empty',
    template: '/v1/items',
    require: ["request.note = 'x'"],
    first: { note: 'x' },
    next: { text: 'b' },
    wrong: { note: '' },
    codes: REFUSED,
  },
  {
    what: 'body, an optional number: left out',
    template: '/v1/items',
    require: ['request.level = 0'],
    first: { level: 0 },
    next: { level: 0, text: 'b' },
    wrong: { text: 'c' },
    codes: REFUSED,
  },
  {
    what: 'nested: another value',
    template: '/v1/items',
    require: ["request.inner.text = 'a'"],
    first: { inner: { text: 'a' } },
    next: { text: 'b' },
    wrong: { inner: { text: 'b' } },
    codes: REFUSED,
  },
  {
    what: 'nested: left out of a message that is there',
    template: '/v1/items',
    require: ["request.inner.text = 'a'"],
    first: { inner: { text: 'a' } },
    next: { text: 'b' },
    wrong: { inner: { list: 'x' } },
    codes: REFUSED,
  },
  {
    what: 'nested, a bool: left out of a message that is there',
    template: '/v1/items',
    require: ['request.inner.flag = true'],
    first: { inner: { flag: true } },
    next: { text: 'b' },
    wrong: { inner: {} },
    codes: REFUSED,
  },
  {
    what: 'beside a repeated field, whose elements are not the field',
    template: '/v1/items',
    require: ["request.inner.text = 'a'"],
    first: { inner: { text: 'a' }, parts: [{ text: 'z' }] },
    next: { parts: [{ text: 'z' }] },
    wrong: { parts: [{ text: 'a' }], inner: { text: 'z' } },
    codes: REFUSED,
  },
  {
    what: 'a repeated body field: the query’s number is in every message',
    template: '/v1/{list_name=lists/*}',
    body: 'parts',
    path: '/v1/lists/1?shard=7',
    require: ['request.shard = 7', "request.list_name = 'lists/1'"],
    first: [{ text: 'a' }],
    next: [{ text: 'b' }, {}],
    wrong: [{ nope: 1 }],
    codes: CONTRADICTS,
    arrives: [
      { list_name: 'lists/1', shard: '7', parts: [{ text: 'a' }] },
      { shard: '7', parts: [{ text: 'b' }, {}] },
    ],
  },
  {
    what: 'oneof: another member',
    template: '/v1/items',
    require: ["request.team = 'a'"],
    first: { team: 'a' },
    next: { text: 'b' },
    wrong: { person: 'a' },
    codes: REFUSED,
  },
  {
    what: 'oneof: another member, empty',
    template: '/v1/items',
    require: ["request.team = 'a'"],
    first: { team: 'a' },
    next: { team: 'a', text: 'b' },
    wrong: { person: '' },
    codes: REFUSED,
  },
  {
    what: 'oneof: the same member, empty',
    template: '/v1/items',
    require: ["request.team = 'a'"],
    first: { team: 'a' },
    next: { text: 'b' },
    wrong: { team: '' },
    codes: REFUSED,
  },
  {
    what: 'oneof of messages: another member',
    template: '/v1/items',
    require: ["request.own.text = 'a'"],
    first: { own: { text: 'a' } },
    next: { text: 'b' },
    wrong: { foreign: {} },
    codes: REFUSED,
  },
  {
    what: 'wrapper of a bool: false',
    template: '/v1/items',
    require: ['request.approved.value = true'],
    first: { approved: true },
    next: { text: 'b' },
    wrong: { approved: false },
    codes: REFUSED,
  },
  {
    what: 'wrapper of a string: empty',
    template: '/v1/items',
    require: ["request.tenant.value = 't'"],
    first: { tenant: 't' },
    next: { tenant: null, text: 'b' },
    wrong: { tenant: '' },
    codes: REFUSED,
    arrives: [{ tenant: { value: 't' } }, { text: 'b' }],
  },
  {
    what: 'wrapper of a string: another one',
    template: '/v1/items',
    require: ["request.tenant.value = 't'"],
    first: { tenant: 't' },
    next: { tenant: 't' },
    wrong: { tenant: 'u' },
    codes: REFUSED,
    arrives: [{ tenant: { value: 't' } }, { tenant: { value: 't' } }],
  },
  {
    what: 'wrapper that the path binds: another value',
    template: '/v1/tenants/{tenant.value}',
    path: '/v1/tenants/t',
    require: ["request.tenant.value = 't'"],
    first: { text: 'a' },
    next: { tenant: 't' },
    wrong: { tenant: 'u' },
    codes: CONTRADICTS,
    arrives: [{ tenant: { value: 't' }, text: 'a' }, { tenant: { value: 't' } }],
  },
  {
    what: 'query of a GET, a string: another one',
    get: true,
    template: '/v1/items',
    path: '/v1/items?text=a',
    require: ["request.text = 'a'"],
    first: { text: 'a', note: 'x' },
    next: { note: 'y' },
    wrong: { text: 'b' },
    // The query does not bind later messages, but the rule does.
    codes: [3, 7],
  },
  {
    what: 'query of a GET, a number: another one',
    get: true,
    template: '/v1/items',
    path: '/v1/items?shard=7',
    require: ['request.shard = 7'],
    first: { text: 'a' },
    next: { text: 'b' },
    wrong: { shard: '8' },
    codes: CONTRADICTS,
    arrives: [
      { shard: '7', text: 'a' },
      { shard: '7', text: 'b' },
    ],
  },
  {
    what: 'query of a GET, a member of a oneof: another member',
    get: true,
    template: '/v1/items',
    path: '/v1/items?team=a',
    require: ["request.team = 'a'"],
    first: { text: 'a' },
    next: { text: 'b' },
    wrong: { person: 'a' },
    codes: [3, 7],
    arrives: [{ team: 'a', text: 'a' }, { text: 'b' }],
  },
  {
    what: 'query of a GET into a nested message: another value',
    get: true,
    template: '/v1/{inner.list=lists/*}',
    path: '/v1/lists/1?inner.text=a',
    require: ["request.inner.text = 'a'"],
    first: { inner: { list: 'lists/1' } },
    next: { inner: { text: 'a' } },
    wrong: { inner: { text: 'b' } },
    codes: [3, 7],
    arrives: [{ inner: { list: 'lists/1', text: 'a' } }, { inner: { text: 'a' } }],
  },
  {
    what: 'query of a GET beside the path in a nested message: another value than in the path',
    get: true,
    template: '/v1/{inner.list=lists/*}',
    path: '/v1/lists/1?inner.text=a',
    first: {},
    next: { inner: { text: 'b' } },
    wrong: { inner: { list: 'lists/2' } },
    codes: CONTRADICTS,
    arrives: [{ inner: { list: 'lists/1', text: 'a' } }, { inner: { text: 'b' } }],
  },
  {
    what: 'query of a GET, a wrapper: another value',
    get: true,
    template: '/v1/items',
    path: '/v1/items?tenant.value=t',
    require: ["request.tenant.value = 't'"],
    first: { tenant: 't' },
    next: { text: 'b' },
    wrong: { tenant: 'u' },
    codes: [3, 7],
    arrives: [{ tenant: { value: 't' } }, { text: 'b' }],
  },
  {
    what: 'query of a GET against the frames: they must be equal',
    get: true,
    template: '/v1/items',
    path: '/v1/items?text=a',
    require: ['request.text = request.inner.text'],
    first: { inner: { text: 'a' } },
    next: { inner: { text: 'a' } },
    wrong: { inner: { text: 'b' } },
    codes: REFUSED,
    arrives: [{ text: 'a', inner: { text: 'a' } }, { inner: { text: 'a' } }],
  },
];
