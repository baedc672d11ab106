import { once } from 'node:events';
import { type ClientHttp2Session, connect, createServer, type Http2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { createHttp2Transport } from '../../src/upstream/http2/transport.js';
import { Connection } from '../../src/upstream/lean/connection.js';
import { createLeanTransport } from '../../src/upstream/lean/transport.js';
import { openTransport } from '../support/transport.js';

// At 10,000 calls a second, the ids of a connection are used up after a day and a half (RFC 9113 §5.1.1).

const TRANSPORTS = [
  ['http2', createHttp2Transport, beginHttp2With],
  ['lean', createLeanTransport, beginLeanWith],
] as const;

for (const [name, create, beginWith] of TRANSPORTS)
  test(`${name}: a connection that has had all its streams is followed by another, and no call is lost`, async (t) => {
    const last = 2 ** 31 - 1;
    const ids: (number | undefined)[] = [];
    const sessions = new Set<Http2Session | undefined>();
    const server = createServer();
    server.on('stream', (stream) => {
      ids.push(stream.id);
      sessions.add(stream.session);
      stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.alloc(5));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.teardown(() => server.close());
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const transport = openTransport(create, target);
    const call = () =>
      transport.call({
        method: { path: '/a.B/C', clientStreaming: false, serverStreaming: false },
        message: new Uint8Array(0),
        metadata: [],
        signal: new AbortController().signal,
        context: { surface: 'default', requestId: 'x', clientAddress: '127.0.0.1' },
      });

    t.teardown(beginWith(last - 4, (server.address() as AddressInfo).port));
    await Promise.all([call(), call(), call()]);
    await Promise.all([call(), call()]);
    t.deepEqual(ids, [last - 4, last - 2, last, last - 4, last - 2]);
    t.is(sessions.size, 2);
    await transport.close(0);
  });

/** Makes the connections to a port give this id to their first stream. The returned function ends that. */
function beginLeanWith(id: number, port: number): () => void {
  const connections = Connection.prototype as unknown as { begin(...args: unknown[]): unknown };
  const { begin } = connections;
  const seen = new WeakSet<object>();
  connections.begin = function beginWith(
    this: { nextStreamId: number; settings: { endpoint: { port: number } } },
    ...args
  ) {
    if (!seen.has(this) && this.settings.endpoint.port === port) this.nextStreamId = id;
    seen.add(this);
    return begin.apply(this, args);
  };
  return () => {
    connections.begin = begin;
  };
}

/** Does the same for the sessions of `node:http2`. */
function beginHttp2With(id: number, port: number): () => void {
  const any = connect('http://127.0.0.1:1').on('error', () => {});
  const sessions = Object.getPrototypeOf(any) as ClientHttp2Session;
  const { request } = sessions;
  const seen = new WeakSet<Http2Session>();
  sessions.request = function begin(this: ClientHttp2Session & { setNextStreamID(id: number): void }, ...args) {
    if (!seen.has(this) && this.socket.remotePort === port) this.setNextStreamID(id);
    seen.add(this);
    return request.apply(this, args);
  };
  return () => {
    sessions.request = request;
  };
}
