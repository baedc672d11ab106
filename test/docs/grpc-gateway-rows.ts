/** A case for each row of docs/from-grpc-gateway.md. */
import { http2Client } from '../support/http2.js';
import { openWebSocket, refusedWebSocket } from '../support/websocket.js';
import { BOTH_PAGES } from './both-pages-rows.js';
import { type Case, type Config, told } from './rows.js';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const LINES = { accept: 'application/x-ndjson' };
const JSON_TYPE = { 'content-type': 'application/json' };

export const GRPC_GATEWAY: Readonly<Record<string, Case>> = {
  ...BOTH_PAGES,
  'X-HTTP-Method-Override': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    const headers = { ...JSON_TYPE, 'x-http-method-override': 'DELETE' };
    t.is((await send('POST', '/v1/items', { body: '{}', headers })).status, 200);
    t.is(upstream.last().path, '/shop.v1.Shop/CreateItem');
    t.is((await send('POST', '/v1/items/1', { body: 'a=b', headers: { ...FORM, ...headers } })).status, 405);
  },
  'form bodies': async (t, { gateway }) => {
    const { send } = await gateway();
    const post = await send('POST', '/v1/items', { body: 'name=a', headers: FORM });
    t.regex(told(post), /^415 content-type: expected application\/json, got "application\/x-www-form-urlencoded"/);
    t.is((await send('POST', '/v1/items/1', { body: 'sold=true', headers: FORM })).status, 405);
  },
  'content type of bodies': async (t, { gateway }) => {
    const { send } = await gateway();
    const post = (type: string) => send('POST', '/v1/items', { body: '{}', headers: { 'content-type': type } });
    t.is((await post('text/plain')).status, 415);
    t.is((await post('application/vnd.shop+json')).status, 200);
  },
  'defaults in answers': async (t, { gateway }) => {
    const plain = await gateway();
    t.deepEqual((await plain.send('GET', '/v1/items/1')).json, {
      name: 'items/1',
      displayName: 'Emma',
      stock: '7',
      kind: 'KIND_BOOK',
    });
    const { send, upstream } = await gateway({ json: { emitDefaults: true } });
    upstream.script('GetItem', { message: {} });
    const all = { name: '', displayName: '', stock: '0', kind: 'KIND_UNSPECIFIED', sold: false, tags: [] };
    t.deepEqual((await send('GET', '/v1/items/1')).json, all);
  },
  'field names in answers': async (t, { gateway }) => {
    t.is((await (await gateway()).send('GET', '/v1/items/1')).json.displayName, 'Emma');
    const { send, upstream } = await gateway({ json: { protoNames: true } });
    t.is((await send('GET', '/v1/items/1')).json.display_name, 'Emma');
    await send('POST', '/v1/items', { body: { displayName: 'a' } });
    await send('POST', '/v1/items', { body: { display_name: 'a' } });
    t.deepEqual(
      upstream.calls.slice(-2).map(({ request }) => request),
      [{ display_name: 'a' }, { display_name: 'a' }],
    );
  },
  '64-bit numbers': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    t.is((await send('GET', '/v1/items/1')).json.stock, '7');
    for (const stock of ['9007199254740993', 9]) await send('POST', '/v1/items', { body: { stock } });
    t.deepEqual(
      upstream.calls.slice(-2).map(({ request }) => request),
      [{ stock: '9007199254740993' }, { stock: '9' }],
    );
  },
  'google.protobuf.Empty': async (t, { gateway }) => {
    t.is((await (await gateway()).send('DELETE', '/v1/items/1')).text, '{}');
  },
  'unknown fields in bodies': async (t, { gateway }) => {
    const body = { nope: 1, display_name: 'a' };
    t.regex(told(await (await gateway()).send('POST', '/v1/items', { body })), /^400 nope: unknown field/);
    const { send, upstream } = await gateway({ json: { unknownFields: 'ignore' } });
    t.is((await send('POST', '/v1/items', { body })).status, 200);
    t.deepEqual(upstream.last().request, { display_name: 'a' });
  },
  'keys twice, text behind the body': async (t, { gateway }) => {
    const { send } = await gateway();
    const post = async (body: string) => told(await send('POST', '/v1/items', { body, headers: JSON_TYPE }));
    t.is(await post('{"name":"a","name":"b"}'), '400 name: expected once, found twice');
    t.is(await post('{"displayName":"a","display_name":"b"}'), '400 display_name: expected once, found twice');
    t.regex(await post('{} {}'), /^400 /);
  },
  'unknown query parameters': async (t, { gateway }) => {
    t.is(
      told(await (await gateway()).send('GET', '/v1/items/1?nope=1')),
      "400 nope: unknown query parameter, did you mean 'some'?",
    );
    t.is((await (await gateway({ query: { unknown: 'ignore' } })).send('GET', '/v1/items/1?nope=1')).status, 200);
    const { send } = await gateway({ query: { ignore: ['utm_*'] } });
    t.deepEqual(
      [(await send('GET', '/v1/items/1?utm_x=1')).status, (await send('GET', '/v1/items/1?x=1')).status],
      [200, 400],
    );
  },
  'query where the body is *': async (t, { gateway }) => {
    const body = {};
    const refused = await (await gateway()).send('POST', '/v1/items?stock=1', { body });
    t.is(told(refused), '400 stock: not a query parameter, because the body of this route sets all fields');
    const { send, upstream } = await gateway({ query: { unknown: 'ignore' } });
    t.is((await send('POST', '/v1/items?stock=1', { body })).status, 200);
    t.deepEqual(upstream.last().request, {});
  },
  'path against body': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    const refused = await send('PUT', '/v1/items/1', { body: { name: 'items/2' } });
    t.is(told(refused), '400 name: expected "items/1" as in the path, got "items/2"');
    for (const name of ['items/1', '', null]) {
      t.is((await send('PUT', '/v1/items/1', { body: { name } })).status, 200);
      t.deepEqual(upstream.last().request, { name: 'items/1' });
    }
  },
  'path against query': async (t, { gateway }) => {
    for (const config of [{}, { query: { unknown: 'ignore' as const } }]) {
      const { send } = await gateway(config);
      t.is(
        told(await send('GET', '/v1/items/1?name=items/2')),
        '400 name: not a query parameter, because the path sets this field',
      );
    }
  },
  'repeated fields in a path': async (t, { check, gateway }) => {
    const found = await check(['GetItems(Ask → Item) get: "/v1/items/{ids}"']);
    t.is(found.length, 1);
    t.regex(found[0]!, /^error: path variable \{ids\}: .*repeated/);
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items?ids=1&ids=2');
    t.deepEqual(upstream.last().request, { ids: ['1', '2'] });
  },
  'enums in a query': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    for (const kind of ['KIND_BOOK', '1', '9']) await send('GET', `/v1/items?kind=${kind}`);
    t.deepEqual(
      upstream.calls.slice(-3).map(({ request }) => (request as { kind: unknown }).kind),
      ['KIND_BOOK', 'KIND_BOOK', 9],
    );
    t.regex(told(await send('GET', '/v1/items?kind=kind_book')), /^400 kind: expected a value of shop\.v1\.Kind/);
  },
  'bools in a query': async (t, { gateway }) => {
    const { send } = await gateway();
    t.is((await send('GET', '/v1/items?sold=true')).status, 200);
    for (const value of ['1', 't', 'TRUE'])
      t.regex(told(await send('GET', `/v1/items?sold=${value}`)), /^400 sold: expected true or false/);
  },
  'durations in a query': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items?age=5400s');
    t.deepEqual(upstream.last().request, { age: { seconds: '5400' } });
    t.regex(told(await send('GET', '/v1/items?age=1h30m')), /^400 age: /);
  },
  'field masks': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('GET', '/v1/items?mask=displayName,inner.text');
    await send('GET', '/v1/items?mask=display_name,inner.text');
    const mask = { paths: ['display_name', 'inner.text'] };
    t.deepEqual(
      upstream.calls.slice(-2).map(({ request }) => request),
      [{ mask }, { mask }],
    );
  },
  'Struct and Value in a query': async (t, { gateway }) => {
    const { send } = await gateway();
    t.is(
      told(await send('GET', '/v1/items?filter={"a":1}'.replaceAll('"', '%22'))),
      '400 filter: not a query parameter, because its type is google.protobuf.Struct',
    );
  },
  'Empty in a query': async (t, { gateway }) => {
    const { send } = await gateway();
    t.is(
      told(await send('GET', '/v1/items?nothing=')),
      '400 nothing: not a query parameter, because its type is google.protobuf.Empty',
    );
  },
  'PATCH without a mask': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('PATCH', '/v1/items/1', { body: { displayName: 'a', inner: { text: 'b' }, stock: null } });
    t.deepEqual(upstream.last().request, {
      item: { name: 'items/1', display_name: 'a', inner: { text: 'b' } },
      update_mask: { paths: ['display_name', 'inner.text', 'stock'] },
    });
    await send('PATCH', '/v1/items/1?updateMask=sold', { body: { displayName: 'a' } });
    t.like(upstream.last().request, { update_mask: { paths: ['sold'] } });
  },
  'error bodies': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    upstream.script('GetItem', { status: { code: 5, message: 'none' } });
    const { status, json } = await send('GET', '/v1/items/1');
    t.deepEqual([status, json], [404, { code: 5, message: 'none', details: [] }]);
    const aip = await gateway({ errors: { format: 'aip193' } });
    aip.upstream.script('GetItem', { status: { code: 5, message: 'none' } });
    t.like((await aip.send('GET', '/v1/items/1')).json, { error: { code: 404, message: 'none', status: 'NOT_FOUND' } });
  },
  'WWW-Authenticate': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    upstream.script('GetItem', { status: { code: 16, message: 'who are you?' } });
    t.is((await send('GET', '/v1/items/1')).headers['www-authenticate'], 'Bearer realm="protogate"');
    const other = await gateway({ metadata: { response: ['www-authenticate'] } });
    const trailers = { 'www-authenticate': 'Basic realm="shop"' };
    other.upstream.script('GetItem', { status: { code: 16 }, trailers });
    t.is((await other.send('GET', '/v1/items/1')).headers['www-authenticate'], 'Basic realm="shop"');
  },
  'other verbs, HEAD and OPTIONS': async (t, { gateway }) => {
    const { send } = await gateway();
    const post = await send('POST', '/v1/items/1', { body: {} });
    t.deepEqual([post.status, post.json.code], [405, 12]);
    t.is(post.headers.allow, 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT');
    t.deepEqual(
      [(await send('HEAD', '/v1/items/1')).status, (await send('OPTIONS', '/v1/items/1')).status],
      [200, 204],
    );
  },
  'server streams': async (t, { gateway }) => {
    const { send } = await gateway();
    const array = await send('GET', '/v1/items/1/watch');
    t.deepEqual([array.headers['content-type'], array.text], ['application/json', '[{"name":"a"},{"name":"b"}]']);
    const lines = await send('GET', '/v1/items/1/watch', { headers: LINES });
    t.deepEqual([lines.headers['content-type'], lines.text], ['application/x-ndjson', '{"name":"a"}\n{"name":"b"}\n']);
  },
  'errors in streams': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    upstream.script('Watch', { messages: [{ name: 'a' }], status: { code: 9, message: 'enough' } });
    const lines = await send('GET', '/v1/items/1/watch', { headers: LINES });
    t.is(lines.text, '{"name":"a"}\n{"error":{"code":9,"message":"enough","details":[]}}\n');
    await t.throwsAsync(send('GET', '/v1/items/1/watch'));
    upstream.script('Watch', { status: { code: 9, message: 'enough' } });
    const first = await send('GET', '/v1/items/1/watch', { headers: LINES });
    t.deepEqual([first.status, first.json], [400, { code: 9, message: 'enough', details: [] }]);
  },
  'client streams': async (t, { gateway }) => {
    const { send } = await gateway();
    for (const [type, body] of [
      ['application/json', '{"stock":1}{"stock":2}'],
      ['application/json', '[{"stock":1},{"stock":2}]'],
      ['application/x-ndjson', '{"stock":1}\n{"stock":2}\n'],
    ] as const) {
      const { json } = await send('POST', '/v1/lists/1/items', { body, headers: { 'content-type': type } });
      t.deepEqual(json, { stock: '2' });
    }
  },
  'path and query of client streams': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('POST', '/v1/lists/1/items', { body: '{"stock":1}{"stock":2}', headers: JSON_TYPE });
    t.deepEqual(upstream.last().requests, [{ name: 'lists/1', stock: '1' }, { stock: '2' }]);
  },
  'streams both ways': async (t, { gateway }) => {
    const { send, url } = await gateway({ listen: { h2c: true } });
    const lines = { 'content-type': 'application/x-ndjson' };
    const body = '{"stock":1}\n{"stock":2}\n';
    const answer = '{"name":"rooms/1","stock":"1"}\n{"stock":"2"}\n';
    t.is((await send('POST', '/v1/rooms/1/chat', { body, headers: lines })).text, answer);
    t.is((await http2Client(t, url).send('POST', '/v1/rooms/1/chat', { headers: lines, body })).text, answer);
  },
  WebSockets: async (t, { gateway }) => {
    const { url, upstream } = await gateway();
    const { say, halfClose, closed, messages, until } = await openWebSocket(t, url, '/v1/rooms/1/chat');
    say({ stock: '1' });
    await until(1);
    halfClose();
    t.deepEqual(await closed, { code: 1000, reason: '' });
    t.deepEqual(
      [messages, upstream.last().requests],
      [[{ name: 'rooms/1', stock: '1' }], [{ name: 'rooms/1', stock: '1' }]],
    );
    const wrong = await openWebSocket(t, url, '/v1/rooms/1/chat');
    wrong.say({ name: 'rooms/2' });
    t.is((await wrong.closed).code, 4003);
    t.regex(
      (await refusedWebSocket(url, '/v1/rooms/1/chat?method=POST')).json.message,
      /^method: unknown query parameter/,
    );
  },
  Authorization: async (t, { gateway }) => {
    const headers = { authorization: 'Bearer x' };
    const seen = async (metadata: object) => {
      const { send, upstream } = await gateway({ metadata });
      await send('GET', '/v1/items/1', { headers });
      return upstream.last().metadata.get('authorization');
    };
    t.deepEqual(await seen({}), []);
    t.deepEqual(await seen({ forwardAuthorization: true }), ['Bearer x']);
  },
  'other request headers': async (t, { gateway }) => {
    const headers = { 'accept-language': 'eo', cookie: 'a=b' };
    const seen = async (metadata: object) => {
      const { send, upstream } = await gateway({ metadata });
      await send('GET', '/v1/items/1', { headers });
      const { metadata: got } = upstream.last();
      return ['accept-language', 'grpcgateway-accept-language', 'cookie'].flatMap((name) => got.get(name));
    };
    t.deepEqual(await seen({}), []);
    t.deepEqual(await seen({ request: ['accept-language'] }), ['eo']);
  },
  'Grpc-Metadata- in requests': async (t, { gateway }) => {
    const seen = async (metadata: object) => {
      const { send, upstream } = await gateway({ metadata });
      await send('GET', '/v1/items/1', { headers: { 'Grpc-Metadata-X-Tenant': 'a' } });
      return upstream.last().metadata.get('x-tenant');
    };
    t.deepEqual(await seen({}), []);
    t.deepEqual(await seen({ request: ['grpc-metadata-*'] }), ['a']);
  },
  'X-Forwarded-For and X-Forwarded-Host': async (t, { gateway }) => {
    const headers = { 'x-forwarded-for': '203.0.113.4', 'x-forwarded-host': 'shop.example' };
    const seen = async (config: object) => {
      const { send, upstream } = await gateway(config);
      await send('GET', '/v1/items/1', { headers });
      const { metadata } = upstream.last();
      return [metadata.get('x-forwarded-for'), metadata.get('x-forwarded-host')];
    };
    t.deepEqual(await seen({}), [['127.0.0.1'], []]);
    t.deepEqual(await seen({ trustedProxies: ['127.0.0.1/32'] }), [['203.0.113.4'], []]);
  },
  'headers and trailers of answers': async (t, { gateway }) => {
    const seen = async (metadata: object) => {
      const { send, upstream } = await gateway({ metadata });
      upstream.script('GetItem', { message: {}, headers: { 'x-total': '7' }, trailers: { 'x-cost': '2' } });
      const { headers } = await send('GET', '/v1/items/1', { headers: { te: 'trailers' } });
      return Object.entries(headers).filter(([name]) => /x-total|x-cost|^grpc-/.test(name));
    };
    t.deepEqual(await seen({}), []);
    t.deepEqual(await seen({ response: ['x-total', 'x-cost'] }), [
      ['x-total', '7'],
      ['x-cost', '2'],
    ]);
    t.deepEqual(await seen({ response: ['grpc-metadata-*'] }), [
      ['grpc-metadata-x-total', '7'],
      ['grpc-metadata-x-cost', '2'],
    ]);
  },
  'Grpc-Timeout': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    const timeout = async (value: string) => send('GET', '/v1/items/1', { headers: { 'grpc-timeout': value } });
    await timeout('2S');
    t.true(upstream.last().deadline! - Date.now() <= 2000);
    t.regex(told(await timeout('soon')), /^400 grpc-timeout: /);
    const short = await gateway({ policies: [{ selector: 'shop.v1.Shop/GetItem', timeout: '1s' }] });
    for (const headers of [{ 'grpc-timeout': '9S' }, { 'x-request-timeout': '9' }, { 'x-request-timeout': '0.5' }]) {
      await short.send('GET', '/v1/items/1', { headers });
      t.true(short.upstream.last().deadline! - Date.now() <= 1000);
    }
  },
  'time and size': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    upstream.script('CreateItem', { message: {} });
    await send('POST', '/v1/items', { body: {} });
    t.true(upstream.last().deadline! - Date.now() <= 30_000);
    t.is((await send('POST', '/v1/items', { body: { display_name: 'x'.repeat(4 << 20) } })).status, 413);
  },
  'escaped slashes': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    const names: unknown[] = [];
    for (const path of ['/v1/one/a%2Fb', '/v1/files/a%2Fb/c%20d', '/v1/one/a%252Fb']) {
      await send('GET', path);
      names.push((upstream.last().request as { name: string }).name);
    }
    t.deepEqual(names, ['a/b', 'a%2Fb/c d', 'a%2Fb']);
  },
  'empty segments and slashes at the end': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    t.deepEqual([(await send('GET', '/v1/items/')).status, (await send('GET', '/v1/items/1/')).status], [404, 404]);
    await send('GET', '/v1/files');
    t.deepEqual(upstream.last().request, {});
  },
  'verbs and precedence': async (t, { gateway }) => {
    const { send, upstream } = await gateway();
    await send('POST', '/v1/items/1:publish', { body: {} });
    t.deepEqual([upstream.last().path, upstream.last().request], ['/shop.v1.Shop/PublishItem', { name: 'items/1' }]);
    await send('GET', '/v1/items/1:other');
    t.deepEqual([upstream.last().path, upstream.last().request], ['/shop.v1.Shop/GetItem', { name: 'items/1:other' }]);
  },
  'additional_bindings alone': async (t, { gateway }) => {
    const { send } = await gateway();
    t.deepEqual([(await send('GET', '/v1/first/a')).status, (await send('GET', '/v1/second/a')).status], [200, 200]);
  },
  'bodies of GET and DELETE': async (t, { gateway, check }) => {
    const { send, upstream } = await gateway();
    await send('DELETE', '/v1/purge/a', { body: { stock: 1 } });
    t.deepEqual(upstream.last().request, { name: 'a', stock: '1' });
    const found = await check(['A(Item → Item) get: "/v1/a" body: "*"']);
    t.deepEqual(found, ["warning: body: expected none with GET, got '*'"]);
  },
  'rules in a file': async (t, { gateway, file }) => {
    const rules = 'type: google.api.Service\nhttp: { rules: [{ selector: shop.v1.Shop.GetOne, get: "/v2/{name}" }] }';
    const { send } = await gateway({ schema: { httpRules: [await file('api.yaml', rules)] } });
    t.deepEqual([(await send('GET', '/v2/a')).status, (await send('GET', '/v1/one/a')).status], [200, 404]);
  },
  'methods without a rule': async (t, { gateway }) => {
    const call = async (config: Config) =>
      (await (await gateway(config)).send('POST', '/shop.v1.Shop/Unbound', { body: {} })).status;
    t.deepEqual([await call({}), await call({ schema: { autoRoutes: ['*'] } })], [404, 200]);
  },
};
