/** Tests how our own transports find out that a connection is dead, and which connections they must keep. */
import { setTimeout as turn } from 'node:timers/promises';
import test from 'ava';
import { StatusError } from '../../src/status/status-error.js';
import { createHttp2Transport } from '../../src/upstream/http2/transport.js';
import { createLeanTransport } from '../../src/upstream/lean/transport.js';
import { handClock, pass } from '../support/clock.js';
import { CONTINUATION, DATA, frame, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS } from '../support/frames.js';
import { answer, CALL, frames, GRPC, hanging, headers, message, whole } from '../support/http2-upstream.js';
import { startProxy } from '../support/proxy.js';
import { openTransport } from '../support/transport.js';
import { until } from '../support/until.js';

const STREAM = { ...CALL, method: { path: '/a.B/S', clientStreaming: false, serverStreaming: true } };

/**
 * RFC 9113 demands that each of these ends the connection. nghttp2 gives the connection up, and Node reports only the last
 * three.
 */
const BROKEN: readonly (readonly [what: string, frameOf: (stream: number) => Buffer])[] = [
  ['a header block that is no HPACK', (stream) => frame(HEADERS, 4, stream, Buffer.alloc(6, 0xff))],
  ['DATA on stream 0', () => frame(DATA, 0, 0, Buffer.from('x'))],
  ['DATA before HEADERS', (stream) => frame(DATA, 0, stream, message(Buffer.from('x')))],
  ['padding longer than its frame', (stream) => frame(HEADERS, 4 | 8, stream, Buffer.from([200, 1, 2]))],
  ['a frame larger than is allowed', (stream) => frame(DATA, 0, stream, Buffer.alloc(70_000))],
  ['SETTINGS of length 5', () => frame(SETTINGS, 0, 0, Buffer.alloc(5))],
  ['PING of length 7', () => frame(PING, 0, 0, Buffer.alloc(7))],
  ['CONTINUATION behind nothing', (stream) => frame(CONTINUATION, 4, stream, Buffer.from([0x88]))],
  ['HTTP/1.1', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['WINDOW_UPDATE of 0', () => frame(8, 0, 0, Buffer.alloc(4))],
  ['HEADERS on stream 0', () => frame(HEADERS, 4, 0, Buffer.from([0x88]))],
  ['RST_STREAM on stream 0', () => frame(RST_STREAM, 0, 0, Buffer.alloc(4))],
];

const TRANSPORTS = [
  ['http2', createHttp2Transport],
  ['lean', createLeanTransport],
] as const;

for (const [name, create] of TRANSPORTS) {
  for (const [what, frameOf] of BROKEN)
    test(`${name}: ${what}, and TCP stays open: what runs ends soon, and calls go over another connection`, async (t) => {
      let isBroken = false;
      const { transport, sockets } = await frames(t, create, (socket, stream) => {
        if (socket !== sockets[0] || stream === 1) return void socket.write(whole(stream));
        if (stream === 3)
          return void socket.write(
            Buffer.concat([headers(3, GRPC, false), frame(DATA, 0, 3, message(Buffer.from('x')))]),
          );
        if (stream === 7) socket.write(frameOf(stream));
        isBroken = stream === 7;
      });
      await transport.call(CALL);
      const messages = ((await transport.call(STREAM)).message as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      t.is((await messages.next()).value?.length, 1);
      const running = [messages.next(), transport.call(CALL), transport.call(CALL)];
      await until(() => isBroken);
      for (const one of running) {
        const error = await t.throwsAsync(one, { instanceOf: StatusError });
        t.deepEqual([error!.httpStatus, error!.unsent], [503, false]);
      }
      t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
      t.is(sockets.length, 2);
    });

  test(`${name}: the same behind a GOAWAY: what still runs does not hang`, async (t) => {
    const { transport, sockets } = await frames(t, create, (socket, stream) => {
      if (socket !== sockets[0] || stream === 1) return void socket.write(whole(stream));
      socket.write(frame(GOAWAY, 0, 0, Buffer.from([0, 0, 0, 3, 0, 0, 0, 0])));
      socket.write(frame(DATA, 0, 0, Buffer.from('x')));
    });
    await transport.call(CALL);
    t.is((await t.throwsAsync(transport.call(CALL), { instanceOf: StatusError }))!.httpStatus, 503);
    await transport.call(CALL);
    t.is(sockets.length, 2);
  });

  test(`${name}: a connection that was asked and says nothing gets no new call, and those that it has end a second later`, async (t) => {
    const clock = handClock();
    const { transport, port, sessions, streams } = await hanging(t, create, 100, clock);
    const proxy = await startProxy(t, port);
    const frozen = openTransport(create, proxy.target, { clock });
    t.teardown(() => frozen.close(0));
    const first = frozen.call(CALL);
    await until(() => streams.length === 1);
    answer(streams[0]!);
    await first;
    await pass(clock, 500);
    await proxy.freeze();
    let ended = 0;
    const lost = Array.from({ length: 3 }, () =>
      t.throwsAsync(frozen.call(CALL), { message: /cannot be reached/ }).finally(() => void ended++),
    );
    await pass(clock, 1500);
    const next = frozen.call(CALL);
    await until(() => streams.length === 2);
    t.is(ended, 0);
    t.is(sessions.length, 2);
    await pass(clock, 1000);
    await Promise.all(lost);
    await until(() => proxy.connections().open === 1);
    answer(streams[1]!);
    await next;
    t.is(transport.running(), 0);
  });

  test(`${name}: an upstream that is slow and lives is asked every second, and keeps its connection and its calls`, async (t) => {
    const clock = handClock();
    const { transport, sessions, streams } = await hanging(t, create, 100, clock);
    const slow = transport.call({ ...CALL, deadline: { at: clock.now() + 3_600_000, owner: 'route' } });
    await until(() => streams.length === 1);
    let asked = 0;
    let pings = 0;
    sessions[0]!.on('remoteSettings', () => void asked++).on('ping', () => void pings++);
    for (let second = 0; second < 10; second++) {
      const late = t.throwsAsync(transport.call({ ...CALL, deadline: { at: clock.now() + 1000, owner: 'route' } }), {
        message: /deadline/,
      });
      await until(() => streams.length === second + 2);
      await pass(clock, 1000);
      await late;
      await turn(50);
    }
    t.true(asked >= 5 && asked <= 12, `asked ${asked} times`);
    t.is(pings, 0, 'servers count them');
    t.is(sessions.length, 1);
    answer(streams[0]!);
    await slow;
  });

  test(`${name}: clients that give their calls no time cost neither a flood of questions nor connections`, async (t) => {
    const { transport, sessions, streams } = await hanging(t, create, 100);
    const first = transport.call(CALL);
    await until(() => streams.length === 1);
    answer(streams[0]!);
    await first;
    let asked = 0;
    sessions[0]!.on('remoteSettings', () => void asked++);
    const begun = Date.now();
    for (let i = 0; i < 200; i++)
      await t.throwsAsync(transport.call({ ...CALL, deadline: { at: Date.now() + 2, owner: 'client' } }));
    const seconds = (Date.now() - begun) / 1000;
    t.true(asked <= 2 * seconds + 2, `asked ${asked} times in ${seconds} s`);
    t.true(sessions.length <= 2, `${sessions.length} connections`);
  });

  test(`${name}: a process that is busy for longer than it waits for answers takes no upstream for dead`, async (t) => {
    const { transport, sessions, streams } = await hanging(t, create, 100);
    const slow = transport.call(CALL);
    await until(() => streams.length === 1);
    for (let i = 0; i < 2; i++) {
      // For the connection this is the same as a loop of 1300 ms, and it takes no CPU.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1300);
      await turn(300);
    }
    answer(streams[0]!);
    await slow;
    t.is(sessions.length, 1);
  });

  test(`${name}: a connection without calls is asked once in five minutes, and left when it says nothing`, async (t) => {
    const clock = handClock();
    const { port, sessions, streams } = await hanging(t, create, 100);
    const proxy = await startProxy(t, port);
    const transport = openTransport(create, proxy.target, { clock });
    t.teardown(() => transport.close(0));
    const first = transport.call(CALL);
    await until(() => streams.length === 1);
    answer(streams[0]!);
    await first;
    await turn(50);
    let asked = 0;
    sessions[0]!.on('remoteSettings', () => void asked++);
    await pass(clock, 300_000, 2000);
    t.is(asked, 0);
    await pass(clock, 630_000, 2000);
    t.true(asked === 2 || asked === 3, `asked ${asked} times`);
    await proxy.freeze();
    await pass(clock, 320_000, 2000);
    await pass(clock, 2000);
    await until(() => proxy.connections().open === 0);
    t.is(transport.state(), 'idle');
  });
}
