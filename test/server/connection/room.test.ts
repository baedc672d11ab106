/** One connection may hold only so much of answers and bodies, and everything that waits for room continues in the end. */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../../src/config/config.js';
import { startGateway, type TestGateway } from '../../support/gateway.js';
import { answerOf, type Http2Answer } from '../../support/http2.js';
import { until } from '../../support/until.js';
import type { Handlers } from '../../support/upstream.js';

const PROTO = `package p.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; bytes blob = 2; }
message Pair { Q left = 1; Q right = 2; }
service S {
  rpc Small(Q) returns (Q) { option (google.api.http) = { get: "/v1/small" }; }
  rpc Large(Q) returns (Q) { option (google.api.http) = { get: "/v1/large" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch" }; }
  rpc Put(Q) returns (Q) { option (google.api.http) = { post: "/v1/put" body: "*" }; }
}
service Pairs {
  rpc GetPair(Q) returns (Pair) {
    option (google.api.http) = { get: "/v1/pair" };
    option (protogate.v1.aggregate) = {
      steps: { into: "left" call: "p.v1.S/Large" with: "id = 'l'" }
      steps: { into: "right" call: "p.v1.S/Large" with: "id = 'r'" }
    };
  }
}`;
const LARGE_BYTES = 128 << 10;
const LIMIT_BYTES = 1 << 20;
/** The size of the JSON of a large answer, which is base64. */
const JSON_BYTES = Math.ceil(LARGE_BYTES / 3) * 4;

function start(t: ExecutionContext, handlers: Handlers = {}, config: Partial<ConfigInput> = {}): Promise<TestGateway> {
  const blob = Buffer.alloc(LARGE_BYTES);
  return startGateway(
    t,
    PROTO,
    {
      Small: { message: { id: 'small' } },
      Large: { message: { blob } },
      Watch: { messages: [{ blob }, { blob }, { blob }] },
      ...handlers,
    },
    { listen: { h2c: true }, limits: { connectionBytes: LIMIT_BYTES }, ...config },
  );
}

interface Client {
  readonly session: ClientHttp2Session;
  readonly get: (path: string) => ClientHttp2Stream;
  /** Takes all that waits. */
  readonly takeAll: () => void;
}

/** A client that takes nothing of its answers yet. */
async function unreading(t: ExecutionContext, url: string): Promise<Client> {
  const session = connectHttp2(url, { settings: { initialWindowSize: 0 }, maxSessionMemory: 1000 });
  t.teardown(() => session.destroy());
  session.on('error', () => {});
  await once(session, 'localSettings');
  const get = (path: string) => session.request({ ':path': path }).on('error', () => {});
  const takeAll = () => {
    session.setLocalWindowSize(2 ** 30);
    session.settings({ initialWindowSize: 1 << 20 });
  };
  return { session, get, takeAll };
}

/** Waits until nothing changes any more. */
async function settled(count: () => number): Promise<number> {
  let same = 0;
  for (let before = -1; same < 20; same++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (count() !== before) same = 0;
    before = count();
  }
  return count();
}

function countAnswers(streams: readonly ClientHttp2Stream[]): () => number {
  let answered = 0;
  for (const stream of streams) stream.once('response', () => answered++);
  return () => answered;
}

const areWhole = (t: ExecutionContext, answers: readonly Http2Answer[], bytes: number) =>
  t.true(answers.every(({ status, text, code }) => status === 200 && code === 0 && text.length >= bytes));

for (const transport of ['lean', 'http2', 'grpc-js'] as const) {
  test(`${transport}: a hundred answers that come at once are written as there is room, and all come whole`, async (t) => {
    const { url, upstream } = await start(t);
    const gateway =
      transport === 'lean'
        ? { url, upstream }
        : await start(t, {}, { upstreams: { test: { target: upstream.target, services: ['*'], transport } } });
    const { get, takeAll } = await unreading(t, gateway.url);
    const streams = Array.from({ length: 100 }, () => get('/v1/large'));
    const answered = countAnswers(streams);
    const answers = streams.map(answerOf);
    await until(() => upstream.calls.length === 100 && answered() > 0);
    const held = await settled(answered);
    t.true(held <= LIMIT_BYTES / JSON_BYTES + 1, `${held} answers of ${JSON_BYTES} bytes`);
    takeAll();
    areWhole(t, await Promise.all(answers), JSON_BYTES);
  });
}

test('streams that nobody reads are not read from their upstreams beyond the room', async (t) => {
  const { url, upstream } = await start(t);
  const { get, takeAll } = await unreading(t, url);
  const streams = Array.from({ length: 40 }, () => get('/v1/watch'));
  const answered = countAnswers(streams);
  const answers = streams.map(answerOf);
  await until(() => upstream.calls.length === 40 && answered() > 0);
  const held = await settled(answered);
  t.true(held <= LIMIT_BYTES / JSON_BYTES + 1, `${held}`);
  takeAll();
  areWhole(t, await Promise.all(answers), 3 * JSON_BYTES);
});

test('no call begins for a connection that is full; others are served, and it is when its answers are taken', async (t) => {
  const { url, upstream, send } = await start(t, { Large: { message: { blob: Buffer.alloc(LIMIT_BYTES) } } });
  const { get, takeAll } = await unreading(t, url);
  const first = get('/v1/large');
  const answer = answerOf(first);
  await once(first, 'response');
  const later = [get('/v1/small'), get('/v1/none'), get('/v1/large')];
  const answered = countAnswers(later);
  const answers = later.map(answerOf);
  t.is((await send('GET', '/v1/small')).status, 200);
  t.deepEqual([await settled(answered), upstream.calls.length], [0, 2]);
  takeAll();
  areWhole(t, [await answer], LIMIT_BYTES);
  t.deepEqual(
    (await Promise.all(answers)).map(({ status }) => status),
    [200, 404, 200],
  );
});

test('a stream that is reset gives its room back, and one that is reset while it waits never begins', async (t) => {
  const { url, upstream, gateway } = await start(t, { Large: { message: { blob: Buffer.alloc(LIMIT_BYTES) } } });
  const { get } = await unreading(t, url);
  const first = get('/v1/large');
  await once(first, 'response');
  const waiting = get('/v1/small');
  const other = get('/v1/small');
  const answered = once(other, 'response');
  await settled(() => upstream.calls.length);
  waiting.close(8);
  first.close(8);
  await answered;
  t.is(upstream.calls.length, 2);
  other.close(8);
  t.true(await until(() => gateway.snapshots.inFlight === 0));
});

test('an answer and an aggregate that are larger than all the room are answered, several at once', async (t) => {
  const blob = Buffer.alloc(700 << 10);
  const { url } = await start(t, { Large: { message: { blob } } }, { limits: { connectionBytes: '256KiB' } });
  const { get, takeAll } = await unreading(t, url);
  const answers = ['/v1/pair', '/v1/large', '/v1/pair', '/v1/watch', '/v1/small', '/v1/pair'].map(get).map(answerOf);
  takeAll();
  areWhole(t, await Promise.all(answers), 10);
});

test('bodies are read as far as there is room for them, and requests without one are served meanwhile', async (t) => {
  let answer = () => {};
  const answering = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const { url, upstream } = await start(t, {
    Put: async () => {
      await answering;
      return { message: { id: 'put' } };
    },
  });
  const session = connectHttp2(url, { maxSessionMemory: 1000 });
  t.teardown(() => session.destroy());
  const body = JSON.stringify({ blob: Buffer.alloc(150 << 10).toString('base64') });
  const puts = Array.from({ length: 20 }, () => {
    const stream = session.request({ ':method': 'POST', ':path': '/v1/put', 'content-type': 'application/json' });
    stream.on('error', () => {}).end(body);
    return answerOf(stream);
  });
  await until(() => upstream.calls.length > 0);
  const begun = await settled(() => upstream.calls.length);
  t.true(begun <= LIMIT_BYTES / body.length + 1, `${begun} bodies of ${body.length} bytes`);
  t.is((await answerOf(session.request({ ':path': '/v1/small' }))).status, 200);
  answer();
  areWhole(t, await Promise.all(puts), 10);
});

test('HTTP/1.1: of requests that are sent one behind the other, the next one begins when the answer before it is out', async (t) => {
  const { port, upstream, gateway } = await start(t, { Large: { message: { blob: Buffer.alloc(16 << 20) } } });
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => void socket.destroy());
  socket.pause();
  socket.write('GET /v1/large HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50));
  await until(() => upstream.calls.length > 0 && gateway.snapshots.inFlight > 0);
  t.is(await settled(() => upstream.calls.length), 1);
});

test('answers that are written in parts are all complete in the end, though each is larger than the room', async (t) => {
  const blob = Buffer.alloc(3 << 20);
  const { url, send } = await start(t, { Large: { message: { blob } }, Watch: { messages: [{ blob }, { blob }] } });
  const client = await unreading(t, url);
  const answers = ['/v1/large', '/v1/watch', '/v1/large', '/v1/large'].map((path) => answerOf(client.get(path)));
  await until(async () => (await send('GET', '/v1/small')).status === 200);
  client.takeAll();
  const lengths = (await Promise.all(answers)).map(({ status, text }) => [status, text.length]);
  const json = JSON.stringify({ blob: blob.toString('base64') }).length;
  t.deepEqual(lengths, [
    [200, json],
    [200, 2 * json + 3],
    [200, json],
    [200, json],
  ]);
});
