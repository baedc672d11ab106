/** The library refuses a config without anything to serve, and goes on to serve the old one. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { createGateway, GatewayError, type Middleware } from '../../src/index.js';
import { sendTo, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';

const NO_SCHEMA = 'options: error: schema: expected protos or descriptorSets, got none [config-value]';

test('a reload without any schema is refused, and the old one serves on', async (t) => {
  const { gateway, send } = await startGateway(t, LIBRARY);
  const error = await t.throwsAsync(gateway.reload({ version: 1 }), { instanceOf: GatewayError, message: NO_SCHEMA });
  t.like(error.diagnostics[0], { severity: 'error', rule: 'config-value' });
  t.is((await send('GET', '/v1/shelves/1')).status, 200);
});

test('a reload that would change what is read once is refused and names the keys', async (t) => {
  const { gateway, plan } = await startGateway(t, LIBRARY);
  const { protos } = plan.config.schema;
  const config = { version: 1 as const, schema: { protos: [...protos] }, listen: { port: 1 }, workers: 2 };
  const error = await t.throwsAsync(gateway.reload(config), { instanceOf: GatewayError });
  t.deepEqual(
    error.diagnostics.map(({ rule, text }) => [rule, text.split(':', 1)[0]]),
    [
      ['needs-restart', 'listen.port'],
      ['needs-restart', 'workers'],
    ],
  );
});

test('reloads run in the order of their calls, and none after the end', async (t) => {
  const { gateway, plan, send, upstream } = await startGateway(t, LIBRARY);
  const { protos } = plan.config.schema;
  const upstreams = { test: { target: upstream.target } };
  const config = { version: 1 as const, schema: { protos: [...protos] }, upstreams };
  const ended: number[] = [];
  const formats = ['problem', 'aip193', 'status', 'problem'] as const;
  await Promise.all(
    formats.map((format, index) => gateway.reload({ ...config, errors: { format } }).then(() => ended.push(index))),
  );
  t.deepEqual(ended, [0, 1, 2, 3]);
  t.is((await send('GET', '/nowhere')).headers['content-type'], 'application/problem+json');
  await gateway.close();
  await t.throwsAsync(gateway.reload(), { message: 'the gateway is closed' });
});

test('a gateway with schema.watch reloads when a proto has changed', async (t) => {
  const { plan, upstream } = await startGateway(t, LIBRARY);
  const [folder] = plan.config.schema.protos as [string];
  const upstreams = { test: { target: upstream.target } };
  const schema = { protos: [folder], watch: true };
  const gateway = await createGateway({ version: 1, schema, upstreams, log: { sample: 0 } });
  const server = createServer(gateway.callback()).listen(0, '127.0.0.1');
  t.teardown(async () => {
    server.close();
    await gateway.close();
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.is((await sendTo(url, 'GET', '/v1/shelves/1')).status, 200);
  await writeFile(join(folder, 'test.proto'), LIBRARY.replaceAll('"/v1/', '"/v2/'));
  t.true(await until(async () => (await sendTo(url, 'GET', '/v2/shelves/1')).status === 200));
  await gateway.reload({ version: 1, schema: { protos: [folder] }, upstreams, log: { sample: 0 } });
});

test('a gateway without any schema is refused', async (t) => {
  await t.throwsAsync(createGateway({ version: 1 }), { instanceOf: GatewayError, message: NO_SCHEMA });
});

test('createGateway without options says what it expects', async (t) => {
  for (const options of [undefined, null, 'protogate.yaml']) {
    await t.throwsAsync(createGateway(options as never), {
      instanceOf: GatewayError,
      message: 'options: error: expected an object such as { version: 1, schema, upstreams } [config-value]',
    });
  }
});

test('an interceptor that throws when it is called, or a middleware that is no function, is found at load', async (t) => {
  const broken = () => {
    throw new Error('broken interceptor');
  };
  await t.throwsAsync(startGateway(t, LIBRARY, {}, {}, { interceptors: [broken] }), { message: 'broken interceptor' });
  const afterAuth = ['no function'] as unknown as Middleware[];
  await t.throwsAsync(startGateway(t, LIBRARY, {}, {}, { middleware: { afterAuth } }), {
    message: 'expected a function as middleware, got string',
  });
});
