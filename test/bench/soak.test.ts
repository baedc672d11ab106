/** Tests the long load against servers that end a connection, or keep silent, at each point where the load waits for them. */
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocketServer } from 'ws';
import { Requests } from '../../bench/soak/requests.js';

/** It is for servers that keep silent. Against the others no wait may need its limit. */
const SHORT_LIMIT_MS = 50;
const LONG_LIMIT_MS = 20_000;

async function requestsTo(
  t: ExecutionContext,
  server: Server | Http2Server,
  limitMs = LONG_LIMIT_MS,
): Promise<Requests> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const requests = new Requests((server.address() as AddressInfo).port, limitMs);
  t.teardown(() => {
    requests.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return requests;
}

/** Returns the reasons that were counted, after one request of each of the kinds. */
async function reasons(requests: Requests, kinds: readonly string[] = requests.names): Promise<readonly string[]> {
  await Promise.all(kinds.map((kind) => requests.send(kind)));
  return requests.wrong.map(({ kind, reason }) => `${kind}: ${reason}`);
}

const HTTP2 = ['HTTP/2 GET of 689 B', 'HTTP/2 stream that is reset'];
const WEB_SOCKETS = ['WebSocket', 'WebSocket whose client goes away'];
const LEAVING = ['GET of 330 KB whose client goes away', 'stream whose client goes away'];

test('every kind of request ends and is counted if connections are closed at once', async (t) => {
  const requests = await requestsTo(
    t,
    createServer((socket) => void socket.destroy()),
  );
  // A POST that is cut may have been written before its connection is closed.
  const kinds = requests.names.filter((name) => name !== 'POST that is cut');
  t.is((await reasons(requests, kinds)).length, kinds.length);
  await requests.send('POST that is cut');
  t.is(requests.total, requests.names.length);
});

test('every kind of request ends at the limit if the server keeps silent', async (t) => {
  const requests = await requestsTo(t, createServer(), SHORT_LIMIT_MS);
  const wrong = await reasons(requests);
  // A POST that is cut waits for nothing but its own write.
  t.true(wrong.length >= requests.names.length - 1, wrong.join('\n'));
  for (const text of wrong) t.regex(text, /no \w+ within 50 ms|handshake has timed out/);
});

test('a WebSocket that is closed before its first message is counted', async (t) => {
  const server = createHttp();
  new WebSocketServer({ server }).on('connection', (socket) => socket.close(4014, 'UNAVAILABLE'));
  t.deepEqual(
    await reasons(await requestsTo(t, server), WEB_SOCKETS),
    WEB_SOCKETS.map((kind) => `${kind}: closed before its message`),
  );
});

test('a WebSocket that ends before its last message is counted with its code', async (t) => {
  const server = createHttp();
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.send('{}');
    socket.close(4014, 'UNAVAILABLE');
  });
  t.deepEqual(await reasons(await requestsTo(t, server), ['WebSocket']), [
    'WebSocket: expected 500 messages, got 1, closed with 4014 UNAVAILABLE',
  ]);
});

test('a WebSocket that is refused is counted with the status', async (t) => {
  const server = createHttp().on('upgrade', (_, socket) => {
    socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
  });
  for (const text of await reasons(await requestsTo(t, server), WEB_SOCKETS)) t.regex(text, /503/);
});

test('an answer that ends before its first byte is counted, also if its client would go away then', async (t) => {
  const server = createHttp((_, response) => void response.writeHead(200).end());
  t.deepEqual(
    await reasons(await requestsTo(t, server), LEAVING),
    LEAVING.map((kind) => `${kind}: closed before its data`),
  );
});

test('an answer that is cut is counted', async (t) => {
  const server = createHttp((_, response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('{');
    setImmediate(() => response.destroy());
  });
  t.deepEqual(await reasons(await requestsTo(t, server), ['GET of 689 B']), ['GET of 689 B: aborted']);
});

test('a stream that ends with an error is counted with the reason', async (t) => {
  const server = createHttp((_, response) => {
    response.end('{"name": "orders/1234567"}\n{"error": {"details": [{"reason": "UPSTREAM_UNREACHABLE"}]}}\n');
  });
  t.deepEqual(await reasons(await requestsTo(t, server), ['stream as NDJSON']), [
    'stream as NDJSON: expected 500 messages, got 1 and UPSTREAM_UNREACHABLE',
  ]);
});

test('a wrong status is counted with the reason, once for each kind', async (t) => {
  const server = createHttp((_, response) => {
    response.writeHead(503).end('{"details": [{"reason": "UPSTREAM_UNREACHABLE"}]}');
  });
  const requests = await requestsTo(t, server);
  const kinds = ['GET of 689 B', ...LEAVING];
  await reasons(requests, kinds);
  t.deepEqual(
    await reasons(requests, kinds),
    kinds.map((kind) => `${kind}: expected 200, got 503 UPSTREAM_UNREACHABLE`),
  );
  t.deepEqual(
    requests.wrong.map(({ count }) => count),
    [2, 2, 2],
  );
});

const ENDS: readonly (readonly [how: string, end: (stream: ServerHttp2Stream) => void, limitMs?: number])[] = [
  ['is reset', (stream) => stream.close(8)],
  ['is reset without an error', (stream) => stream.close(0)],
  ['loses its connection', (stream) => stream.session!.destroy()],
  [
    'loses its connection after the head',
    (stream) => {
      stream.respond({ ':status': 200 });
      setImmediate(() => stream.session?.destroy());
    },
  ],
  ['ends without data', (stream) => stream.respond({ ':status': 200 }, { endStream: true })],
  ['has no answer', () => {}, SHORT_LIMIT_MS],
  ['has a head and no end', (stream) => stream.respond({ ':status': 200 }), SHORT_LIMIT_MS],
  [
    'is refused',
    (stream) => {
      stream.respond({ ':status': 503 });
      stream.end('{}');
    },
  ],
];
for (const [how, end, limitMs] of ENDS) {
  test(`a stream of HTTP/2 that ${how} ends for its client`, async (t) => {
    const server = createHttp2().on('stream', (stream) => end(stream.on('error', () => {})));
    const wrong = await reasons(await requestsTo(t, server, limitMs), ['HTTP/2 stream that is reset']);
    t.is(wrong.length, 1, wrong.join('\n'));
  });
}

test('two requests over one connection of HTTP/2 end when it goes away, and the next ones open another', async (t) => {
  let connections = 0;
  const server = createHttp2()
    .on('session', () => connections++)
    .on('stream', (stream) => {
      const session = stream.on('error', () => {}).session!;
      session.goaway(0);
      setImmediate(() => session.destroy());
    });
  const requests = await requestsTo(t, server);
  t.is((await reasons(requests, HTTP2)).length, 2);
  await requests.send(HTTP2[0]!);
  t.is(connections, 2);
});
