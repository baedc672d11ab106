/**
 * Google's system parameters: those that choose how the answer is written, those that are ignored, and those that are
 * refused.
 */
import test from 'ava';
import { createCodecs } from '../../src/codec/codec.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import { Indenter } from '../../src/transcoding/indent.js';
import { afterAll, planOf, startGateway } from '../support/gateway.js';

const PROTO = `package s.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
enum Color { COLOR_UNSPECIFIED = 0; RED = 1; DARK_BLUE = 2; }
message Ask { string text = 1; }
message Paint { string name = 1; Color color = 2; repeated Color others = 3; map<string, Color> by_room = 4; Paint under = 5; int64 liters = 6; }
message Own { string alt = 1; bool pretty_print = 2; Color color = 3; }
service Paints {
  rpc Get(Ask) returns (Paint) {
    option (google.api.http) = {
      get: "/paint" additional_bindings { post: "/paint" body: "*" } additional_bindings { get: "/under" response_body: "under" }
    };
  }
  rpc Watch(Ask) returns (stream Paint) { option (google.api.http) = { get: "/paints" }; }
  rpc Collect(stream Ask) returns (Paint) { option (google.api.http) = { post: "/collect" body: "*" }; }
  rpc File(Ask) returns (google.api.HttpBody) { option (google.api.http) = { get: "/file" }; }
  rpc Pieces(Ask) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/pieces" }; }
  rpc Echo(Own) returns (Own) { option (google.api.http) = { get: "/own" }; }
}`;

const PAINT = {
  name: 'a "b", {c}: [\\',
  color: 'RED',
  others: ['DARK_BLUE', 'RED'],
  by_room: { hall: 'DARK_BLUE' },
  under: { color: 'RED' },
  liters: '9007199254740993',
};
const named = {
  name: PAINT.name,
  color: 'RED',
  others: ['DARK_BLUE', 'RED'],
  byRoom: { hall: 'DARK_BLUE' },
  under: { color: 'RED' },
  liters: '9007199254740993',
};
const numbered = { ...named, color: 1, others: [2, 1], byRoom: { hall: 2 }, under: { color: 1 } };
const FILE = { content_type: 'image/png', data: Buffer.from('{"a":1}') };

const started = startGateway(afterAll(test), PROTO, {
  Get: { message: PAINT },
  Watch: { messages: [PAINT, {}] },
  Collect: { message: PAINT },
  File: { message: FILE },
  Pieces: { messages: [FILE, FILE] },
  Echo: ({ request }) => ({ message: { ...request, color: 'RED' } }),
});
const JSON_INT = '$alt=json%3Benum-encoding%3Dint';

test.serial('$alt=json;enum-encoding=int writes enums as numbers, $alt=json by name', async (t) => {
  const { send } = await started;
  t.deepEqual((await send('GET', `/paint?${JSON_INT}`)).json, numbered);
  t.deepEqual((await send('GET', '/paint?$alt=json;enum-encoding=int&text=x')).json, numbered);
  t.deepEqual((await send('GET', '/paint?%24alt=JSON')).json, named);
  t.deepEqual((await send('GET', '/paint')).json, named);
  t.deepEqual((await send('GET', `/under?${JSON_INT}`)).json, { color: 1 });
  t.deepEqual(
    (await send('POST', `/paint?${JSON_INT}`, { body: {} })).json,
    numbered,
    'also where the body takes every field',
  );
  t.deepEqual((await send('POST', `/collect?${JSON_INT}`, { body: [{}] })).json, numbered);
  t.deepEqual((await send('GET', `/paint?${JSON_INT}&$fields=color,under`)).json, { color: 1, under: { color: 1 } });
});

for (const [accept, textOf] of [
  ['application/json', (message: object) => JSON.stringify([message, {}])],
  ['application/x-ndjson', (message: object) => `${JSON.stringify(message)}\n{}\n`],
] as const) {
  test.serial(`a stream as ${accept} has enums as numbers`, async (t) => {
    const { send } = await started;
    t.is((await send('GET', `/paints?${JSON_INT}`, { headers: { accept } })).text, textOf(numbered));
    t.is((await send('GET', '/paints?$alt=json', { headers: { accept } })).text, textOf(named));
  });
}

test.serial('$alt=sse is the framing of a stream, whatever Accept says', async (t) => {
  const { send } = await started;
  for (const accept of ['application/json', 'text/html', '*/*']) {
    const { headers, text } = await send('GET', '/paints?alt=sse', { headers: { accept } });
    t.is(headers['content-type'], 'text/event-stream');
    t.true(text.startsWith(`id: 1\ndata: ${JSON.stringify(named)}\n\nid: 2\ndata: {}\n\nevent: end\n`), text);
  }
  t.is((await send('GET', '/paints', { headers: { accept: 'text/html' } })).status, 406);
  t.is((await send('GET', '/paints?$alt=sse', { headers: { 'last-event-id': 'end' } })).status, 204);
});

test.serial('$prettyPrint=true indents an answer and an array, and no framing of lines', async (t) => {
  const { send } = await started;
  t.is((await send('GET', '/paint?$prettyPrint=true')).text, JSON.stringify(named, null, 2));
  t.is((await send('GET', '/paint?prettyPrint=false')).text, JSON.stringify(named));
  t.is((await send('GET', '/paint?$prettyPrint=0')).text, JSON.stringify(named), 'as google-gax says it');
  t.is((await send('GET', '/under?prettyPrint=1')).text, '{\n  "color": "RED"\n}');
  t.is((await send('GET', `/paints?prettyPrint=true&${JSON_INT}`)).text, JSON.stringify([numbered, {}], null, 2));
  const lines = await send('GET', '/paints?prettyPrint=true', { headers: { accept: 'application/x-ndjson' } });
  t.is(lines.text, `${JSON.stringify(named)}\n{}\n`);
  const events = await send('GET', '/paints?prettyPrint=true&alt=sse');
  t.true(events.text.startsWith(`id: 1\ndata: ${JSON.stringify(named)}\n\n`));
  t.is((await send('GET', '/file?prettyPrint=true')).text, '{"a":1}', 'bytes stay as they are');
});

test.serial('an HttpBody is media, and as it is where a client asks for JSON', async (t) => {
  const { send } = await started;
  for (const query of ['', '?$alt=media', '?alt=json', `?${JSON_INT}`]) {
    const { headers, text } = await send('GET', `/file${query}`);
    t.is(headers['content-type'], 'image/png');
    t.is(text, '{"a":1}');
    t.is((await send('GET', `/pieces${query}`)).text, '{"a":1}{"a":1}');
  }
});

test.serial('parameters that only Google’s servers use are ignored', async (t) => {
  const { send, upstream } = await started;
  const query = '$.xgafv=2&$quotaUser=u&$userProject=p&$trace=t&$unique=1&$unique=2&$ct=c';
  for (const [method, target] of [
    ['GET', '/paint?text=x'],
    ['POST', '/paint?'],
    ['GET', '/paints?text=x'],
  ] as const) {
    t.is((await send(method, `${target}&${query}`, method === 'POST' ? { body: { text: 'x' } } : {})).status, 200);
    t.deepEqual(upstream.last().request, { text: 'x' });
  }
});

for (const [target, message] of [
  ['/paint?$alt=proto', '$alt: expected one of json, json;enum-encoding=int, got "proto"'],
  ['/paint?alt=media', 'alt: expected one of json, json;enum-encoding=int, got "media"'],
  ['/paint?$alt=sse', '$alt: expected one of json, json;enum-encoding=int, got "sse"'],
  ['/paint?$alt=', '$alt: expected one of json, json;enum-encoding=int, got ""'],
  ['/paints?$alt=media', '$alt: expected one of json, json;enum-encoding=int, sse, got "media"'],
  ['/file?$alt=sse', '$alt: expected one of json, json;enum-encoding=int, media, got "sse"'],
  ['/pieces?$alt=sse', '$alt: expected one of json, json;enum-encoding=int, media, got "sse"'],
  ['/paint?$alt=json&alt=json', 'alt: expected once, found twice'],
  ['/paint?$prettyPrint=yes', '$prettyPrint: expected true or false, got "yes"'],
  ['/paint?$prettyPrint=true&prettyPrint=true', 'prettyPrint: expected once, found twice'],
  ['/paint?$fields=name&fields=name', 'fields: expected once, found twice'],
  ...[
    '$httpMethod=DELETE',
    '$key=k',
    '$access_token=t',
    '$callback=f',
    '$upload_protocol=raw',
    '$req={}',
    '$Alt=json',
  ].map((one) => [`/paint?${one}`, `${one.split('=', 1)}: unknown query parameter`] as const),
] as const) {
  test.serial(`GET ${target} is 400`, async (t) => {
    const { send, upstream } = await started;
    const calls = upstream.calls.length;
    const { status, json } = await send('GET', target);
    t.is(status, 400);
    t.true(json.message.startsWith(message), json.message);
    t.is(json.details[1].reason, 'INVALID_QUERY');
    t.is(upstream.calls.length, calls);
  });
}

test('no other $ parameter is dropped in silence where unknown parameters are; only query.ignore drops it', async (t) => {
  const lenient = await startGateway(t, PROTO, {}, { query: { unknown: 'ignore' } });
  t.is((await lenient.send('GET', '/paint?nothing=1')).status, 200);
  t.is((await lenient.send('GET', '/paint?$httpMethod=DELETE')).status, 400);
  t.is((await lenient.send('POST', '/paint?$key=1', { body: {} })).status, 400);
  const named = await startGateway(t, PROTO, { Get: { message: PAINT } }, { query: { ignore: ['$*'] } });
  t.deepEqual((await named.send('GET', `/paint?$key=1&${JSON_INT}`)).json, numbered, 'what has a meaning keeps it');
});

test.serial('a field of the request that is called so takes the name without $', async (t) => {
  const { send, upstream } = await started;
  t.deepEqual((await send('GET', '/own?alt=sse&prettyPrint=true')).json, {
    alt: 'sse',
    prettyPrint: true,
    color: 'RED',
  });
  t.deepEqual(upstream.last().request, { alt: 'sse', pretty_print: true });
  const both = await send('GET', `/own?alt=x&pretty_print=false&${JSON_INT}&$prettyPrint=true`);
  t.is(both.text, JSON.stringify({ alt: 'x', color: 1 }, null, 2));
});

test.serial('over a WebSocket the messages are frames, with enums as they were asked for', async (t) => {
  const { url } = await started;
  const { WebSocket } = await import('ws');
  const socket = new WebSocket(`${url.replace('http', 'ws')}/paints?${JSON_INT}&$prettyPrint=true`);
  const said: string[] = [];
  socket.on('message', (data) => said.push(String(data)));
  await new Promise((resolve) => void socket.once('close', resolve));
  t.deepEqual(said, [JSON.stringify(numbered), '{}']);
});

test('a cached answer is kept once, however it is written', async (t) => {
  const cached = PROTO.replace('import', 'import "protogate/v1/annotations.proto";\nimport').replace(
    'rpc Get(Ask) returns (Paint) {',
    'rpc Get(Ask) returns (Paint) { option (protogate.v1.policy) = { cache: { ttl: { seconds: 60 } scope: SCOPE_PUBLIC } };',
  );
  const { send, upstream } = await startGateway(t, cached, { Get: { message: PAINT } });
  const first = await send('GET', '/paint');
  const second = await send('GET', `/paint?${JSON_INT}&$prettyPrint=true`);
  t.is(second.text, JSON.stringify(numbered, null, 2));
  t.is(upstream.calls.length, 1);
  t.not(first.headers.etag, second.headers.etag);
});

test('there are two codecs of a surface at most, the second made when it is first asked for', async (t) => {
  const { surfaces, registry, config } = await planOf(t, PROTO);
  const { codecs } = surfaces[0]!;
  t.is(codecs.withEnumsAsInts, codecs.withEnumsAsInts);
  t.is(codecs.withEnumsAsInts.withEnumsAsInts, codecs.withEnumsAsInts);
  const ints = createCodecs(registry, { ...config.json, enumsAsInts: true, maxDepth: 100, omitFields: new Set() });
  t.is(ints.withEnumsAsInts, ints);
});

for (const value of [
  null,
  1.5,
  'a\\"{[,:',
  {},
  [],
  [[]],
  [{}],
  { a: {} },
  { 'k"\\': [1, 'x', { b: [] }] },
  [1, [2, [3]]],
]) {
  test(`${JSON.stringify(value)} is indented as JSON.stringify does it`, (t) => {
    const json = Buffer.from(JSON.stringify(value));
    t.is(
      new JsonWriter().collectString((out) => void new Indenter(json, 0).more(out)),
      JSON.stringify(value, null, 2),
    );
  });
}
