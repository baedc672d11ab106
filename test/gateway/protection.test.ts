/** Tests what clients and services notice of circuit breakers, hedging and maxConcurrent: real calls, on a clock that the test moves. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { routeRows } from '../../src/report/route-map.js';
import { handClock, pass } from '../support/clock.js';
import { planOf, startGateway } from '../support/gateway.js';
import { until } from '../support/until.js';
import { type Handlers, startUpstream } from '../support/upstream.js';

const PROTO = `syntax = "proto3";
package lib.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; }
message Shelf { string name = 1; }
message Page { Shelf shelf = 1; Shelf other = 2; }
service Library {
  rpc GetShelf(Ask) returns (Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; }
  rpc GetKept(Ask) returns (Shelf) {
    option (google.api.http) = { get: "/v1/{name=kept/*}" };
    option (protogate.v1.policy) = { cache: { ttl: { seconds: 1 } scope: SCOPE_PUBLIC stale_if_error: { seconds: 60 } } };
  }
  rpc GetBook(Ask) returns (Shelf) {
    option (google.api.http) = { get: "/v1/{name=books/*}" additional_bindings: { post: "/v1/books:get" body: "*" } };
    option (protogate.v1.policy) = { hedge_after: { nanos: 50000000 } };
  }
  rpc FindBook(Ask) returns (Shelf) {
    option (google.api.http) = { post: "/v1/books:find" body: "*" };
    option idempotency_level = NO_SIDE_EFFECTS;
  }
  rpc AddBook(Ask) returns (Shelf) { option (google.api.http) = { post: "/v1/books" body: "*" }; }
  rpc Follow(Ask) returns (stream Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}:follow" }; }
}
service Pages {
  rpc GetPage(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=pages/*}" };
    option (protogate.v1.aggregate) = {
      steps: { into: "shelf" call: "lib.v1.Library/GetShelf" with: "name = request.name" }
      steps: { into: "other" call: "lib.v1.Library/GetKept" with: "name = request.name" optional: true }
    };
  }
}
`;

const DOWN = { status: { code: 14, message: 'down' } };
const BREAKER = { circuitBreaker: { minRequests: 4 } };

type UpstreamInput = NonNullable<ConfigInput['upstreams']>[string];

async function start(t: ExecutionContext, handlers: Handlers, upstreamSettings: Partial<UpstreamInput>) {
  const clock = handClock();
  const upstream = await startUpstream(PROTO, handlers);
  t.teardown(upstream.close);
  const upstreams = (more: Partial<UpstreamInput>) => ({ test: { target: upstream.target, ...more } });
  const overrides = { upstreams: upstreams(upstreamSettings) };
  const started = await startGateway(t, PROTO, {}, overrides, { clock });
  const { gateway, plan } = started;
  const metric = async (name: string) => {
    const [, value] = new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(
      await gateway.metrics.registry.metrics(),
    ) ?? [undefined, undefined];
    return value === undefined ? undefined : Number(value);
  };
  const schema = { protos: [...plan.config.schema.protos] };
  const reload = (more: Partial<UpstreamInput>) => gateway.reload({ version: 1, schema, upstreams: upstreams(more) });
  return { ...started, upstream, clock, metric, reload };
}

const STATE = 'protogate_circuit_state{upstream="test",rpc="lib.v1.Library/GetShelf"}';

test('an open circuit answers 503 with Retry-After and makes no call; one probe closes it', async (t) => {
  const { send, upstream, clock, metric, reload, logged } = await start(t, { GetShelf: DOWN }, BREAKER);
  const get = () => send('GET', '/v1/shelves/1');
  t.is(await metric(STATE), undefined);
  for (let i = 0; i < 4; i++) t.is((await get()).status, 503);
  t.is(await metric(STATE), 2);
  const refused = await get();
  t.is(refused.status, 503);
  t.is(refused.headers['retry-after'], '5');
  t.is(refused.json.details[0].reason, 'CIRCUIT_OPEN');
  t.is(upstream.calls.length, 4);

  // Another method of the same upstream is not concerned, and reloads change nothing, even if no call comes between them.
  t.is((await send('GET', '/v1/kept/1')).status, 200);
  await reload({ circuitBreaker: { minRequests: 5, failureRatio: 0.9 }, timeout: '2s' });
  await reload({ circuitBreaker: { minRequests: 5, failureRatio: 0.9 }, timeout: '3s' });
  t.is((await get()).headers['retry-after'], '5');
  t.is(upstream.calls.length, 5);

  upstream.script('GetShelf', async () => {
    await hold;
    return {};
  });
  let release = () => {};
  const hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  clock.advance(5000);
  const answers = Array.from({ length: 10 }, get);
  await until(
    async () => (await metric('protogate_upstream_refused_total{upstream="test",reason="circuit_open"}')) === 11,
  );
  await until(() => upstream.calls.length === 6);
  t.is(await metric(STATE), 1);
  release();
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  t.deepEqual(statuses.sort(), [200, ...new Array(9).fill(503)]);
  t.is((await get()).status, 200);
  t.is(await metric(STATE), 0);
  t.deepEqual(
    logged()
      .filter(({ msg }) => /circuit/.test(String(msg)))
      .map(({ level, msg, upstream: name, rpc, failed, calls }) => [level, msg, name, rpc, failed, calls]),
    [
      ['warn', 'a circuit breaker has opened', 'test', 'lib.v1.Library/GetShelf', 4, 4],
      ['info', 'a circuit breaker has closed', 'test', 'lib.v1.Library/GetShelf', undefined, undefined],
    ],
  );
});

test("a client's short deadline opens no circuit, that of the upstream does", async (t) => {
  const { send, upstream, clock } = await start(t, { GetShelf: { hang: true } }, { ...BREAKER, timeout: '2s' });
  for (const [headers, calls] of [
    [{ 'x-request-timeout': '0.5' }, 6],
    [{}, 4],
  ] as const) {
    const before = upstream.calls.length;
    for (let i = 0; i < 6; i++) {
      const answer = send('GET', '/v1/shelves/1', { headers });
      await Promise.race([answer, until(() => upstream.calls.length === before + i + 1)]);
      await pass(clock, 2000, 500);
      t.true([503, 504].includes((await answer).status));
    }
    t.is(upstream.calls.length - before, calls, JSON.stringify(headers));
  }
});

test('a reload to another target begins with a closed circuit, and its state is shown when the old one is gone', async (t) => {
  let release = () => {};
  const hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  const other = await startUpstream(PROTO);
  t.teardown(other.close);
  const { send, upstream, gateway, metric, reload } = await start(t, { GetShelf: DOWN }, BREAKER);
  upstream.script('AddBook', async () => {
    await hold;
    return {};
  });
  const held = send('POST', '/v1/books', { body: '{}' });
  await until(() => upstream.calls.length === 1);
  for (let i = 0; i < 5; i++) t.is((await send('GET', '/v1/shelves/1')).status, 503);
  t.is(await metric(STATE), 2);
  const old = gateway.snapshots.current;
  await reload({ ...BREAKER, target: other.target });
  t.is((await send('GET', '/v1/shelves/1')).status, 200);
  t.is(await metric(STATE), 0);
  release();
  t.is((await held).status, 200);
  // It was released when its last request had ended; this waits until everything is closed.
  await old.release();
  t.is(await metric(STATE), 0);
  await reload({});
  t.is((await send('GET', '/v1/shelves/1')).status, 503);
  await until(async () => (await metric(STATE)) === undefined);
});

test('while the circuit is open, a stale answer of the cache comes before 503, and an aggregate without the part', async (t) => {
  const handlers = { GetKept: { message: { name: 'kept' } } };
  const { send, upstream, clock } = await start(t, handlers, BREAKER);
  t.is((await send('GET', '/v1/kept/1')).status, 200);
  upstream.script('GetKept', DOWN);
  clock.advance(2000);
  for (let i = 0; i < 6; i++) {
    const { status, json, headers } = await send('GET', '/v1/kept/1');
    t.is(status, 200);
    t.is(json.name, 'kept');
    t.is(headers['cache-status'], 'protogate; hit; detail=stale');
  }
  t.is((await send('GET', '/v1/kept/2')).json.details[0].reason, 'CIRCUIT_OPEN');
  t.is(upstream.calls.length, 4);
  const page = await send('GET', '/v1/pages/1');
  t.is(page.status, 200);
  t.is(page.headers['x-protogate-partial'], 'other');
});

test('a slow read is sent a second time, and the first answer counts; a POST is sent once', async (t) => {
  let held = 0;
  const slowFirst: Handlers[string] = () => (held++ === 0 ? { hang: true } : { message: { name: 'second' } });
  const { send, upstream, clock, metric, reload } = await start(t, {}, { hedge: { after: '200ms' } });
  for (const [method, target, afterMs, handler] of [
    ['GET', '/v1/books/1', 50, 'GetBook'],
    ['GET', '/v1/shelves/1', 200, 'GetShelf'],
    ['POST', '/v1/books:find', 200, 'FindBook'],
  ] as const) {
    held = 0;
    const before = upstream.calls.length;
    upstream.script(handler, slowFirst);
    const answer = send(method, target, method === 'POST' ? { body: {} } : {});
    await until(() => upstream.calls.length === before + 1);
    await pass(clock, afterMs - 1, 1000);
    t.is(upstream.calls.length, before + 1);
    clock.advance(1);
    const { json } = await answer;
    t.is(json.name, 'second', target);
    t.is(upstream.calls.length, before + 2);
    await upstream.calls[before]!.whenCancelled;
  }
  t.is(await metric('protogate_hedges_total{upstream="test",winner="second"}'), 3);

  await reload({ hedge: { after: '200ms' }, timeout: '1s' });
  for (const [target, handler] of [
    ['/v1/books', 'AddBook'],
    ['/v1/books:get', 'GetBook'],
  ] as const) {
    const before = upstream.calls.length;
    upstream.script(handler, { hang: true });
    const answer = send('POST', target, { body: {} });
    await until(() => upstream.calls.length === before + 1);
    await pass(clock, 1000, 200);
    t.is((await answer).status, 504);
    t.is(upstream.calls.length, before + 1, target);
  }
});

test('the second call goes to another server, even if the first one would be preferred', async (t) => {
  const servers = [await startUpstream(PROTO, { GetShelf: { hang: true } }), await startUpstream(PROTO)];
  for (const { close } of servers) t.teardown(close);
  const clock = handClock();
  const targets = servers.map(({ target }) => target);
  const upstreams = { test: { targets, loadBalancing: 'pick_first' as const, hedge: { after: '200ms' } } };
  const { send } = await startGateway(t, PROTO, {}, { upstreams }, { clock });
  const answer = send('GET', '/v1/shelves/1');
  await until(() => servers[0]!.calls.length === 1);
  clock.advance(200);
  t.is((await answer).status, 200);
  t.is(servers[0]!.calls.length, 1);
  t.is(servers[1]!.calls.length, 1);
});

test('the loser of a hedge opens no circuit', async (t) => {
  let held = 0;
  const handlers = { GetShelf: (() => (held++ % 2 === 0 ? { hang: true } : {})) as Handlers[string] };
  const { send, upstream, clock, metric } = await start(t, handlers, { ...BREAKER, hedge: { after: '200ms' } });
  for (let i = 0; i < 8; i++) {
    const answer = send('GET', '/v1/shelves/1');
    await until(() => upstream.calls.length === 2 * i + 1);
    clock.advance(200);
    t.is((await answer).status, 200);
  }
  t.is(await metric(STATE), 0);
});

test('maxConcurrent: the calls over it get 503, and open streams take no slot of unary calls', async (t) => {
  const handlers = { GetShelf: { hang: true }, Follow: { messages: [{ name: 'a' }], hang: true } };
  const { send, upstream, clock, metric } = await start(t, handlers, { maxConcurrent: 2, timeout: '5s' });
  const streams = [1, 2].map(() => send('GET', '/v1/shelves/1:follow'));
  await until(() => upstream.calls.length === 2);
  const third = send('GET', '/v1/shelves/1:follow');
  const slow = [1, 2].map(() => send('GET', '/v1/shelves/1'));
  await until(() => upstream.calls.length === 4);
  const waiting = [1, 2].map((id) => send('GET', `/v1/kept/${id}`));
  await until(() => clock.delays.filter((ms) => ms === 100).length === 3);
  const busy = await send('GET', '/v1/books/1');
  t.is(busy.status, 503);
  t.is(busy.headers['retry-after'], '1');
  t.is(busy.json.details[0].reason, 'UPSTREAM_BUSY');
  clock.advance(100);
  for (const answer of [third, ...waiting]) t.is((await answer).status, 503);
  t.is(upstream.calls.length, 4);
  t.is(await metric('protogate_upstream_refused_total{upstream="test",reason="busy"}'), 4);
  clock.advance(5000);
  for (const answer of slow) t.is((await answer).status, 504);
  t.is((await send('GET', '/v1/books/1')).status, 200);
  upstream.cut();
  await Promise.allSettled(streams);
});

test('the route map lists what a route does when its upstream fails', async (t) => {
  const upstreams = {
    test: {
      target: '127.0.0.1:1',
      retry: { maxAttempts: 2, codes: ['UNAVAILABLE'] },
      hedge: { after: '50ms' },
      circuitBreaker: {},
    },
  } satisfies ConfigInput['upstreams'];
  const { routes } = await planOf(t, PROTO, { upstreams });
  const told = Object.fromEntries(
    routeRows(routes).map(({ method, path, onFailure }) => [`${method} ${path}`, onFailure]),
  );
  t.deepEqual(told, {
    'GET /v1/{name=shelves/*}': ['retry', 'hedge', 'breaker'],
    'GET /v1/{name=kept/*}': ['retry', 'hedge', 'stale', 'breaker'],
    'GET /v1/{name=books/*}': ['retry', 'hedge', 'breaker'],
    'POST /v1/books:get': ['retry', 'breaker'],
    'POST /v1/books:find': ['retry', 'hedge', 'breaker'],
    'POST /v1/books': ['retry', 'breaker'],
    'GET /v1/{name=shelves/*}:follow': ['breaker'],
    'GET /v1/{name=pages/*}': ['retry', 'hedge', 'stale', 'partial', 'breaker'],
  });
});
