/** Tests what a gateway reports about each request: its log line, and its metrics. */
import { once } from 'node:events';
import { request } from 'node:http';
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { metricsOf, sampleOf } from '../support/metrics.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

const PROTO = `package tell.v1;
import "google/api/annotations.proto";
message Ask { string name = 1; int32 page_size = 2; }
message Shelf { string name = 1; }
service Shelves {
  rpc GetShelf(Ask) returns (Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; }
  rpc PutShelf(Ask) returns (Shelf) { option (google.api.http) = { post: "/v1/shelves" body: "*" }; }
  rpc Watch(Ask) returns (stream Shelf) { option (google.api.http) = { get: "/v1/watch" }; }
}`;

const shared = afterAll(test);
let failures = 0;
const started = startGateway(
  shared,
  PROTO,
  {
    GetShelf: (call) => {
      const { name } = call.request as { name: string };
      if (name === 'shelves/none') return { status: { code: 5, message: 'no such shelf' } };
      if (name === 'shelves/broken') return { status: { code: 13, message: 'stack of the service' } };
      if (name === 'shelves/shaky' && failures++ % 2 === 0) return { status: { code: 14, message: 'not now' } };
      return { message: { name } };
    },
    PutShelf: { message: { name: 'shelves/1' } },
    Watch: { messages: [{ name: 'a' }, { name: 'b' }] },
  },
  {
    policies: [{ selector: 'tell.v1.Shelves/GetShelf', retry: { maxAttempts: 2, codes: ['UNAVAILABLE'] } }],
  },
);

/** Sends a request and returns its line. Lines are written when the answer is out, which may be after the client has it. */
async function lineOf(method: string, target: string, options?: object): Promise<Record<string, unknown>> {
  const { send, logged } = await started;
  const { headers } = await send(method, target, options);
  const own = () => logged().find(({ requestId }) => requestId === headers['x-request-id']);
  await until(() => own() !== undefined);
  return own()!;
}

test('a request has one line, with the upstream that answered and what each part of the time went to', async (t) => {
  const { upstream } = await started;
  const headers = {
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'user-agent': 'reader/1 "é"',
  };
  const line = await lineOf('GET', '/v1/shelves/1', { headers });
  t.deepEqual(
    { ...line, time: '', requestId: '', durationMs: 0, upstreamMs: 0, gatewayMs: 0 },
    {
      level: 'info',
      time: '',
      requestId: '',
      client: '127.0.0.1',
      method: 'GET',
      http: '1.1',
      path: '/v1/shelves/1',
      surface: 'default',
      route: '/v1/{name=shelves/*}',
      rpc: 'tell.v1.Shelves/GetShelf',
      upstream: 'test',
      bytesIn: 0,
      bytesOut: 20,
      userAgent: 'reader/1 "é"',
      status: 200,
      code: 'OK',
      durationMs: 0,
      upstreamMs: 0,
      gatewayMs: 0,
      endpoint: upstream.target,
      attempts: 1,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      msg: 'request',
    },
  );
  t.true((line.upstreamMs as number) + (line.gatewayMs as number) <= (line.durationMs as number) + 0.01);
  t.true((line.upstreamMs as number) > 0 && (line.gatewayMs as number) > 0);
});

test('a retried call counts as two attempts', async (t) => {
  const line = await lineOf('GET', '/v1/shelves/shaky');
  t.is(line.status, 200);
  t.is(line.attempts, 2);
});

test('an answer that the gateway made itself has its reason, and not what the client sent', async (t) => {
  const secret = 'hunter2';
  const rows: readonly (readonly [string, string, object | undefined, string, RegExp])[] = [
    ['GET', '/nowhere', undefined, 'ROUTE_NOT_FOUND', /no route for GET \/nowhere/],
    ['PUT', '/v1/shelves', undefined, 'METHOD_NOT_ALLOWED', /expected one of/],
    ['GET', `/v1/shelves/1?pageSize=${secret}`, undefined, 'INVALID_QUERY', /^pageSize: expected int32$/],
    ['POST', '/v1/shelves', { body: { pageSize: secret } }, 'INVALID_BODY', /^pageSize: expected int32$/],
    ['POST', '/v1/shelves', { body: 'a', headers: { 'content-type': 'text/plain' } }, 'UNSUPPORTED_MEDIA_TYPE', /type/],
    ['GET', '/v1/shelves/1', { headers: { 'grpc-timeout': secret } }, 'INVALID_TIMEOUT', /^grpc-timeout: expected/],
  ];
  for (const [method, target, options, reason, refused] of rows) {
    const line = await lineOf(method, target, options);
    t.is(line.reason, reason);
    t.regex(String(line.refused), refused);
    t.false(JSON.stringify(line).includes(secret), JSON.stringify(line));
  }
});

test('an error of a service has no reason in the log, and its text only if the client did not get it', async (t) => {
  const none = await lineOf('GET', '/v1/shelves/none');
  t.is(none.code, 'NOT_FOUND');
  t.is(none.reason ?? none.refused ?? none.err, undefined);
  const broken = await lineOf('GET', '/v1/shelves/broken');
  t.is(broken.msg, 'request failed');
  t.like(broken.err, { message: 'stack of the service' });
});

test('requests are counted by route, method, status and source, never by path', async (t) => {
  const { gateway, send } = await started;
  for (let i = 0; i < 30; i++) await send('GET', `/${Math.random()}`);
  await send('GET', '/v1/shelves/counted');
  await until(() => gateway.metrics.requests.inFlight === 0);
  const metrics = await metricsOf(gateway);
  const requests = metrics.filter(({ name }) => name === 'protogate_http_requests_total');
  const routes = new Set(requests.map(({ labels }) => labels.route));
  t.deepEqual(
    [...routes].filter((route) => !['none', '/v1/{name=shelves/*}', '/v1/shelves', '/v1/watch'].includes(route!)),
    [],
  );
  const shelf = { surface: 'default', route: '/v1/{name=shelves/*}', method: 'GET' };
  t.true(sampleOf(metrics, 'protogate_http_requests_total', { ...shelf, code: '200', source: 'upstream' })! >= 1);
  t.true(sampleOf(metrics, 'protogate_http_requests_total', { route: 'none', code: '404', source: 'gateway' })! >= 30);
  const durations = { ...shelf, code: '200', source: 'upstream' };
  t.is(
    sampleOf(metrics, 'protogate_request_duration_seconds_count', durations),
    sampleOf(metrics, 'protogate_http_requests_total', durations),
  );
  t.is(
    sampleOf(metrics, 'protogate_request_duration_seconds_bucket', { ...durations, le: '+Inf' }),
    sampleOf(metrics, 'protogate_http_requests_total', durations),
  );
});

test('a reload keeps the counts of routes that stay, and removes the series of those that are gone', async (t) => {
  const { gateway, send, plan, upstream } = await startGateway(t, PROTO, {
    GetShelf: { message: {} },
    PutShelf: { message: {} },
  });
  await send('GET', '/v1/shelves/1');
  await send('POST', '/v1/shelves', { body: {} });
  await until(() => gateway.metrics.requests.inFlight === 0);
  const routesOf = async () =>
    (await metricsOf(gateway))
      .filter(({ name, labels }) => name === 'protogate_http_requests_total' && labels.route !== 'none')
      .map(({ labels, value }) => `${labels.route} ${value}`)
      .sort();
  t.deepEqual(await routesOf(), ['/v1/shelves 1', '/v1/{name=shelves/*} 1']);
  const { protos } = plan.config.schema;
  const schema = { protos: [...protos], exclude: ['tell.v1.Shelves/PutShelf'] };
  await gateway.reload({ version: 1, schema, upstreams: { test: { target: upstream.target } } });
  t.deepEqual(await routesOf(), ['/v1/{name=shelves/*} 1']);
  await send('GET', '/v1/shelves/1');
  await until(() => gateway.metrics.requests.inFlight === 0);
  t.deepEqual(await routesOf(), ['/v1/{name=shelves/*} 2']);
  const rpcs = (await metricsOf(gateway)).filter(({ name }) => name === 'protogate_upstream_duration_seconds_count');
  t.deepEqual(
    rpcs.map(({ labels, value }) => [labels.rpc, labels.grpc_code, value]),
    [['tell.v1.Shelves/GetShelf', 'OK', 2]],
  );
});

test('calls are counted by upstream, rpc, endpoint and code; a stream when it has ended', async (t) => {
  const { gateway, send, upstream } = await startGateway(t, PROTO, { Watch: { messages: [{ name: 'a' }] } });
  await send('GET', '/v1/watch');
  await until(() => gateway.metrics.requests.inFlight === 0);
  const metrics = await metricsOf(gateway);
  const call = { upstream: 'test', grpc_code: 'OK' };
  t.is(sampleOf(metrics, 'protogate_upstream_duration_seconds_count', { ...call, rpc: 'tell.v1.Shelves/Watch' }), 1);
  t.is(sampleOf(metrics, 'protogate_endpoint_duration_seconds_count', { ...call, endpoint: upstream.target }), 1);
});

test('the series of an endpoint go when the upstream has it no longer', async (t) => {
  const other = await startUpstream(PROTO, { GetShelf: { message: {} } });
  t.teardown(other.close);
  const { gateway, send, plan } = await startGateway(t, PROTO, { GetShelf: { message: {} } });
  const endpoints = async () =>
    (await metricsOf(gateway))
      .filter(({ name }) => name === 'protogate_endpoint_duration_seconds_count')
      .map(({ labels, value }) => `${labels.endpoint} ${value}`);
  await send('GET', '/v1/shelves/1');
  const before = await endpoints();
  t.is(before.length, 1);
  const { schema } = plan.config;
  await gateway.reload({
    version: 1,
    schema: { protos: [...schema.protos] },
    upstreams: { test: { target: other.target } },
  });
  t.deepEqual(await endpoints(), []);
  await send('GET', '/v1/shelves/1');
  t.deepEqual(await endpoints(), [`${other.target} 1`]);
});

test('the log and the metrics say why a caller was refused: the scope, the rule, the limit or the token', async (t) => {
  const issuer = await startIssuer(t, 'tell');
  const jwt = [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri, audiences: ['api'], algorithms: ['RS256' as const] }];
  const { send, logged, gateway } = await startGateway(
    t,
    PROTO,
    { GetShelf: { message: {} } },
    {
      auth: { jwt },
      policies: [
        { selector: 'tell.v1.Shelves/GetShelf', auth: { require: ['request.name = caller.claims.shelf'] } },
        { selector: 'tell.v1.Shelves/PutShelf', auth: { scopes: ['write'] } },
        { selector: 'tell.v1.Shelves/Watch', rateLimits: [{ limit: 1, period: '1h', per: ['consumer'] }] },
      ],
    },
  );
  const token = (more: object) => ({
    authorization: `Bearer ${issuer.sign({ sub: 'ada', exp: Math.floor(Date.now() / 1000) + 3600, ...more })}`,
  });
  const ada = token({ shelf: 'shelves/1' });
  const rows: readonly (readonly [string, string, object, string | undefined, RegExp])[] = [
    ['GET', '/v1/shelves/1', ada, undefined, /./],
    ['GET', '/v1/shelves/2', ada, 'NOT_ALLOWED', /^expected request\.name = caller\.claims\.shelf$/],
    ['POST', '/v1/shelves', ada, 'MISSING_SCOPE', /the scope write/],
    ['GET', '/v1/watch', ada, undefined, /./],
    ['GET', '/v1/watch', ada, 'RATE_LIMITED', /^no room in limit 1 of policy tell\.v1\.Shelves\/Watch: 1 per 1h$/],
    ['GET', '/v1/watch', {}, 'UNAUTHENTICATED', /a bearer token/],
    ['GET', '/v1/watch', token({ exp: 1 }), 'INVALID_TOKEN', /^token: exp: expected a token that has not expired$/],
    ['GET', '/v1/watch', token({ aud: 'other' }), 'INVALID_TOKEN', /^token: aud: expected an audience of this API/],
  ];
  for (const [method, target, headers, reason, refused] of rows) {
    const answer = await send(method, target, { headers: headers as Record<string, string> });
    const line = () => logged().find(({ requestId }) => requestId === answer.headers['x-request-id']);
    await until(() => line() !== undefined);
    t.is(line()!.reason, reason, target);
    if (reason !== undefined) t.regex(String(line()!.refused), refused);
  }
  const metrics = await metricsOf(gateway);
  const limit = 'limit 1 of policy tell.v1.Shelves/Watch: 1 per 1h';
  t.is(sampleOf(metrics, 'protogate_ratelimit_exceeded_total', { limit }), 1);
  t.is(sampleOf(metrics, 'protogate_errors_total', { reason: 'MISSING_SCOPE', route: '/v1/shelves' }), 1);
  const tokens = (result: string) =>
    sampleOf(metrics, 'protogate_tokens_verified_total', { issuer: issuer.issuer, result });
  t.deepEqual([tokens('verified'), tokens('remembered'), tokens('refused')], [1, 4, 2]);
});

test('a stream is counted as open until its end', async (t) => {
  const { gateway, port } = await startGateway(t, PROTO, { Watch: { messages: [{ name: 'a' }], hang: true } });
  const open = async () => sampleOf(await metricsOf(gateway), 'protogate_open_streams', { kind: 'server' });
  t.is(await open(), 0);
  const req = request({ port, host: '127.0.0.1', path: '/v1/watch' }).end();
  await once(req, 'response');
  t.is(await open(), 1);
  req.destroy();
  await until(async () => (await open()) === 0);
});

test('a reload changes the lowest level of the log', async (t) => {
  const { gateway, send, logged, plan, upstream } = await startGateway(t, PROTO);
  const { protos } = plan.config.schema;
  const reload = (level: 'info' | 'error') =>
    gateway.reload({
      version: 1,
      schema: { protos: [...protos] },
      upstreams: { test: { target: upstream.target } },
      log: { level },
    });
  await reload('error');
  await send('GET', '/quiet');
  await until(() => gateway.metrics.requests.inFlight === 0);
  await reload('info');
  await send('GET', '/loud');
  await until(() => logged().length > 0);
  t.deepEqual(
    logged().map(({ path }) => path),
    ['/loud'],
  );
});

test('a method that HTTP does not know is OTHER', async (t) => {
  const { gateway } = await startGateway(t, PROTO);
  gateway.metrics.requests.refused.ended({
    method: 'BREW',
    status: 405,
    source: 'gateway',
    durationMs: 1,
    gatewayMs: 1,
    bytesIn: 0,
    bytesOut: 0,
  });
  const metrics = await metricsOf(gateway);
  t.is(sampleOf(metrics, 'protogate_http_requests_total', { method: 'OTHER', code: '405' }), 1);
});
