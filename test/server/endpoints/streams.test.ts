/**
 * Server streams over HTTP in each framing: success, errors before and after the first message, and clients or upstreams
 * that leave.
 */

import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { type Clock, systemClock } from '../../../src/base/clock.js';
import { handClock } from '../../support/clock.js';
import { DATA, frame } from '../../support/frames.js';
import { afterAll, startGateway, type TestGateway } from '../../support/gateway.js';
import { GRPC, headers, message, rawUpstream } from '../../support/http2-upstream.js';
import { mostHeld } from '../../support/memory.js';
import { runAlone } from '../../support/parallel-tests.js';
import { HANG_MS, NEVER_MS, until } from '../../support/until.js';
import { type Handler, startUpstream } from '../../support/upstream.js';

const shared = afterAll(test);

const PROTO = `syntax = "proto3";
package feed.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; int32 count = 2; }
message Item { int32 n = 1; string text = 2; Inner inner = 3; bytes blob = 4; }
message Inner { string deep = 1; }
service Feed {
  rpc Watch(Ask) returns (stream Item) {
    option (google.api.http) = {
      get: "/v1/{name=feeds/*}:watch"
      additional_bindings: { get: "/v1/{name=feeds/*}:inner" response_body: "inner" }
      additional_bindings: { post: "/v1/feeds:watch" body: "*" }
    };
  }
  rpc Download(Ask) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/v1/{name=files/*}" }; }
  rpc Short(Ask) returns (stream Item) {
    option (google.api.http) = { get: "/v1/{name=short/*}" };
    option (protogate.v1.policy) = { timeout: { nanos: 300000000 } auth: { mode: MODE_PUBLIC } };
  }
}
`;

const ITEMS = [{ n: 1, text: 'a\nb' }, {}, { n: 3, inner: { deep: 'é' } }];
const JSON_ITEMS = [{ n: 1, text: 'a\nb' }, {}, { n: 3, inner: { deep: 'é' } }];
const NDJSON = 'application/x-ndjson';
const EVENTS = 'text/event-stream';
const OK = '{"code":0,"message":"","details":[]}';

let gateway: TestGateway;

async function start(handlers: Readonly<Record<string, Handler>>, upstream: object = {}, clock: Clock = systemClock) {
  const server = await startUpstream(PROTO, handlers);
  shared.teardown(server.close);
  const overrides = { upstreams: { test: { target: server.target, ...upstream } } };
  gateway = await startGateway(shared, PROTO, {}, overrides, { clock });
  return { ...gateway, upstream: server };
}

const accept = (type: string, more: Readonly<Record<string, string>> = {}) => ({ headers: { accept: type, ...more } });

test('without Accept a stream is one JSON array, and [] if it is empty', async (t) => {
  const { send, upstream } = await start({ Watch: { messages: ITEMS } });
  for (const headers of [{}, { accept: '*/*' }, { accept: 'application/json' }, { accept: 'text/html, */*;q=0.1' }]) {
    const answer = await send('GET', '/v1/feeds/1:watch', { headers });
    t.is(answer.status, 200);
    t.is(answer.headers['content-type'], 'application/json');
    t.deepEqual(answer.json, JSON_ITEMS);
  }
  t.deepEqual(upstream.last().request, { name: 'feeds/1' });
  upstream.script('Watch', { messages: [] });
  t.is((await send('GET', '/v1/feeds/1:watch')).text, '[]');
});

test('NDJSON: a line a message, under both names; q decides', async (t) => {
  const { send } = await start({ Watch: { messages: ITEMS } });
  const lines = JSON_ITEMS.map((item) => `${JSON.stringify(item)}\n`).join('');
  for (const type of [NDJSON, 'application/jsonl', `application/json;q=0.5, ${NDJSON}`]) {
    const { text, headers } = await send('GET', '/v1/feeds/1:watch', accept(type));
    t.is(text, lines);
    t.is(headers['content-type'], type.includes('jsonl') ? 'application/jsonl' : NDJSON);
  }
  t.is(
    (await send('GET', '/v1/feeds/1:watch', accept(`${NDJSON};q=0.5, application/json`))).headers['content-type'],
    'application/json',
  );
});

test('events have ids that count up and an end event, and a client that comes back after it gets 204', async (t) => {
  const { send, upstream } = await start({ Watch: { messages: ITEMS } });
  const { text, headers } = await send('GET', '/v1/feeds/1:watch', accept(EVENTS));
  t.is(headers['content-type'], EVENTS);
  t.is(headers['cache-control'], 'no-cache');
  const events = JSON_ITEMS.map((item, i) => `id: ${i + 1}\ndata: ${JSON.stringify(item)}\n\n`).join('');
  t.is(text, `${events}event: end\nid: end\ndata: ${OK}\n\n`);
  const calls = upstream.calls.length;
  const again = await send('GET', '/v1/feeds/1:watch', accept(EVENTS, { 'last-event-id': 'end' }));
  t.deepEqual([again.status, again.text, upstream.calls.length], [204, '', calls]);
  await send('GET', '/v1/feeds/1:watch', accept(EVENTS, { 'last-event-id': '2' }));
  t.deepEqual(upstream.last().metadata.get('last-event-id'), ['2']);
});

test('a format that does not exist is 406 before the call', async (t) => {
  const { send, upstream } = await start({ Watch: { messages: ITEMS } });
  for (const type of ['text/html', 'application/xml, text/*;q=0', 'application/json;q=0']) {
    const { status, json } = await send('GET', '/v1/feeds/1:watch', accept(type));
    t.is(status, 406, type);
    t.is(json.code, 3);
  }
  t.is(upstream.calls.length, 0);
});

test('an error before the first message is a plain error, whatever the framing', async (t) => {
  const { send, upstream } = await start({ Watch: { status: { code: 5, message: 'no such feed' } } });
  for (const type of ['application/json', NDJSON, EVENTS]) {
    const { status, json, headers } = await send('GET', '/v1/feeds/1:watch', accept(type));
    t.is(status, 404);
    t.is(headers['content-type'], 'application/json');
    t.is(json.message, 'no such feed');
  }
  upstream.script('Watch', { headers: { 'x-a': '1' }, messages: [], status: { code: 7, message: 'no' } });
  t.is((await send('GET', '/v1/feeds/1:watch', accept(NDJSON))).status, 403);
});

test('a message that comes together with the error behind it is sent before the array is cut', async (t) => {
  const { target } = await rawUpstream(t, (socket, stream) => {
    const failed = headers(stream, { 'grpc-status': '5' }, true);
    const item = frame(DATA, 0, stream, message(Buffer.from([8, 7])));
    socket.write(Buffer.concat([headers(stream, GRPC, false), item, failed]));
  });
  const { url } = await startGateway(t, PROTO, {}, { upstreams: { test: { target } } });
  for (let i = 0; i < 5; i++) {
    const response = await fetch(`${url}/v1/feeds/1:watch`);
    const reader = response.body!.getReader();
    t.is(
      Buffer.from((await reader.read()).value!)
        .toString()
        .trim(),
      '[{"n":7}',
    );
    await t.throwsAsync(reader.read());
  }
});

test('an error after it: a line, an event, and for the array a cut connection', async (t) => {
  const { send, logged } = await start({ Watch: { messages: [{ n: 1 }], status: { code: 9, message: 'enough' } } });
  const ndjson = await send('GET', '/v1/feeds/1:watch', accept(NDJSON));
  t.is(ndjson.status, 200);
  t.is(ndjson.text, '{"n":1}\n{"error":{"code":9,"message":"enough","details":[]}}\n');
  const events = await send('GET', '/v1/feeds/1:watch', accept(EVENTS));
  t.is(
    events.text,
    'id: 1\ndata: {"n":1}\n\nevent: end\nid: end\ndata: {"code":9,"message":"enough","details":[]}\n\n',
  );
  await t.throwsAsync(send('GET', '/v1/feeds/1:watch'));
  t.deepEqual(
    logged()
      .filter(({ msg }) => msg !== undefined)
      .map(({ code }) => code)
      .slice(0, 2),
    ['FAILED_PRECONDITION', 'FAILED_PRECONDITION'],
  );
});

test('internal texts are not sent to clients in the middle of a stream, and broken bytes are an error there', async (t) => {
  const { send, upstream } = await start({
    Watch: { messages: [{ n: 1 }], status: { code: 13, message: 'db at 10.0.0.7' } },
  });
  const { text } = await send('GET', '/v1/feeds/1:watch', accept(NDJSON));
  t.regex(text, /"code":13,"message":"the service failed \(request id /);
  upstream.script('Watch', { messages: [{ n: 1 }, new Uint8Array([0x0a, 9, 1])] });
  t.regex((await send('GET', '/v1/feeds/1:watch', accept(NDJSON))).text, /\{"n":1\}\n\{"error":\{"code":13/);
});

test('response_body and $fields hold for each message', async (t) => {
  const { send } = await start({ Watch: { messages: ITEMS } });
  t.deepEqual((await send('GET', '/v1/feeds/1:inner')).json, [{}, {}, { deep: 'é' }]);
  t.deepEqual((await send('GET', '/v1/feeds/1:watch?$fields=n')).json, [{ n: 1 }, {}, { n: 3 }]);
  t.deepEqual((await send('POST', '/v1/feeds:watch', { body: { name: 'x' } })).json, JSON_ITEMS);
});

for (const [what, rpc, path, replies, texts] of [
  ['messages', 'Watch', '/v1/feeds/1:watch', [{ n: 1 }, { n: 2 }], ['{"n":1}\n', '{"n":2}\n']],
  [
    'pieces of an HttpBody',
    'Download',
    '/v1/files/1',
    [{ data: Buffer.from('a') }, { data: Buffer.from('b') }],
    ['a', 'b'],
  ],
] as const) {
  test(`${what} are seen when they are sent, not at the end`, async (t) => {
    let go = () => {};
    const more = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { url } = await start({
      [rpc]: {
        messages: (async function* () {
          yield replies[0];
          await more;
          yield replies[1];
        })(),
      },
    });
    const res = await opened(url + path, NDJSON);
    const chunks = res[Symbol.asyncIterator]();
    t.is(String((await chunks.next()).value), texts[0]);
    go();
    t.is(String((await chunks.next()).value), texts[1]);
    t.true((await chunks.next()).done);
  });
}

test('an event stream sends a comment every 15 seconds', async (t) => {
  const clock = handClock();
  const { url, upstream } = await start({ Watch: { messages: [{ n: 1 }], hang: true } }, {}, clock);
  const res = await opened(`${url}/v1/feeds/1:watch`, EVENTS);
  let text = '';
  res.on('data', (chunk) => {
    text += chunk;
  });
  const event = 'id: 1\ndata: {"n":1}\n\n';
  t.true(await until(() => clock.delays.includes(15_000) && text === event));
  clock.advance(14_999);
  await sleep(50);
  t.is(text, event);
  clock.advance(1);
  t.true(await until(() => text === `${event}:\n\n`));
  clock.advance(15_000);
  t.true(await until(() => text === `${event}:\n\n:\n\n`));
  res.destroy();
  await upstream.last().whenCancelled;
});

test('a late error: after the second of events it is their end, of lines it is still a plain error', async (t) => {
  let go = () => {};
  const late = new Promise<void>((resolve) => {
    go = resolve;
  });
  const clock = handClock();
  const handler = () => late.then(() => ({ status: { code: 5, message: 'no such feed' } }));
  const { url, send, upstream } = await start({ Watch: handler }, {}, clock);
  const lines = send('GET', '/v1/feeds/1:watch', accept(NDJSON));
  const opening = opened(`${url}/v1/feeds/1:watch`, EVENTS);
  t.true(await until(() => upstream.calls.length === 2 && clock.delays.includes(1000)));
  clock.advance(1500);
  const events = await opening;
  t.is(events.statusCode, 200);
  go();
  let text = '';
  for await (const chunk of events) text += chunk;
  t.is(text, ':\n\nevent: end\nid: end\ndata: {"code":5,"message":"no such feed","details":[]}\n\n');
  const { status, json, headers } = await lines;
  t.deepEqual([status, headers['content-type']], [404, 'application/json']);
  t.is(json.message, 'no such feed');
});

test("a stream's headers are answered and its trailers are not, and x-http-status sets the status", async (t) => {
  const { send } = await startGateway(
    t,
    PROTO,
    {
      Watch: {
        headers: { 'x-out': 'header', 'x-http-status': '202' },
        messages: [{ n: 1 }],
        trailers: { 'x-out': 'trailer', 'x-late': 'trailer', 'x-http-status': '203' },
      },
    },
    { metadata: { response: ['x-*'] } },
  );
  for (const type of ['application/json', NDJSON, EVENTS]) {
    const { status, headers } = await send('GET', '/v1/feeds/1:watch', accept(type));
    t.deepEqual([status, headers['x-out'], headers['x-late']], [202, 'header', undefined]);
  }
});

test('an event stream without a message begins after a second, and sends comments', async (t) => {
  const { url, upstream } = await start({ Watch: { messages: [], hang: true } });
  const begun = performance.now();
  const res = await opened(`${url}/v1/feeds/1:watch`, EVENTS);
  t.is(res.statusCode, 200);
  t.true(performance.now() - begun > 900);
  t.is(String((await res[Symbol.asyncIterator]().next()).value), ':\n\n');
  res.destroy();
  await upstream.last().whenCancelled;
});

test('the client leaves: the call is cancelled', async (t) => {
  const { url, upstream } = await start({ Watch: { messages: [{ n: 1 }], hang: true } });
  for (const type of [NDJSON, EVENTS, 'application/json']) {
    const res = await opened(`${url}/v1/feeds/1:watch`, type);
    await res[Symbol.asyncIterator]().next();
    res.destroy();
    await upstream.last().whenCancelled;
  }
  t.pass();
});

test('the upstream goes: the stream fails as one that says so', async (t) => {
  const { url, upstream } = await start({ Watch: { messages: [{ n: 1 }], hang: true } });
  const res = await opened(`${url}/v1/feeds/1:watch`, NDJSON);
  const chunks = res[Symbol.asyncIterator]();
  await chunks.next();
  upstream.cut();
  t.regex(String((await chunks.next()).value), /^\{"error":\{"code":14,"message":"the service is unavailable/);
});

test('a stream has the deadline of its policy or its client, and not its upstream’s', async (t) => {
  const { send, upstream } = await start(
    { Short: { messages: [{ n: 1 }], hang: true }, Watch: { messages: [{ n: 1 }] } },
    { timeout: '50ms' },
  );
  const { text } = await send('GET', '/v1/short/1', accept(NDJSON));
  t.regex(text, /"code":4/);
  await send('GET', '/v1/feeds/1:watch');
  t.is(upstream.last().deadline, undefined);
  await send('GET', '/v1/feeds/1:watch', { headers: { 'x-request-timeout': '7' } });
  t.truthy(upstream.last().deadline);
});

test('without a message for streamIdleTimeout the stream ends, and the call with it', async (t) => {
  const { send, upstream } = await start({ Watch: { messages: [{ n: 1 }], hang: true } }, { streamIdleTimeout: '1s' });
  const { text } = await send('GET', '/v1/feeds/1:watch', accept(NDJSON));
  t.regex(text, /\{"n":1\}\n\{"error":\{"code":4,"message":"the stream ends because no message came for 1 s"/);
  await upstream.last().whenCancelled;
});

const MOST_BYTES = 64 << 20;

test.serial('a slow reader holds the upstream back, and memory stays bounded', async (t) => {
  await runAlone();
  let sent = 0;
  const { port } = await start({
    Watch: {
      messages: (async function* () {
        for (; sent < 10_000; sent++) yield { blob: Buffer.alloc(64 * 1024) };
      })(),
    },
  });
  const { grownBytes } = await mostHeld(async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET /v1/feeds/1:watch HTTP/1.1\r\nHost: x\r\nAccept: ${NDJSON}\r\n\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    socket.destroy();
  }, MOST_BYTES);
  t.true(sent < 500, `${sent} messages of 64 KiB`);
  t.true(grownBytes < MOST_BYTES, `${grownBytes} bytes`);
});

test('a reader that does not read at all is cut after requestTimeout', async (t) => {
  const endless = async function* () {
    for (;;) yield { blob: Buffer.alloc(256 * 1024) };
  };
  const { startUpstream } = await import('../../support/upstream.js');
  const server = await startUpstream(PROTO, { Watch: { messages: endless() } });
  shared.teardown(server.close);
  const { port } = await startGateway(
    shared,
    PROTO,
    {},
    {
      upstreams: { test: { target: server.target } },
      limits: { requestTimeout: '500ms' },
    },
  );
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET /v1/feeds/1:watch HTTP/1.1\r\nHost: x\r\nAccept: ${NDJSON}\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  await server.last().whenCancelled;
  socket.destroy();
  t.pass();
});

test('HttpBody out of a stream: the content type of the first message, the bytes of all', async (t) => {
  const { send, upstream } = await start({
    Download: {
      messages: [
        { content_type: 'text/csv', data: Buffer.from('a,b\n') },
        { content_type: 'ignored/x', data: Buffer.from('1,2\n') },
      ],
    },
  });
  const { text, headers, status } = await send('GET', '/v1/files/1', accept('text/html'));
  t.deepEqual([status, headers['content-type'], text], [200, 'text/csv', 'a,b\n1,2\n']);
  upstream.script('Download', {
    messages: [{ content_type: 'text/csv', data: Buffer.from('a') }],
    status: { code: 13 },
  });
  await t.throwsAsync(send('GET', '/v1/files/1'));
});

function opened(url: string, type: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { headers: { accept: type }, agent: false }, resolve).on('error', reject);
  });
}

test('parameters in Accept do not change the type that is chosen', async (t) => {
  const { send } = await start({ Watch: { messages: ITEMS } });
  for (const [type, got] of [
    ['application/json; charset=utf-8', 'application/json'],
    ['application/x-ndjson;charset=utf-8', NDJSON],
    ['text/event-stream; charset=UTF-8', EVENTS],
    ['application/json;charset=utf-8;q=0.9, application/x-ndjson;v=1', NDJSON],
  ] as const) {
    t.is((await send('GET', '/v1/feeds/1:watch', accept(type))).headers['content-type'], got, type);
  }
});

test('event ids go on from Last-Event-ID, which the upstream gets once', async (t) => {
  const server = await startUpstream(PROTO, { Watch: { messages: [{ n: 8 }] } });
  shared.teardown(server.close);
  const upstreams = { test: { target: server.target } };
  const metadata = { request: ['last-event-id'] };
  const { send } = await startGateway(shared, PROTO, {}, { upstreams, metadata });
  const { text } = await send('GET', '/v1/feeds/1:watch', accept(EVENTS, { 'last-event-id': '7' }));
  t.regex(text, /^id: 8\ndata: /);
  t.deepEqual(server.last().metadata.get('last-event-id'), ['7']);
});

test('an x-http-status without content does not become the status of a stream', async (t) => {
  for (const status of ['204', '205', '304']) {
    const { send } = await start({ Watch: { headers: { 'x-http-status': status }, messages: [{ n: 1 }] } });
    const { status: got, json } = await send('GET', '/v1/feeds/1:watch');
    t.deepEqual([got, json], [200, [{ n: 1 }]]);
  }
});

test('a failed stream of bytes over HTTP/1.0 breaks the connection', async (t) => {
  const { port } = await start({
    Download: { messages: [{ content_type: 'text/csv', data: Buffer.from('a,b') }], status: { code: 13 } },
  });
  const socket = connect(port, '127.0.0.1');
  const failed = once(socket, 'error');
  socket.resume().write('GET /v1/files/1 HTTP/1.0\r\nhost: x\r\n\r\n');
  const [error] = (await failed) as [NodeJS.ErrnoException];
  t.is(error.code, 'ECONNRESET');
});

test('draining ends when the last stream does, though its connection could be kept', async (t) => {
  const { url, drain, upstream } = await start({
    Watch: async (call) => {
      await sleep(500);
      return { messages: [{ n: call.requests.length }] };
    },
  });
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/v1/feeds/1:watch`, { headers: { accept: EVENTS }, agent }, resolve).on('error', reject);
  });
  await until(() => upstream.calls.length === 1);
  const begun = Date.now();
  const drained = drain({ graceMs: 0, timeoutMs: NEVER_MS });
  (await answered).resume();
  await drained;
  t.true(Date.now() - begun < HANG_MS, `${Date.now() - begun} ms`);
});
