/**
 * Pipelining (RFC 9112 §9.3.2): HTTP/1.1 requests that are sent before the answer to the one before. They are served one at
 * a time.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { certificates } from '../../support/certificates.js';
import { startGateway, type TestGateway } from '../../support/gateway.js';
import { mostHeld } from '../../support/memory.js';
import { runAlone } from '../../support/parallel-tests.js';
import { tlsFiles } from '../../support/tls-files.js';
import { until } from '../../support/until.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
message Q { string id = 1; }
service S {
  rpc Quick(Q) returns (Q) { option (google.api.http) = { get: "/v1/quick" }; }
  rpc Hang(Q) returns (Q) { option (google.api.http) = { get: "/v1/hang" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
  rpc Make(Q) returns (Q) { option (google.api.http) = { post: "/v1/make" body: "*" }; }
}`;

const MOST_BYTES = 48 << 20;
const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`;

async function start(t: ExecutionContext): Promise<TestGateway & { readonly socket: Socket }> {
  async function* endless() {
    for (;;) {
      yield { id: 'x' };
      await sleep(10);
    }
  }
  const gateway = await startGateway(t, PROTO, { Hang: { hang: true }, Watch: () => ({ messages: endless() }) });
  const socket = connect(gateway.port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  socket.on('error', () => {});
  return { ...gateway, socket };
}

/** Returns what comes until `count` ids have come, or the connection ends. */
async function answersOn(t: ExecutionContext, port: number, requests: string, count: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  const chunks: Buffer[] = [];
  let seen = 0;
  socket
    .on('error', () => {})
    .on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      seen += chunk.toString('latin1').split('"id":').length - 1;
    });
  socket.write(requests);
  await until(() => seen >= count || socket.closed);
  return Buffer.concat(chunks).toString('latin1');
}

/** Resolves to false if the socket has not drained within `forMs`. */
async function drained(socket: Socket, forMs: number): Promise<boolean> {
  try {
    await once(socket, 'drain', { signal: AbortSignal.timeout(forMs) });
    return true;
  } catch {
    return false;
  }
}

for (const [what, path] of [
  ['answers once', '/v1/hang'],
  ['streams', '/v1/watch'],
] as const) {
  test(`a client that leaves cancels its call and tells the log, what waits behind it never begins: what ${what}`, async (t) => {
    const { socket, upstream, gateway, logged } = await start(t);
    socket.resume().write(get(path).repeat(12));
    await until(() => upstream.calls.length === 1);
    await sleep(50);
    socket.destroy();
    await until(() => gateway.snapshots.inFlight === 0);
    await until(() => upstream.calls.every(({ cancelled }) => cancelled));
    await sleep(50);
    t.is(upstream.calls.length, 1);
    const [line, ...others] = logged().filter(({ msg }) => msg === 'request');
    t.like(line, { path, clientGone: true, ...(path === '/v1/hang' ? { status: 499 } : {}) });
    t.deepEqual(others, []);
  });
}

test.serial('500 requests in one packet: one call at a time, an answer to each, in their order', async (t) => {
  let [running, most] = [0, 0];
  const { port, upstream } = await startGateway(t, PROTO, {
    Quick: async ({ request }) => {
      most = Math.max(most, ++running);
      await sleep(0);
      running--;
      return { message: request! };
    },
  });
  const ids = Array.from({ length: 500 }, (_, i) => String(i));
  const text = await answersOn(t, port, ids.map((id) => get(`/v1/quick?id=${id}`)).join(''), ids.length);
  t.deepEqual(
    [...text.matchAll(/\{"id":"(\d+)"\}/g)].map(([, id]) => id),
    ids,
  );
  t.is(upstream.calls.length, ids.length);
  t.is(most, 1);
});

test('a request meets what the one before it on its connection did', async (t) => {
  let made = '';
  const { port } = await startGateway(t, PROTO, {
    Make: async ({ request }) => {
      await sleep(50);
      made = (request as { id: string }).id;
      return { message: {} };
    },
    Quick: () => ({ message: { id: made } }),
  });
  const post =
    'POST /v1/make HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"id":"a"}';
  t.regex(await answersOn(t, port, post + get('/v1/quick'), 1), /\{"id":"a"\}$/);
});

test('nothing behind a waiting request is lost: bodies, expectations, requests in pieces', async (t) => {
  const { port, upstream } = await startGateway(t, PROTO, {
    Quick: ({ request }) => ({ message: request!, delayMs: 100 }),
    Make: ({ request }) => ({ message: request! }),
  });
  const post = (id: string, headers = '') =>
    `POST /v1/make HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}content-length: ${id.length + 9}\r\n\r\n{"id":"${id}"}`;
  const large = 'x'.repeat(200_000);
  const requests = [
    get('/v1/quick?id=a'),
    post('b'),
    post(large),
    post('c', 'expect: 100-continue\r\n'),
    get('/v1/quick?id=d'),
    post('e'),
  ].join('');
  const text = await answersOn(t, port, requests, 6);
  const ids = [...text.matchAll(/\{"id":"(\w+)"\}/g)].map(([, id]) => id!);
  t.deepEqual(ids, ['a', 'b', large, 'c', 'd', 'e']);
  t.is(upstream.calls.length, 6);
});

for (const tls of [false, true]) {
  test(`of a client that asks on and on and waits for nothing no more is read${tls ? ', over TLS' : ''}`, async (t) => {
    await runAlone();
    const made = certificates();
    const { port, upstream } = await startGateway(
      t,
      PROTO,
      { Hang: { hang: true } },
      tls ? { listen: { tls: await tlsFiles(t, made) } } : {},
    );
    const socket = tls ? connectTls({ port, ca: made.ca, servername: 'upstream.test' }) : connect(port, '127.0.0.1');
    t.teardown(() => void socket.destroy());
    socket.on('error', () => {}).resume();
    socket.write(get('/v1/hang'));
    await until(() => upstream.calls.length === 1);
    const many = get('/v1/hang').repeat(2000);
    const { result, grownBytes } = await mostHeld(async () => {
      for (let sent = many.length; ; sent += many.length)
        if (!socket.write(many) && !(await drained(socket, 3000))) return sent;
    }, MOST_BYTES);
    // The limit is what the buffers of two kernels hold.
    t.true(result < 32 << 20, `${result} bytes sent`);
    t.true(grownBytes < MOST_BYTES, `${grownBytes} bytes held`);
    t.is(upstream.calls.length, 1);
  });
}

test('a drain answers every request that waits, and the last answer alone ends the connection', async (t) => {
  const { port, upstream, drain } = await startGateway(t, PROTO, { Quick: { message: { id: 'a' }, delayMs: 300 } });
  const closed = answersOn(t, port, get('/v1/quick').repeat(5), 5);
  await until(() => upstream.calls.length === 1);
  await drain({ graceMs: 0, timeoutMs: 20_000 });
  const answers = (await closed).split('HTTP/1.1 ').slice(1);
  t.deepEqual(
    answers.map((answer) => answer.slice(0, 3)),
    ['200', '200', '200', '200', '200'],
  );
  t.deepEqual(
    answers.map((answer) => /^connection: close\r$/im.test(answer)),
    [false, false, false, false, true],
  );
});

test('a drain ends a connection with its latest answer, also after requests that ended in another order', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { port, upstream, leave, drain, send } = await startGateway(t, PROTO, {
    Quick: { message: { id: 'a' }, delayMs: 300 },
    Hang: () => released.then(() => ({ message: { id: 'b' } })),
  });
  const first = send('GET', '/v1/quick');
  await until(() => upstream.calls.length === 1);
  const second = send('GET', '/v1/hang');
  await first;
  release();
  await second;
  const closed = answersOn(t, port, get('/v1/quick').repeat(2), 2);
  await until(() => upstream.calls.length === 3);
  leave();
  await drain({ graceMs: 0, timeoutMs: 20_000 });
  const answers = (await closed).split('HTTP/1.1 ').slice(1);
  t.deepEqual(
    answers.map((answer) => /^connection: close\r$/im.test(answer)),
    [false, true],
  );
});

test('bytes that do not parse do not cost an earlier request its answer, and end the connection', async (t) => {
  const { port, upstream } = await startGateway(t, PROTO, { Quick: { message: { id: 'a' }, delayMs: 200 } });
  for (const wrong of [
    'nonsense\r\n\r\n',
    'GET /v1/quick HTTP/1.1\r\nh\0: x\r\n\r\n',
    `GET / HTTP/1.1\r\na: ${'a'.repeat(1 << 15)}`,
  ]) {
    const calls = upstream.calls.length;
    const text = await answersOn(t, port, get('/v1/quick') + wrong, 2);
    t.regex(text, /^HTTP\/1\.1 200 [^{]*connection: close[^{]*\{"id":"a"\}$/i);
    t.is(upstream.calls.length, calls + 1);
  }
});

test('a client that leaves after bytes that do not parse cancels the call', async (t) => {
  const { socket, upstream, gateway } = await start(t);
  socket.resume().write(`${get('/v1/hang')}nonsense\r\n\r\n`);
  await until(() => upstream.calls.length === 1);
  await sleep(50);
  socket.end();
  await until(() => upstream.calls[0]!.cancelled);
  await until(() => gateway.snapshots.inFlight === 0);
  t.is(upstream.calls.length, 1);
});

for (const [what, request] of [
  ['a WebSocket', get('/v1/quick', 'connection: upgrade\r\nupgrade: websocket\r\n')],
  ['h2c', get('/v1/quick', 'connection: upgrade\r\nupgrade: h2c\r\n')],
  ['a tunnel', 'CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n'],
] as const) {
  test(`a client that asks for ${what} before the earlier answer loses its connection, and no other client is affected`, async (t) => {
    const { socket, send, gateway, upstream } = await start(t);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write(get('/v1/hang') + request);
    await new Promise((resolve) => void socket.once('close', resolve));
    t.is(text, '');
    await until(() => gateway.snapshots.inFlight === 0);
    t.true(upstream.calls.every(({ cancelled }) => cancelled));
    t.is((await send('GET', '/v1/quick')).status, 200);
  });
}
