/** Streaming methods over a WebSocket: the handshake, the messages, and every way in which it ends. */
import { once } from 'node:events';
import { createServer } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import { certificates } from '../../support/certificates.js';
import { type HandClock, handClock } from '../../support/clock.js';
import { startGateway } from '../../support/gateway.js';
import { mostHeld } from '../../support/memory.js';
import { runAlone } from '../../support/parallel-tests.js';
import { tlsFiles } from '../../support/tls-files.js';
import { until } from '../../support/until.js';
import { arriving, type Handlers, startUpstream } from '../../support/upstream.js';
import { type Closed, openWebSocket, refusedWebSocket, type TestWebSocket } from '../../support/websocket.js';

const PROTO = `package chat.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "protogate/v1/annotations.proto";
message Line { string room = 1; string text = 2; int32 n = 3; bytes blob = 4; }
message Total { int32 n = 1; repeated string texts = 2; }
message Upload { string name = 1; google.api.HttpBody file = 2; }
service Chat {
  rpc Talk(stream Line) returns (stream Line) { option (google.api.http) = { post: "/v1/{room=rooms/*}:talk" body: "*" }; }
  rpc Say(stream Line) returns (Total) { option (google.api.http) = { post: "/v1/{room=rooms/*}:say" body: "*" }; }
  rpc Listen(Line) returns (stream Line) { option (google.api.http) = { get: "/v1/{room=rooms/*}:listen" }; }
  rpc Search(Line) returns (stream Line) { option (google.api.http) = { post: "/v1/rooms:search" body: "*" }; }
  rpc Get(Line) returns (Line) { option (google.api.http) = { get: "/v1/{room=rooms/*}" }; }
  rpc Pipe(stream google.api.HttpBody) returns (stream google.api.HttpBody) {
    option (google.api.http) = { post: "/v1/pipe" body: "*" };
  }
  rpc Owned(stream Line) returns (stream Line) { option (google.api.http) = { post: "/v1/owned" body: "*" }; }
  rpc Short(stream Line) returns (stream Line) {
    option (google.api.http) = { post: "/v1/short" body: "*" };
    option (protogate.v1.policy) = { timeout: { nanos: 300000000 } };
  }
}`;

type Line = { room?: string; text?: string; n?: number };

const TALK = '/v1/rooms/1:talk';

/** Answers each line with the same line in capitals. */
const ECHO: Handlers = {
  Talk: (call) => ({
    messages: (async function* () {
      for await (const line of arriving(call) as AsyncIterable<Line>) yield { ...line, text: line.text?.toUpperCase() };
    })(),
  }),
};

const start = (t: ExecutionContext, handlers: Handlers = ECHO, more: Partial<ConfigInput> = {}) =>
  startGateway(t, PROTO, handlers, more);

test('bidi: each is answered while the other side is open; path and query are part of the first message only', async (t) => {
  const { url, upstream } = await start(t);
  const { say, until, messages, halfClose, closed } = await openWebSocket(t, url, `${TALK}?$fields=room,text`);
  say({ text: 'a', n: 7 });
  await until(1);
  say('{"text": "b"}');
  await until(2);
  halfClose();
  t.deepEqual(await closed, { code: 1000, reason: '' });
  t.deepEqual(messages, [{ room: 'rooms/1', text: 'A' }, { text: 'B' }]);
  t.deepEqual(upstream.last().requests, [{ room: 'rooms/1', text: 'a', n: 7 }, { text: 'b' }]);
});

test('bidi: the service may speak first, and end first', async (t) => {
  const { url } = await start(t, { Talk: { messages: [{ text: 'hello' }] } });
  const { closed, messages } = await openWebSocket(t, url, TALK);
  t.deepEqual(await closed, { code: 1000, reason: '' });
  t.deepEqual(messages, [{ text: 'hello' }]);
});

test('a half-close without a message: what path and query say is one', async (t) => {
  const { url, upstream } = await start(t);
  const { halfClose, closed } = await openWebSocket(t, url, TALK);
  halfClose();
  t.is((await closed).code, 1000);
  t.deepEqual(upstream.last().requests, [{ room: 'rooms/1' }]);
});

test('a client stream is answered once', async (t) => {
  const { url, upstream } = await start(t, {
    Say: async (call) => {
      await call.whenHalfClosed;
      return { message: { n: call.requests.length } };
    },
  });
  const { say, halfClose, closed, messages } = await openWebSocket(t, url, '/v1/rooms/1:say');
  for (const text of ['a', 'b', 'c']) say({ text });
  halfClose();
  t.is((await closed).code, 1000);
  t.deepEqual(messages, [{ n: 3 }]);
  t.is(upstream.calls.length, 1);
});

test('a server stream: without a body it begins at once, with one it takes the first frame', async (t) => {
  const { url, upstream } = await start(t, { Listen: { messages: [{ n: 1 }, {}] }, Search: { messages: [{ n: 2 }] } });
  const listen = await openWebSocket(t, url, '/v1/rooms/1:listen?text=x');
  t.is((await listen.closed).code, 1000);
  t.deepEqual(listen.messages, [{ n: 1 }, {}]);
  t.deepEqual(upstream.last().request, { room: 'rooms/1', text: 'x' });
  const search = await openWebSocket(t, url, '/v1/rooms:search');
  search.say({ text: 'y' });
  t.is((await search.closed).code, 1000);
  t.deepEqual(search.messages, [{ n: 2 }]);
  t.deepEqual(upstream.last().request, { text: 'y' });
  const empty = await openWebSocket(t, url, '/v1/rooms:search');
  empty.halfClose();
  t.is((await empty.closed).code, 1000);
  t.deepEqual(upstream.last().request, {});
});

test('HttpBody: frames of either kind are bytes, answers are binary', async (t) => {
  const { url, upstream } = await start(t, {
    Pipe: (call) => ({ messages: arriving(call) as AsyncIterable<object> }),
  });
  const { say, halfClose, closed, messages, until } = await openWebSocket(t, url, '/v1/pipe');
  say(Buffer.from([0, 255]));
  await until(1);
  say('text');
  await until(2);
  halfClose();
  t.is((await closed).code, 1000);
  t.deepEqual(messages.map(String), ['\0�', 'text']);
  t.is(upstream.last().requests.length, 2);
});

test('$fields holds for each message; the answer has the gateway’s headers', async (t) => {
  const { url } = await start(t, { Listen: { messages: [{ n: 1, text: 'a' }] } });
  const { closed, messages, head } = await openWebSocket(t, url, '/v1/rooms/1:listen?$fields=text');
  await closed;
  t.deepEqual(messages, [{ text: 'a' }]);
  t.regex(String(head.headers['x-request-id']), /^[0-9a-f-]{36}$/);
  t.is(head.headers['x-content-type-options'], 'nosniff');
});

test('a subprotocol that the client offers is accepted', async (t) => {
  const { url } = await start(t);
  const { socket } = await openWebSocket(t, url, TALK, { offers: ['json', 'other'] });
  t.is(socket.protocol, 'json');
});

test('over TLS', async (t) => {
  const made = certificates();
  const { url } = await start(t, ECHO, { listen: { tls: await tlsFiles(t, made) } });
  const { say, until, messages } = await openWebSocket(t, url, TALK, { ca: made.ca });
  say({ text: 'a' });
  await until(1);
  t.is(messages[0].text, 'A');
});

test('a refused handshake is a normal HTTP answer, and makes no call', async (t) => {
  const { url, upstream } = await start(t);
  const refused = (path: string, headers: Record<string, string> = {}) => refusedWebSocket(url, path, { headers });
  const unary = await refused('/v1/rooms/1');
  const meant = "did you mean 'GET /v1/{room=rooms/*}:talk'?";
  t.deepEqual([unary.status, unary.json.message], [404, `no route for a WebSocket at /v1/rooms/1, ${meant}`]);
  t.is((await refused('/nowhere')).status, 404);
  t.is((await refused('/v1/rooms/%zz:talk')).status, 400);
  t.is((await refused(`${TALK}?nope=1`)).json.message.slice(0, 4), 'nope');
  t.is((await refused(`${TALK}?n=x`)).status, 400);
  t.is((await refused(TALK, { 'grpc-timeout': 'soon' })).status, 400);
  const raw = async (headers: string) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    t.teardown(() => void socket.destroy());
    socket.write(`GET ${TALK} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n${headers}\r\n`);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(socket, 'close');
    return text;
  };
  const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  for (const version of ['99', '8', '013', '0x0d', '13.0', '13, 8'])
    t.regex(await raw(`${key}sec-websocket-version: ${version}\r\n`), VERSION_REFUSED, version);
  t.regex(await raw('sec-websocket-version: 13\r\n'), /^HTTP\/1\.1 400 [\s\S]*x-request-id: [\s\S]*BAD_HANDSHAKE/);
  t.is(upstream.calls.length, 0);
});

const VERSION_REFUSED = /^HTTP\/1\.1 426 [\s\S]*sec-websocket-version: 13\r\n[\s\S]*UNSUPPORTED_WEBSOCKET_VERSION/;

test('the Origin of a page must be one of cors.origins; a program names none', async (t) => {
  const origins = ['https://app.example.com'];
  const closed = await start(t);
  t.is((await refusedWebSocket(closed.url, TALK, { origin: 'https://app.example.com' })).status, 403);
  await openWebSocket(t, closed.url, TALK);
  const open = await start(t, ECHO, { cors: { origins } });
  await openWebSocket(t, open.url, TALK, { origin: 'https://app.example.com' });
  for (const origin of ['https://evil.example.com', 'http://app.example.com', 'null', open.url]) {
    const refused = await refusedWebSocket(open.url, TALK, { origin });
    t.is(refused.status, 403, origin);
    t.is(refused.json.details[0].reason, 'FOREIGN_ORIGIN');
  }
  const all = await start(t, ECHO, { cors: { origins: ['*'] } });
  await openWebSocket(t, all.url, TALK, { origin: 'https://any.example.com' });
});

const SECRET = 's'.repeat(32);

async function token(claims: object): Promise<string> {
  const { default: jwt } = await import('jsonwebtoken');
  return jwt.sign(claims, SECRET, { issuer: 'https://a.test', audience: 'api', expiresIn: '1h', algorithm: 'HS256' });
}

const AUTH = {
  auth: {
    jwt: [
      {
        issuer: 'https://a.test',
        audiences: ['api'],
        secret: SECRET,
        algorithms: ['HS256' as const],
        from: [{ header: 'authorization' }, { query: 'access_token' }, { cookie: 'session' }],
        claimsToMetadata: { sub: 'x-user-id' },
      },
    ],
  },
  cors: { origins: ['https://app.example.com'] },
};

test('the same auth as on any route; a token also in the query or in a cookie of an allowed page', async (t) => {
  const { url, upstream, logged } = await start(t, ECHO, AUTH);
  const nobody = await refusedWebSocket(url, TALK);
  t.is(nobody.status, 401);
  t.regex(String(nobody.headers['www-authenticate']), /^Bearer/);
  const valid = await token({ sub: 'ada' });
  for (const [path, options] of [
    [TALK, { headers: { authorization: `Bearer ${valid}` } }],
    [`${TALK}?access_token=${valid}`, {}],
    [TALK, { headers: { cookie: `session=${valid}` }, origin: 'https://app.example.com' }],
  ] as const) {
    const { say, until, closed, halfClose } = await openWebSocket(t, url, path, options);
    say({ text: 'a' });
    await until(1);
    halfClose();
    await closed;
    t.deepEqual(upstream.last().metadata.get('x-user-id'), ['ada']);
  }
  t.false(JSON.stringify(logged()).includes(valid));
});

test('a cookie is accepted from a page that cors.origins names, and not from one that only * allows', async (t) => {
  const { url, upstream } = await start(t, ECHO, { ...AUTH, cors: { origins: ['*', 'https://app.example.com'] } });
  const headers = { cookie: `session=${await token({ sub: 'ada' })}` };
  await openWebSocket(t, url, TALK, { headers, origin: 'https://app.example.com' });
  const refused = await refusedWebSocket(url, TALK, { headers, origin: 'https://evil.example.com' });
  t.deepEqual([refused.status, refused.json.details[0].reason], [403, 'FOREIGN_ORIGIN']);
  t.is(upstream.calls.length, 1);
});

test('require is met by the first message, before there is a call', async (t) => {
  const require = ['request.room = caller.claims.room'];
  const policies = [{ selector: 'chat.v1.Chat/Owned', auth: { require } }];
  const { url, upstream } = await start(t, {}, { ...AUTH, policies });
  const options = { headers: { authorization: `Bearer ${await token({ sub: 'ada', room: 'rooms/1' })}` } };
  const other = await openWebSocket(t, url, '/v1/owned', options);
  other.say({ room: 'rooms/2' });
  t.deepEqual(await other.closed, { code: 4007, reason: '[0]: the caller is not allowed to do this' });
  t.is(upstream.calls.length, 0);
  const own = await openWebSocket(t, url, '/v1/owned', options);
  own.say({ room: 'rooms/1' });
  t.is((await own.closed).code, 1000);
});

test('limits count handshakes, and the answer has their headers', async (t) => {
  const { url } = await start(t, ECHO, {
    policies: [{ selector: 'chat.v1.Chat/Talk', rateLimits: [{ limit: 2, period: '1m', per: ['ip'] }] }],
  });
  t.is((await openWebSocket(t, url, TALK)).head.headers['ratelimit-remaining'], '1');
  await openWebSocket(t, url, TALK);
  const refused = await refusedWebSocket(url, TALK);
  t.is(refused.status, 429);
  t.truthy(refused.headers['retry-after']);
});

test('an error closes with 4000 + code and a reason of at most 123 bytes, before the first message or after it', async (t) => {
  const long = 'é'.repeat(100);
  const { url, upstream } = await start(t, { Talk: { status: { code: 5, message: long } } });
  const first = await openWebSocket(t, url, TALK);
  t.deepEqual(await first.closed, { code: 4005, reason: 'é'.repeat(61) });
  upstream.script('Talk', { messages: [{ n: 1 }], status: { code: 13, message: 'secret at 10.0.0.1' } });
  const second = await openWebSocket(t, url, TALK);
  const { code, reason } = await second.closed;
  t.is(code, 4013);
  t.regex(reason, /^the service failed \(request id [0-9a-f-]{36}\)$/);
  t.deepEqual(second.messages, [{ n: 1 }]);
});

for (const [what, frame, reason] of [
  ['JSON that is none', '{', /^\[1\]: /],
  ['a wrong field', '{"n": "x"}', /^\[1\]\.n: /],
  ['an unknown field', '{"nope": 1}', /^\[1\]\.nope: /],
  ['a binary frame', Buffer.from('{}'), /^expected a text frame/],
] as const) {
  test(`${what} closes with 4003, and the call is cancelled`, async (t) => {
    const { url, upstream } = await start(t);
    const { say, until, closed } = await openWebSocket(t, url, TALK);
    say({ text: 'a' });
    await until(1);
    say(frame);
    const found = await closed;
    t.is(found.code, 4003);
    t.regex(found.reason, reason);
    await upstream.last().whenCancelled;
  });
}

test('messages after the half-close, or where none are expected, close with 4003; an empty one means nothing', async (t) => {
  const { url } = await start(t, { Talk: { hang: true }, Listen: { messages: [{ n: 1 }], hang: true } });
  const talk = await openWebSocket(t, url, TALK);
  talk.halfClose();
  talk.halfClose();
  talk.say({});
  t.deepEqual(await talk.closed, { code: 4003, reason: 'expected no further message, got one' });
  const listen = await openWebSocket(t, url, '/v1/rooms/1:listen');
  await listen.until(1);
  listen.say({});
  t.is((await listen.closed).code, 4003);
});

test('messages that are read in parts reach the service, in a stream and alone', async (t) => {
  const { url, upstream } = await start(t, { ...ECHO, Search: { messages: [] } });
  const large = { room: 'rooms/1', text: 'x'.repeat(300_000), n: 7 };
  const talk = await openWebSocket(t, url, TALK);
  for (const n of [7, 8]) talk.say({ ...large, n });
  await talk.until(2);
  t.deepEqual(upstream.last().requests, [large, { ...large, n: 8 }]);
  const search = await openWebSocket(t, url, '/v1/rooms:search');
  search.say(large);
  t.is((await search.closed).code, 1000);
  t.deepEqual(upstream.last().request, large);
});

test('a message over bodyBytes closes with 1009, text that is no UTF-8 with 1007', async (t) => {
  const { url, upstream } = await start(t, { Talk: { hang: true } }, { limits: { bodyBytes: '1KiB' } });
  const large = await openWebSocket(t, url, TALK);
  large.say({ text: 'x'.repeat(2000) });
  t.is((await large.closed).code, 1009);
  await upstream.last().whenCancelled;
  const broken = await openWebSocket(t, url, TALK);
  broken.socket.send(Buffer.from([0xff]), { binary: false });
  t.is((await broken.closed).code, 1007);
});

test('a client that leaves, with a word or without, cancels the call and is logged as gone', async (t) => {
  const { url, upstream, logged } = await start(t, { Talk: { messages: [{ n: 1 }], hang: true } });
  for (const leave of ['close', 'terminate'] as const) {
    const { socket, until: came } = await openWebSocket(t, url, TALK);
    await came(1);
    socket[leave]();
    await upstream.last().whenCancelled;
  }
  await until(() => logged().length === 2);
  t.deepEqual(
    logged().map(({ status, code, clientGone }) => [status, code, clientGone]),
    [
      [101, 'CANCELLED', true],
      [101, 'CANCELLED', true],
    ],
  );
});

test('a WebSocket has one log line with its route, at its end', async (t) => {
  const { url, logged } = await start(t, { Talk: { status: { code: 5, message: 'none' } } });
  await (await openWebSocket(t, url, `${TALK}?$fields=n`)).closed;
  await until(() => logged().length === 1);
  const [line] = logged();
  t.like(line, { status: 101, code: 'NOT_FOUND', method: 'GET', path: TALK, route: '/v1/{room=rooms/*}:talk' });
  t.false('clientGone' in line!);
});

test('an upstream that goes away, and one that is not there, close with 4014', async (t) => {
  const { url, upstream } = await start(t, { Talk: { messages: [{ n: 1 }], hang: true } });
  const running = await openWebSocket(t, url, TALK);
  await running.until(1);
  upstream.cut();
  t.is((await running.closed).code, 4014);
  const nobody = await start(t, ECHO, { upstreams: { test: { target: '127.0.0.1:1', services: ['*'] } } });
  t.is((await (await openWebSocket(t, nobody.url, TALK)).closed).code, 4014);
});

test('a deadline closes with 4004, the policy’s and the client’s', async (t) => {
  const { url, upstream } = await start(t, { Short: { hang: true }, Talk: { hang: true } });
  t.is((await (await openWebSocket(t, url, '/v1/short')).closed).code, 4004);
  const options = { headers: { 'x-request-timeout': '0.2' } };
  t.is((await (await openWebSocket(t, url, TALK, options)).closed).code, 4004);
  await upstream.last().whenCancelled;
});

test('silence on both sides for streamIdleTimeout closes with 4004; a word from either side counts', async (t) => {
  let speak = () => {};
  const upstream = await startUpstream(PROTO, {
    Talk: { hang: true },
    Listen: {
      messages: (async function* () {
        for (let n = 1; ; n++) {
          yield { n };
          await new Promise<void>((resolve) => {
            speak = resolve;
          });
        }
      })(),
    },
  });
  t.teardown(upstream.close);
  const test = { target: upstream.target, streamIdleTimeout: '1500ms' };
  const clock = handClock();
  const { url } = await startGateway(t, PROTO, {}, { upstreams: { test } }, { clock });
  const silent = await openWebSocket(t, url, TALK);
  await until(() => upstream.calls.length === 1);
  const reason = 'the stream ends because no message came for 1.5 s';
  t.deepEqual(await passUntilClosed(clock, silent), { code: 4004, reason });
  await upstream.last().whenCancelled;
  const talking = await openWebSocket(t, url, TALK);
  for (let i = 1; i <= 4; i++) {
    talking.say({});
    await until(() => upstream.calls[1]?.requestBytes.length === i);
    clock.advance(1000);
  }
  t.is(talking.socket.readyState, talking.socket.OPEN);
  t.is((await passUntilClosed(clock, talking)).code, 4004);
  const listening = await openWebSocket(t, url, '/v1/rooms/1:listen');
  for (let i = 1; i <= 4; i++) {
    if (i > 1) speak();
    await listening.until(i);
    clock.advance(1000);
  }
  t.is((await passUntilClosed(clock, listening)).code, 4004);
  t.is(listening.messages.length, 4);
});

/** Lets time pass, a tenth of a second at once, until a connection is closed. */
async function passUntilClosed(clock: HandClock, { closed }: TestWebSocket): Promise<Closed> {
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  await until(() => {
    if (!isClosed) clock.advance(100);
    return isClosed;
  });
  return closed;
}

const MOST_BYTES = 64 << 20;

test.serial('a client that does not read is cut off; memory stays bounded and the call ends', async (t) => {
  await runAlone();
  async function* endless() {
    for (;;) yield { blob: Buffer.alloc(1 << 16) };
  }
  const { url, upstream, gateway } = await start(
    t,
    { Listen: () => ({ messages: endless() }) },
    { limits: { requestTimeout: '700ms' } },
  );
  const { socket } = await openWebSocket(t, url, '/v1/rooms/1:listen');
  socket.pause();
  const { grownBytes } = await mostHeld(async () => {
    await until(() => upstream.calls.length === 1);
    await upstream.last().whenCancelled;
  }, MOST_BYTES);
  t.true(grownBytes < MOST_BYTES, `${grownBytes} bytes`);
  await until(() => gateway.snapshots.inFlight === 0);
});

test.serial('an upstream that does not read holds the client of a WebSocket back', async (t) => {
  const deaf = createServer().listen(0, '127.0.0.1');
  t.teardown(() => void deaf.close());
  deaf.on('stream', (stream) => void stream.on('error', () => {}));
  await once(deaf, 'listening');
  const target = `127.0.0.1:${(deaf.address() as { port: number }).port}`;
  const { url } = await startGateway(t, PROTO, {}, { upstreams: { test: { target } } });
  const { socket } = await openWebSocket(t, url, '/v1/pipe');
  const piece = Buffer.alloc(1 << 20);
  for (let i = 0; i < 100; i++) socket.send(piece);
  await sleep(1000);
  t.true(socket.bufferedAmount > 50 << 20, `${socket.bufferedAmount} bytes are still here`);
});

test('a client that does not answer pings is cut off, one that does is not', async (t) => {
  const clock = handClock();
  const { url, upstream } = await startGateway(t, PROTO, { Talk: { hang: true } }, {}, { clock });
  const alive = await openWebSocket(t, url, TALK);
  const mute = await openWebSocket(t, url, TALK, { autoPong: false });
  await until(() => upstream.calls.length === 2);
  let pings = 0;
  alive.socket.on('ping', () => pings++);
  clock.advance(29_999);
  await sleep(100);
  t.is(pings, 0);
  clock.advance(1);
  for (let i = 1; i <= 3; i++) {
    await until(() => pings === i);
    // The next message shows that the pong before it has come.
    alive.say({ text: 'a' });
    await until(() => upstream.calls.flatMap(({ requestBytes }) => requestBytes).length === i);
    clock.advance(30_000);
  }
  t.is((await mute.closed).code, 1006);
  t.is(alive.socket.readyState, alive.socket.OPEN);
});

test('draining: WebSockets may end, and those that have not by the end of the drain get 1001', async (t) => {
  const { url, drain } = await start(t);
  const { closed, say, until: came } = await openWebSocket(t, url, TALK);
  const drained = drain({ graceMs: 0, timeoutMs: 1500 });
  say({ text: 'a' });
  await came(1);
  t.deepEqual(await closed, { code: 1001, reason: 'the gateway is shutting down; connect again' });
  await drained;
});

const HANDSHAKE = [
  `GET ${TALK} HTTP/1.1`,
  'host: x',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');

for (const [what, bytes] of [
  ['an unknown opcode', Buffer.from([0xff, 0xff, 0, 0])],
  ['text of another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a frame without a mask', Buffer.from([0x81, 0x05, 1, 2, 3, 4, 5])],
] as const) {
  test(`${what} after the handshake closes with 1002`, async (t) => {
    const { url, gateway } = await start(t);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    t.teardown(() => void socket.destroy());
    let heard = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      heard = Buffer.concat([heard, chunk]);
    });
    socket.write(HANDSHAKE);
    await until(() => heard.includes('\r\n\r\n'));
    socket.write(bytes);
    await once(socket, 'close');
    t.is(heard.subarray(-4).toString('hex'), '880203ea');
    await until(() => gateway.snapshots.inFlight === 0);
  });
}

test('a client that ends its side of the connection is gone', async (t) => {
  const { url, upstream, gateway } = await start(t, { Talk: { hang: true } });
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => void socket.destroy());
  socket.resume().write(HANDSHAKE);
  await until(() => upstream.calls.length === 1);
  socket.end();
  await upstream.last().whenCancelled;
  await until(() => gateway.snapshots.inFlight === 0);
  t.pass();
});

test.serial(
  'pings that nobody reads the answers of, and a message in endless pieces, end in bounded memory',
  async (t) => {
    await runAlone();
    const { url } = await start(t);
    const { grownBytes } = await mostHeld(async () => {
      const pinging = await openWebSocket(t, url, TALK);
      pinging.socket.pause();
      const isOpen = ({ socket }: typeof pinging) => socket.readyState === socket.OPEN;
      for (let i = 0; i < 400 && isOpen(pinging); i++) {
        for (let k = 0; k < 500 && isOpen(pinging); k++) pinging.socket.ping(Buffer.alloc(125));
        await sleep(1);
      }
      pinging.socket.resume();
      t.not((await pinging.closed).code, 1000);
      const pieces = await openWebSocket(t, url, TALK);
      for (let i = 0; i < 100_000 && isOpen(pieces); i++) {
        pieces.socket.send('x', { fin: false });
        if (i % 1000 === 0) await sleep(1);
      }
      t.is((await pieces.closed).code, 1008);
    }, MOST_BYTES);
    t.true(grownBytes < MOST_BYTES, `${grownBytes} bytes`);
  },
);

test('a slow reader is not a silent client', async (t) => {
  const upstream = await startUpstream(PROTO, { Listen: { messages: [{ blob: Buffer.alloc(12 << 20) }, { n: 1 }] } });
  t.teardown(upstream.close);
  const test = { target: upstream.target, streamIdleTimeout: '4s' };
  const { url } = await startGateway(t, PROTO, {}, { upstreams: { test } });
  const { socket, closed, messages } = await openWebSocket(t, url, '/v1/rooms/1:listen');
  for (let i = 0; i < 50; i++) {
    socket.pause();
    await sleep(100);
    socket.resume();
    await sleep(5);
  }
  t.deepEqual(await closed, { code: 1000, reason: '' });
  t.is(messages.length, 2);
});

test('a client that sends and does not read is cut off', async (t) => {
  const endless = (async function* () {
    for (;;) yield { blob: Buffer.alloc(1 << 16) };
  })();
  const { url, gateway } = await start(t, { Talk: { messages: endless } }, { limits: { requestTimeout: '400ms' } });
  const { socket } = await openWebSocket(t, url, TALK);
  socket.pause();
  const timer = setInterval(() => socket.pong(), 50);
  t.teardown(() => clearInterval(timer));
  await until(() => gateway.snapshots.inFlight === 0);
  t.pass();
});

test('frames that arrive with the handshake are read', async (t) => {
  const { port, upstream } = await start(t);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  /** A final text frame, masked with zeros (RFC 6455 §5.2). */
  const text = (content: string) => Buffer.from([0x81, 0x80 + content.length, 0, 0, 0, 0, ...Buffer.from(content)]);
  socket.resume().write(Buffer.concat([Buffer.from(HANDSHAKE), text('{"n":1}'), text('')]));
  await until(() => upstream.calls.length === 1 && upstream.last().requests.length === 1);
  await upstream.last().whenHalfClosed;
  t.like(upstream.last().requests[0], { n: 1 });
});

test('the log counts the bytes of messages', async (t) => {
  const { url, logged } = await start(t);
  const { say, halfClose, closed } = await openWebSocket(t, url, TALK);
  say('{"n":1}');
  say('{"n":23}');
  halfClose();
  await closed;
  await until(() => logged().length > 0);
  t.is(logged().at(-1)!.bytesIn, 15);
});
