import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzip, gzipSync } from 'node:zlib';
import test from 'ava';
import { Code } from '../../src/status/code.js';
import { StatusError } from '../../src/status/status-error.js';
import type { TransportFactory } from '../../src/upstream/transport.js';
import { handClock } from '../support/clock.js';
import { frame, GOAWAY, SETTINGS } from '../support/frames.js';
import { answer, CALL, frames, GRPC, hanging, headers, whole } from '../support/http2-upstream.js';
import { startProxy } from '../support/proxy.js';
import { openTransport } from '../support/transport.js';
import { HANG_MS, until } from '../support/until.js';

const gunzipped = promisify(gunzip);
let large: Buffer | undefined;

/** Returns an answer that takes longer to unzip than a client needs to leave. */
function largeAnswer(): Buffer {
  large ??= gzipSync(Buffer.alloc(25 * 1024 * 1024));
  return large;
}

export function poolSuite(name: string, create: TransportFactory): void {
  test(`${name}: a server that sends no HTTP/2 frame is named so in the log`, async (t) => {
    const server = createHttpServer((_req, res) => void res.end('hello')).listen(0, '127.0.0.1');
    t.teardown(() => void server.close());
    await once(server, 'listening');
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = openTransport(create, target);
    const error = await t.throwsAsync(transport.call(CALL));
    t.is(error.message, 'the upstream cannot be reached');
    t.like(error.cause, { code: 'NO_HTTP2' });
    t.regex(
      (error.cause as Error).message,
      /^expected HTTP\/2 from the upstream, got no HTTP\/2 frame; if the server speaks TLS, add tls: \{\} to the upstream/,
    );
    await transport.close(0);
  });

  test(`${name}: an upstream that keeps its side of the connection open is not waited for`, async (t) => {
    // The server sends SETTINGS and nothing more, and does not even react to the end.
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    t.teardown(() => void server.close());
    await once(server, 'listening');
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = openTransport(create, target);
    const call = transport.call(CALL);
    const [socket] = await connected;
    socket.on('error', () => {}).write(frame(SETTINGS, 0, 0));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const refused = t.throwsAsync(call);
    await transport.close(0);
    await refused;
    socket.resume();
    const over = once(socket, 'error', { signal: AbortSignal.timeout(HANG_MS) });
    const timer = setInterval(() => void socket.write(frame(SETTINGS, 1, 0)), 200);
    t.teardown(() => clearInterval(timer));
    await t.notThrowsAsync(over);
  });

  // Room for calls

  test(`${name}: calls that come at once spread over as many connections as they need`, async (t) => {
    const { transport, sessions, streams } = await hanging(t, create, 10);
    const calls = Array.from({ length: 25 }, () => transport.call(CALL).catch(() => {}));
    await until(() => streams.length === 25);
    t.deepEqual(
      sessions.map((session) => streams.filter((stream) => stream.session === session).length),
      [10, 10, 5],
    );
    await transport.close(0);
    await Promise.all(calls);
  });

  test(`${name}: a call for which no connection has room begins, in its turn, when another has ended`, async (t) => {
    const { transport, streams } = await hanging(t, create, 1);
    const first = Array.from({ length: 8 }, () => transport.call(CALL));
    await until(() => streams.length === 8);
    const order: string[] = [];
    const waiting = ['a', 'b'].map((name) => transport.call(CALL).then(() => order.push(name)));
    await turn(50);
    t.is(streams.length, 8);
    answer(streams[3]!);
    await until(() => streams.length === 9);
    answer(streams[8]!);
    await until(() => streams.length === 10);
    answer(streams[9]!);
    await Promise.all(waiting);
    t.deepEqual(order, ['a', 'b']);
    for (const stream of streams) if (!stream.destroyed) answer(stream);
    await Promise.all(first);
  });

  for (const how of ['says GOAWAY', 'hangs up'] as const)
    test(`${name}: a call that waits for room when the upstream ${how} begins on another connection`, async (t) => {
      const { transport, sessions, streams } = await hanging(t, create, 1);
      const first = Array.from({ length: 8 }, () => transport.call(CALL).catch(() => {}));
      await until(() => streams.length === 8);
      const waiting = transport.call(CALL);
      await turn(50);
      if (how === 'hangs up') sessions[5]!.destroy();
      else sessions[5]!.goaway(0, 2 ** 31 - 1);
      await until(() => streams.length === 9);
      t.is(streams[8]!.session, sessions[8]);
      answer(streams[8]!);
      await waiting;
      await transport.close(0);
      await Promise.all(first);
    });

  test(`${name}: a call that waits for room ends by its deadline, by its client and when the upstream is closed`, async (t) => {
    const clock = handClock();
    const { transport, streams } = await hanging(t, create, 1, clock);
    const first = Array.from({ length: 8 }, () => transport.call(CALL).catch(() => {}));
    await until(() => streams.length === 8);
    const late = t.throwsAsync(transport.call({ ...CALL, deadline: { at: clock.now() + 1000, owner: 'route' } }), {
      message: /deadline/,
    });
    const client = new AbortController();
    const left = t.throwsAsync(transport.call({ ...CALL, signal: client.signal }), { message: /cancelled/ });
    const rest = t.throwsAsync(transport.call(CALL), { message: /closed/ });
    clock.advance(1000);
    await late;
    client.abort();
    await left;
    const closed = transport.close(0);
    await rest;
    clock.advance(0);
    await closed;
    await Promise.all(first);
    t.is(streams.length, 8);
  });

  test(`${name}: a call that waits beside one that does not end begins when a connection can be made again`, async (t) => {
    const { port, sessions, streams } = await hanging(t, create, 1);
    let attempts = 0;
    const { target } = await startProxy(t, port, () => ++attempts !== 2);
    const clock = handClock();
    const transport = openTransport(create, target, { clock });
    const endless = transport.call(CALL).catch(() => {});
    await until(() => streams.length === 1);
    const waiting = transport.call(CALL);
    await until(() => attempts === 2 && clock.delays.at(-1)! < 1000);
    t.is(sessions.length, 1);
    clock.advance(240);
    await until(() => streams.length === 2);
    answer(streams[1]!);
    await waiting;
    const closed = transport.close(0);
    clock.advance(0);
    await closed;
    await endless;
  });

  test(`${name}: attempts that fail wait longer each time, and after a connection as little as at first`, async (t) => {
    const { port, sessions, streams } = await hanging(t, create, 1);
    let isOpen = false;
    const { target } = await startProxy(t, port, () => isOpen);
    const clock = handClock();
    const transport = openTransport(create, target, { clock });
    const fails = async (aboutMs: number) => {
      await t.throwsAsync(transport.call(CALL), { message: /cannot be reached/ });
      t.true(Math.abs(clock.delays.at(-1)! / aboutMs - 1) <= 0.2, `${clock.delays.at(-1)} ms`);
    };
    await fails(200);
    await t.throwsAsync(transport.call(CALL), { message: /cannot be reached/ });
    clock.advance(240);
    await fails(400);
    clock.advance(480);
    isOpen = true;
    const call = transport.call(CALL);
    await until(() => streams.length === 1);
    answer(streams[0]!);
    await call;
    isOpen = false;
    sessions[0]!.destroy();
    await until(() => transport.state() === 'idle');
    await fails(200);
    await transport.close(0);
    t.is(clock.pending, 0);
  });

  test(`${name}: an upstream that allows no call is not connected, and calls end by their deadlines`, async (t) => {
    const clock = handClock();
    const { transport, sessions } = await hanging(t, create, 0, clock);
    const late = t.throwsAsync(transport.call({ ...CALL, deadline: { at: clock.now() + 1000, owner: 'route' } }), {
      message: /deadline/,
    });
    await until(() => sessions.length === 1);
    clock.advance(1000);
    await late;
    t.is(transport.state(), 'connecting');
    const never = t.throwsAsync(transport.call(CALL), { message: /cannot be reached/ });
    clock.advance(20_000);
    await never;
    t.is(transport.state(), 'failing');
  });

  test(`${name}: a call that is cancelled while its answer is unzipped gives its room back once`, async (t) => {
    const { transport, sessions, streams } = await hanging(t, create, 1);
    const client = new AbortController();
    const zipped = t.throwsAsync(transport.call({ ...CALL, signal: client.signal }), { instanceOf: StatusError });
    await until(() => streams.length === 1);
    const bytes = largeAnswer();
    answer(streams[0]!, bytes, 'gzip');
    await once(streams[0]!, 'close');
    await turn(20);
    client.abort();
    t.is((await zipped)!.code, Code.CANCELLED);
    // Work that was begun before this is done before it.
    for (let i = 0; i < 2; i++) await gunzipped(bytes);
    const calls = [transport.call(CALL), transport.call(CALL)];
    await until(() => streams.length === 3);
    t.is(sessions.length, 2);
    for (const stream of streams.slice(1)) answer(stream);
    await Promise.all(calls);
  });

  // Cases that only raw frames can show

  test(`${name}: what GOAWAY says was not looked at is sent again, whatever its code`, async (t) => {
    for (const code of [0, 2, 11]) {
      const { transport, sockets } = await frames(t, create, (socket, stream) => {
        if (socket !== sockets[0]) return void socket.write(whole(stream));
        socket.end(frame(GOAWAY, 0, 0, Buffer.from([0, 0, 0, 0, 0, 0, 0, code])));
      });
      t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
      t.is(sockets.length, 2);
    }
  });

  for (const when of ['before', 'after'] as const)
    test(`${name}: an upstream that says GOAWAY ${when} its answer and keeps its side open is not waited for`, async (t) => {
      const goaway = frame(GOAWAY, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]));
      const { transport, sockets } = await frames(t, create, (socket, stream) => {
        socket.write(Buffer.concat(when === 'before' ? [goaway, whole(stream)] : [whole(stream), goaway]));
      });
      await transport.call(CALL);
      const [socket] = sockets;
      const over = once(socket!, 'error', { signal: AbortSignal.timeout(HANG_MS) });
      const timer = setInterval(() => void socket!.write(frame(SETTINGS, 1, 0)), 200);
      t.teardown(() => clearInterval(timer));
      await t.notThrowsAsync(over);
    });

  test(`${name}: what was looked at before GOAWAY is not sent again`, async (t) => {
    const { transport, sockets } = await frames(t, create, (socket) => {
      socket.end(frame(GOAWAY, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 2])));
    });
    const error = await t.throwsAsync(transport.call(CALL), { instanceOf: StatusError });
    t.deepEqual([error!.httpStatus, error!.unsent], [503, false]);
    t.is(sockets.length, 1);
  });

  for (const kind of ['one message', 'a stream'] as const)
    for (const status of ['0', '8'] as const)
      test(`${name}: a status ${status} before ${kind} was taken is the answer, also without RST_STREAM`, async (t) => {
        const { transport, resets } = await frames(t, create, (socket, stream) => {
          socket.write(status === '0' ? whole(stream) : headers(stream, { ...GRPC, 'grpc-status': status }, true));
        });
        const endless = async function* () {
          for (;;) {
            yield new Uint8Array(64 * 1024);
            await turn(1);
          }
        };
        const upload = kind === 'a stream' ? endless() : new Uint8Array(1024 * 1024);
        const method = { ...CALL.method, clientStreaming: kind === 'a stream' };
        const call = transport.call({ ...CALL, method, message: upload });
        if (status === '0') t.is(((await call).message as Uint8Array).length, 1);
        else t.is((await t.throwsAsync(call, { instanceOf: StatusError }))!.httpStatus, 429);
        t.is(transport.running(), 0);
        await until(() => resets.length === 1);
      });

  test(`${name}: what an upstream says before its headers (1xx) is not its answer`, async (t) => {
    const { transport } = await frames(t, create, (socket, stream) => {
      socket.write(Buffer.concat([headers(stream, { ':status': '103', link: 'x' }, false), whole(stream)]));
    });
    t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
  });

  test(`${name}: calls that are cancelled in crowds cost no other call the connection`, async (t) => {
    const server = createHttp2Server().listen(0, '127.0.0.1');
    t.teardown(() => void server.close());
    await once(server, 'listening');
    const sessions = new Set<ServerHttp2Session>();
    const kept: ServerHttp2Stream[] = [];
    let came = 0;
    server.on('session', (session) => {
      sessions.add(session.on('error', () => {}).on('close', () => sessions.delete(session)));
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {}).respond({ ':status': 200, 'content-type': 'application/grpc' });
      if (headers[':path'] === '/a.B/Keep') kept.push(stream);
      came++;
    });
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = openTransport(create, target);
    const method = { path: '/a.B/Keep', clientStreaming: false, serverStreaming: true };
    const answer = await transport.call({ ...CALL, method });
    for (let round = 1; round <= 30; round++) {
      const leaving = new AbortController();
      const calls = Array.from({ length: 50 }, () => transport.call({ ...CALL, signal: leaving.signal }));
      await until(() => came === 1 + 50 * round);
      leaving.abort();
      await Promise.allSettled(calls);
    }
    for (const stream of kept) {
      stream.write(Buffer.from([0, 0, 0, 0, 1, 7]));
      stream.close();
    }
    const messages = (answer.message as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    t.deepEqual((await messages.next()).value, Buffer.from([7]));
    await t.throwsAsync(messages.next());
    await until(() => sessions.size === 1);
    await transport.close(0);
  });
}
