/**
 * The meaning of a WebSocket's frames under each kind of rule. A frame of a client stream is a whole message, also if the rule
 * is a GET without a body; with a rule for a body field it is the value of that field.
 */
import test from 'ava';
import { explain } from '../../../src/gateway/explain/explain.js';
import { afterAll, planOf, startGateway } from '../../support/gateway.js';
import { arriving, type Handlers } from '../../support/upstream.js';
import { openWebSocket, refusedWebSocket } from '../../support/websocket.js';

const protoOf = (rpcs: string) => `package frames.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/field_mask.proto";
message Inner { string text = 1; repeated string tags = 2; }
message Line {
  string room = 1; string text = 2; int32 n = 3; Inner inner = 4; repeated string tags = 5; map<string, string> labels = 6;
  google.protobuf.FieldMask mask = 7; oneof to { string team = 8; string person = 9; }
}
message Upload { string name = 1; google.api.HttpBody file = 2; }
message Total { int32 n = 1; }
service Chat { ${rpcs} }`;

const rpc = (name: string, rule: string, types = ['stream Line', 'stream Line']) =>
  `rpc ${name}(${types[0]}) returns (${types[1]}) { option (google.api.http) = { ${rule} }; }`;

/** Answers with the number of messages when the client has sent all of them. */
const total = async (call: Parameters<typeof arriving>[0]) => {
  await call.whenHalfClosed;
  return { message: { n: call.requests.length } };
};
const HANDLERS: Handlers = {
  Chat: (call) => ({ messages: arriving(call) as AsyncIterable<object> }),
  Say: total,
  Send: total,
};

type Said = readonly (object | string)[];

async function conversation(t: Parameters<typeof startGateway>[0], url: string, path: string, said: Said) {
  const { say, halfClose, closed, messages } = await openWebSocket(t, url, path);
  for (const one of said) say(one);
  halfClose();
  return { ...(await closed), messages };
}

const GET = 'get: "/v1/{room=rooms/*}"';

/** Each rule with a path, the frames that the client sends, and the messages that the service gets. */
const FRAMES: readonly (readonly [fact: string, rule: string, path: string, said: Said, gets: readonly object[]])[] = [
  [
    'a GET without a body: each frame is a whole message',
    GET,
    '/v1/rooms/1',
    [{ text: 'a', n: 1 }, { text: 'b' }],
    [{ room: 'rooms/1', text: 'a', n: 1 }, { text: 'b' }],
  ],
  [
    'a GET: path and query are part of the first message, later ones may say something else than the query',
    GET,
    '/v1/rooms/1?text=a&inner.text=x&tags=p&tags=q&labels[k]=v&mask=n',
    [
      { n: 1, inner: { tags: ['i'] } },
      { text: 'b', inner: { text: 'y' }, tags: ['r'], labels: { k: 'w' }, mask: 'room' },
    ],
    [
      {
        room: 'rooms/1',
        text: 'a',
        n: 1,
        inner: { text: 'x', tags: ['i'] },
        tags: ['p', 'q'],
        labels: { k: 'v' },
        mask: { paths: ['n'] },
      },
      { text: 'b', inner: { text: 'y' }, tags: ['r'], labels: { k: 'w' }, mask: { paths: ['room'] } },
    ],
  ],
  [
    'a GET: the first message may repeat path and query',
    GET,
    '/v1/rooms/1?text=a&mask.paths=n',
    [{ room: 'rooms/1', text: 'a', mask: 'n' }],
    [{ room: 'rooms/1', text: 'a', mask: { paths: ['n'] } }],
  ],
  ['a GET: without a frame path and query are a message', GET, '/v1/rooms/1?n=7', [], [{ room: 'rooms/1', n: 7 }]],
  ['a GET without variables: without a frame there is no message', 'get: "/v1/chat"', '/v1/chat', [], []],
  ['a GET without variables: an empty message', 'get: "/v1/chat"', '/v1/chat', [{}], [{}]],
  [
    'an additional binding that is a GET, at another path',
    'post: "/v1/chat" body: "inner" additional_bindings { get: "/v1/chat/{room}" }',
    '/v1/chat/1',
    [{ text: 'a' }],
    [{ room: '1', text: 'a' }],
  ],
  [
    'a GET with a body rule *: the frame is the whole message',
    'get: "/v1/{room=rooms/*}" body: "*"',
    '/v1/rooms/1',
    [{ text: 'a' }, {}],
    [{ room: 'rooms/1', text: 'a' }, {}],
  ],
  [
    'a GET with a body field: the frame is its value',
    'get: "/v1/{room=rooms/*}" body: "inner"',
    '/v1/rooms/1?n=2',
    [{ text: 'a' }, { text: 'b' }],
    [{ room: 'rooms/1', n: 2, inner: { text: 'a' } }, { inner: { text: 'b' } }],
  ],
  [
    'a POST with a repeated body field: the frame is its list',
    'post: "/v1/{room=rooms/*}" body: "tags"',
    '/v1/rooms/1',
    ['["a","b"]', '[]'],
    [{ room: 'rooms/1', tags: ['a', 'b'] }, {}],
  ],
  [
    'a custom kind * without a body: whole messages',
    'custom { kind: "*" path: "/v1/{room=rooms/*}" }',
    '/v1/rooms/1?n=2',
    [{ text: 'a' }],
    [{ room: 'rooms/1', n: 2, text: 'a' }],
  ],
  [
    'a DELETE without a body: whole messages',
    'delete: "/v1/{room=rooms/*}"',
    '/v1/rooms/1',
    [{ text: 'a' }],
    [{ room: 'rooms/1', text: 'a' }],
  ],
];

const shared = afterAll(test);
/** One gateway for all rules, each of which has a version of its own in its paths. */
const framed = startGateway(
  shared,
  protoOf(
    FRAMES.map(([, rule], index) => {
      const [both, client] = ['bidi', 'client'].map((kind) => rule.replaceAll('/v1/', `/${kind}${index}/`));
      return `${rpc(`Chat${index}`, both!)} ${rpc(`Say${index}`, client!, ['stream Line', 'Total'])}`;
    }).join('\n'),
  ),
  Object.fromEntries(
    FRAMES.flatMap((_, index) => [
      [`Chat${index}`, HANDLERS.Chat!],
      [`Say${index}`, total],
    ]),
  ),
);

for (const [index, [fact, , path, said, gets]] of FRAMES.entries()) {
  test.serial(fact, async (t) => {
    const { url, upstream } = await framed;
    t.like(await conversation(t, url, path.replace('/v1/', `/bidi${index}/`), said), { code: 1000 });
    t.deepEqual(upstream.last().requests, gets);
    const told = await conversation(t, url, path.replace('/v1/', `/client${index}/`), said);
    t.deepEqual([told.code, told.messages], [1000, [gets.length === 0 ? {} : { n: gets.length }]]);
    t.deepEqual(upstream.last().requests, gets);
  });
}

for (const [fact, path, frame, reason] of [
  ['the query', '/v1/rooms/1?text=a', { text: 'b' }, '[0].text: expected "a" as in the query, got "b"'],
  ['the path', '/v1/rooms/1', { room: 'rooms/2' }, '[0].room: expected "rooms/1" as in the path, got "rooms/2"'],
  [
    'the field of a message in the query',
    '/v1/rooms/1?inner.text=a',
    { inner: { text: 'b' } },
    '[0].inner.text: expected "a" as in the query, got "b"',
  ],
  [
    'a list in the query',
    '/v1/rooms/1?tags=a',
    { tags: ['b'] },
    '[0].tags: expected the value that the query has, got a list',
  ],
  [
    'a mask in the query',
    '/v1/rooms/1?mask.paths=n',
    { mask: 'room' },
    '[0].mask: expected the value that the query has, got "room"',
  ],
  [
    'a oneof in the query',
    '/v1/rooms/1?team=a',
    { person: 'b' },
    '[0].person: expected at most one member of oneof to, found team and person',
  ],
] as const) {
  test.serial(`a first frame that contradicts ${fact} closes with 4003, and there is no call`, async (t) => {
    const { url, upstream } = await framed;
    const before = upstream.calls.length;
    // The first of the cases above has the rule GET.
    const { say, closed } = await openWebSocket(t, url, path.replace('/v1/', '/client0/'));
    say(frame);
    t.deepEqual(await closed, { code: 4003, reason });
    t.is(upstream.calls.length, before);
  });
}

const BOTH = `${GET} additional_bindings { post: "/v1/{room=rooms/*}" body: "inner" }`;

test('a GET without and a POST with a body at one path: handshakes reach the GET, POSTs the POST', async (t) => {
  const { url, upstream, send } = await startGateway(
    t,
    protoOf(`${rpc('Say', BOTH, ['stream Line', 'Total'])}`),
    HANDLERS,
  );
  t.is((await conversation(t, url, '/v1/rooms/1', [{ text: 'a', inner: { text: 'b' } }])).code, 1000);
  t.deepEqual(upstream.last().requests, [{ room: 'rooms/1', text: 'a', inner: { text: 'b' } }]);
  const lines = { 'content-type': 'application/x-ndjson' };
  const post = await send('POST', '/v1/rooms/1', { body: '{"text":"a"}\n{"text":"b"}\n', headers: lines });
  t.deepEqual([post.status, post.json], [200, { n: 2 }]);
  t.deepEqual(upstream.last().requests, [{ room: 'rooms/1', inner: { text: 'a' } }, { inner: { text: 'b' } }]);
});

test('the order of the two rules does not matter, nor whether they belong to one rpc', async (t) => {
  const types = ['stream Line', 'Total'];
  for (const rpcs of [
    rpc('Say', `post: "/v1/{room=rooms/*}" body: "inner" additional_bindings { ${GET} }`, types),
    `${rpc('Send', 'post: "/v1/{room=rooms/*}" body: "inner"', types)} ${rpc('Say', GET, types)}`,
  ]) {
    const { url, upstream } = await startGateway(t, protoOf(rpcs), HANDLERS);
    t.is((await conversation(t, url, '/v1/rooms/1', [{ text: 'a' }])).code, 1000);
    t.deepEqual(
      [upstream.last().path, upstream.last().requests],
      ['/frames.v1.Chat/Say', [{ room: 'rooms/1', text: 'a' }]],
    );
  }
});

test('a unary GET and a POST that streams at one path: handshakes reach the one that streams', async (t) => {
  const { url, upstream, send } = await startGateway(
    t,
    protoOf(
      `${rpc('Get', GET, ['Line', 'Line'])} ${rpc('Say', 'post: "/v1/{room=rooms/*}"', ['stream Line', 'Total'])}`,
    ),
    { ...HANDLERS, Get: { message: { text: 'got' } } },
  );
  t.is((await conversation(t, url, '/v1/rooms/1', [{ text: 'a' }])).code, 1000);
  t.deepEqual(upstream.last().requests, [{ room: 'rooms/1', text: 'a' }]);
  t.deepEqual((await send('GET', '/v1/rooms/1')).json, { text: 'got' });
});

test('a plain request on such a route is a message of path and query, and its body is refused with the way on', async (t) => {
  const { send, upstream } = await startGateway(t, protoOf(rpc('Say', GET, ['stream Line', 'Total'])), HANDLERS);
  t.deepEqual((await send('GET', '/v1/rooms/1?n=2')).json, { n: 1 });
  t.deepEqual(upstream.last().requests, [{ room: 'rooms/1', n: 2 }]);
  const lines = { 'content-type': 'application/x-ndjson' };
  const { status, json } = await send('GET', '/v1/rooms/1', { body: '{"text":"a"}\n', headers: lines });
  t.is(status, 400);
  t.is(json.message, 'body: expected none, because this route takes messages only over a WebSocket, got one');
  t.is((await send('OPTIONS', '/v1/rooms/1')).headers.allow, 'GET, OPTIONS');
  t.is((await send('HEAD', '/v1/rooms/1')).status, 405);
  t.is((await send('POST', '/v1/rooms/1', { body: {} })).status, 405);
});

test('an upload on a GET rule: frames of either kind are bytes, and limits.bodyBytes bounds the whole', async (t) => {
  const raw = ['stream google.api.HttpBody', 'Total'];
  const { url, upstream } = await startGateway(t, protoOf(rpc('Send', 'get: "/v1/pipe"', raw)), HANDLERS, {
    limits: { bodyBytes: '1KiB' },
  });
  const { say, halfClose, closed } = await openWebSocket(t, url, '/v1/pipe');
  say('{');
  say(Buffer.from([0, 255]));
  halfClose();
  t.is((await closed).code, 1000);
  const data = upstream.last().requests.map((one) => (one as { data: Buffer }).data.toString('hex'));
  t.deepEqual(data, ['7b', '00ff']);
  const long = await openWebSocket(t, url, '/v1/pipe');
  for (let i = 0; i < 3; i++) long.say(Buffer.alloc(500));
  t.deepEqual(await long.closed, { code: 4008, reason: 'body: expected at most 1024 bytes, got more' });
  const refused = await refusedWebSocket(url, '/v1/pipe?content_type=text/html');
  t.is(refused.json.message, 'content_type: not a query parameter, because the body of this route sets all fields');
});

test('an upload whose content type the path gives: frames are bytes, and no frame changes the type', async (t) => {
  const raw = ['stream google.api.HttpBody', 'Total'];
  const rule = 'get: "/v1/pipe/{content_type}"';
  const { url, upstream } = await startGateway(t, protoOf(rpc('Send', rule, raw)), HANDLERS);
  const { say, halfClose, closed } = await openWebSocket(t, url, '/v1/pipe/a%2Fb', {
    headers: { 'content-type': 'c' },
  });
  say('{"contentType":"d"}');
  say(Buffer.from('ef'));
  halfClose();
  t.is((await closed).code, 1000);
  t.deepEqual(upstream.last().requests, [
    { content_type: 'a/b', data: Buffer.from('{"contentType":"d"}') },
    { data: Buffer.from('ef') },
  ]);
  t.is((await conversation(t, url, '/v1/pipe/a', [])).code, 1000);
  t.like(upstream.last().requests, [{ content_type: 'a' }]);
});

test('an upload in a field of a GET rule without a body is JSON, as in any message', async (t) => {
  const types = ['stream Upload', 'Total'];
  const { url, upstream } = await startGateway(t, protoOf(rpc('Send', 'get: "/v1/{name}"', types)), HANDLERS);
  t.is((await conversation(t, url, '/v1/a', [{ file: { contentType: 'text/plain', data: 'aGk=' } }])).code, 1000);
  t.like(upstream.last().requests[0], { name: 'a', file: { content_type: 'text/plain', data: Buffer.from('hi') } });
});

test('a stream of well-known types on a GET rule: each frame is the JSON of one', async (t) => {
  const imports = ['duration', 'struct', 'wrappers'].map((name) => `import "google/protobuf/${name}.proto";`).join(' ');
  const rpcs = ['Duration', 'Struct', 'StringValue'].map((type) =>
    rpc(type, `get: "/v1/${type}"`, [`stream google.protobuf.${type}`, 'Total']),
  );
  const handlers = { Duration: total, Struct: total, StringValue: total };
  const { url, upstream } = await startGateway(
    t,
    protoOf(rpcs.join(' ')).replace('message Inner', `${imports} message Inner`),
    handlers,
  );
  const said = async (path: string, ...frames: readonly string[]) => {
    const { code, reason } = await conversation(t, url, path, frames);
    return code === 1000 ? upstream.last().requests : reason;
  };
  t.deepEqual(await said('/v1/Duration', '"3s"', '"4.5s"'), [{ seconds: '3' }, { seconds: '4', nanos: 500_000_000 }]);
  t.deepEqual(await said('/v1/Struct', '{}', '{"a":null}'), [{}, { fields: { a: { nullValue: 'NULL_VALUE' } } }]);
  t.deepEqual(await said('/v1/StringValue?value=a', '"a"', '"b"'), [{ value: 'a' }, { value: 'b' }]);
  t.is(await said('/v1/StringValue?value=a', '"b"'), '[0]: expected the value that the query has, got "b"');
  t.is(await said('/v1/Duration?seconds=3', '"4s"'), '[0]: expected the value that the query has, got "4s"');
});

test('check warns of a client stream without a body rule where the verb is not GET', async (t) => {
  const warned = async (rule: string) => {
    const { diagnostics } = await planOf(t, protoOf(rpc('Chat', rule)));
    return diagnostics.filter(({ rule }) => rule.startsWith('stream')).map(({ text }) => text);
  };
  const text =
    'frames.v1.Chat/Chat: expected a body rule such as body: "*", got none, so the client can send messages only over a WebSocket';
  t.deepEqual(await warned(GET), []);
  t.deepEqual(await warned(BOTH), []);
  t.deepEqual(await warned('post: "/v1/chat"'), [text]);
  t.deepEqual(await warned('custom { kind: "*" path: "/v1/chat" }'), [text]);
  t.deepEqual(await warned(`post: "/v1/chat" body: "*" additional_bindings { ${GET} }`), []);
});

test('explain shows the first message as far as path and query say it, and the binding that the handshake reaches', async (t) => {
  const plan = await planOf(t, protoOf(rpc('Chat', BOTH)));
  const upgrade = ['connection', 'upgrade', 'upgrade', 'websocket'];
  const ask = async (method: string, target: string, rawHeaders: string[], body = '') =>
    (await explain(plan, { method, target, body: Buffer.from(body), rawHeaders })).text;
  const handshake = await ask('GET', '/v1/rooms/1?text=a', upgrade);
  t.regex(handshake, /\nmatches +GET \/v1\/\{room=rooms\/\*\} \(.*the rule itself\)/);
  t.regex(
    handshake,
    /"room": "rooms\/1",\n +"text": "a"\n +\}\n +and the fields of each message that the client sends\nanswers +101/,
  );
  t.regex(await ask('GET', '/v1/rooms/1?nope=a', upgrade), /\nerror +400 nope: unknown query parameter\n/);
  const lines = ['content-type', 'application/x-ndjson'];
  t.regex(await ask('POST', '/v1/rooms/1', lines, '{"text":"a"}'), /\nmatches +POST .*additional binding 1/);
  t.regex(await ask('GET', '/v1/rooms/1', lines, '{"text":"a"}'), /\nerror +400 .*over a WebSocket, got one\n/);
});
