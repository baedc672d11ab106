/** Requests that no client should send, over a raw socket, with the answer to each. */
import { once } from 'node:events';
import { constants, createServer, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { Code } from '../../src/status/code.js';
import { raw } from '../hostile/raw.js';
import { afterAll, startGateway } from '../support/gateway.js';
import { heldBytes } from '../support/memory.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';

const shared = afterAll(test);
const limits = { headerBytes: '8KiB' };
const started = startGateway(shared, LIBRARY, {}, { limits });
/** A gateway of its own, because a busy machine may take longer than this to send a whole head. */
const impatient = startGateway(shared, LIBRARY, {}, { limits, listen: { headersTimeout: '500ms' } });

const HOST = 'Host: a\r\n';
const POST = `POST /v1/books:create HTTP/1.1\r\n${HOST}`;

for (const [text, says] of [
  ['FOO /v1/shelves/1 HTTP/1.1\r\n', 'expected a known HTTP method'],
  ['GET /v1/\xfc HTTP/1.1\r\n', 'expected a request target in ASCII, with other characters percent-encoded'],
  ['GET /v1/shelves/1 HTTP/9\r\n', 'expected HTTP/1.1 in the request line'],
  [
    'GET /v1/shelves/1 HTTP/1.1\r\nHo st: a\r\n',
    'expected headers of the form NAME: VALUE, without control characters',
  ],
  [
    `${POST}Content-Length: 2\r\nContent-Length: 3\r\n`,
    'expected either one Content-Length or Transfer-Encoding: chunked',
  ],
] as const) {
  test(`bytes that do not parse get an answer that says why: ${says}`, async (t) => {
    const { port } = await started;
    t.true((await raw(port, Buffer.from(`${text}\r\n`, 'latin1'))).includes(`"malformed HTTP request: ${says}"`));
  });
}

test('names and addresses with and without a port are valid hosts, and so is an empty Host', async (t) => {
  const { port } = await started;
  const good = [
    'a',
    'a.example.',
    'A-b_c.example:8080',
    'a:',
    '127.0.0.1:80',
    '[::1]:80',
    '[2001:DB8::1]',
    '[fe80::1%25eth0]',
  ];
  for (const host of [...good, '[v1.a:b]', 'a%41', "a!$&'()*+,;=~", '']) {
    const head = await raw(port, `GET /v1/shelves/1 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    t.regex(head, /^HTTP\/1\.1 200 /, host);
  }
});

for (const [fact, text, status] of [
  ['a bare LF in the head', 'GET /v1/shelves/1 HTTP/1.1\nHost: a\n\n', 400],
  ['no Host header', 'GET /v1/shelves/1 HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ['another transfer coding', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
  ['CONNECT', `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`, 501],
  ['an unknown Expect', `${POST}Expect: magic\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`, 417],
  ['a head over limits.headerBytes', `GET /v1/shelves/1 HTTP/1.1\r\n${HOST}X-A: ${'a'.repeat(9000)}\r\n\r\n`, 431],
  ['a head that never ends', 'GET /v1/shelves/1 HTTP/1.1\r\nHost: a\r\n', 408],
] as const) {
  test.serial(`${fact} is ${status}, and one line in the log with the id of the answer`, async (t) => {
    const { port, upstream, logged } = await (status === 408 ? impatient : started);
    const before = upstream.calls.length;
    const answer = await raw(port, text);
    t.regex(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
    const [, requestId] = /x-request-id: ([\w-]{36})/i.exec(answer) ?? [];
    const lines = () => logged().filter((line) => line.requestId === requestId);
    t.true(await until(() => lines().length > 0));
    t.is(lines().length, 1);
    const { code } = JSON.parse(answer.split('\r\n\r\n')[1]!) as { code: number };
    t.like(lines()[0], { client: '127.0.0.1', status, code: Code[code] });
    t.is(upstream.calls.length, before);
  });
}

test('an answer to HEAD has no content, also if nothing but the method can be read', async (t) => {
  const { port } = await started;
  for (const [rest, status] of [
    ['/v1/shelves/1 HTTP/9\r\n', 400],
    [`/v1/shelves/1 HTTP/1.1\r\n${HOST}Ho st: a\r\n`, 400],
    [`/v1/shelves/1 HTTP/1.1\r\n${HOST}X-A: ${'a'.repeat(9000)}\r\n`, 431],
    ['/nowhere HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n', 400],
  ] as const) {
    const answer = await raw(port, `HEAD ${rest}\r\n`);
    t.regex(answer, new RegExp(`^HTTP/1\\.1 ${status} [^{]*\\r\\n\\r\\n$`), rest);
    t.regex(answer, /content-length: [1-9]/i);
  }
});

test.serial('a foreign Upgrade is served as plain HTTP', async (t) => {
  const { port } = await started;
  const answer = await raw(
    port,
    `GET /v1/shelves/1 HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
  );
  t.regex(answer, /^HTTP\/1\.1 200 /);
});

test.serial('100 Continue is sent when the body is wanted', async (t) => {
  const { port } = await started;
  const answer = await raw(port, `${POST}Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
  t.regex(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
});

test.serial('100 Continue is not sent for a body that is refused', async (t) => {
  const { port } = await started;
  const answer = await raw(port, `${POST}Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n`);
  t.regex(answer, /^HTTP\/1\.1 413 /);
});

test('a slow body is 408 and its slot is freed', async (t) => {
  const { port, upstream, gateway } = await startGateway(t, LIBRARY, {}, { limits: { requestTimeout: '300ms' } });
  const answer = await raw(port, `${POST}Content-Length: 10\r\n\r\n{`);
  t.regex(answer, /^HTTP\/1\.1 408 /);
  t.is(JSON.parse(answer.split('\r\n\r\n')[1]!).code, 4);
  t.is(upstream.calls.length, 0);
  t.true(await until(() => gateway.snapshots.inFlight === 0));
});

test('a client that goes away cancels the call', async (t) => {
  const { port, upstream, logged } = await startGateway(t, LIBRARY, { GetShelf: { hang: true } });
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET /v1/shelves/1 HTTP/1.1\r\n${HOST}\r\n`);
  t.true(await until(() => upstream.calls.length === 1));
  socket.destroy();
  await upstream.last().whenCancelled;
  t.true(upstream.last().cancelled);
  t.true(await until(() => logged().length > 0));
  t.like(logged().at(-1), { status: 499, code: 'CANCELLED', clientGone: true, endpoint: upstream.target });
});

test.serial(
  'a body that comes byte by byte is whole, and takes memory by its bytes and not by its pieces',
  async (t) => {
    const { port, upstream } = await started;
    const title = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
    const chunks = (text: string) => [...text].map((char) => `1\r\n${char}\r\n`).join('');
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
    });
    const closed = once(socket, 'close');
    socket.write(`${POST}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const before = heldBytes();
    const spaces = chunks(' '.repeat(10_000));
    for (let sent = 0; sent < 300_000; sent += 10_000) if (!socket.write(spaces)) await once(socket, 'drain');
    await sleep(300);
    const grownBytes = heldBytes() - before;
    socket.write(`${chunks(JSON.stringify({ book: { title } }))}0\r\n\r\n`);
    await closed;
    t.regex(received, /^HTTP\/1\.1 200 /);
    t.like(upstream.last().request, { book: { title } });
    t.true(grownBytes < 10e6, `${grownBytes} bytes for 300,000`);
  },
);

test('no header gets lost behind a thousand others: a proxy writes the client’s address last', async (t) => {
  const { port, logged } = await startGateway(t, LIBRARY, {}, { trustedProxies: ['127.0.0.1'] });
  const many = Array.from({ length: 1500 }, (_, i) => `${i.toString(36)}:\r\n`).join('');
  const head = `GET /v1/shelves/1 HTTP/1.1\r\n${HOST}Connection: close\r\n`;
  const answer = await raw(port, `${head}X-Forwarded-For: 192.0.2.66\r\n${many}X-Forwarded-For: 192.0.2.1\r\n\r\n`);
  t.regex(answer, /^HTTP\/1\.1 200 /);
  t.is(logged().at(-1)?.client, '192.0.2.1');
});

const OK_HEAD = { ':status': 200, 'content-type': 'application/grpc' };
const prefix = (length: number) => Buffer.from([0, length >>> 24, length >>> 16, length >>> 8, length]);

for (const [fact, reason, serve] of [
  [
    'a garbage frame',
    'UPSTREAM_BROKEN_ANSWER',
    (stream) => {
      stream.respond(OK_HEAD);
      stream.end('garbage!');
    },
  ],
  [
    'a wrong length',
    'UPSTREAM_BROKEN_ANSWER',
    (stream) => {
      stream.respond(OK_HEAD, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.concat([prefix(9), Uint8Array.of(1)]));
    },
  ],
  [
    'OK in trailers alone',
    'UPSTREAM_BROKEN_ANSWER',
    (stream) => stream.respond({ ...OK_HEAD, 'grpc-status': '0' }, { endStream: true }),
  ],
  ['RST_STREAM', 'UPSTREAM_BROKEN_ANSWER', (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR)],
  [
    'the beginning of 100 MB',
    'UPSTREAM_ANSWER_TOO_LARGE',
    (stream) => {
      stream.respond(OK_HEAD);
      stream.write(prefix(100 << 20));
    },
  ],
] satisfies [string, string, (stream: ServerHttp2Stream) => void][]) {
  test(`an upstream that sends ${fact}: 502, and nothing of the inside`, async (t) => {
    const server = createServer();
    server.on('stream', (stream) => {
      stream.on('error', () => {});
      serve(stream);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => void server.close());
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { send } = await startGateway(t, LIBRARY, {}, { upstreams: { test: { target, timeout: '5s' } } });
    for (let i = 0; i < 2; i++) {
      const { status, json } = await send('GET', '/v1/shelves/1');
      t.is(status, 502);
      t.is(json.code, 13);
      t.regex(json.message, /^the service failed \(request id [\w-]+\)$/);
      t.is(json.details[0].reason, reason);
    }
  });
}
