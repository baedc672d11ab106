import test from 'ava';
import type { CallRequest } from '../../src/call/call.js';
import { createUpstream } from '../../src/upstream/upstream.js';
import { startUpstream } from '../support/upstream.js';

const PROTO = `
  package t.v1;
  message Empty {}
  service S { rpc Ask(Empty) returns (Empty); }`;

function request(method: 'Ask'): CallRequest {
  return {
    method: { path: `/t.v1.S/${method}`, clientStreaming: false, serverStreaming: false },
    message: new Uint8Array(),
    metadata: [],
    signal: new AbortController().signal,
    context: { surface: 'default', requestId: 'r' },
  };
}

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
