/** HTTP/2 clients whose connection is lost without an end, and clients that stay silent. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createHttp2 } from '../../../src/server/listener/http2.js';
import { createLog } from '../../../src/telemetry/log.js';
import { handClock, pass as passTime } from '../../support/clock.js';
import { frame, getFrame, PREFACE, PRIORITY } from '../../support/frames.js';
import { until } from '../../support/until.js';

const SETTINGS = {
  keepAliveTimeoutMs: 75_000,
  headersTimeoutMs: 10_000,
  headerBytes: 16_384,
  errorFormat: 'status',
  telling: { log: createLog({ destination: { write: () => {} } }) },
} as const;

/** Starts a gateway whose upstream answers nothing by itself. */
async function start(t: ExecutionContext) {
  const clock = handClock();
  const answers: ServerResponse[] = [];
  const open = new Set<Socket>();
  const sessions = createHttp2(SETTINGS, async (_req, res) => void answers.push(res), clock);
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    sessions.serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    sessions.destroy();
    server.close();
  });
  /** Moves the clock on by so many seconds. Everything that is on its way arrives meanwhile, also on a busy machine. */
  const pass = (seconds: number) => passTime(clock, seconds * 1000, 10_000);
  return { port: (server.address() as AddressInfo).port, answers, open, pass };
}

for (const [what, last] of [
  ['with a wrong frame', frame(PRIORITY, 0, 1, Buffer.alloc(4))],
  ['with data behind the end', frame(0, 0, 1, Buffer.from('x'))],
] as const) {
  test(`a client that leaves ${what} is noticed in time, and nothing of it is kept`, async (t) => {
    const { port, answers, open, pass } = await start(t);
    const socket = connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume();
    socket.write(Buffer.concat([PREFACE, getFrame(1, '/')]));
    await until(() => answers.length === 1);
    let closed = false;
    answers[0]!.once('close', () => {
      closed = true;
    });
    socket.write(last);
    await sleep(50);
    socket.destroy();
    await pass(100);
    t.true(closed);
    t.is(open.size, 0);
  });
}

test('a silent client that answers pings is not cut', async (t) => {
  const { port, answers, open, pass } = await start(t);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  t.teardown(() => session.destroy());
  const stream = session.request({ ':path': '/' });
  await until(() => answers.length === 1);
  await pass(600);
  t.is(open.size, 1);
  answers[0]!.end('at last');
  const [first] = (await once(stream, 'data')) as [Buffer];
  t.is(String(first), 'at last');
});

test('a client that answers no ping is cut', async (t) => {
  const { port, answers, open, pass } = await start(t);
  const socket = connect(port, '127.0.0.1').resume();
  t.teardown(() => void socket.destroy());
  socket.write(Buffer.concat([PREFACE, getFrame(1, '/')]));
  await until(() => answers.length === 1);
  await pass(100);
  t.is(open.size, 0);
});
