/** Client streams over HTTP: NDJSON, an array, or raw bytes, sent on as they arrive. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { constants, createServer } from 'node:http2';
import { type AddressInfo, connect, createServer as createRawServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { createJsonElements } from '../../../src/transcoding/stream/json-elements.js';
import { afterAll, startGateway } from '../../support/gateway.js';
import { heldBytes } from '../../support/memory.js';
import { HANG_MS, until } from '../../support/until.js';
import { type Handlers, startUpstream } from '../../support/upstream.js';

const shared = afterAll(test);

const PROTO = `syntax = "proto3";
package up.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "protogate/v1/annotations.proto";
message Item { string list = 1; int32 n = 2; Inner inner = 3; }
message Inner { string text = 1; }
message Many { repeated int32 items = 1; }
message Total { int32 count = 1; string note = 2; }
message File { string path = 1; google.api.HttpBody content = 2; }
service Up {
  rpc Add(stream Item) returns (Total) {
    option (google.api.http) = {
      post: "/v1/{list=lists/*}/items" body: "*"
      additional_bindings: { post: "/v1/{list=lists/*}/inner" body: "inner" }
    };
  }
  rpc Store(stream File) returns (Total) { option (google.api.http) = { put: "/v1/files/{path=**}" body: "content" }; }
  rpc Raw(stream google.api.HttpBody) returns (Total) { option (google.api.http) = { post: "/v1/raw" body: "*" }; }
  rpc Own(stream Item) returns (Total) {
    option (google.api.http) = { post: "/v1/own" body: "*" };
    option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC require: "request.n = 1" } };
  }
  rpc Lists(stream Many) returns (Total) { option (google.api.http) = { post: "/v1/many" body: "items" }; }
  rpc Both(stream Item) returns (stream Item) { option (google.api.http) = { post: "/v1/both" body: "*" }; }
}
`;

const COUNT: Handlers = {
  Add: async (call) => {
    await call.whenHalfClosed;
    return { message: { count: call.requests.length } };
  },
  Store: async (call) => {
    await call.whenHalfClosed;
    return { message: { count: call.requestBytes.length } };
  },
  Raw: { message: {} },
  Lists: async (call) => {
    await call.whenHalfClosed;
    return { message: {} };
  },
  Own: { message: {} },
};

async function start(handlers: Handlers = COUNT, more: object = {}, upstream: object = {}) {
  const server = await startUpstream(PROTO, handlers);
  shared.teardown(server.close);
  const gateway = await startGateway(
    shared,
    PROTO,
    {},
    { upstreams: { test: { target: server.target, ...upstream } }, ...more },
  );
  return { ...gateway, upstream: server };
}

const NDJSON = { 'content-type': 'application/x-ndjson' };

test('lines, an array and values one behind the other are messages; path and query are part of the first', async (t) => {
  const { send, upstream } = await start();
  const expected = [{ list: 'lists/1', n: 1 }, { inner: { text: 'x' } }, {}];
  for (const [body, headers] of [
    ['{"n":1}\n{"inner":{"text":"x"}}\n\n{}\n', NDJSON],
    ['{"n":1}\n{"inner":{"text":"x"}}\n{}', { 'content-type': 'application/jsonl; charset=utf-8' }],
    ['[{"n":1}, {"inner":{"text":"x"}}, {}]', { 'content-type': 'application/json' }],
    ['{"n":1}{"inner":{"text":"x"}}\n{}', { 'content-type': 'application/json' }],
    ['[{"n":1},{"inner":{"text":"x"}},{}]', {}],
  ] as const) {
    const { status, json, text } = await send('POST', '/v1/lists/1/items', { body, headers });
    t.is(status, 200, text);
    t.deepEqual(json, { count: 3 });
    t.deepEqual(upstream.last().requests, expected);
  }
  await send('POST', '/v1/lists/1/inner?n=7', { body: '[{"text":"a"},{"text":"b"}]' });
  t.deepEqual(upstream.last().requests, [{ list: 'lists/1', n: 7, inner: { text: 'a' } }, { inner: { text: 'b' } }]);
});

test('without a message: what path and query say is one', async (t) => {
  const { send, upstream } = await start();
  for (const body of ['[]', '', ' ']) {
    t.is((await send('POST', '/v1/lists/1/items', { body })).status, 200);
    t.deepEqual(upstream.last().requests, [{ list: 'lists/1' }]);
  }
});

test('an error names the message; the call is cancelled', async (t) => {
  const { send, upstream } = await start();
  for (const [body, message] of [
    ['[{"n":1},{"n":"x"}]', '[1].n: expected int32, got "x"'],
    ['[{"n":1},{"m":1}]', /^\[1\]\.m: /],
    ['[{"n":1},{"n":1 2}]', /^\[1\]/],
    ['[{"n":1},{"n":1}', "body: expected ']' at the end of the array, got the end after message 2"],
  ] as const) {
    const before = upstream.calls.length;
    const { status, json } = await send('POST', '/v1/lists/1/items', { body });
    t.is(status, 400, body);
    if (typeof message === 'string') t.is(json.message, message);
    else t.regex(json.message, message);
    if (upstream.calls.length > before) await upstream.last().whenCancelled;
  }
  t.is((await send('POST', '/v1/lists/1/items', { body: '[{"n":"x"}]' })).status, 400);
  t.is((await send('POST', '/v1/lists/1/items', { body: 'a', headers: { 'content-type': 'text/plain' } })).status, 415);
});

test('a rule about the message is checked with the first message before the call, also if there is none', async (t) => {
  const { send, upstream } = await start();
  for (const body of ['[{"n":2},{"n":1}]', '[{}]', '[]', '', ' ']) {
    t.is((await send('POST', '/v1/own', { body })).status, 403, body);
    t.is(upstream.calls.length, 0);
  }
});

test('if the body field is a list, each array is a message, however the bytes arrive', async (t) => {
  const { send, upstream } = await start();
  t.is((await send('POST', '/v1/many', { body: '[1,2] []\n[3]' })).status, 200);
  t.deepEqual(upstream.last().requests, [{ items: [1, 2] }, {}, { items: [3] }]);
  t.is((await send('POST', '/v1/many', { body: '[[1,2],[3]]' })).status, 200);
  t.deepEqual(upstream.last().requests, [{ items: [1, 2] }, { items: [3] }]);
  const { status, json } = await send('POST', '/v1/many', { body: '[1],[2]' });
  t.deepEqual([status, json.message], [400, 'body: expected a message after message 1, got ","']);
});

test('later messages are checked too, with 0 for a number that is left out', async (t) => {
  const { send, upstream } = await start({ Own: (call) => call.whenHalfClosed.then(() => ({ message: {} })) });
  t.is((await send('POST', '/v1/own', { body: '[{"n":1},{"list":"a","n":1},{"n":1}]' })).status, 200);
  for (const wrong of ['{"n":2}', '{"list":"a"}']) {
    const { status, json } = await send('POST', '/v1/own', { body: `[{"n":1},${wrong}]` });
    t.deepEqual([status, json.message], [403, '[1]: the caller is not allowed to do this']);
    await upstream.last().whenCancelled;
  }
});

for (const [what, handler] of [
  ['does not answer', { hang: true }],
  ['does not read', undefined],
] as const) {
  test(`an upstream that ${what} is a 504 after streamIdleTimeout, and the call is cancelled`, async (t) => {
    const deaf = createServer().listen(0, '127.0.0.1');
    deaf.on('stream', (stream) => void stream.on('error', () => {}));
    t.teardown(() => void deaf.close());
    await once(deaf, 'listening');
    const target = `127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const settings = { streamIdleTimeout: '2s', ...(handler === undefined ? { target } : {}) };
    const { send, upstream, gateway } = await start(handler === undefined ? {} : { Add: handler }, {}, settings);
    const body = `${JSON.stringify({ inner: { text: 'x'.repeat(60_000) } })}\n`.repeat(handler === undefined ? 30 : 1);
    const { status, json } = await send('POST', '/v1/lists/1/items', { body, ...{ headers: NDJSON } });
    t.is(status, 504);
    t.is(json.message, 'the stream ends because no message came for 2 s');
    await until(() => gateway.snapshots.inFlight === 0);
    if (handler !== undefined) await upstream.last().whenCancelled;
  });
}

test('a deadline that passes while the first message is waited for is a 504 at once', async (t) => {
  const { url, upstream } = await start();
  const sent = request(`${url}/v1/lists/1/items`, {
    method: 'POST',
    headers: { ...NDJSON, 'x-request-timeout': '0.2' },
    agent: false,
  });
  t.teardown(() => void sent.on('error', () => {}).destroy());
  sent.write('{"n":');
  const [answer] = (await once(sent, 'response', { signal: AbortSignal.timeout(HANG_MS) })) as [IncomingMessage];
  t.is(answer.statusCode, 504);
  t.is(upstream.calls.length, 0);
});

test('a deadline of centuries has not passed', async (t) => {
  const { url } = await start();
  const headers = { ...NDJSON, 'grpc-timeout': '99999999H' };
  const sent = request(`${url}/v1/lists/1/items`, { method: 'POST', headers, agent: false });
  sent.flushHeaders();
  await sleep(200);
  sent.end('{"n":1}\n');
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  t.is(answer.statusCode, 200);
});

test('a message in tiny pieces takes memory by its bytes and not by its pieces', async (t) => {
  const elements = createJsonElements('json', { maxBytes: 4 << 20, mayBeArray: false });
  const before = heldBytes();
  elements.push(Buffer.from('[{"n":1'));
  for (let i = 0; i < 200_000; i++) elements.push(Buffer.from([0x20]));
  const held = heldBytes() - before;
  t.true(held < 4 << 20, `${held} bytes for 200,000`);
  t.is(elements.push(Buffer.from('}]')).length, 1);
});

test('messages arrive when they are sent, each within its size', async (t) => {
  const { url, upstream } = await start(COUNT, { limits: { bodyBytes: '100B' } });
  const answered = new Promise<number>((resolve, reject) => {
    const sent = request(`${url}/v1/lists/1/items`, { method: 'POST', headers: NDJSON, agent: false }, (res) => {
      res.resume().on('end', () => resolve(res.statusCode ?? 0));
    });
    sent.on('error', reject);
    void (async () => {
      for (let i = 0; i < 5; i++) {
        sent.write(`{"n":${i}}\n`);
        while ((upstream.calls[0]?.requestBytes.length ?? 0) <= i) await new Promise((done) => setTimeout(done, 5));
      }
      sent.end(`{"list":"${'x'.repeat(200)}"}\n`);
    })();
  });
  t.is(await answered, 413);
});

test('an early answer of the upstream is sent at once, and the rest of the request is not read', async (t) => {
  const { url } = await start({ Add: { status: { code: 8, message: 'enough' } } });
  const answer = await new Promise((resolve) => {
    const sent = request(`${url}/v1/lists/1/items`, { method: 'POST', headers: NDJSON, agent: false }, (res) => {
      res.resume().on('end', () => resolve([res.statusCode, res.headers.connection]));
    });
    sent.on('error', () => {});
    const timer = setInterval(() => sent.write('{"n":2}\n'), 5);
    sent.on('close', () => clearInterval(timer));
  });
  t.deepEqual(answer, [429, 'close']);
});

test('the client leaves in the middle: the call is cancelled', async (t) => {
  const { port, upstream } = await start();
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'POST /v1/lists/1/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"n":1}\n\r\n',
  );
  while (upstream.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  socket.destroy();
  await upstream.last().whenCancelled;
  t.pass();
});

test('a client that falls silent is a 408 after streamIdleTimeout', async (t) => {
  const { port, upstream } = await start(COUNT, {}, { streamIdleTimeout: '1s' });
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'POST /v1/lists/1/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"n":1}\n\r\n',
  );
  let text = '';
  for await (const chunk of socket) text += chunk;
  t.regex(text, /^HTTP\/1\.1 408 /);
  await upstream.last().whenCancelled;
});

test('an upload of any content type is sent on in pieces: the body field, the whole message', async (t) => {
  const { send, upstream } = await start();
  const body = Buffer.alloc(1_000_000, 'abc');
  const { status, json } = await send('PUT', '/v1/files/a/b.bin', { body, headers: { 'content-type': 'image/png' } });
  t.is(status, 200);
  t.true(json.count > 1);
  const [first, ...others] = upstream.last().requests as {
    path?: string;
    content: { content_type?: string; data: Buffer };
  }[];
  t.deepEqual([first!.path, first!.content.content_type], ['a/b.bin', 'image/png']);
  t.true(others.every(({ path, content }) => !path && !content.content_type));
  t.true(Buffer.concat([first!, ...others].map(({ content }) => content.data)).equals(body));
  t.is((await send('POST', '/v1/raw', { body: 'x', headers: { 'content-type': 'text/csv' } })).status, 200);
  t.is((upstream.last().requests as { content_type: string }[])[0]!.content_type, 'text/csv');
});

test('an upstream that does not read holds the client back', async (t) => {
  const { createServer } = await import('node:http2');
  const deaf = createServer({ settings: { initialWindowSize: 65_535 } }).listen(0, '127.0.0.1');
  deaf.on('stream', () => {});
  await new Promise((resolve) => deaf.once('listening', resolve));
  const { port } = await startGateway(
    shared,
    PROTO,
    {},
    {
      upstreams: { test: { target: `127.0.0.1:${(deaf.address() as { port: number }).port}` } },
      limits: { bodyBytes: '1GiB' },
    },
  );
  shared.teardown(() => void deaf.close());
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('PUT /v1/files/x HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 1000000000\r\n\r\n');
  let written = 0;
  const piece = Buffer.alloc(1024 * 1024);
  while (
    socket.write(piece) ||
    (await Promise.race([
      new Promise((resolve) => socket.once('drain', () => resolve(true))),
      new Promise((resolve) => setTimeout(() => resolve(false), 500)),
    ]))
  ) {
    written++;
    if (written > 200) break;
  }
  t.true(written < 100, `${written} MiB`);
  socket.destroy();
});

/** The types of frames (RFC 9113 §6). */
const [DATA, RST_STREAM, SETTINGS] = [0, 3, 4];

for (const [what, breakOff] of [
  ['a client that goes away', (sent: ClientRequest) => sent.destroy()],
  ['a message that is none', (sent: ClientRequest) => sent.write('{"n":"x"}\n')],
] as const) {
  test(`a half upload never looks complete to the service: ${what}`, async (t) => {
    const frames: { readonly type: number; readonly flags: number; readonly payload: Buffer }[] = [];
    const service = createRawServer((socket) => {
      let bytes = Buffer.alloc(0);
      socket.write(Buffer.from([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0]));
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        frames.length = 0;
        for (let at = 24; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
          const payload = bytes.subarray(at + 9, at + 9 + bytes.readUIntBE(at, 3));
          frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, payload });
        }
      });
    }).listen(0, '127.0.0.1');
    t.teardown(() => void service.close());
    await once(service, 'listening');
    const target = `127.0.0.1:${(service.address() as AddressInfo).port}`;
    const { url } = await start({}, {}, { target });
    const sent = request(`${url}/v1/lists/1/items`, { method: 'POST', headers: NDJSON, agent: false });
    t.teardown(() => void sent.on('error', () => {}).destroy());
    sent.on('error', () => {}).write('{"n":1}\n{"n":2}\n');
    const came = async (wanted: number) => {
      await until(() => frames.some(({ type }) => type === wanted));
      return frames.find(({ type }) => type === wanted)!;
    };
    await came(DATA);
    breakOff(sent);
    t.is((await came(RST_STREAM)).payload.readUInt32BE(0), constants.NGHTTP2_CANCEL);
    t.deepEqual(
      frames.filter(({ type, flags }) => type === DATA && (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0),
      [],
    );
  });
}
