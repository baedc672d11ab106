/** A reload changes the settings of a port that is open. */
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { systemClock } from '../../src/base/clock.js';
import { type ListenSettings, listen } from '../../src/server/listener/listen.js';
import { createLog } from '../../src/telemetry/log.js';
import { http2Client } from '../support/http2.js';
import { until } from '../support/until.js';

test('time limits, the most connections and HTTP/2 without TLS change while the port is open', async (t) => {
  const settings: ListenSettings = {
    host: '127.0.0.1',
    port: 0,
    h2c: false,
    keepAliveTimeoutMs: 60_000,
    headersTimeoutMs: 60_000,
    maxConnections: 100,
    headerBytes: 16_384,
    errorFormat: 'status',
    telling: { log: createLog({ format: 'json', destination: { write: () => {} } }) },
  };
  const listener = await listen(settings, async (_req, res) => void res.end('served'), systemClock);
  t.teardown(() => {
    listener.server.close();
    for (const socket of listener.connections) socket.destroy();
  });
  const port = Number(new URL(listener.url).port);
  const dial = () => {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.teardown(() => void socket.destroy());
    return socket.setEncoding('latin1');
  };
  const idle = dial();
  idle.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(idle, 'data');

  const perAddress = { most: 2, trustedProxies: [], onRefused: () => {} };
  listener.update({
    ...settings,
    h2c: true,
    keepAliveTimeoutMs: 500,
    headersTimeoutMs: 2000,
    maxConnections: 3,
    perAddress,
  });
  idle.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(idle, 'data');
  await once(idle, 'close');
  t.is((await http2Client(t, listener.url).send('GET', '/')).status, 200);
  const slow = dial();
  slow.write('GET / HT');
  t.regex(String((await once(slow, 'data'))[0]), /^HTTP\/1\.1 408 /);
  // The connection over HTTP/2 is idle for too long, too.
  await until(() => listener.connections.size === 0);
  const [, , third] = [dial(), dial(), dial()];
  await once(third, 'close');
  t.is(third.bytesRead, 0);

  // Without the limit for an address, the one for all connections counts.
  listener.update({ ...settings, maxConnections: 1 });
  t.is(listener.server.maxConnections, 1);
});
