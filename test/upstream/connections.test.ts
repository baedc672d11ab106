/** The maximum age of connections, over real sockets. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { CallRequest } from '../../src/call/call.js';
import { NO_METADATA } from '../../src/call/metadata.js';
import { Connections, type TransportName } from '../../src/upstream/connections.js';
import { parseTarget } from '../../src/upstream/target.js';
import { handClock, pass } from '../support/clock.js';
import { startProxy } from '../support/proxy.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

const PROTO = `package t.v1;
  message Note { string text = 1; }
  service Notes { rpc Unary(Note) returns (Note); rpc Down(Note) returns (stream Note); }`;
const MAX_BYTES = 1024;
const AGE_MS = 60_000;

function request(method: 'Unary' | 'Down'): CallRequest {
  return {
    method: { path: `/t.v1.Notes/${method}`, clientStreaming: false, serverStreaming: method === 'Down' },
    message: new Uint8Array(),
    metadata: NO_METADATA,
    signal: new AbortController().signal,
    context: { surface: '', requestId: '', clientAddress: '' },
  };
}

async function start(t: ExecutionContext, name: TransportName, isOpen = () => true) {
  const upstream = await startUpstream(PROTO, { Down: { messages: [{ text: 'one' }], hang: true } });
  t.teardown(upstream.close);
  const proxy = await startProxy(t, upstream.port, isOpen);
  const clock = handClock();
  const parsed = parseTarget(proxy.target);
  const endpoint = parsed.kind === 'addresses' ? parsed.endpoints[0]! : undefined!;
  const connections = new Connections(name, endpoint, { clock, maxAgeMs: AGE_MS, random: () => 0 });
  t.teardown(() => connections.close());
  return { upstream, proxy, clock, connections, call: () => connections.call(request('Unary'), MAX_BYTES) };
}

for (const name of ['lean', 'http2', 'grpc-js'] as const) {
  test(`${name}: at its age a connection is replaced, and calls go to the new one`, async (t) => {
    const { upstream, clock, connections, call } = await start(t, name);
    await call();
    clock.advance(AGE_MS - 1);
    await sleep(20);
    t.is(upstream.connections().total, 1);
    clock.advance(1);
    await until(() => upstream.connections().total === 2);
    // The old connection is closed, because it has no call.
    await until(() => upstream.connections().open === 1);
    await call();
    clock.advance(AGE_MS);
    await until(() => upstream.connections().total === 3);
    t.is(connections.state(), 'ready');
  });

  test(`${name}: a stream keeps its old connection for as long as it likes`, async (t) => {
    const { upstream, clock, connections } = await start(t, name);
    const { message } = await connections.call(request('Down'), MAX_BYTES);
    const stream = (message as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    await stream.next();
    clock.advance(AGE_MS);
    await until(() => upstream.connections().total === 2);
    await pass(clock, 5000, 1000);
    t.is(connections.running(), 1);
    t.is(upstream.connections().open, 2);
    await stream.return?.();
    await until(() => connections.running() === 0);
    clock.advance(1000);
    await until(() => upstream.connections().open === 1);
  });

  test(`${name}: while no new connection can be made, the old one goes on`, async (t) => {
    let isOpen = true;
    const { upstream, proxy, clock, call } = await start(t, name, () => isOpen);
    await call();
    isOpen = false;
    clock.advance(AGE_MS);
    await until(() => proxy.connections().total >= 2);
    await sleep(20);
    await call();
    t.is(upstream.connections().total, 1);
    isOpen = true;
    clock.advance(AGE_MS);
    await until(() => upstream.connections().total === 2);
  });
}

test('an unused connection is not replaced', async (t) => {
  const { upstream, clock, connections, call } = await start(t, 'http2');
  await call();
  upstream.cut();
  await until(() => connections.state() !== 'ready');
  clock.advance(AGE_MS);
  await sleep(20);
  t.is(upstream.connections().total, 1);
});
