/** Methods that stream both ways, over HTTP/1.1: answers wait until the request has ended, within a bound. */
import { once } from 'node:events';
import { request } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { MOST_WAITING_BYTES } from '../../../src/server/endpoints/half-duplex.js';
import { startGateway, type TestGateway } from '../../support/gateway.js';
import { until } from '../../support/until.js';
import { arriving, type Handlers } from '../../support/upstream.js';

const PROTO = `package chat.v1;
import "google/api/annotations.proto";
message Line { string text = 1; bytes blob = 2; }
service Chat { rpc Talk(stream Line) returns (stream Line) { option (google.api.http) = { post: "/v1/talk" body: "*" }; } }`;

/** Answers each line with the same line in capitals. */
const ECHO: Handlers = {
  Talk: (call) => ({
    messages: (async function* () {
      for await (const line of arriving(call) as AsyncIterable<{ text: string }>)
        yield { text: line.text.toUpperCase() };
    })(),
  }),
};

/** Opens a request that is sent piece by piece. */
function talk(t: ExecutionContext, { port }: TestGateway) {
  const req = request({ port, host: '127.0.0.1', method: 'POST', path: '/v1/talk', agent: false });
  t.teardown(() => void req.destroy());
  req.on('error', () => {});
  req.setHeader('content-type', 'application/x-ndjson');
  req.setHeader('accept', 'application/x-ndjson');
  const answer = once(req, 'response').then(async ([res]) => {
    let text = '';
    res.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await once(res, 'close');
    return { status: res.statusCode as number, headers: res.headers, text };
  });
  answer.catch(() => {});
  return { req, answer };
}

test('a client that reads when it has sent all gets every answer', async (t) => {
  const gateway = await startGateway(t, PROTO, ECHO);
  const { status, text } = await gateway.send('POST', '/v1/talk', {
    body: '{"text":"a"}\n{"text":"b"}\n',
    headers: { 'content-type': 'application/x-ndjson', accept: 'application/x-ndjson' },
  });
  t.is(status, 200);
  t.is(text, '{"text":"A"}\n{"text":"B"}\n');
});

test('messages reach the upstream while the request is open, and nothing of the answer is sent', async (t) => {
  const gateway = await startGateway(t, PROTO, ECHO);
  const { req, answer } = talk(t, gateway);
  let isAnswered = false;
  req.once('response', () => {
    isAnswered = true;
  });
  req.write('{"text":"a"}\n');
  await until(() => gateway.upstream.calls.length === 1 && gateway.upstream.last().requests.length === 1);
  req.write('{"text":"b"}\n');
  await until(() => gateway.upstream.last().requests.length === 2);
  t.false(isAnswered);
  req.end();
  t.is((await answer).text, '{"text":"A"}\n{"text":"B"}\n');
});

test('more than 1 MiB of answers before the request has ended is 413, which names the other ways, and cancels', async (t) => {
  const blob = Buffer.alloc(100_000);
  const gateway = await startGateway(t, PROTO, {
    Talk: { messages: Array.from({ length: 20 }, () => ({ blob })), hang: true },
  });
  const { req, answer } = talk(t, gateway);
  req.write('{"text":"a"}\n');
  const { status, text } = await answer;
  t.is(status, 413);
  t.like(JSON.parse(text), { code: 8 });
  t.regex(text, new RegExp(`at most ${MOST_WAITING_BYTES} bytes .* HTTP/2 or a WebSocket`));
  await gateway.upstream.last().whenCancelled;
});

test('what comes after the request has ended is not bounded', async (t) => {
  const blob = Buffer.alloc(100_000);
  const gateway = await startGateway(t, PROTO, {
    Talk: (call) => ({
      messages: (async function* () {
        await call.whenHalfClosed;
        for (let i = 0; i < 20; i++) yield { blob };
      })(),
    }),
  });
  const { req, answer } = talk(t, gateway);
  req.end('{"text":"a"}\n');
  const { status, text } = await answer;
  t.is(status, 200);
  t.is(text.split('\n').length, 21);
});

test('a failure before the request has ended is a plain error', async (t) => {
  const gateway = await startGateway(t, PROTO, {
    Talk: { messages: [{ text: 'x' }], status: { code: 9, message: 'closed today' } },
  });
  const { req, answer } = talk(t, gateway);
  req.write('{"text":"a"}\n');
  const { status, text } = await answer;
  t.is(status, 400);
  t.like(JSON.parse(text), { code: 9, message: 'closed today' });
});

test('an early answer of the upstream reaches the client at once, and ends the connection', async (t) => {
  const gateway = await startGateway(t, PROTO, { Talk: { messages: [{ text: 'enough' }] } });
  const { req, answer } = talk(t, gateway);
  req.write('{"text":"a"}\n');
  const { status, headers, text } = await answer;
  t.is(status, 200);
  t.is(text, '{"text":"enough"}\n');
  t.is(headers.connection, 'close');
});

test('a client of a stream that goes away cancels the call', async (t) => {
  const gateway = await startGateway(t, PROTO, ECHO);
  const { req } = talk(t, gateway);
  req.write('{"text":"a"}\n');
  await until(() => gateway.upstream.calls.length === 1);
  req.destroy();
  await gateway.upstream.last().whenCancelled;
  t.pass();
});
