/**
 * HTTP/2 on the public port: over TLS beside HTTP/1.1, and in plaintext (`h2c`), with the same answers and with timers of
 * its own.
 */
import { once } from 'node:events';
import { type ClientHttp2Stream, createServer } from 'node:http2';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import { certificates } from '../support/certificates.js';
import { handClock } from '../support/clock.js';
import { startGateway } from '../support/gateway.js';
import { answerOf, http2Client } from '../support/http2.js';
import { tlsFiles } from '../support/tls-files.js';
import { NEVER_MS, until } from '../support/until.js';
import { arriving, type Handlers, startUpstream } from '../support/upstream.js';

const PROTO = `package echo.v1;
import "google/api/annotations.proto";
message Item { string name = 1; int64 n = 2; string text = 3; }
message Total { int64 n = 1; repeated string names = 2; }
service Echo {
  rpc Get(Item) returns (Item) { option (google.api.http) = { get: "/v1/{name=items/*}" }; }
  rpc Make(Item) returns (Item) { option (google.api.http) = { post: "/v1/items" body: "*" }; }
  rpc Watch(Item) returns (stream Item) { option (google.api.http) = { get: "/v1/{name=items/*}:watch" }; }
  rpc Talk(stream Item) returns (stream Item) { option (google.api.http) = { post: "/v1/{name=items/*}:talk" body: "*" }; }
  rpc Add(stream Item) returns (Total) { option (google.api.http) = { post: "/v1/items:add" body: "*" }; }
}`;
const NDJSON = 'application/x-ndjson';

type Listen = NonNullable<ConfigInput['listen']>;

async function plain(
  t: ExecutionContext,
  handlers: Handlers = {},
  listen: Listen = {},
  more: Partial<ConfigInput> = {},
  options: StartOptions = {},
) {
  const gateway = await startGateway(t, PROTO, handlers, { listen: { h2c: true, ...listen }, ...more }, options);
  return { ...gateway, client: http2Client(t, gateway.url) };
}

test('TLS: one port, and what the client offers decides: h2, http/1.1, nothing', async (t) => {
  const made = certificates();
  const gateway = await startGateway(t, PROTO, {}, { listen: { tls: await tlsFiles(t, made) } });
  const client = http2Client(t, gateway.url, made.ca);
  const answer = await client.send('GET', '/v1/items/1');
  t.is(answer.status, 200);
  t.is(client.session.alpnProtocol, 'h2');
  t.is((await gateway.send('GET', '/v1/items/1', { tls: { ca: made.ca } })).status, 200);
  for (const ALPNProtocols of [['http/1.1'], []]) {
    const socket = connectTls({
      port: gateway.port,
      host: '127.0.0.1',
      ca: made.ca,
      servername: 'upstream.test',
      ALPNProtocols,
    });
    t.teardown(() => void socket.destroy());
    await once(socket, 'secureConnect');
    socket.write('GET /v1/items/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const [first] = (await once(socket, 'data')) as [Buffer];
    t.regex(String(first), /^HTTP\/1\.1 200 /);
  }
});

test('h2c: a plaintext client that begins with HTTP/2 gets it, others HTTP/1.1, however slowly the first bytes come', async (t) => {
  const { client, send, port } = await plain(t);
  t.is((await client.send('GET', '/v1/items/1')).status, 200);
  t.is((await send('GET', '/v1/items/1')).status, 200);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  for (const byte of 'PUT /v1/items/1 HTTP/1.1\r\nhost: x\r\n\r\n') {
    socket.write(byte);
    await sleep(2);
  }
  const [first] = (await once(socket, 'data')) as [Buffer];
  t.regex(String(first), /^HTTP\/1\.1 405 /);
});

test('without h2c the preface is a malformed request', async (t) => {
  const { port } = await startGateway(t, PROTO);
  const socket = connect(port, '127.0.0.1');
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const [first] = (await once(socket, 'data')) as [Buffer];
  t.regex(String(first), /^HTTP\/1\.1 400 /);
});

test('requests, answers and errors are those of HTTP/1.1; what belongs to its connections is left out', async (t) => {
  const { client, upstream, logged } = await plain(t, { Make: { message: { name: 'items/1', n: '7' } } });
  const made = await client.send('POST', '/v1/items', {
    headers: { 'content-type': 'application/json' },
    body: '{"n":"5"}',
  });
  t.deepEqual(made.json, { name: 'items/1', n: '7' });
  t.deepEqual(upstream.last().request, { n: '5' });
  t.regex(made.headers['x-request-id'], /^[0-9a-f-]{36}$/);
  t.is(made.headers['x-content-type-options'], 'nosniff');
  t.is(made.headers.connection, undefined);
  t.is(made.headers['content-length'], String(Buffer.byteLength(made.text)));

  const empty = await client.send('POST', '/v1/items');
  t.is(empty.status, 200, 'no body');
  const missing = await client.send('GET', '/nowhere?a=b');
  t.is(missing.status, 404);
  t.is(missing.json.code, 5);
  const bad = await client.send('POST', '/v1/items', { body: '{"n":1.5}' });
  t.is(bad.status, 400);
  t.is(bad.json.details[0].fieldViolations[0].field, 'n');
  await until(() => logged().length >= 4);
  t.deepEqual(
    logged().map(({ status }) => status),
    [200, 200, 404, 400],
  );
});

test('100 requests at once share a connection, and a slow one holds up none', async (t) => {
  const { client, upstream } = await plain(t, {
    Get: (call) => ({
      message: call.request!,
      delayMs: (call.request as { name: string }).name === 'items/0' ? 1500 : 0,
    }),
  });
  const order: number[] = [];
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const { json } = await client.send('GET', `/v1/items/${i}`);
      order.push(i);
      return json;
    }),
  );
  t.deepEqual(
    answers,
    Array.from({ length: 100 }, (_, i) => ({ name: `items/${i}` })),
  );
  t.is(order.at(-1), 0);
  t.is(upstream.calls.length, 100);
});

test(':authority is the authority; a Host that differs is 400', async (t) => {
  const { client } = await plain(t);
  const { host } = new URL('http://a.example');
  t.is((await client.send('GET', '/v1/items/1', { headers: { ':authority': host, host } })).status, 200);
  t.is((await client.send('GET', '/v1/items/1', { headers: { host } })).status, 200, 'as HTTP/1.1 has it');
  const other = await client.send('GET', '/v1/items/1', { headers: { ':authority': host, host: 'b.example' } });
  t.is(other.status, 400);
  t.is(other.json.message, 'host: expected the same value as :authority, got another');
  const both = async (host: string, authority: string) =>
    (await client.send('GET', '/v1/items/1', { headers: { ':authority': authority, host } })).status;
  t.is(await both('A.Example', host), 200, 'names are compared without regard to case');
  t.is(await both('[0:0:0:0:0:0:0:1]:80', '[::1]:80'), 200);
  t.is(await both('a.example:81', 'a.example:80'), 400);
});

test('an invalid :authority, or an invalid Host in its place, is 400 without a call', async (t) => {
  const { client, upstream } = await plain(t);
  for (const name of [':authority', 'host']) {
    for (const value of ['a@b', 'user:secret@a', 'a/b', '[::1', 'a:b']) {
      const { status, json } = await client.send('GET', '/v1/items/1', { headers: { [name]: value } });
      // Requests that nghttp2 itself refuses are reset, and the gateway never sees them. From Node 24 on, nghttp2 refuses
      // user information.
      const knowsUsers = Number.parseInt(process.versions.node, 10) >= 24;
      if (status === 0 && (knowsUsers || !value.includes('@'))) continue;
      t.is(status, 400, `${name}: ${value}`);
      t.true(
        json.message.startsWith('host: expected a host name or an IP address, with or without a port, got '),
        json.message,
      );
    }
  }
  t.is(upstream.calls.length, 0);
});

test('a target that is not percent-encoded is refused, as in HTTP/1.1, and not read as Latin-1', async (t) => {
  const { client, upstream } = await plain(t);
  for (const path of ['/v1/items/1?text=é', '/v1/items/é']) {
    const { status, json } = await client.send('GET', path);
    t.is(status, 400, path);
    t.is(json.message, 'request target: expected ASCII, with other characters percent-encoded');
  }
  t.is((await client.send('GET', '/v1/items/1?text=%C3%A9')).status, 200);
  t.like(upstream.last().request, { text: 'é' });
});

test('an expectation is met when the body is wanted, or refused; CONNECT is not served', async (t) => {
  const { client, logged } = await plain(t);
  const stream = client.open('POST', '/v1/items', { expect: '100-continue', 'content-type': 'application/json' });
  const answer = answerOf(stream);
  await once(stream, 'continue');
  stream.end('{}');
  t.is((await answer).status, 200);
  const refused = await client.send('POST', '/nowhere', { headers: { expect: '100-continue' } });
  t.is(refused.status, 404, 'no continue before the route is known');
  t.is(
    (await client.send('POST', '/v1/items', { headers: { expect: 'tea' } })).json.message,
    'expect: expected 100-continue, got another value',
  );
  const tunnel = client.session.request({ ':method': 'CONNECT', ':authority': 'x:443' });
  t.is((await answerOf(tunnel)).status, 501);
  const refused417 = { method: 'POST', path: '/v1/items', http: '2.0', status: 417, code: 'INVALID_ARGUMENT' };
  t.like(
    logged().find(({ status }) => status === 417),
    { ...refused417, refused: 'expect: expected 100-continue, got another value' },
  );
  t.like(
    logged().find(({ status }) => status === 501),
    { method: 'CONNECT', code: 'UNIMPLEMENTED' },
  );
});

test('a server stream goes out message by message, and ends well', async (t) => {
  const { client } = await plain(t, { Watch: { messages: [{ n: '1' }, { n: '2' }] } });
  t.is((await client.send('GET', '/v1/items/1:watch')).text, '[{"n":"1"},{"n":"2"}]');
  const lines = await client.send('GET', '/v1/items/1:watch', { headers: { accept: NDJSON } });
  t.is(lines.text, '{"n":"1"}\n{"n":"2"}\n');
  t.is(lines.headers['content-type'], NDJSON);
});

test('large answers go out in pieces: the connection’s other streams are served meanwhile', async (t) => {
  const text = 'x'.repeat(12 << 20);
  const large = { name: 'items/1', text };
  const { client } = await plain(t, { Make: { message: large }, Watch: { messages: [large, large] } });
  const unread = client.open('POST', '/v1/items');
  unread.end();
  const answer = answerOf(unread);
  unread.pause();
  await once(unread, 'response');
  for (let i = 0; i < 3; i++) t.is((await client.send('GET', '/v1/items/1')).status, 200);
  unread.resume();
  t.deepEqual((await answer).json, large);
  t.is((await answer).headers['content-length'], String(Buffer.byteLength((await answer).text)));
  t.deepEqual((await client.send('GET', '/v1/items/1:watch')).json, [large, large]);
});

test('an array that breaks off is a stream that is reset: it never ends as if it were whole', async (t) => {
  const { client } = await plain(t, { Watch: { messages: [{ n: '1' }], status: { code: 14 } } });
  const broken = await client.send('GET', '/v1/items/1:watch');
  t.is(broken.text, '[{"n":"1"}');
  t.is(broken.code, 2, 'INTERNAL_ERROR');
  t.is((await client.send('GET', '/nowhere')).status, 404, 'the connection lives');
});

test('a client that resets its stream cancels the call, and is logged as gone', async (t) => {
  const { client, upstream, logged } = await plain(t, {
    Watch: { messages: [{ n: '1' }], hang: true },
    Get: { hang: true },
  });
  for (const path of ['/v1/items/1:watch', '/v1/items/1']) {
    const calls = upstream.calls.length;
    const stream = client.open('GET', path, { accept: NDJSON });
    stream.end();
    await until(() => upstream.calls.length > calls);
    if (path.endsWith('watch')) await once(stream, 'data');
    stream.close(8);
    await upstream.last().whenCancelled;
    t.true(upstream.last().cancelled);
  }
  await until(() => logged().length === 2);
  t.deepEqual(
    logged().map(({ clientGone, code }) => [clientGone, code]),
    [
      [true, 'CANCELLED'],
      [true, 'CANCELLED'],
    ],
  );
});

test('a client streams its messages up as they are written', async (t) => {
  const { client, upstream } = await plain(t, {
    Add: async (call) => {
      await call.whenHalfClosed;
      return { message: { n: String(call.requests.length) } };
    },
  });
  const stream = client.open('POST', '/v1/items:add', { 'content-type': NDJSON });
  const answer = answerOf(stream);
  for (let i = 1; i <= 3; i++) {
    stream.write(`{"n":${i}}\n`);
    await until(() => upstream.calls[0]?.requests.length === i);
  }
  stream.end();
  t.deepEqual((await answer).json, { n: '3' });
});

test('an upload that is refused, or answered early, is reset after its answer', async (t) => {
  const { client } = await plain(t, { Add: { message: { n: '0' } } }, {}, { limits: { bodyBytes: '1KiB' } });
  const refused = client.open('POST', '/v1/items', { 'content-type': 'application/json' });
  const answer = answerOf(refused);
  refused.write(`{"text":"${'x'.repeat(2000)}`);
  t.is((await answer).status, 413);
  t.is((await answer).code, 0, 'NO_ERROR: RFC 9113 §8.1');
  const early = client.open('POST', '/v1/items:add', { 'content-type': NDJSON });
  early.write('{"n":1}\n');
  t.is((await answerOf(early)).status, 200);
});

test('cookies may come in several fields (RFC 9113 §8.2.3)', async (t) => {
  const { client } = await plain(
    t,
    {},
    {},
    {
      auth: {
        jwt: [
          {
            issuer: 'https://a.test',
            audiences: ['api'],
            secret: 's'.repeat(32),
            algorithms: ['HS256'],
            from: [{ cookie: 'session' }],
          },
        ],
      },
    },
  );
  const { json } = await client.send('GET', '/v1/items/1', { headers: { cookie: ['a=b', 'session=x.y.z'] } });
  t.is(json.details[0].reason, 'INVALID_TOKEN');
});

test('headers over limits.headerBytes are 431, far over it a reset; the other streams live', async (t) => {
  const { client, upstream } = await plain(t, {}, {}, { limits: { headerBytes: '8KiB' } });
  const many = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`x-${i}`, '']));
  const expect = { expect: '100-continue' };
  for (const headers of [{ 'x-long': 'y'.repeat(8192) }, { 'x-long': 'y'.repeat(30_000) }, many]) {
    const length = Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    const { status, json, code } = await client.send('GET', '/v1/items/1', { headers });
    t.deepEqual([status, code], length > 8192 ? [431, 0] : [200, 0], `${length} bytes`);
    if (status === 431) t.is(json.details[0].reason, 'HEADERS_TOO_LARGE');
  }
  const body = '{}'.padEnd(100_000);
  const upload = await client.send('POST', '/v1/items', { headers: { ...expect, 'x-long': 'y'.repeat(9000) }, body });
  t.is(upload.status, 431);
  const { status, code } = await client.send('GET', '/v1/items/1', { headers: { 'x-long': 'y'.repeat(40_000) } });
  t.deepEqual([status, code], [0, 11], 'ENHANCE_YOUR_CALM');
  const calls = upstream.calls.length;
  t.is((await client.send('GET', '/v1/items/1', { headers: { 'x-long': 'y'.repeat(7900) } })).status, 200);
  t.is(upstream.calls.length, calls + 1);
});

test('a connection without a request ends after headersTimeout, one that is idle after keepAliveTimeout, with GOAWAY', async (t) => {
  const clock = handClock();
  const { client, url } = await plain(t, {}, { headersTimeout: '1s', keepAliveTimeout: '7s' }, {}, { clock });
  const silent = http2Client(t, url);
  const silentClosed = once(silent.session, 'close');
  // The settings of the server show that it has a session.
  await once(silent.session, 'remoteSettings');
  t.is((await client.send('GET', '/v1/items/1')).status, 200);
  await until(() => clock.delays.includes(7000));
  clock.advance(1000);
  await silentClosed;
  t.is(silent.goneAway(), 0);
  clock.advance(5999);
  t.is((await client.send('GET', '/nowhere')).status, 404, 'the other one is open');
  const idleClosed = once(client.session, 'close');
  await until(() => clock.delays.filter((delayMs) => delayMs === 7000).length === 2);
  clock.advance(7000);
  await idleClosed;
  t.is(client.goneAway(), 0);
});

test('draining says GOAWAY, lets streams end and takes no new ones', async (t) => {
  const { client, drain, upstream } = await plain(t, { Get: { delayMs: 400, message: { n: '1' } } });
  const running = client.send('GET', '/v1/items/1');
  await until(() => upstream.calls.length === 1);
  const drained = drain({ graceMs: 0, timeoutMs: NEVER_MS });
  await until(() => client.goneAway() === 0);
  t.deepEqual((await running).json, { n: '1' });
  await drained;
  await until(() => client.session.closed);
});

test('draining cuts what has not ended by then', async (t) => {
  const { client, drain, upstream } = await plain(t, { Get: { hang: true } });
  const running = client.send('GET', '/v1/items/1');
  await until(() => upstream.calls.length === 1);
  await drain({ graceMs: 0, timeoutMs: 200 });
  t.not((await running).status, 200);
});

/** Answers each message with the same message. */
const ECHO: Handlers = { Talk: (call) => ({ messages: arriving(call) }) };
const TALK = '/v1/items/1:talk';

/** Collects the text as it comes, and records how the stream ended. */
function spoken(stream: ClientHttp2Stream) {
  const heard = { text: '', answer: answerOf(stream) };
  stream.on('data', (chunk: Buffer) => {
    heard.text += chunk.toString();
  });
  return heard;
}

test('bidi: NDJSON both ways, each line answered while the request is open', async (t) => {
  const { client, upstream } = await plain(t, ECHO);
  const stream = client.open('POST', TALK, { 'content-type': NDJSON });
  const heard = spoken(stream);
  stream.write('{"n":1}\n');
  await until(() => heard.text === '{"name":"items/1","n":"1"}\n');
  stream.write('{"n":');
  stream.write('2}\n{"n":3}\n');
  await until(() => heard.text.endsWith('{"n":"3"}\n'));
  stream.end();
  const { headers, code } = await heard.answer;
  t.deepEqual([headers['content-type'], code], [NDJSON, 0]);
  t.deepEqual(upstream.last().requests, [{ name: 'items/1', n: '1' }, { n: '2' }, { n: '3' }]);
});

test('bidi: the answer may be an array or events, if asked for; the service may speak first and end first', async (t) => {
  const { client } = await plain(t, { Talk: { messages: [{ n: '1' }] } });
  for (const [accept, expected] of [
    ['application/json', '[{"n":"1"}]'],
    ['text/event-stream', /^(:\n\n)?id: 1\ndata: \{"n":"1"\}\n\nevent: end\n/],
    ['*/*', '{"n":"1"}\n'],
  ] as const) {
    const stream = client.open('POST', TALK, { accept });
    const { text, code } = await answerOf(stream);
    if (typeof expected === 'string') t.is(text, expected);
    else t.regex(text, expected);
    t.is(code, 0, 'what is open of the request is reset with NO_ERROR');
  }
});

test('bidi: what is wrong is an error answer before the first message, a last line after it, and cancels the call', async (t) => {
  const { client, upstream } = await plain(t, ECHO);
  const first = client.open('POST', TALK, { 'content-type': NDJSON });
  first.write('{"n":"x"}\n');
  const refused = await answerOf(first);
  t.is(refused.status, 400);
  t.is(refused.json.details[0].fieldViolations[0].field, '[0].n');
  const second = client.open('POST', TALK, { 'content-type': NDJSON });
  const heard = spoken(second);
  second.write('{"n":1}\n');
  await until(() => heard.text !== '');
  second.write('{"nope":1}\n');
  const { text } = await heard.answer;
  t.is(JSON.parse(text.split('\n')[1]!).error.code, 3);
  await upstream.last().whenCancelled;
});

test('bidi: an error of the service, before a message and after it', async (t) => {
  const { client, upstream } = await plain(t, { Talk: { status: { code: 5, message: 'none' } } });
  t.is((await answerOf(client.open('POST', TALK))).status, 404);
  upstream.script('Talk', { messages: [{ n: '1' }], status: { code: 5, message: 'none' } });
  const { text } = await answerOf(client.open('POST', TALK));
  t.is(text, '{"n":"1"}\n{"error":{"code":5,"message":"none","details":[]}}\n');
});

test('bidi: a client that resets the stream, or loses the connection, cancels the call', async (t) => {
  const { client, url, upstream } = await plain(t, { Talk: { messages: [{ n: '1' }], hang: true } });
  const stream = client.open('POST', TALK);
  await once(stream, 'data');
  stream.close(8);
  await upstream.last().whenCancelled;
  const other = http2Client(t, url);
  await once(other.open('POST', TALK), 'data');
  other.session.destroy();
  await upstream.last().whenCancelled;
  t.is(upstream.calls.length, 2);
});

test('bidi: it ends after silence on both sides, and a message from either side counts', async (t) => {
  const upstream = await startUpstream(PROTO, { Talk: { messages: [{ n: '1' }], hang: true } });
  t.teardown(upstream.close);
  const test = { target: upstream.target, streamIdleTimeout: '1500ms' };
  const clock = handClock();
  const { client } = await plain(t, {}, {}, { upstreams: { test } }, { clock });
  /** Lets time pass until a stream is closed: what its client may still send is waited for. */
  const passUntilClosed = (stream: ClientHttp2Stream) =>
    until(() => {
      if (!stream.closed) clock.advance(100);
      return stream.closed;
    });
  const silent = client.open('POST', TALK);
  const told = spoken(silent);
  await until(() => told.text !== '' && clock.delays.filter((delayMs) => delayMs === 1500).length === 2);
  clock.advance(1500);
  await passUntilClosed(silent);
  t.is(JSON.parse((await told.answer).text.split('\n')[1]!).error.code, 4);
  const stream = client.open('POST', TALK, { 'content-type': NDJSON });
  const heard = spoken(stream);
  await until(() => heard.text !== '');
  for (let i = 1; i <= 6; i++) {
    stream.write('{"n":1}\n');
    await until(() => upstream.last().requestBytes.length === i);
    clock.advance(700);
  }
  t.false(stream.closed);
  await passUntilClosed(stream);
  t.is(JSON.parse((await heard.answer).text.split('\n')[1]!).error.code, 4);
});

test('an upstream that does not read holds its stream back, and no other of the connection', async (t) => {
  const deaf = createServer().listen(0, '127.0.0.1');
  t.teardown(() => void deaf.close());
  deaf.on('stream', (stream) => void stream.on('error', () => {}));
  await once(deaf, 'listening');
  const target = `127.0.0.1:${(deaf.address() as { port: number }).port}`;
  const upstreams = { test: { target, services: ['other.v1.Other'] }, deaf: { target, services: ['*'] } };
  const { client } = await plain(t, {}, {}, { upstreams });
  const held = client.open('POST', '/v1/items:add', { 'content-type': NDJSON });
  const line = `${JSON.stringify({ text: 'x'.repeat(1 << 16) })}\n`;
  let written = 0;
  const room = () => Promise.race([once(held, 'drain').then(() => true), sleep(500).then(() => false)]);
  while (written < 200 && (held.write(line) || (await room()))) written++;
  t.true(written < 100, `${written} of 64 KiB`);
  t.is((await client.send('GET', '/nowhere', { body: 'x'.repeat(200_000) })).status, 404);
  t.is((await client.send('POST', '/v1/items', { body: '{"n":1.5}' })).status, 400);
});

test('bidi: a request whose headers are refused calls no upstream', async (t) => {
  const { client, upstream } = await plain(t, ECHO);
  for (const headers of [
    { 'content-type': 'text/plain' },
    { 'content-type': `${NDJSON};charset=iso-8859-1` },
    { 'content-type': NDJSON, 'content-encoding': 'gzip' },
  ]) {
    t.is((await client.send('POST', TALK, { headers, body: '{"n":"1"}\n' })).status, 415);
  }
  t.is(upstream.calls.length, 0);
});
