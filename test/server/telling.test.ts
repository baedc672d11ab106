/** What a gateway tells of each request: its log line, and its metrics. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { metricsOf, sampleOf } from '../support/metrics.js';
import { until } from '../support/until.js';

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

test('the status of a service has no reason, and is told with its text only if the client did not get that', async (t) => {
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
