/** A case for each row of docs/from-envoy.md. */
import { bothFormsOf } from '../support/descriptor-set.js';
import { openWebSocket, refusedWebSocket } from '../support/websocket.js';
import { BOTH_PAGES } from './both-pages-rows.js';
import { type Case, type Config, SHOP, told } from './rows.js';

const JSON_TYPE = { 'content-type': 'application/json' };

export const ENVOY: Readonly<Record<string, Case>> = {
  ...BOTH_PAGES,
  proto_descriptor: async (t, { gateway }) => {
    const { set } = await bothFormsOf(t, { 'test.proto': SHOP });
    const { send } = await gateway({ schema: { protos: [], descriptorSets: [set] } });
    t.is((await send('GET', '/v1/items/1')).status, 200);
  },
  proto_descriptor_bin: async (t, { check }) => {
    const found = await check([], { schema: { descriptorSets: ['CgpzaG9wLnByb3Rv'] } });
    t.true(
      found.some((text) => text.startsWith('error: ')),
      found.join(),
    );
  },
  services: async (t, { gateway }) => {
    const status = async (config: Config) => (await (await gateway(config)).send('GET', '/v1/items/1')).status;
    t.deepEqual([await status({}), await status({ schema: { exclude: ['shop.v1.Shop/GetItem'] } })], [200, 405]);
    const { target } = (await gateway()).upstream;
    t.is(await status({ upstreams: { other: { target, services: ['other.v1.*'] } } }), 404);
  },
  'print_options.add_whitespace': async (t, { gateway }) => {
    const { send } = await gateway();
    t.is((await send('GET', '/v1/items/1?$prettyPrint=true&$fields=name')).text, '{\n  "name": "items/1"\n}');
  },
  'print_options.always_print_primitive_fields': async (t, { gateway }) => {
    const { send } = await gateway({ json: { emitDefaults: true } });
    const { json } = await send('GET', '/v1/items/1');
    t.deepEqual([json.sold, json.tags, 'inner' in json], [false, [], false]);
    t.false('sold' in (await (await gateway()).send('GET', '/v1/items/1')).json);
  },
  'print_options.always_print_enums_as_ints': async (t, { gateway }) => {
    t.is((await (await gateway({ json: { enumsAsInts: true } })).send('GET', '/v1/items/1')).json.kind, 1);
    const { send } = await gateway();
    t.is((await send('GET', '/v1/items/1?$alt=json;enum-encoding=int')).json.kind, 1);
    t.is((await send('GET', '/v1/items/1')).json.kind, 'KIND_BOOK');
  },
  'print_options.preserve_proto_field_names': async (t, { gateway }) => {
    t.is((await (await gateway({ json: { protoNames: true } })).send('GET', '/v1/items/1')).json.display_name, 'Emma');
  },
  'print_options.stream_newline_delimited': async (t, { gateway }) => {
    const { send } = await gateway();
    const { text } = await send('GET', '/v1/items/1/watch', { headers: { accept: 'application/x-ndjson' } });
    t.is(text, '{"name":"a"}\n{"name":"b"}\n');
  },
  'print_options.stream_sse_style_delimited': async (t, { gateway }) => {
    const { send } = await gateway();
    const { text } = await send('GET', '/v1/items/1/watch', { headers: { accept: 'text/event-stream' } });
    t.regex(
      text,
      /id: 1\ndata: \{"name":"a"\}\n\nid: 2\ndata: \{"name":"b"\}\n\nevent: end\nid: end\ndata: \{"code":0/,
    );
  },
  auto_mapping: async (t, { gateway }) => {
    const call = async (config: Config) =>
      (await (await gateway(config)).send('POST', '/shop.v1.Shop/Unbound', { body: {} })).status;
    t.deepEqual([await call({}), await call({ schema: { autoRoutes: ['*'] } })], [404, 200]);
  },
  match_incoming_request_route: async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items/1');
    t.is(upstream.last().path, '/shop.v1.Shop/GetItem');
    t.is((await send('POST', '/shop.v1.Shop/GetItem', { body: {} })).status, 404);
    t.is((await send('GET', '/api/v1/items/1')).status, 404);
  },
  ignored_query_parameters: async (t, { gateway }) => {
    const { send } = await gateway({ query: { ignore: ['utm_*', 'key'] } });
    const status = async (query: string) => (await send('GET', `/v1/items/1?${query}`)).status;
    t.deepEqual([await status('key=1'), await status('utm_x=1'), await status('other=1')], [200, 200, 400]);
  },
  ignore_unknown_query_parameters: async (t, { gateway }) => {
    t.is((await (await gateway({ query: { unknown: 'ignore' } })).send('GET', '/v1/items/1?nope=1')).status, 200);
  },
  capture_unknown_query_parameters: async (t, { gateway }) => {
    const { send, upstream } = await gateway({ query: { unknown: 'ignore' } });
    const headers = { 'content-type': 'text/csv' };
    await send('POST', '/v1/upload/a?nope=1', { body: 'a', headers });
    t.deepEqual(upstream.last().request, { name: 'a', file: { content_type: 'text/csv', data: Buffer.from('a') } });
  },
  convert_grpc_status: async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    upstream.script('GetItem', { status: { code: 5, message: 'none' } });
    const { status, json, headers } = await send('GET', '/v1/items/1');
    t.deepEqual([status, json], [404, { code: 5, message: 'none', details: [] }]);
    t.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('grpc-')),
      [],
    );
  },
  url_unescape_spec: async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/files/%2f%23/%20%2523');
    t.is((upstream.last().request as { name: string }).name, '%2f#/ %23');
    await send('GET', '/v1/one/%2f%23%20%2523');
    t.is((upstream.last().request as { name: string }).name, '/# %23');
  },
  query_param_unescape_plus: async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items?some=a+b%2Bc');
    t.deepEqual(upstream.last().request, { some: 'a b+c' });
  },
  match_unregistered_custom_verb: async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items/1:other');
    t.deepEqual(upstream.last().request, { name: 'items/1:other' });
  },
  'request_validation_options.reject_unknown_method': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    const before = upstream.calls.length;
    t.is((await send('GET', '/v1/nowhere')).status, 404);
    const other = await send('POST', '/v1/items/1', { body: {} });
    t.deepEqual([other.status, other.headers.allow], [405, 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT']);
    t.is(upstream.calls.length, before);
  },
  'request_validation_options.reject_unknown_query_parameters': async (t, { gateway }) => {
    t.regex(told(await (await gateway()).send('GET', '/v1/items/1?nope=1')), /^400 nope: unknown query parameter/);
  },
  'request_validation_options.reject_binding_body_field_collisions': async (t, { gateway }) => {
    const { send } = await gateway();
    const refused = await send('PUT', '/v1/items/1', { body: { name: 'items/2' } });
    t.is(told(refused), '400 name: expected "items/1" as in the path, got "items/2"');
    t.is(
      told(await send('GET', '/v1/items/1?name=items/2')),
      '400 name: not a query parameter, because the path sets this field',
    );
  },
  case_insensitive_enum_parsing: async (t, { gateway }) => {
    const { send } = await gateway();
    t.is((await send('POST', '/v1/items', { body: { kind: 'kind_book' } })).status, 400);
    t.is((await send('POST', '/v1/items', { body: { kind: 'KIND_BOOK' } })).status, 200);
  },
  max_request_body_size: async (t, { gateway }) => {
    const { send } = await gateway({ limits: { bodyBytes: '1KiB' } });
    t.is((await send('POST', '/v1/items', { body: { display_name: 'x'.repeat(2000) } })).status, 413);
  },
  max_response_body_size: async (t, { gateway }) => {
    const { send, upstream } = await gateway({ limits: { responseBytes: '1KiB' } });
    upstream.script('GetItem', { message: { display_name: 'x'.repeat(2000) } });
    t.is((await send('GET', '/v1/items/1')).status, 502);
  },
  'configuration of a route': async (t, { gateway }) => {
    const { send } = await gateway({ policies: [{ selector: 'shop.v1.Shop/CreateItem', maxRequestBytes: '1KiB' }] });
    const body = { display_name: 'x'.repeat(2000) };
    t.deepEqual(
      [(await send('POST', '/v1/items', { body })).status, (await send('PUT', '/v1/items/1', { body })).status],
      [413, 200],
    );
  },
  'gRPC on the same port': async (t, { gateway }) => {
    const { send } = await gateway({ schema: { autoRoutes: ['*'] } });
    const headers = { 'content-type': 'application/grpc' };
    t.is((await send('POST', '/shop.v1.Shop/Unbound', { body: Buffer.alloc(5), headers })).status, 415);
  },
  'unknown fields in bodies': async (t, { gateway }) => {
    const body = { nope: 1 };
    t.regex(told(await (await gateway()).send('POST', '/v1/items', { body })), /^400 nope: unknown field/);
    t.is(
      (await (await gateway({ json: { unknownFields: 'ignore' } })).send('POST', '/v1/items', { body })).status,
      200,
    );
  },
  'content type of bodies': async (t, { gateway }) => {
    const { send } = await gateway();
    t.is((await send('POST', '/v1/items', { body: '{}', headers: { 'content-type': 'text/plain' } })).status, 415);
  },
  'slashes at the end': async (t, { gateway }) => {
    t.is((await (await gateway()).send('GET', '/v1/items/1/')).status, 404);
  },
  additional_bindings: async (t, { gateway, check }) => {
    const { send } = await gateway();
    t.deepEqual([(await send('GET', '/v1/first/a')).status, (await send('GET', '/v1/second/a')).status], [200, 200]);
    const nested = 'additional_bindings { get: "/v1/b" additional_bindings { get: "/v1/c" } }';
    t.deepEqual(await check([`A(Ask → Item) get: "/v1/a" ${nested}`]), [
      'error: additional_bindings: expected none inside of an additional binding, got some',
    ]);
  },
  response_body: async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    upstream.script('GetTags', { message: { tags: ['a', 'b'] } });
    t.deepEqual((await send('GET', '/v1/tags')).json, ['a', 'b']);
  },
  'HEAD and OPTIONS': async (t, { gateway }) => {
    const { send } = await gateway();
    t.deepEqual(
      [(await send('HEAD', '/v1/items/1')).status, (await send('OPTIONS', '/v1/items/1')).status],
      [200, 204],
    );
  },
  'request headers': async (t, { gateway }) => {
    const seen = async (metadata: object) => {
      const { send, upstream } = await gateway({ metadata });
      await send('GET', '/v1/items/1', { headers: { 'x-tenant': 'a', authorization: 'Bearer x', cookie: 'a=b' } });
      return ['x-tenant', 'authorization', 'cookie'].flatMap((name) => upstream.last().metadata.get(name));
    };
    t.deepEqual(await seen({}), []);
    t.deepEqual(await seen({ request: ['x-tenant'], forwardAuthorization: true }), ['a', 'Bearer x']);
  },
  'x-envoy-original-path and x-envoy-original-method': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items/1');
    t.deepEqual(
      Object.keys(upstream.last().metadata.getMap()).filter((name) => name.startsWith('x-envoy')),
      [],
    );
  },
  'response headers': async (t, { gateway }) => {
    const seen = async (metadata: object) => {
      const { send, upstream } = await gateway({ metadata });
      upstream.script('GetItem', { message: {}, headers: { 'x-total': '7' } });
      const { headers } = await send('GET', '/v1/items/1');
      return [headers['x-total'], headers['grpc-status']];
    };
    t.deepEqual(
      [await seen({}), await seen({ response: ['x-total'] })],
      [
        [undefined, undefined],
        ['7', undefined],
      ],
    );
  },
  'errors in streams': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    upstream.script('Watch', { messages: [{ name: 'a' }], status: { code: 9, message: 'enough' } });
    await t.throwsAsync(send('GET', '/v1/items/1/watch'));
    const { text } = await send('GET', '/v1/items/1/watch', { headers: { accept: 'application/x-ndjson' } });
    t.is(text, '{"name":"a"}\n{"error":{"code":9,"message":"enough","details":[]}}\n');
    upstream.script('Watch', { messages: [] });
    t.is((await send('GET', '/v1/items/1/watch')).text, '[]');
  },
  'client streams': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    for (const [type, body] of [
      ['application/json', '[{"stock":1},{"stock":2}]'],
      ['application/x-ndjson', '{"stock":1}\n{"stock":2}\n'],
    ] as const) {
      await send('POST', '/v1/lists/1/items', { body, headers: { 'content-type': type } });
      t.deepEqual(upstream.last().requests, [{ name: 'lists/1', stock: '1' }, { stock: '2' }]);
    }
    const other = '[{"stock":1},{"name":"lists/2"}]';
    t.regex(told(await send('POST', '/v1/lists/1/items', { body: other, headers: JSON_TYPE })), /^400 \[1\]\.name: /);
  },
  WebSockets: async (t, { gateway }) => {
    const { url } = await gateway();
    const { say, halfClose, closed, messages, until } = await openWebSocket(t, url, '/v1/rooms/1/chat');
    say({ stock: '1' });
    await until(1);
    halfClose();
    t.deepEqual([await closed, messages], [{ code: 1000, reason: '' }, [{ name: 'rooms/1', stock: '1' }]]);
    t.is((await refusedWebSocket(url, '/v1/items/1')).status, 404);
  },
};
