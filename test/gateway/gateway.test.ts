/** The library refuses a config without anything to serve, and goes on to serve the old one. */
import test from 'ava';
import { createGateway, GatewayError } from '../../src/index.js';
import { startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';

const NO_SCHEMA = 'options: error: schema: expected protos or descriptorSets, got none [config-value]';

test('a reload without any schema is refused, and the old one serves on', async (t) => {
  const { gateway, send } = await startGateway(t, LIBRARY);
  const error = await t.throwsAsync(gateway.reload({ version: 1 }), { instanceOf: GatewayError, message: NO_SCHEMA });
  t.like(error.diagnostics[0], { severity: 'error', rule: 'config-value' });
  t.is((await send('GET', '/v1/shelves/1')).status, 200);
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
