/** Answers that end an HTTP/1.1 connection while their client still sends (RFC 9112 §9.6). */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { certificates } from '../../support/certificates.js';
import { handClock } from '../../support/clock.js';
import { startGateway } from '../../support/gateway.js';
import { tlsFiles } from '../../support/tls-files.js';
import { until } from '../../support/until.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Upload(stream Q) returns (Q) { option (google.api.http) = { post: "/v1/upload" body: "*" }; }
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
}`;

/** The clock of tests in which a slow client must not lose its answer. */
const STILL = { clock: handClock() };

/** The size is more than sockets can buffer. */
const BODY_BYTES = 8 << 20;

/** Writes everything before it reads. Rejects if the connection is reset before the answer has been read. */
async function writeThenRead(socket: Socket, head: string): Promise<string> {
  const chunks: Buffer[] = [];
  const answer = new Promise<string>((resolve, reject) => {
    socket
      .on('error', reject)
      .once('end', () => resolve(Buffer.concat(chunks).toString('latin1')))
      .once('close', () => reject(new Error('the connection ended without its end')));
  });
  const written = new Promise<void>((resolve) => {
    socket.write(head);
    socket.write(Buffer.alloc(BODY_BYTES, ' '), () => resolve());
  });
  await Promise.race([written, answer]);
  await sleep(20);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  return answer;
}

for (const tls of [false, true]) {
  for (const [what, path, begin, status] of [
    ['nothing is there', '/nowhere', '', 404],
    ['the method is another', '/v1/quick', '', 405],
    ['the first message of a stream does not parse', '/v1/upload', 'x\n', 400],
  ] as const) {
    test(`a client that sends all of its body before it reads gets the answer: ${what}${tls ? ', over TLS' : ''}`, async (t) => {
      const made = certificates();
      const { port } = await startGateway(t, PROTO, {}, tls ? { listen: { tls: await tlsFiles(t, made) } } : {}, STILL);
      for (let round = 0; round < 5; round++) {
        const socket = tls
          ? connectTls({ port, ca: made.ca, servername: 'upstream.test' })
          : connect(port, '127.0.0.1');
        const answer = await writeThenRead(
          socket,
          `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ncontent-length: ${BODY_BYTES + begin.length}\r\n\r\n${begin}`,
        );
        t.regex(answer, new RegExp(`^HTTP/1.1 ${status} .*\r\nconnection: close\r\n`, 's'));
        socket.destroy();
      }
    });
  }
}

/** Opens a connection whose request was answered with 404 before its body has come. */
async function answered(t: ExecutionContext) {
  const clock = handClock();
  const gateway = await startGateway(t, PROTO, { Quick: { message: { id: 'a' } } }, {}, { clock });
  const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => void socket.destroy());
  socket.on('error', () => {});
  socket.write('POST /nowhere HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'end');
  t.regex(text, /^HTTP\/1.1 404 /);
  /** Lets time pass until the gateway has no connection any more. Resolves to how long that took on its clock, in milliseconds. */
  const passUntilClosed = async () => {
    let passedMs = 0;
    for (; gateway.connections.size > 0; await sleep(1)) {
      clock.advance(100);
      passedMs += 100;
    }
    return passedMs;
  };
  return { ...gateway, socket, text: () => text, passUntilClosed };
}

test('a client that goes on sending is cut off, and holds up no drain', async (t) => {
  const { socket, connections, drain, passUntilClosed } = await answered(t);
  const timer = setInterval(() => socket.writable && socket.write('5\r\nhello\r\n'), 5);
  t.teardown(() => clearInterval(timer));
  t.is(connections.size, 1);
  const drained = drain({ graceMs: 0, timeoutMs: 60_000 });
  t.true((await passUntilClosed()) >= 2000);
  await drained;
  await until(() => socket.closed);
});

for (const [what, request] of [
  ['a request', 'GET /v1/quick HTTP/1.1\r\nhost: x\r\n\r\n'],
  [
    'a request that waits for 100',
    'GET /v1/quick HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n',
  ],
  ['an unknown expectation', 'GET /v1/quick HTTP/1.1\r\nhost: x\r\nexpect: x\r\n\r\n'],
  ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['an upgrade', 'GET /v1/quick HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n'],
  [
    'a WebSocket',
    'GET /v1/quick HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  ],
  ['what does not parse', 'x\r\n\r\n'],
] as const) {
  test(`bytes after such a body are not served as a request: ${what}`, async (t) => {
    const { socket, upstream, logged, text, connections, passUntilClosed } = await answered(t);
    const before = text();
    const [{ bytesRead }] = [...connections] as [Socket];
    const bytes = `0\r\n\r\n${request}`;
    socket.write(bytes);
    await until(() => [...connections].every((one) => one.bytesRead === bytesRead + bytes.length));
    await passUntilClosed();
    t.is(text(), before);
    t.is(upstream.calls.length, 0);
    t.is(logged().filter(({ msg }) => msg === 'request').length, 1);
  });
}
