/** Tests how a plaintext connection is recognized as HTTP/2, over real sockets and with all ways to cut its first bytes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../src/base/clock.js';
import { speaksHttp2 } from '../../src/server/listener/preface.js';
import { handClock } from '../support/clock.js';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Connects to a server that reads nothing by itself. Returns the client's end and the server's end. */
async function connections(t: ExecutionContext): Promise<() => Promise<readonly [near: Socket, far: Socket]>> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return async () => {
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const near = connect({ port, host: '127.0.0.1', noDelay: true });
    const [far] = await connected;
    t.teardown(() => {
      near.destroy();
      far.destroy();
    });
    return [near, far];
  };
}

for (const [what, text, expected] of [
  ['the preface and what follows it', `${PREFACE}and more`, true],
  ['a request of HTTP/1.1', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', false],
  ['what begins like the preface', 'PRI * HTTP/1.1\r\n\r\n', false],
  ['what differs in the last byte', `${PREFACE.slice(0, -1)}X`, false],
] as const) {
  test(`${what}: ${expected ? '' : 'not '}HTTP/2, and nothing of it is lost, however it is cut`, async (t) => {
    const bytes = Buffer.from(text);
    const inTwo = Array.from(bytes.keys(), (at) => [bytes.subarray(0, at), bytes.subarray(at)]);
    const next = await connections(t);
    for (const pieces of [...inTwo, [...bytes].map((byte) => Buffer.from([byte]))]) {
      const [near, far] = await next();
      let known = false;
      const answer = speaksHttp2(far, 5000, systemClock);
      void answer.then(() => {
        known = true;
      });
      for (const piece of pieces) {
        const sent = near.bytesWritten + piece.length;
        near.write(piece);
        while (!known && far.bytesRead < sent) await turn();
      }
      t.is(await answer, expected);
      near.end();
      t.is(await textOf(far), text);
    }
  });
}

test('a client that says nothing, or no more, loses the connection in time', async (t) => {
  const next = await connections(t);
  for (const text of ['', 'PRI']) {
    const [near, far] = await next();
    const clock = handClock();
    const answer = speaksHttp2(far, 1000, clock);
    near.write(text);
    while (far.bytesRead < text.length) await turn();
    clock.advance(999);
    t.false(far.destroyed);
    clock.advance(1);
    t.true(far.destroyed);
    t.false(await answer);
    t.is(clock.pending, 0);
  }
});

test('a protocol that is not known when the connection ends is none, and other connections go on', async (t) => {
  const next = await connections(t);
  for (const text of ['', 'P', 'PRI *', PREFACE.slice(0, -1)]) {
    const [near, far] = await next();
    const answer = speaksHttp2(far, 5000, systemClock);
    near.end(text);
    t.false(await answer, text);
  }
});
