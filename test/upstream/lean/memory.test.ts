/** Tests that the bytes of an upstream, whatever they are, take at most 1 MiB and a hundred times their number in memory. */
import type { Socket } from 'node:net';
import { setTimeout as turn } from 'node:timers/promises';
import test from 'ava';
import { systemClock } from '../../../src/base/clock.js';
import { createLeanTransport } from '../../../src/upstream/lean/transport.js';
import { DATA, frame, HEADERS, literals, PING, SETTINGS } from '../../support/frames.js';
import { CALL, frames, GRPC, headers, whole } from '../../support/http2-upstream.js';
import { heldBytes, promotedBytes } from '../../support/memory.js';
import { runAlone } from '../../support/parallel-tests.js';
import { until } from '../../support/until.js';

const MIB = 1024 * 1024;
const many = (count: number, one: Buffer) => Buffer.concat(Array.from({ length: count }, () => one));
const prefix = (length: number) => Buffer.from([0, 0, length >> 16, (length >> 8) & 255, length & 255]);
const begun = (stream: number) => headers(stream, GRPC, false);

/** The bytes that each of 20 streams gets. */
const FLOODS: readonly (readonly [what: string, bytesOf: (stream: number) => Buffer])[] = [
  ['messages of no byte', (s) => Buffer.concat([begun(s), many(12, frame(DATA, 0, s, Buffer.alloc(16_000)))])],
  [
    'messages of one byte, each in a frame',
    (s) => Buffer.concat([begun(s), many(10_000, frame(DATA, 0, s, Buffer.from([0, 0, 0, 0, 1, 7])))]),
  ],
  [
    'messages in frames of one byte',
    (s) => Buffer.concat([begun(s), many(20_000, frame(DATA, 0, s, Buffer.from([0])))]),
  ],
  ['a message of which nothing follows', (s) => Buffer.concat([begun(s), frame(DATA, 0, s, prefix(900_000))])],
  ['a header block that does not end', (s) => frame(HEADERS, s === 39 ? 0 : 4, s, literals(GRPC))],
  ['interim headers', (s) => many(1000, headers(s, { ':status': '103', link: 'x'.repeat(100) }, false))],
  ['a table that is filled again and again', (s) => many(200, headers(s, { ':status': '103' }, false))],
];

for (const [what, bytesOf] of FLOODS)
  test.serial(`memory is in proportion to what an upstream sends: ${what}`, async (t) => {
    await runAlone();
    let sent = 0;
    let first: Socket | undefined;
    const { transport } = await frames(t, createLeanTransport, (socket, stream) => {
      first = socket;
      if (stream === 1) return;
      const bytes = bytesOf(stream);
      sent += bytes.length;
      socket.write(bytes);
    });
    const leaving = new AbortController();
    const method = { path: '/a.B/S', clientStreaming: false, serverStreaming: true };
    const call = () => transport.call({ ...CALL, method, signal: leaving.signal });
    const calls = [call()];
    await until(() => first !== undefined);
    const before = heldBytes();
    for (let i = 0; i < 19; i++) calls.push(call());
    // The transport has read everything when the socket has taken it and some turns have passed.
    await until(() => sent > 0 && transport.running() === 20 && first!.writableLength === 0);
    await turn(200);
    const grown = heldBytes() - before;
    t.log(`${(sent / MIB).toFixed(2)} MiB sent, ${(grown / MIB).toFixed(2)} MiB held`);
    t.true(grown <= MIB + 100 * sent);
    leaving.abort();
    await Promise.allSettled(calls);
  });

test.serial('an upstream that sends PING and SETTINGS and reads no answer is given up', async (t) => {
  const { transport, sockets } = await frames(t, createLeanTransport, (socket) => {
    socket.pause().removeAllListeners('data');
    const flood = many(20_000, Buffer.concat([frame(PING, 0, 0, Buffer.alloc(8)), frame(SETTINGS, 0, 0)]));
    const again = () => void (socket.destroyed || socket.write(flood, again));
    again();
  });
  const error = await t.throwsAsync(transport.call(CALL));
  t.regex(String((error as Error).cause), /reads no answers/);
  t.is(sockets.length, 1);
});

test.serial('20,000 PINGs are answered by an upstream that reads, and its call goes on', async (t) => {
  const { transport, received } = await frames(t, createLeanTransport, (socket, stream) => {
    socket.write(Buffer.concat([many(20_000, frame(PING, 0, 0, Buffer.alloc(8))), begun(stream)]));
    socket.write(
      Buffer.concat([
        frame(DATA, 0, stream, Buffer.from([0, 0, 0, 0, 1, 7])),
        headers(stream, { 'grpc-status': '0' }, true),
      ]),
    );
  });
  t.is(((await transport.call(CALL)).message as Uint8Array).length, 1);
  await until(() => received.filter(({ type, flags }) => type === PING && flags === 1).length === 20_000);
});

test.serial('ended calls are not kept until the next full garbage collection', async (t) => {
  await runAlone();
  const { transport } = await frames(t, createLeanTransport, (socket, stream) => {
    if (stream !== 1) socket.write(whole(stream));
  });
  const deadline = { at: systemClock.now() + 60_000, owner: 'route' } as const;
  const leaving = new AbortController();
  const open = transport.call({ ...CALL, signal: leaving.signal });
  const calls = 20;
  const batch = () => Promise.all(Array.from({ length: calls }, () => transport.call({ ...CALL, deadline })));
  await batch();
  const perCall = (await promotedBytes(batch, 'LeanRpc')) / calls;
  leaving.abort();
  await t.throwsAsync(open);
  t.log(`${perCall.toFixed(0)} bytes per call`);
  // A call itself has more than 200 bytes.
  t.true(perCall < 50);
});
