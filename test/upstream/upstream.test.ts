import test from 'ava';
import type { CallRequest, Interceptor } from '../../src/call/call.js';
import { Code } from '../../src/status/code.js';
import { StatusError } from '../../src/status/status-error.js';
import { createUpstream } from '../../src/upstream/upstream.js';
import { startUpstream } from '../support/upstream.js';

const PROTO = `
  package t.v1;
  message Empty {}
  service S { rpc Ask(Empty) returns (Empty); rpc Watch(Empty) returns (stream Empty); }`;

function request(method: 'Ask' | 'Watch', more: Partial<CallRequest> = {}): CallRequest {
  return {
    method: { path: `/t.v1.S/${method}`, clientStreaming: false, serverStreaming: method === 'Watch' },
    message: new Uint8Array(),
    metadata: [],
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: 'r' },
    ...more,
  };
}

test('its timeout bounds unary calls and reaches the server', async (t) => {
  const server = await startUpstream(PROTO, { Ask: { hang: true } });
  t.teardown(server.close);
  const upstream = createUpstream({ name: 'slow', target: server.target, services: ['*'], timeoutMs: 150 });
  t.teardown(upstream.close);
  const begun = Date.now();
  const error = await t.throwsAsync(upstream.call(request('Ask')), { instanceOf: StatusError });
  t.is((error as StatusError).code, Code.DEADLINE_EXCEEDED);
  t.true(Date.now() - begun < 1500);
  t.true(server.last().deadline! < begun + 1000);
  await server.last().whenCancelled;
});

test('its timeout does not bound streams', async (t) => {
  const server = await startUpstream(PROTO, { Watch: { messages: [{}, {}] } });
  t.teardown(server.close);
  const upstream = createUpstream({ name: 'feed', target: server.target, services: ['*'], timeoutMs: 50 });
  t.teardown(upstream.close);
  const { message } = await upstream.call(request('Watch'));
  let count = 0;
  for await (const _ of message as AsyncIterable<Uint8Array>) count++;
  t.is(count, 2);
  t.is(server.last().deadline, undefined);
});

test('interceptors stand around the call, the first outermost', async (t) => {
  const server = await startUpstream(PROTO);
  t.teardown(server.close);
  const order: string[] = [];
  const named =
    (name: string): Interceptor =>
    (next) =>
    async (request) => {
      order.push(`${name} in`);
      const response = await next(request);
      order.push(`${name} out`);
      return response;
    };
  const options = { interceptors: [named('a'), named('b')] };
  const upstream = createUpstream({ name: 'x', target: server.target, services: ['*'] }, options);
  t.teardown(upstream.close);
  await upstream.call(request('Ask'));
  t.deepEqual(order, ['a in', 'b in', 'b out', 'a out']);
});

test('it has its name, its state and the default limit of 64 MiB', async (t) => {
  const server = await startUpstream(PROTO, { Ask: { message: Buffer.alloc(10 * 1024 * 1024) } });
  t.teardown(server.close);
  const upstream = createUpstream({ name: 'orders', target: server.target, services: ['*'], transport: 'grpc-js' });
  t.is(upstream.name, 'orders');
  t.is(upstream.state(), 'idle');
  const { message } = await upstream.call(request('Ask'));
  t.is((message as Uint8Array).length, 10 * 1024 * 1024);
  t.is(upstream.state(), 'ready');
  await upstream.close();
  t.is(upstream.state(), 'closed');
});
