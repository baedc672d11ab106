/** The OpenAPI document of protos and config. A public validator has accepted each of them. */
import test from 'ava';
import { parse } from 'yaml';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import { shopProtos } from '../../src/demo/protos.js';
import { tourRequests } from '../../src/demo/tour.js';
import { plan } from '../../src/gateway/plan.js';
import { apisOf } from '../../src/openapi/api.js';
import { documentedServices, documentParts } from '../../src/openapi/document.js';
import { examplesFrom } from '../../src/openapi/examples.js';
import { writeYaml } from '../../src/openapi/write.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { planOf } from '../support/gateway.js';
import { documentOf, documentOfPlan, type Members, namesOf, parameter, textOf, validated } from './support.js';

const HEAD = `package t.v1;
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/api/httpbody.proto";
import "google/api/resource.proto";
import "google/api/visibility.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "protogate/v1/annotations.proto";
`;

/** Returns a service with one method for each rule. Request and answer are `M`, unless the rule names other types. */
function service(rules: Readonly<Record<string, string>>, messages = 'message M { string name = 1; string id = 2; }') {
  const methods = Object.entries(rules).map(([name, rule]) => {
    const [types = '(M) returns (M)', options = ''] = rule.includes(' | ') ? rule.split(' | ') : [undefined, rule];
    return `rpc ${name}${types} { option (google.api.http) = { ${options} }; }`;
  });
  return `${HEAD}service S { ${methods.join('\n')} }\n${messages}`;
}

test('variables of several segments are split, with a name for each segment', async (t) => {
  const rules = {
    A: 'get: "/v1/{name=shelves/*/books/*}"',
    B: 'get: "/v1/{name=files/**}:export"',
    C: 'get: "/v1/{id}"',
    D: 'get: "/v1/locales/*/products/{id}"',
    E: 'get: "/v1/{name=companies/*/addresses/*/databases/*}"',
    F: 'get: "/v1/a%3Ab/{id}:run"',
    G: 'get: "/v1/{name=*/*}/x"',
  };
  const { paths } = await documentOf(t, service(rules));
  t.deepEqual(Object.keys(paths), [
    '/v1/shelves/{shelf}/books/{book}',
    '/v1/files/{file}:export',
    '/v1/{id}',
    '/v1/locales/{locale}/products/{id}',
    '/v1/companies/{company}/addresses/{address}/databases/{database}',
    '/v1/a%3Ab/{id}:run',
    '/v1/{name}/{name_2}/x',
  ]);
});

test('methods of templates that match the same paths are on one path, with the names of the first one', async (t) => {
  const rules = { A: 'get: "/v1/{name=shelves/*}"', B: 'delete: "/v1/shelves/{id}"' };
  const { paths } = await documentOf(t, service(rules));
  t.deepEqual(Object.keys(paths), ['/v1/shelves/{shelf}']);
  const { delete: removal } = paths['/v1/shelves/{shelf}']!;
  t.deepEqual(namesOf(removal!, 'path'), ['shelf']);
});

test('paths whose texts would be equal get other names of parameters', async (t) => {
  const { paths } = await documentOf(t, service({ A: 'get: "/v1/{name}"', B: 'get: "/v1/{name=**}"' }));
  t.deepEqual(Object.keys(paths), ['/v1/{name}', '/v1/{name_2}']);
});

test('a route for every method has the usual methods that no other route has', async (t) => {
  const rules = {
    A: 'custom { kind: "*" path: "/v1/x" }',
    B: 'get: "/v1/x"',
    C: 'custom { kind: "PURGE" path: "/v1/x" }',
  };
  const { paths } = await documentOf(t, service(rules));
  const { 'x-additionalOperations': others, ...item } = paths['/v1/x'] as Members;
  t.deepEqual(Object.keys(item).sort(), ['delete', 'get', 'patch', 'post', 'put']);
  t.is(item.get.operationId, 't.v1.S.B');
  t.is(item.put.operationId, 't.v1.S.A-put');
  t.is(others.PURGE.operationId, 't.v1.S.C');
});

test('query parameters are the fields that neither path nor body gives', async (t) => {
  const messages = `
    message M { string name = 1; Filter filter = 2; repeated string tags = 3; map<string, int32> labels = 4;
      google.protobuf.Int64Value size = 5; google.protobuf.FieldMask mask = 6; google.protobuf.Struct any = 7; M self = 8;
      repeated Filter filters = 9; Filter body = 10; Kind kind = 11; }
    message Filter { google.protobuf.Timestamp after = 1; Filter more = 2; int32 min_size = 3; map<string, string> labels = 4; }
    enum Kind { KIND_UNSPECIFIED = 0; KIND_BIG = 1; }`;
  const document = await documentOf(t, service({ A: 'post: "/v1/{name=a/*}" body: "body"' }, messages));
  const { post } = document.paths['/v1/a/{a}']!;
  t.deepEqual(namesOf(post!, 'query'), [
    'filter.after',
    'filter.minSize',
    'filter.labels',
    'tags',
    'labels',
    'size',
    'mask',
    'kind',
  ]);
  t.deepEqual(parameter(post!, 'tags')?.schema, { type: 'array', items: { type: 'string' } });
  t.is(parameter(post!, 'labels')?.style, 'deepObject');
  t.is(parameter(post!, 'kind')?.schema.$ref, '#/components/schemas/t.v1.Kind');
  t.deepEqual(parameter(post!, 'size')?.schema.type, ['string', 'integer']);
});

test('messages that contain each other in every combination are searched for parameters in bounded time', async (t) => {
  const names = Array.from({ length: 14 }, (_, index) => `N${index}`);
  const messages = names.map((name) => {
    const others = names.filter((other) => other !== name);
    return `message ${name} { ${others.map((other, index) => `${other} ${other.toLowerCase()} = ${index + 1};`).join(' ')} }`;
  });
  const { paths } = await documentOf(t, service({ A: '(N0) returns (N0) | get: "/v1/x"' }, messages.join('\n')));
  t.deepEqual(namesOf(paths['/v1/x']!.get!, 'query'), []);
});

test('with body "*" the body has all fields but those of the path, also inside of messages', async (t) => {
  const messages = `message M { string name = 1; In in = 2; } message In { string id = 1; string text = 2; }`;
  const { paths } = await documentOf(t, service({ A: 'post: "/v1/{name=a/*}/{in.id}" body: "*"' }, messages));
  const { schema } = paths['/v1/a/{a}/{in.id}']!.post!.requestBody.content['application/json'];
  t.deepEqual(Object.keys(schema.properties), ['in']);
  t.deepEqual(Object.keys(schema.properties.in.anyOf?.[0]?.properties ?? schema.properties.in.properties), ['text']);
  t.false(schema.additionalProperties);
});

const JSON_FORMS = `message M {
  int32 a = 1; int64 b = 2; double c = 3; bytes d = 4; bool e = 5; google.protobuf.Timestamp f = 6;
  google.protobuf.Duration g = 7; google.protobuf.StringValue h = 8; google.protobuf.Value i = 9;
  google.protobuf.Any j = 10; google.protobuf.Empty k = 11; map<int32, M> l = 12; repeated M m = 13; Kind n = 14;
  google.protobuf.ListValue o = 15; string my_name = 16; google.protobuf.NullValue p = 17; }
  enum Kind { ZERO = 0; ONE = 1; }`;

test('a member of a oneof of which path or body give another one is no parameter, and an emptied message no field', async (t) => {
  const messages = `message M { oneof way { string a = 1; N b = 2; int32 c = 3; } N n = 4; string text = 5; }
    message N { oneof kind { string d = 1; string e = 2; } } message O { Id id = 1; string text = 2; } message Id { string value = 1; }`;
  const rules = {
    A: 'get: "/v1/{a}/{n.d}"',
    B: 'post: "/v1/b" body: "b"',
    C: '(O) returns (O) | put: "/v1/c/{id.value}" body: "*"',
  };
  const { paths } = await documentOf(t, service(rules, messages));
  t.deepEqual(namesOf(paths['/v1/{a}/{n.d}']!.get!, 'query'), ['text']);
  t.deepEqual(namesOf(paths['/v1/b']!.post!, 'query'), ['n.d', 'n.e', 'text']);
  const { schema } = paths['/v1/c/{id.value}']!.put!.requestBody.content['application/json'];
  t.deepEqual(Object.keys(schema.properties), ['text']);
});

test('a field may have any JSON name', async (t) => {
  const messages =
    'message M { string name = 1 [json_name = "__proto__"]; string id = 2 [json_name = "constructor"]; }';
  const { components } = await documentOf(t, service({ A: 'get: "/v1/a"' }, messages));
  t.deepEqual(Object.keys(components.schemas['t.v1.M']!.properties), ['__proto__', 'constructor']);
});

test('schemas have the forms of ProtoJSON; requests also take null and 64-bit numbers', async (t) => {
  const { components } = await documentOf(t, service({ A: 'post: "/v1/a" body: "*"' }, JSON_FORMS));
  const { properties } = components.schemas['t.v1.M']!;
  t.deepEqual(properties.b, { type: 'string', format: 'int64' });
  t.deepEqual(properties.c.anyOf[1].enum, ['NaN', 'Infinity', '-Infinity']);
  t.deepEqual(properties.d, { type: 'string', format: 'byte' });
  t.deepEqual(properties.f, { type: 'string', format: 'date-time' });
  t.deepEqual(properties.h, { type: 'string' });
  t.deepEqual(properties.i, { description: 'Any JSON value.' });
  t.deepEqual(properties.l.propertyNames, { pattern: '^-?[0-9]+$' });
  t.deepEqual(properties.m, { type: 'array', items: { $ref: '#/components/schemas/t.v1.M' } });
  t.deepEqual(properties.n, { $ref: '#/components/schemas/t.v1.Kind' });
  t.deepEqual(properties.p, { type: 'null' });
  t.true('myName' in properties);
  const input = components.schemas['t.v1.M-Input']!.properties;
  t.deepEqual(input.a.type, ['integer', 'null']);
  t.deepEqual([properties.j.required, input.j.required], [undefined, ['@type']]);
  t.deepEqual(input.b.type, ['string', 'integer', 'null']);
  t.deepEqual(input.n.anyOf, [{ $ref: '#/components/schemas/t.v1.Kind' }, { type: 'null' }]);
  t.deepEqual(components.schemas['t.v1.Kind']?.enum, ['ZERO', 'ONE']);
});

test('schemas follow the json settings', async (t) => {
  const json: ConfigInput['json'] = {
    protoNames: true,
    enumsAsInts: true,
    emitDefaults: true,
    unknownFields: 'ignore',
  };
  const { components } = await documentOf(t, service({ A: 'post: "/v1/a" body: "*"' }, JSON_FORMS), { json });
  const { properties, required } = components.schemas['t.v1.M']!;
  t.true('my_name' in properties);
  t.true(required.includes('a') && !required.includes('f'));
  t.deepEqual(components.schemas['t.v1.Kind']?.enum, [0, 1]);
  t.deepEqual(components.schemas['t.v1.Kind-Input']?.enum, ['ZERO', 'ONE', 0, 1]);
  t.is(components.schemas['t.v1.M-Input']?.additionalProperties, undefined);
});

test('fields that are only for answers are not in requests, and required ones are required in requests alone', async (t) => {
  const messages = `message M { R r = 1; google.protobuf.FieldMask update_mask = 2; string id = 3 [(google.api.field_behavior) = REQUIRED]; }
    message R { string out = 1 [(google.api.field_behavior) = OUTPUT_ONLY]; string must = 2 [(google.api.field_behavior) = REQUIRED];
      string in = 3 [(google.api.field_behavior) = INPUT_ONLY]; }`;
  const rules = { A: 'post: "/v1/a" body: "r"', B: 'patch: "/v1/b" body: "r"' };
  const { components, paths } = await documentOf(t, service(rules, messages));
  const { schemas } = components;
  t.deepEqual(Object.keys(schemas['t.v1.R']!.properties), ['out', 'must']);
  t.true(schemas['t.v1.R']!.properties.out.readOnly);
  t.is(schemas['t.v1.R']!.required, undefined);
  t.deepEqual(Object.keys(schemas['t.v1.R-Input']!.properties), ['must', 'in']);
  t.deepEqual(schemas['t.v1.R-Input']!.required, ['must']);
  t.is(schemas['t.v1.R-Patch']!.required, undefined);
  t.true(parameter(paths['/v1/a']!.post!, 'id')?.required);
  t.is(paths['/v1/b']!.patch!.requestBody.content['application/json'].schema.$ref, '#/components/schemas/t.v1.R-Patch');
  t.regex(parameter(paths['/v1/b']!.patch!, 'updateMask')?.description, /the fields that the body contains/);
});

test('two members of a oneof exclude each other in requests', async (t) => {
  const messages = 'message M { oneof way { string a = 1; string b = 2; } }';
  const { components } = await documentOf(t, service({ A: 'post: "/v1/a" body: "*"' }, messages));
  t.regex(components.schemas['t.v1.M']?.description, /At most one of `a`, `b` is set/);
  t.is(components.schemas['t.v1.M']?.not, undefined);
  t.deepEqual(
    (
      await documentOf(
        t,
        service(
          { A: '(M) returns (google.protobuf.Empty) | post: "/v1/a" body: "m"' },
          `${messages.replace('message M', 'message N')} message M { N m = 1; }`,
        ),
      )
    ).components.schemas['t.v1.N-Input']?.not,
    {
      anyOf: [{ required: ['a', 'b'] }],
    },
  );
});

test('comments become Markdown without internal ones, and without the places of files', async (t) => {
  const protos = `${HEAD}
    // Does things. See [Thing][t.v1.M].
    // (-- secret
    //     of ours --)
    // buf:lint:ignore X
    service S {
      // Gets it. With care.
      // (-- api-linter: core::0131=disabled --)
      rpc A(M) returns (M) { option (google.api.http) = { get: "/v1/a" }; }
    }
    message M {
      // A name (-- or not --) here.
      string name = 1 [deprecated = true];
      Kind kind = 2;
    }
    // Kinds.
    enum Kind {
      // Nothing known.
      ZERO = 0;
      ONE = 1 [deprecated = true];
    }`;
  const plan = await planOf(t, protos);
  const document = await documentOfPlan(plan);
  const text = JSON.stringify(document);
  t.notRegex(text, /secret|api-linter|buf:lint|\.proto\b|\/tmp\//);
  t.is((document as Members).tags[0].description, 'Does things. See `Thing`.');
  const { get } = document.paths['/v1/a']!;
  t.is(get?.summary, 'Gets it');
  t.is(get?.description, 'Gets it. With care.');
  const { properties } = document.components.schemas['t.v1.M']!;
  t.is(properties.name.description, 'A name  here.');
  t.true(properties.name.deprecated);
  t.is(
    document.components.schemas['t.v1.Kind']?.description,
    'Kinds.\n\n- `ZERO`: Nothing known.\n- `ONE` (deprecated)',
  );
});

const RESTRICTED = `${HEAD}
  service S {
    rpc A(M) returns (M) { option (google.api.http) = { post: "/v1/a" body: "m" }; }
    rpc B(M) returns (M) { option (google.api.http) = { get: "/v1/b" }; option (google.api.method_visibility).restriction = "INTERNAL"; }
  }
  service Hidden {
    option (google.api.api_visibility) = { restriction: "PREVIEW" };
    rpc C(M) returns (M) { option (google.api.http) = { get: "/v1/c" }; }
  }
  message M {
    option (google.api.resource) = { type: "t/M" pattern: "shelves/{shelf}/books/{book}" };
    string name = 1;
    string secret = 2 [(google.api.field_visibility).restriction = "INTERNAL"];
    N m = 3;
    Gone gone = 4;
    Kind kind = 5;
  }
  message N { string a = 1; }
  message Gone { option (google.api.message_visibility).restriction = "INTERNAL"; string a = 1; }
  enum Kind { ZERO = 0; ONE = 1 [(google.api.value_visibility).restriction = "INTERNAL"]; }`;

test('what has a visibility label is left out, and resources have patterns, from text and from descriptor sets', async (t) => {
  const { folder, set } = await bothFormsOf(t, { 'test.proto': `syntax = "proto3";\n${RESTRICTED}` });
  for (const schema of [{ protos: [folder] }, { descriptorSets: [set] }]) {
    const { config } = parseConfig({ version: 1, schema });
    const document = await documentOfPlan(await plan(config!));
    t.deepEqual(Object.keys(document.paths), ['/v1/a']);
    const message = document.components.schemas['t.v1.M']!;
    t.deepEqual(Object.keys(message.properties), ['name', 'm', 'kind']);
    t.is(message.properties.name.pattern, '^(?:shelves/[^/]+/books/[^/]+)$');
    t.deepEqual(message.properties.name.examples, ['shelves/my-shelf/books/my-book']);
    t.deepEqual(document.components.schemas['t.v1.Kind']?.enum, ['ZERO']);
    t.deepEqual(namesOf(document.paths['/v1/a']!.post!, 'query'), ['name', 'kind']);
  }
});

/** The part of buf/validate/validate.proto that the test uses; `rules` is that of protoc-gen-validate. */
const VALIDATE = `syntax = "proto2";
  package buf.validate;
  import "google/protobuf/descriptor.proto";
  extend google.protobuf.FieldOptions { optional FieldRules field = 1159; }
  message FieldRules { optional Int32Rules int32 = 3; optional StringRules string = 14; optional EnumRules enum = 16;
    optional RepeatedRules repeated = 18; optional bool required = 25; }
  message Int32Rules { optional int32 lt = 2; optional int32 gte = 5; repeated int32 not_in = 7; }
  message StringRules { optional uint64 min_len = 2; optional uint64 max_len = 3; optional string pattern = 6;
    optional string prefix = 7; repeated string in = 10; optional bool email = 12; }
  message EnumRules { repeated int32 not_in = 4; }
  message RepeatedRules { optional uint64 max_items = 2; optional bool unique = 3; optional FieldRules items = 4; }`;

test('validation rules are constraints of requests, from text and from descriptor sets', async (t) => {
  const messages = `message M { N n = 1; }
    message N {
      string a = 1 [(buf.validate.field).string = { min_len: 2 max_len: 5 pattern: "^x" prefix: "x." }];
      string b = 2 [(buf.validate.field).string.email = true, (buf.validate.field).required = true];
      int32 c = 3 [(buf.validate.field).int32 = { gte: 1 lt: 10 not_in: [3, 4] }];
      repeated string d = 4 [(buf.validate.field).repeated = { max_items: 3 unique: true items: { string: { in: ["p", "q"] } } }];
      Kind e = 5 [(buf.validate.field).enum.not_in = 0];
    }
    enum Kind { ZERO = 0; ONE = 1; }`;
  const text = service({ A: 'post: "/v1/a" body: "n"' }, messages).replace(
    'import',
    'import "buf/validate/validate.proto";\nimport',
  );
  const files = { 'test.proto': `syntax = "proto3";\n${text}`, 'buf/validate/validate.proto': VALIDATE };
  const { folder, set } = await bothFormsOf(t, files);
  for (const schema of [{ protos: [folder] }, { descriptorSets: [set] }]) {
    const { config } = parseConfig({ version: 1, schema });
    const { components } = await documentOfPlan(await plan(config!));
    const { properties, required } = components.schemas['t.v1.N-Input']!;
    t.like(properties.a, { minLength: 2, maxLength: 5, pattern: '^x', allOf: [{ pattern: '^x\\.' }] });
    t.like(properties.b, { format: 'email' });
    t.deepEqual(required, ['b']);
    t.like(properties.c, { minimum: 1, exclusiveMaximum: 10, not: { enum: [3, 4] } });
    t.like(properties.d, { maxItems: 3, uniqueItems: true, items: { type: 'string', enum: ['p', 'q'] } });
    t.like(properties.e.anyOf[0], { not: { enum: ['ZERO'] } });
    t.is(components.schemas['t.v1.N']?.properties.a?.minLength, undefined);
  }
});

const STREAMS = {
  Down: '(M) returns (stream M) | get: "/v1/{name=a/*}:watch"',
  Up: '(stream M) returns (M) | post: "/v1/{name=a/*}/up" body: "*"',
  Both: '(stream M) returns (stream M) | get: "/v1/{name=a/*}/both"',
  Put: '(stream F) returns (M) | put: "/v1/files/{name}" body: "file"',
  Get: '(F) returns (google.api.HttpBody) | get: "/v1/files/{name}"',
};

test('streams have their media types with the schema of one message, and WebSockets an extension', async (t) => {
  const messages =
    'message M { string name = 1; string id = 2; } message F { string name = 1; google.api.HttpBody file = 2; }';
  const { paths } = await documentOf(t, service(STREAMS, messages));
  const item = { $ref: '#/components/schemas/t.v1.M' };
  const down = paths['/v1/a/{a}:watch']!.get!;
  const { content } = down.responses['200']!;
  t.deepEqual(content['application/json'].schema, { type: 'array', items: item });
  t.deepEqual(content['application/x-ndjson']['x-itemSchema'], item);
  t.deepEqual(content['text/event-stream']['x-itemSchema'].properties.data.contentSchema, item);
  t.truthy(down.responses['406']);
  t.is(down['x-websocket'].send, undefined);
  t.deepEqual(down['x-websocket'].receive, item);
  const up = paths['/v1/a/{a}/up']!.post!;
  t.deepEqual(Object.keys(up.requestBody.content), ['application/json', 'application/x-ndjson']);
  t.deepEqual(Object.keys(up.requestBody.content['application/x-ndjson']['x-itemSchema'].properties), ['id']);
  const both = paths['/v1/a/{a}/both']!.get!;
  t.is(both.requestBody, undefined);
  t.deepEqual(Object.keys(both['x-websocket'].send.properties), ['id']);
  const { put, get } = paths['/v1/files/{name}']!;
  t.deepEqual(Object.keys(put!.requestBody.content), ['*/*']);
  t.deepEqual(Object.keys(get!.responses['200']!.content), ['*/*']);
});

const auth: ConfigInput['auth'] = {
  default: 'public',
  jwt: [
    {
      issuer: 'https://a.example',
      audiences: ['x'],
      secret: 's'.repeat(32),
      from: [{ header: 'authorization' }, { query: 'access_token' }],
    },
    { issuer: 'https://b.example', audiences: ['x'], secret: 't'.repeat(32) },
  ],
  apiKeys: { file: '/nowhere.yaml' },
};

test('operations name the credentials and the scopes that they need', async (t) => {
  const policy = (mode: string) => `option (protogate.v1.policy) = { auth: { ${mode} } };`;
  const protos = `${HEAD}service S {
    rpc A(M) returns (M) { option (google.api.http).get = "/v1/a"; ${policy('scopes: ["r|w", "x"]')} }
    rpc B(M) returns (M) { option (google.api.http).get = "/v1/b"; ${policy('mode: MODE_OPTIONAL')} }
    rpc C(M) returns (M) { option (google.api.http).get = "/v1/c"; }
    rpc D(M) returns (stream M) { option (google.api.http).get = "/v1/d"; ${policy('mode: MODE_REQUIRED')} }
  } message M { string name = 1; }`;
  const { paths, components } = await documentOf(t, protos, { auth });
  t.like(components.securitySchemes, {
    token: {
      type: 'http',
      scheme: 'bearer',
      description: 'A JSON Web Token of https://a.example or https://b.example.',
    },
    'token-query-access_token': { type: 'apiKey', in: 'query', name: 'access_token' },
    apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
  });
  const security = (path: string) => paths[path]!.get!.security;
  t.deepEqual(security('/v1/a'), [
    { token: ['r', 'x'] },
    { token: ['w', 'x'] },
    { apiKey: ['r', 'x'] },
    { apiKey: ['w', 'x'] },
  ]);
  t.deepEqual(security('/v1/b'), [{ token: [] }, { apiKey: [] }, {}]);
  t.deepEqual(security('/v1/c'), []);
  t.deepEqual(security('/v1/d'), [{ token: [] }, { 'token-query-access_token': [] }, { apiKey: [] }]);
  t.regex(paths['/v1/a']!.get!.description, /Needs the scope `r` or `w`, and `x`/);
  t.deepEqual(
    ['401', '403'].map((status) => status in paths['/v1/a']!.get!.responses),
    [true, true],
  );
  t.deepEqual(
    ['401', '403'].map((status) => status in paths['/v1/c']!.get!.responses),
    [false, false],
  );
});

test('limited and cached routes have their headers, and statuses follow the policy', async (t) => {
  const protos = `${HEAD}service S {
    rpc A(M) returns (M) { option (google.api.http).get = "/v1/a";
      option (protogate.v1.policy) = { rate_limits: { limit: 3 period: { seconds: 10 } per: PER_IP } }; }
    rpc B(M) returns (M) { option (google.api.http).get = "/v1/b"; option deprecated = true;
      option (protogate.v1.policy) = { cache: { ttl: { seconds: 60 } scope: SCOPE_PUBLIC } }; }
    rpc C(M) returns (google.protobuf.Empty) { option (google.api.http).delete = "/v1/c"; option (protogate.v1.policy) = { success_status: 204 }; }
  } message M { string name = 1; }`;
  const { paths } = await documentOf(t, protos);
  const [a, b, c] = [paths['/v1/a']!.get!, paths['/v1/b']!.get!, paths['/v1/c']!.delete!];
  t.deepEqual(Object.keys(a.responses['200']!.headers), ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset']);
  t.truthy(a.responses['429']);
  t.regex(a.description, /Rate limit: 3 in 10s for each client address/);
  t.true('ETag' in b.responses['200']!.headers && '304' in b.responses);
  t.true(b.deprecated);
  t.deepEqual(Object.keys(c.responses).slice(0, 2), ['204', '400']);
  t.is(c.responses['204']!.content, undefined);
});

test('an operation whose policy deprecates it says since when, until when and where to read on', async (t) => {
  const since = {
    selector: 't.v1.S/A',
    deprecated: { since: '2026-01-01', sunset: '2026-12-31', link: 'https://a.example/v2' },
  };
  const { paths } = await documentOf(t, service({ A: 'get: "/v1/a"', B: 'get: "/v1/b"' }), { policies: [since] });
  const { deprecated, description } = paths['/v1/a']!.get!;
  t.true(deprecated);
  t.is(
    description,
    'Deprecated since 2026-01-01. It may no longer exist from 2026-12-31 on. See <https://a.example/v2>.',
  );
  t.is(paths['/v1/b']!.get!.deprecated, undefined);
});

test('error answers have the form of the config, and each status lists its reasons', async (t) => {
  for (const [format, type, member] of [
    ['status', 'application/json', 'code'],
    ['aip193', 'application/json', 'error'],
    ['problem', 'application/problem+json', 'detail'],
  ] as const) {
    const { components } = await documentOf(t, service({ A: 'get: "/v1/a"' }), { errors: { format } });
    t.true(member in components.schemas['protogate.Error']!.properties, format);
    t.deepEqual(Object.keys(components.responses['Error-400'].content), [type]);
    t.regex(components.responses['Error-400'].description, /`INVALID_QUERY`: /);
  }
});

test('one service can be taken alone; YAML and JSON say the same, and the order is that of the names', async (t) => {
  const both = `${HEAD}
    service Z { rpc A(M) returns (M) { option (google.api.http).get = "/v1/a"; } }
    service B { rpc C(N) returns (N) { option (google.api.http).get = "/v1/c"; } }
    message M { string name = 1; } message N { string name = 1; }`;
  const planned = await planOf(t, both);
  const api = apisOf(planned)[0]!;
  t.deepEqual(documentedServices(api), ['t.v1.B', 't.v1.Z']);
  const whole = textOf(api);
  t.deepEqual(parse([...writeYaml(documentParts(api))].join('')), JSON.parse(whole));
  t.is(whole, textOf({ ...api, routes: api.routes.toReversed() }));
  const one = await documentOfPlan(planned, 't.v1.Z');
  t.deepEqual(Object.keys(one.paths), ['/v1/a']);
  t.deepEqual(Object.keys(one.components.schemas), ['protogate.Error', 't.v1.M']);
});

test('routes that no upstream serves are not in the document', async (t) => {
  const upstreams = { a: { target: '127.0.0.1:1', services: ['other.*'] } };
  const { paths } = await documentOf(t, service({ A: 'get: "/v1/a"' }), { upstreams });
  t.deepEqual(paths, {});
});

test('a surface has its servers and headers, and nothing that it leaves out', async (t) => {
  const rules = { A: 'patch: "/v1/{m.name=a/*}" body: "m"', B: 'get: "/v1/b"' };
  const messages = `message M { R m = 1; google.protobuf.FieldMask update_mask = 2; }
    message R { string name = 1; string secret = 2; string text = 3; }`;
  const surfaces: ConfigInput['surfaces'] = [
    {
      name: 'mobile',
      hosts: ['m.example', '*.m.example'],
      basePath: '/m',
      headers: { 'x-client': 'app' },
      exclude: ['t.v1.S/B'],
      omitFields: ['t.v1.R.secret'],
    },
    { name: 'web', hosts: ['w.example'] },
  ];
  const planned = await planOf(t, service(rules, messages), { surfaces });
  const [mobile, web] = apisOf(planned);
  const text = textOf(mobile!);
  t.notRegex(text, /secret/i);
  const document = await validated(text);
  t.deepEqual((document as Members).servers, [
    { url: 'https://m.example/m' },
    { url: 'https://{name}.m.example/m', variables: { name: { default: 'www' } } },
  ]);
  t.deepEqual(Object.keys(document.paths), ['/v1/a/{a}']);
  const { patch } = document.paths['/v1/a/{a}']!;
  t.deepEqual(Object.keys(patch!.requestBody.content['application/json'].schema.properties), ['text']);
  t.true(patch!.parameters!.some(({ $ref }) => $ref === '#/components/parameters/header-x-client'));
  t.regex(textOf(web!), /secret/);
});

test('the demo shows the requests of its tour as examples', async (t) => {
  const { config } = parseConfig({ version: 1, schema: { protos: [shopProtos] } });
  const [api] = apisOf(await plan(config!), examplesFrom(tourRequests()));
  const { paths } = await validated(textOf(api!));
  const order = paths['/v1/customers/{customer}/orders/{order}']!;
  t.deepEqual([parameter(order.get!, 'customer')?.example, parameter(order.get!, 'order')?.example], ['ada', '5001']);
  t.deepEqual(order.patch!.requestBody.content['application/json'].example, {
    giftWrap: true,
    shippingAddress: { city: 'Haarlem' },
  });
  t.is(parameter(paths['/v1/assets/{path}']!.get!, 'path')?.example, 'pictures/oak-desk.svg');
  t.is(parameter(paths['/v1/products:search']!.get!, 'query')?.example, 'oak desk');
  const shown = Object.values(paths).flatMap((item) => Object.values(item));
  const withExample = shown.filter((operation) => JSON.stringify(operation).includes('"example":'));
  t.true(withExample.length > 30, `${withExample.length} of ${shown.length}`);
});

test('an example has no field that the surface leaves out', async (t) => {
  const omitFields = ['shop.v1.Order.labels', 'shop.v1.OrderItem.quantity'];
  const { config } = parseConfig({
    version: 1,
    schema: { protos: [shopProtos] },
    surfaces: [{ name: 'app', omitFields }],
  });
  const [api] = apisOf(await plan(config!), examplesFrom(tourRequests()));
  const { paths } = await validated(textOf(api!));
  const { post } = paths['/v1/customers/{customer}/orders']!;
  const { items, labels, metadata } = post!.requestBody.content['application/json'].example;
  t.deepEqual(
    [items, labels, metadata],
    [[{ productId: 'espresso-cup' }], undefined, { visits: 3, from: ['newsletter'] }],
  );
});
