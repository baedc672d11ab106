/**
 * A config with a secret in each setting that may have one, and clients with credentials: what the gateway writes about
 * itself is searched for all of them.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { listenAdmin } from '../../src/process/run-server.js';
import { urlOf } from '../../src/server/listener/listen.js';
import { createLog } from '../../src/telemetry/log.js';
import { handClock } from '../support/clock.js';
import { protoFolder, sendTo, startGateway } from '../support/gateway.js';
import { startReceiver } from '../support/otlp.js';
import { freePort } from '../support/ports.js';
import { protogate } from '../support/run.js';
import { assertNoSecret, keepSecret } from '../support/secrets.js';
import { until } from '../support/until.js';
import { openWebSocket } from '../support/websocket.js';

const PROTO = `package s.v1;
import "google/api/annotations.proto";
message Ask { string name = 1; }
service Shelves {
  rpc Get(Ask) returns (Ask) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; }
  rpc Watch(Ask) returns (stream Ask) { option (google.api.http) = { get: "/v1/watch" }; }
}`;

const secret = (of: string) => keepSecret(`secret-of-${of}-${'4711'.repeat(6)}`);
const KEY = secret('the-api-key');

function configOf(
  otlp: string,
  closedPort: number,
  keys: string,
): Omit<ConfigInput, 'version' | 'schema' | 'upstreams'> {
  const hs256 = {
    issuer: 'https://a.test',
    audiences: ['api'],
    algorithms: ['HS256' as const],
    secret: secret('hs256'),
  };
  const jwksUri = `http://127.0.0.1:${closedPort}/keys?token=${secret('the-jwks-uri')}`;
  return {
    admin: { port: 0 },
    surfaces: [{ name: 'web' }, { name: 'app', basePath: '/app', exclude: ['s.v1.Shelves/Watch'] }],
    auth: {
      default: 'public',
      jwt: [hs256, { issuer: 'https://b.test', audiences: ['api'], jwksUri }],
      apiKeys: { file: keys, from: [{ header: 'x-api-key' }, { header: 'x-other-key' }] },
    },
    stores: { redis: { url: `redis://user:${secret('redis')}@127.0.0.1:${closedPort}` } },
    policies: [{ selector: '*', rateLimits: [{ limit: 100, period: '1h', per: ['ip'] }] }],
    tracing: { otlp, headers: { authorization: `Bearer ${secret('the-receiver')}` } },
  };
}

test('no secret of a config, and none of a client, is in logs, metrics, traces, documents or what commands print', async (t) => {
  const receiver = await startReceiver(t);
  const folder = await protoFolder(t, { 'protos/s.proto': PROTO });
  const keys = join(folder, 'keys.yaml');
  const digest = createHash('sha256').update(KEY).digest('hex');
  await writeFile(keys, `keys:\n  - { sha256: "${digest}", consumer: acme }\n`);
  const config = configOf(receiver.url, await freePort(), keys);

  const clock = handClock();
  const handlers = { Watch: { messages: [{ name: 'a' }] } };
  const starting = startGateway(t, PROTO, handlers, config, { clock });
  let isStarted = false;
  void starting.then(() => {
    isStarted = true;
  });
  // The gateway waits for the keys of an issuer that does not answer.
  await until(() => {
    clock.advance(1000);
    return isStarted;
  }, 'the start');
  const { send, url, plan, gateway } = await starting;
  const forged = `${secret('a-forged-token')}.e30.${'x'.repeat(43)}`;
  const credentials: readonly Readonly<Record<string, string>>[] = [
    { 'x-api-key': KEY },
    { 'x-other-key': secret('an-unknown-key') },
    { authorization: `Bearer ${forged}` },
    { authorization: `Basic ${secret('basic')}` },
    { cookie: `session=${secret('a-cookie')}`, 'proxy-authorization': `Basic ${secret('a-proxy')}` },
  ];
  for (const headers of credentials) {
    for (const path of ['/v1/shelves/1', '/app/v1/shelves/1', '/v1/watch', '/app/v1/watch', '/nowhere'])
      await send('GET', `${path}?access_token=${secret('a-query')}`, { headers });
    const { closed } = await openWebSocket(t, url, '/v1/watch', { headers }).catch(() => ({ closed: undefined }));
    await closed;
  }

  const admin = await listenAdmin(
    () => plan,
    { metrics: async () => [], readiness: () => ({ ready: true, state: 'serving', upstreams: new Map() }) },
    createLog({ format: 'json', destination: { write: (line: string) => assertNoSecret(line, 'the log of admin') } }),
  );
  t.teardown(() => void admin!.close());
  for (const path of ['/openapi.json?surface=web', '/openapi.json?surface=app', '/reference', '/routes', '/readyz']) {
    const { status, text } = await sendTo(urlOf(admin!), 'GET', path);
    t.is(status, 200, path);
    assertNoSecret(text, path);
  }
  await until(() => gateway.metrics.requests.inFlight === 0, 'the end of the requests');
  await gateway.close();
  t.true(receiver.spans.length > 20, `${receiver.spans.length} spans`);

  const file = join(folder, 'protogate.json');
  const upstreams = { a: { target: '127.0.0.1:1' } };
  const whole = { version: 1, schema: { protos: ['protos'] }, upstreams, ...config };
  await writeFile(file, JSON.stringify(whole));
  const other = join(folder, 'other.json');
  const jwt = [{ ...config.auth!.jwt![0], secret: secret('another-hs256') }];
  await writeFile(other, JSON.stringify({ ...whole, auth: { ...config.auth, jwt }, stores: undefined }));
  const explain = [
    'explain',
    'GET',
    '/v1/shelves/1',
    '-H',
    `x-api-key: ${KEY}`,
    '-H',
    `authorization: Bearer ${forged}`,
  ];
  for (const command of [['check'], ['routes'], explain, ['openapi', '--surface', 'web']]) {
    // The output of these commands is searched where it is read.
    const { stdout } = await protogate([...command, '-c', file]);
    t.not(stdout, '', command[0]);
  }
  await protogate(['diff', file, other]);
});
