/** The kernel reports how many of the written bytes the clients of real connections have acknowledged. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { kernelQueues } from '../../../src/server/connection/kernel-queues.js';
import { certificates } from '../../support/certificates.js';
import { handClock } from '../../support/clock.js';
import { saySkipped } from '../../support/commands.js';
import { until } from '../../support/until.js';

interface Pair {
  /** The gateway's side. */
  readonly server: Socket;
  /** Reads nothing until it is resumed. */
  readonly client: Socket;
}

/** Other kernels do not tell. */
const inLinux = (name: string, run: (t: ExecutionContext) => Promise<void>) =>
  process.platform === 'linux' ? test(name, run) : test.skip(name, run);
if (process.platform !== 'linux')
  saySkipped('only Linux reports what clients take: tests of the kernel’s queues are SKIPPED');
const BYTES = 16 << 20;

async function pairOf(
  t: ExecutionContext,
  listener: Server,
  listenOn: object,
  dial: (port: number) => Socket,
): Promise<Pair> {
  listener.listen(listenOn);
  await once(listener, 'listening');
  t.teardown(() => void listener.close());
  const event = 'setSecureContext' in listener ? 'secureConnection' : 'connection';
  const accepted = once(listener, event) as Promise<[Socket]>;
  const client = dial((listener.address() as { port: number }).port);
  client.pause();
  const [server] = await accepted;
  for (const socket of [server, client]) {
    socket.on('error', () => {});
    t.teardown(() => void socket.destroy());
  }
  return { server, client };
}

const made = certificates();

const WAYS: Readonly<Record<string, (t: ExecutionContext) => Promise<Pair>>> = {
  IPv4: (t) => pairOf(t, createServer(), { port: 0, host: '127.0.0.1' }, (port) => connect(port, '127.0.0.1')),
  IPv6: (t) => pairOf(t, createServer(), { port: 0, host: '::1' }, (port) => connect(port, '::1')),
  'an IPv4-mapped address': (t) =>
    pairOf(t, createServer(), { port: 0, host: '::' }, (port) => connect(port, '127.0.0.1')),
  TLS: (t) =>
    pairOf(t, createTlsServer(made.server), { port: 0, host: '127.0.0.1' }, (port) =>
      connectTls({ port, host: '127.0.0.1', ca: made.ca, servername: 'upstream.test' }),
    ),
};

for (const [name, open] of Object.entries(WAYS)) {
  inLinux(`${name}: what a client has not read yet is not acknowledged, and all is in the end`, async (t) => {
    const { server, client } = await open(t);
    const clock = handClock();
    const ask = async () => {
      const found = kernelQueues(clock).acknowledged(server);
      clock.advance(60_000);
      return (await found)!.bytes;
    };
    server.write(Buffer.alloc(BYTES));
    let first = -1;
    const isFull = async () => {
      const before = first;
      first = await ask();
      return first === before;
    };
    await until(isFull);
    t.true(first > 0 && first < BYTES / 2, `${first}`);
    client.resume();
    await until(() => client.bytesRead >= BYTES);
    await until(async () => (await ask()) >= BYTES);
    t.is(server.writableLength, 0);
  });
}

test('the acknowledged bytes of a unix socket are not known', async (t) => {
  const path = join(tmpdir(), `protogate-${process.pid}.sock`);
  const { server } = await pairOf(t, createServer(), { path }, () => connect(path));
  server.write(Buffer.alloc(BYTES));
  t.is(await kernelQueues(handClock()).acknowledged(server), undefined);
});

test('the acknowledged bytes of a closed connection are not known', async (t) => {
  const { server } = await WAYS.IPv4!(t);
  server.destroy();
  t.is(await kernelQueues(handClock()).acknowledged(server), undefined);
});

inLinux('all who ask share one reading, and there is one a second', async (t) => {
  const pairs = await Promise.all([WAYS.IPv4!(t), WAYS.TLS!(t)]);
  const clock = handClock();
  const queues = kernelQueues(clock);
  const askAll = () => Promise.all(pairs.flatMap(({ server }) => [server, server]).map((s) => queues.acknowledged(s)));
  const first = await askAll();
  t.is(first.length, 4);
  t.true(first.every((found) => found !== undefined));
  t.is(queues.readings, 1);
  let answered = false;
  const second = askAll().then(() => {
    answered = true;
  });
  clock.advance(999);
  await new Promise(setImmediate);
  t.false(answered);
  clock.advance(60_000);
  await second;
  t.is(queues.readings, 2);
});
