/** The parts of an upstream that survive a reload, and those that a reload makes anew; real upstreams count the connections. */
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { ServerCredentials } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../src/base/clock.js';
import { Resources } from '../../src/base/resources.js';
import type { ConfigInput } from '../../src/config/config.js';
import { parseConfig } from '../../src/config/parse.js';
import type { StartOptions } from '../../src/gateway/gateway.js';
import { acquireUpstreams } from '../../src/gateway/upstreams.js';
import { createLog } from '../../src/telemetry/log.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { certificateAuthority, certificates } from '../support/certificates.js';
import { handClock } from '../support/clock.js';
import { protoFolder, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

const TRANSPORTS = ['lean', 'http2', 'grpc-js'] as const;

type UpstreamInput = NonNullable<ConfigInput['upstreams']>[string];

/** Starts a gateway with one upstream and limits that a reload may change. */
async function start(
  t: ExecutionContext,
  upstream: UpstreamInput,
  transport: (typeof TRANSPORTS)[number],
  options: StartOptions = {},
) {
  const settings = (more: object = {}) => ({ upstreams: { test: { transport, ...upstream, ...more } } });
  const { send, gateway, plan, logged } = await startGateway(t, LIBRARY, {}, settings(), options);
  const schema = { protos: [...plan.config.schema.protos] };
  return {
    send,
    gateway,
    logged,
    reload: (more: object, rest: object = {}) => gateway.reload({ version: 1, schema, ...settings(more), ...rest }),
  };
}

for (const transport of TRANSPORTS) {
  test(`${transport}: a reload that changes time-outs, retries or services keeps the connection`, async (t) => {
    const upstream = await startUpstream(LIBRARY);
    t.teardown(upstream.close);
    const { send, reload } = await start(t, { target: upstream.target }, transport);
    t.is((await send('GET', '/v1/books/x')).status, 200);
    for (const more of [
      { timeout: '7s' },
      { retry: { maxAttempts: 3, codes: ['UNAVAILABLE'] } },
      { streamIdleTimeout: '1m' },
      { services: ['library.v1.*'] },
      { target: `dns:///${upstream.target}` },
      {},
    ]) {
      await reload(more);
      t.is((await send('GET', '/v1/books/x')).status, 200, JSON.stringify(more));
    }
    t.deepEqual(upstream.connections(), { open: 1, total: 1 });
  });

  test(`${transport}: a reload that changes limits.responseBytes holds for the calls after it`, async (t) => {
    const upstream = await startUpstream(LIBRARY, { GetShelf: { message: { theme: 'x'.repeat(2000) } } });
    t.teardown(upstream.close);
    const { send, reload } = await start(t, { target: upstream.target }, transport);
    for (const [responseBytes, status] of [
      ['10KiB', 200],
      ['1KiB', 502],
      ['3KiB', 200],
    ] as const) {
      await reload({}, { limits: { responseBytes } });
      t.is((await send('GET', '/v1/shelves/1')).status, status, responseBytes);
    }
    // grpc-js has limits for a channel only, so there the change costs a connection.
    if (transport !== 'grpc-js') t.deepEqual(upstream.connections(), { open: 1, total: 1 });
    await until(() => upstream.connections().open === 1);
  });

  test(`${transport}: the answer of an upstream may have 64 MiB where nothing else is said`, async (t) => {
    // Without a setting gRPC clients take 4 MiB.
    const upstream = await startUpstream(LIBRARY, { GetShelf: { message: { theme: 'x'.repeat(5 << 20) } } });
    t.teardown(upstream.close);
    const { send } = await start(t, { target: upstream.target }, transport);
    t.is((await send('GET', '/v1/shelves/1?$fields=name')).status, 200);
  });

  test(`${transport}: a reload with another target leaves the connections to the first`, async (t) => {
    const [one, two] = [await startUpstream(LIBRARY), await startUpstream(LIBRARY)];
    for (const upstream of [one, two]) t.teardown(upstream.close);
    const { send, reload } = await start(t, { target: one.target }, transport);
    await send('GET', '/v1/books/x');
    await reload({ target: two.target });
    await send('GET', '/v1/books/x');
    t.is(two.calls.length, 1);
    await until(() => one.connections().open === 0);
  });

  test(`${transport}: renewed TLS files are used by a new connection, equal ones by none, and the old one goes on until then`, async (t) => {
    const { ca, server, client, otherCa } = certificates();
    const pairs = [{ cert_chain: server.cert, private_key: server.key }];
    const upstream = await startUpstream(LIBRARY, {}, { credentials: ServerCredentials.createSsl(ca, pairs, true) });
    t.teardown(upstream.close);
    const folder = await protoFolder(t, {});
    const tls = { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    await writeFile(tls.ca, ca);
    await writeFile(tls.cert, client.cert);
    await writeFile(tls.key, client.key);
    const own = { target: upstream.target, tls: { ...tls, serverName: 'upstream.test' } };
    const clock = handClock();
    const { send, reload, logged } = await start(t, own, transport, { clock });
    const isServed = async (total: number) => {
      t.is((await send('GET', '/v1/books/x')).status, 200);
      t.is(upstream.connections().total, total);
    };
    const isLogged = (text: string) => logged().filter(({ msg }) => String(msg).includes(text)).length;
    await isServed(1);
    await writeFile(tls.ca, ca);
    clock.advance(1000);
    await reload({ timeout: '7s' });
    await isServed(1);

    // The gateway finds the change by itself.
    await writeFile(tls.ca, Buffer.concat([otherCa, ca]));
    clock.advance(1000);
    await until(() => upstream.connections().total === 2);
    await until(() => upstream.connections().open === 1);
    await isServed(2);
    t.is(isLogged('were reloaded'), 1);

    // A key that does not fit its certificate is not used.
    const other = certificates();
    await writeFile(tls.cert, other.client.cert);
    clock.advance(1000);
    clock.advance(1000);
    t.is(isLogged('cannot be used'), 1);
    await isServed(2);

    // The upstream refuses the new certificate, so the old connection stays in use. A reload reads the files at once.
    await writeFile(tls.key, other.client.key);
    await reload({});
    await until(() => isLogged('takes no connection') === 1);
    t.is((await send('GET', '/v1/books/x')).status, 200);

    const refused = upstream.connections().total;
    await writeFile(tls.cert, client.cert);
    await writeFile(tls.key, client.key);
    await reload({});
    await until(() => upstream.connections().total > refused && upstream.connections().open === 1);
    t.is((await send('GET', '/v1/books/x')).status, 200);
  });

  test(`${transport}: no call fails while the certificate and the key of the gateway are replaced one after the other`, async (t) => {
    const authority = certificateAuthority();
    const server = authority.issue('upstream.test');
    const pairs = [{ cert_chain: server.cert, private_key: server.key }];
    const credentials = ServerCredentials.createSsl(authority.ca, pairs, true);
    const upstream = await startUpstream(LIBRARY, {}, { credentials, keepsCalls: false });
    t.teardown(upstream.close);
    const folder = await protoFolder(t, {});
    const tls = { ca: join(folder, 'ca.pem'), cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const made = [0, 1, 2, 3].map(() => authority.issue('gateway.test'));
    await writeFile(tls.ca, authority.ca);
    await writeFile(tls.cert, made[0]!.cert);
    await writeFile(tls.key, made[0]!.key);
    const clock = handClock();
    const own = { target: upstream.target, tls: { ...tls, serverName: 'upstream.test' } };
    const { send } = await start(t, own, transport, { clock });
    let isOver = false;
    let sent = 0;
    const client = async () => {
      for (; !isOver; sent++) t.is((await send('GET', '/v1/books/x')).status, 200);
    };
    const clients = [client(), client(), client(), client()];
    for (const [renewals, { cert, key }] of made.entries()) {
      // The gateway reads the files before, between and after the two writes.
      await writeFile(tls.cert, cert);
      clock.advance(1000);
      const before = sent;
      await until(() => sent > before + 8);
      await writeFile(tls.key, key);
      clock.advance(1000);
      await until(() => upstream.connections().total === renewals + 1);
    }
    const last = sent;
    await until(() => sent > last + 8);
    isOver = true;
    await Promise.all(clients);
  });

  test(`${transport}: a deadline passes by the gateway's clock`, async (t) => {
    const clock = handClock();
    const limits = { requestTimeout: '10m' };
    const { send, upstream } = await startGateway(t, LIBRARY, { GetShelf: { hang: true } }, { limits }, { clock });
    const hour = { headers: { 'x-request-timeout': '3600' } };
    // The connection is made before the clock runs on.
    await send('GET', '/v1/books/x', hour);
    const late = send('GET', '/v1/shelves/1', hour);
    await until(() => upstream.calls.length === 2);
    clock.advance(600_000);
    t.is((await late).status, 504);
    await upstream.last().whenCancelled;
  });
}

test('http2: connecting ends by the gateway’s clock', async (t) => {
  const silent = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1');
  t.teardown(() => void silent.close());
  await until(() => silent.listening);
  const clock = handClock();
  const target = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const limits = { requestTimeout: '10m' };
  const { send } = await startGateway(t, LIBRARY, {}, { upstreams: { test: { target } }, limits }, { clock });
  const refused = send('GET', '/v1/books/x');
  await until(() => clock.delays.includes(20_000));
  clock.advance(20_000);
  t.is((await refused).status, 503);
});

test('what is held is keyed by what it depends on: connections by endpoint, TLS and transport', async (t) => {
  const resources = new Resources();
  const lease = resources.lease();
  const lookup = () => Promise.reject(new Error('no name is looked up here'));
  const [log, metrics] = [createLog({ destination: { write: () => {} } }), createMetrics()];
  const acquired = (upstreams: Readonly<Record<string, UpstreamInput>>) => {
    const { config } = parseConfig({ version: 1, upstreams });
    const { upstreams: own, limits } = config!;
    return acquireUpstreams(own, limits.responseBytes, lease, { resources, clock: systemClock, lookup, log, metrics });
  };
  acquired({ a: { target: '10.0.0.1:1' }, b: { target: '10.0.0.1:2' } });
  // The balancer and the connections of each.
  t.is(resources.size, 4);
  const second = acquired({
    a: { target: 'dns:///10.0.0.1:1', timeout: '1s' },
    b: { targets: ['10.0.0.1:2', '10.0.0.1:1'] },
    c: { target: '10.0.0.1:1', services: ['x.v1.*'], transport: 'grpc-js' },
  });
  // The new ones are the balancers of b and c, and the connections of c.
  t.is(resources.size, 7);
  await lease.release();
  t.is(resources.size, 0);
  t.is(second.get('a')!.report().state, 'closed');
});
