/** Rules over client streams whose messages have unusual shapes, callers with claims, and ends of all kinds. */
import test from 'ava';
import jwt from 'jsonwebtoken';
import type { ConfigInput } from '../../../src/config/config.js';
import { FRAMINGS } from '../../support/client-framings.js';
import { afterAll, startGateway } from '../../support/gateway.js';
import { answerOf, type Http2Answer, http2Client } from '../../support/http2.js';
import { until } from '../../support/until.js';
import type { Handlers, RecordedCall } from '../../support/upstream.js';
import { openWebSocket, refusedWebSocket } from '../../support/websocket.js';

const shared = afterAll(test);

const HEAD = `import "google/api/annotations.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto"; import "protogate/v1/annotations.proto";`;
const rule = (http: string, ...require: string[]) =>
  `option (google.api.http) = { ${http} }; option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC ${require
    .map((text) => `require: ${JSON.stringify(text)}`)
    .join(' ')} } };`;

const NEW = `syntax = "proto3"; package new.v1; ${HEAD}
message Item { string list = 1; string text = 2; google.protobuf.Value any = 3; int32 n = 4; Item inner = 5; }
message Total { int32 count = 1; }
service New {
  rpc Owned(stream Item) returns (Total) {
    option (google.api.http) = {
      post: "/v1/{list=lists/*}/items" body: "*"
      additional_bindings { post: "/v1/owned" body: "*" }
      additional_bindings { post: "/v1/{list=lists/*}/inner" body: "inner" }
      additional_bindings { get: "/v1/{list=lists/*}/none" }
    };
    option (protogate.v1.policy) = { auth: { require: "request.list = 'lists/{caller.claims.list}'" } };
  }
  rpc Joined(stream Item) returns (Total) { ${rule('post: "/v1/{list=lists/*}/joined" body: "*"', "request.text = '{request.list}-{request.n}'")} }
  rpc Talk(stream Item) returns (stream Total) { ${rule('post: "/v1/{list=lists/*}/talk" body: "*"', "request.text = 'a'")} }
  rpc Open(stream Item) returns (stream Total) { ${rule('post: "/v1/{list=lists/*}/open" body: "*"', "request.list = 'lists/1'")} }
  rpc Ask(Item) returns (stream Total) { ${rule('post: "/v1/{list=lists/*}/ask" body: "*"', "request.text = 'a'")} }
  rpc Text(stream google.protobuf.StringValue) returns (Total) { ${rule('post: "/v1/texts/{value}" body: "*"', "request.value = 'a'")} }
  rpc Any(stream Item) returns (Total) { ${rule('post: "/v1/any" body: "*"', "request.any.string_value = 'a'")} }
}`;
const OLD = `syntax = "proto2"; package old.v1; ${HEAD}
message Item { required string list = 1; required int32 n = 2; optional group Part = 3 { optional string list = 1; optional bool flag = 2; } }
message Total { optional int32 count = 1; }
service Old {
  rpc Needs(stream Item) returns (Total) { ${rule('post: "/v1/{list=lists/*}/old" body: "*"', "request.list = 'lists/1'")} }
  rpc Grouped(stream Item) returns (Total) { ${rule('post: "/v1/old/{part.list=lists/*}" body: "*"', "request.part.list = 'lists/1'")} }
}`;

const counted = async (call: RecordedCall) => {
  await Promise.race([call.whenHalfClosed, call.whenCancelled]);
  return { message: { count: call.requests.length } };
};
async function* answered(call: RecordedCall) {
  yield {};
  await Promise.race([call.whenHalfClosed, call.whenCancelled]);
}
const HANDLERS: Handlers = {
  ...Object.fromEntries(['Owned', 'Joined', 'Text', 'Any', 'Needs', 'Grouped'].map((name) => [name, counted])),
  Talk: (call) => ({ messages: answered(call) }),
  Open: (call) => ({ messages: answered(call) }),
  Ask: { messages: [{ count: 1 }] },
};

const SECRET = 's'.repeat(32);
const AUTH: Partial<ConfigInput> = {
  listen: { h2c: true },
  auth: {
    jwt: [{ issuer: 'https://a.test', audiences: ['api'], secret: SECRET, algorithms: ['HS256'] }],
  },
};
const TOKEN = jwt.sign({ sub: 'ada', list: '1' }, SECRET, {
  issuer: 'https://a.test',
  audience: 'api',
  expiresIn: '1h',
});
const headers = { authorization: `Bearer ${TOKEN}` };

const started = startGateway(shared, { 'new.proto': NEW, 'old.proto': OLD }, HANDLERS, AUTH);

/** Sends each message when the one before has arrived. Returns the code, and the messages that the service received. */
async function sent(framing: (typeof FRAMINGS)[number], path: string, messages: readonly object[]) {
  const { url, upstream } = await started;
  const before = upstream.calls.length;
  const between = (count: number) => until(() => upstream.calls[before]?.requestBytes.length === count);
  const texts = messages.map((message) => JSON.stringify(message));
  const { code, text } = await framing.send(shared, url, path, texts, { between, headers });
  const call = upstream.calls[before];
  if (code !== 0) await call?.whenCancelled;
  return { code, text, arrived: call === undefined ? [] : JSON.parse(JSON.stringify(call.requests)) };
}

const STREAMS: readonly {
  readonly what: string;
  readonly path: string;
  readonly messages: readonly object[];
  readonly code: number;
  readonly text?: string;
  readonly arrived: readonly object[];
}[] = [
  {
    what: 'another’s list behind the caller’s own',
    path: '/v1/lists/1/items',
    messages: [{ text: 'a' }, { list: 'lists/other' }],
    code: 3,
    text: '[1].list: expected "lists/1" as in the path, got "lists/other"',
    arrived: [{ list: 'lists/1', text: 'a' }],
  },
  {
    what: 'the same rule over a binding that takes the list from the body',
    path: '/v1/owned',
    messages: [{ list: 'lists/1' }, { text: 'b' }, { list: 'lists/1' }, { list: 'lists/other' }],
    code: 7,
    text: '[3]: the caller is not allowed to do this',
    arrived: [{ list: 'lists/1' }, { text: 'b' }, { list: 'lists/1' }],
  },
  {
    what: 'a body field of the same type, in which nobody asks',
    path: '/v1/lists/1/inner',
    messages: [{ list: 'lists/other' }, { list: 'lists/other' }],
    code: 0,
    arrived: [{ list: 'lists/1', inner: { list: 'lists/other' } }, { inner: { list: 'lists/other' } }],
  },
  {
    what: 'a text of path and body: the path’s part counts in each message',
    path: '/v1/lists/1/joined',
    messages: [
      { text: 'lists/1-7', n: 7 },
      { text: 'lists/1-8', n: 8 },
      { text: 'lists/1-8', n: 9 },
    ],
    code: 7,
    arrived: [
      { list: 'lists/1', text: 'lists/1-7', n: 7 },
      { text: 'lists/1-8', n: 8 },
    ],
  },
  {
    what: 'a wrapper as the message: equal to the path, or empty',
    path: '/v1/texts/a',
    messages: ['', 'a', ''] as unknown as object[],
    code: 0,
    arrived: [{ value: 'a' }, { value: 'a' }, {}],
  },
  {
    what: 'a wrapper as the message: another value',
    path: '/v1/texts/a',
    messages: ['a', 'b'] as unknown as object[],
    code: 3,
    arrived: [{ value: 'a' }],
  },
  {
    what: 'a wrapper as the first message: another value',
    path: '/v1/texts/a',
    messages: ['b'] as unknown as object[],
    code: 3,
    arrived: [],
  },
  {
    what: 'a Value of another kind',
    path: '/v1/any',
    messages: [{ any: 'a' }, { text: 'b' }, { any: 1 }],
    code: 7,
    arrived: [{ any: { stringValue: 'a' } }, { text: 'b' }],
  },
  {
    what: 'a Value that is null',
    path: '/v1/any',
    messages: [{ any: 'a' }, { any: null }],
    code: 7,
    arrived: [{ any: { stringValue: 'a' } }],
  },
  {
    what: 'what is required and in the path is in every message',
    path: '/v1/lists/1/old',
    messages: [{ n: 1 }, { n: 2 }, { n: 3, list: 'lists/1' }, { n: 4, list: 'lists/2' }],
    code: 3,
    arrived: [
      { list: 'lists/1', n: 1 },
      { list: 'lists/1', n: 2 },
      { list: 'lists/1', n: 3 },
    ],
  },
  {
    what: 'a group',
    path: '/v1/old/lists/1',
    messages: [
      { list: 'x', n: 1 },
      { list: 'x', n: 2, part: { flag: true } },
      { list: 'x', n: 3, part: { list: 'lists/2' } },
    ],
    code: 3,
    arrived: [
      { list: 'x', n: 1, part: { list: 'lists/1' } },
      { list: 'x', n: 2, part: { flag: true } },
    ],
  },
];

for (const framing of FRAMINGS) {
  for (const { what, path, messages, code, text, arrived } of STREAMS) {
    test.serial(`${what}: ${framing.name}`, async (t) => {
      const came = await sent(framing, path, messages);
      t.is(came.code, code, came.text);
      if (text !== undefined) t.is(came.text, text);
      t.deepEqual(came.arrived, arrived);
    });
  }
}

test.serial('without a body rule no message is accepted, and path and query are in the first message', async (t) => {
  const { url, upstream } = await started;
  const { say, halfClose, closed } = await openWebSocket(t, url, '/v1/lists/1/none?n=7', { headers });
  for (const _ of [1, 2]) say({});
  halfClose();
  t.is((await closed).code, 1000);
  t.deepEqual(upstream.last().requests, [{ list: 'lists/1', n: 7 }, {}]);
});

for (const [what, wrong] of [
  ['twice, the second time another', '{"list":"lists/1","list":"lists/2"}'],
  ['twice, the first time another', '{"list":"lists/2","list":"lists/1"}'],
  ['with an escaped name', '{"\\u006cist":"lists/2"}'],
  ['with an escaped value', '{"list":"lists\\u002f2"}'],
  ['behind another field of that name', '{"inner":{"list":"lists/1"},"list":"lists/2"}'],
  ['that is no object', '["lists/2"]'],
] as const) {
  test.serial(`no message may contradict the path: ${what}`, async (t) => {
    const { url, upstream } = await started;
    for (const framing of FRAMINGS.filter(({ bothWays }) => bothWays)) {
      const before = upstream.calls.length;
      const between = () => until(() => upstream.calls[before]?.requestBytes.length === 1);
      const { code, text } = await framing.send(t, url, '/v1/lists/1/talk', ['{"text":"a"}', wrong], { between });
      t.deepEqual([code, text.slice(0, 3)], [3, '[1]'], `${framing.name}: ${text}`);
      await upstream.last().whenCancelled;
      t.deepEqual(upstream.last().requests, [{ list: 'lists/1', text: 'a' }]);
    }
  });
}

for (const framing of FRAMINGS) {
  test.serial(
    `messages that come together with a wrong one: those behind it never arrive, ${framing.name}`,
    async (t) => {
      const { url, upstream } = await started;
      const path = framing.bothWays ? '/v1/lists/1/talk' : '/v1/lists/1/joined';
      const right = framing.bothWays ? { text: 'a', n: 1 } : { text: 'lists/1-1', n: 1 };
      const messages = [right, right, { text: 'b' }, right, right].map((message) => JSON.stringify(message));
      const before = upstream.calls.length;
      const { code, text } = await framing.send(t, url, path, messages, { headers });
      t.deepEqual([code, text], [7, '[2]: the caller is not allowed to do this']);
      // A call that begins and is cancelled in one moment may be over before the server looks at it.
      for (const call of upstream.calls.slice(before)) {
        await call.whenCancelled;
        t.true(call.requests.length <= 2);
      }
    },
  );
}

test.serial('a WebSocket whose message was refused gets one close frame, whatever it still sends', async (t) => {
  const { url, upstream } = await started;
  const { say, until: came, closed } = await openWebSocket(t, url, '/v1/lists/1/talk');
  say({ text: 'a' });
  await came(1);
  for (const text of ['b', 'a', 'c', 'a']) say({ text });
  t.deepEqual(await closed, { code: 4007, reason: '[1]: the caller is not allowed to do this' });
  await upstream.last().whenCancelled;
  t.is(upstream.last().requests.length, 1);
});

test.serial('a stream both ways whose answer has begun says in its last line what is refused', async (t) => {
  const { url, upstream } = await started;
  const client = http2Client(t, url);
  const stream = client.open('POST', '/v1/lists/1/talk', { 'content-type': 'application/x-ndjson' });
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  stream.write('{"text":"a"}\n');
  await until(() => text === '{}\n');
  stream.write('{"list":"lists/2","text":"a"}\n');
  await until(() => text.includes('error'));
  const { error } = JSON.parse(text.split('\n')[1]!);
  t.deepEqual([error.code, error.message], [3, '[1].list: expected "lists/1" as in the path, got "lists/2"']);
  await upstream.last().whenCancelled;
});

for (const [accept, whatComes] of [
  ['application/json', ({ text, code }: Http2Answer) => code !== 0 && text === '[{}'],
  [
    'text/event-stream',
    ({ text, code }: Http2Answer) =>
      code === 0 &&
      text.includes('event: end\nid: end\ndata: {"code":7,"message":"[1]: the caller is not allowed to do this"'),
  ],
] as const) {
  test.serial(`a stream both ways as ${accept} tells a refusal as it tells any failure`, async (t) => {
    const { url } = await started;
    const client = http2Client(t, url);
    const stream = client.open('POST', '/v1/lists/1/talk', { 'content-type': 'application/x-ndjson', accept });
    const answer = answerOf(stream);
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    stream.write('{"text":"a"}\n');
    await until(() => text.includes('{}'));
    stream.write('{"text":"b"}\n');
    const came = await answer;
    t.true(whatComes(came), `${came.code} ${came.text}`);
  });
}

test.serial(
  'a call begins with the first message where rules read more than the path; otherwise at once',
  async (t) => {
    const { url, upstream } = await started;
    const before = upstream.calls.length;
    const open = await openWebSocket(t, url, '/v1/lists/1/open');
    await open.until(1);
    t.is(upstream.calls.length, before + 1);
    const talk = await openWebSocket(t, url, '/v1/lists/1/talk');
    // The other stream goes on through the same gateway meanwhile.
    open.say({ text: 'x' });
    await until(() => upstream.calls[before]!.requestBytes.length === 1);
    t.is(upstream.calls.length, before + 1);
    talk.say({ text: 'a' });
    await talk.until(1);
    t.is(upstream.calls.length, before + 2);
  },
);

test.serial('a rule over the path is asked at the handshake, and of each frame', async (t) => {
  const { url, upstream } = await started;
  const before = upstream.calls.length;
  const refused = await refusedWebSocket(url, '/v1/lists/2/open');
  t.deepEqual([refused.status, refused.json.message], [403, 'the caller is not allowed to do this']);
  t.is(upstream.calls.length, before);
  const { say, closed } = await openWebSocket(t, url, '/v1/lists/1/open');
  say({ list: 'lists/1' });
  say({ list: 'lists/2' });
  t.deepEqual(await closed, { code: 4003, reason: '[1].list: expected "lists/1" as in the path, got "lists/2"' });
});

test.serial('the one frame of a method to which clients send one message is asked', async (t) => {
  const { url, upstream } = await started;
  const before = upstream.calls.length;
  for (const [frame, end] of [
    [{ text: 'b' }, { code: 4007, reason: 'the caller is not allowed to do this' }],
    [{}, { code: 4007, reason: 'the caller is not allowed to do this' }],
    [
      { text: 'a', list: 'lists/2' },
      { code: 4003, reason: 'list: expected "lists/1" as in the path, got "lists/2"' },
    ],
  ] as const) {
    const { say, closed } = await openWebSocket(t, url, '/v1/lists/1/ask');
    say(frame);
    t.deepEqual(await closed, end);
  }
  t.is(upstream.calls.length, before);
  const { say, closed } = await openWebSocket(t, url, '/v1/lists/1/ask');
  say({ text: 'a' });
  t.is((await closed).code, 1000);
  t.deepEqual(upstream.last().requests, [{ list: 'lists/1', text: 'a' }]);
});
