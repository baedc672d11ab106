/** Traces as a receiver of OTLP gets them. */
import { readdir, readFile } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { expose, join, valuesOf } from '../../src/telemetry/exposition.js';
import { createLog } from '../../src/telemetry/log.js';
import { Tracing } from '../../src/telemetry/tracing.js';
import { startGateway } from '../support/gateway.js';
import { type ReceivedSpan, startReceiver } from '../support/otlp.js';
import { keepSecret } from '../support/secrets.js';
import { until } from '../support/until.js';
import type { Handlers } from '../support/upstream.js';

const PROTO = `package trace.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; }
message Shelf { string name = 1; repeated string books = 2; }
message Book { string name = 1; }
message Page { Shelf shelf = 1; repeated Book books = 2; }
service Shelves {
  rpc GetShelf(Ask) returns (Shelf) { option (google.api.http) = { get: "/v1/{name=shelves/*}" }; }
  rpc GetBook(Ask) returns (Book) {
    option (google.api.http) = { get: "/v1/{name=books/*}" };
    option (protogate.v1.policy) = {
      cache: { ttl: { seconds: 60 } scope: SCOPE_PUBLIC }
      retry: { max_attempts: 3 codes: "UNAVAILABLE" }
    };
  }
  rpc Watch(Ask) returns (stream Book) { option (google.api.http) = { get: "/v1/watch" }; }
}
service Pages {
  rpc GetPage(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=shelves/*}/page" };
    option (protogate.v1.aggregate) = {
      steps: { into: "shelf" call: "trace.v1.Shelves/GetShelf" with: "name = request.name" }
      steps: { into: "books" call: "trace.v1.Shelves/GetBook" for_each: "shelf.books" with: "name = each" max_items: 5 }
    };
  }
}`;

async function start(t: ExecutionContext, handlers: Handlers, overrides: Partial<ConfigInput> = {}, sample = 1) {
  const receiver = await startReceiver(t);
  const started = await startGateway(t, PROTO, handlers, {
    tracing: { otlp: receiver.url, sample },
    ...overrides,
  });
  /** Exports what waits, which is when the gateway ends, and returns all spans in the order of their beginning. */
  const exported = async (): Promise<readonly ReceivedSpan[]> => {
    await until(() => started.gateway.metrics.requests.inFlight === 0);
    await started.drain({ graceMs: 0, timeoutMs: 1000 });
    await started.gateway.close();
    return receiver.spans.toSorted((a, b) => a.startMs - b.startMs);
  };
  return { ...started, receiver, exported };
}

/** Draws the tree of spans, a line for each, with two spaces for each level. */
function drawn(spans: readonly ReceivedSpan[], parent?: string, level = 0): readonly string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .flatMap((span) => [
      `${'  '.repeat(level)}${span.name}${span.failed ? ' !' : ''}`,
      ...drawn(spans, span.spanId, level + 1),
    ]);
}

test('the trace of an aggregate has its steps, caches, calls and retries as children', async (t) => {
  let tries = 0;
  const { send, exported, upstream } = await start(t, {
    GetShelf: { message: { name: 'shelves/1', books: ['books/1'] } },
    GetBook: () => (tries++ === 0 ? { status: { code: 14, message: 'later' } } : { message: { name: 'books/1' } }),
  });
  t.is((await send('GET', '/v1/shelves/1/page')).status, 200);
  t.is((await send('GET', '/v1/shelves/1/page')).status, 200);
  const spans = await exported();
  t.deepEqual(drawn(spans), [
    'GET /v1/{name=shelves/*}/page',
    '  step shelf',
    '    trace.v1.Shelves/GetShelf',
    '  step books',
    '    cache',
    '      trace.v1.Shelves/GetBook !',
    '      trace.v1.Shelves/GetBook',
    'GET /v1/{name=shelves/*}/page',
    '  step shelf',
    '    trace.v1.Shelves/GetShelf',
    '  step books',
    '    cache',
  ]);
  const named = (wanted: string) => spans.find(({ name }) => name === wanted);
  const [root, shelf, cache] = [
    named('GET /v1/{name=shelves/*}/page'),
    named('trace.v1.Shelves/GetShelf'),
    named('cache'),
  ];
  const failed = spans.find((span) => span.failed);
  t.is(new Set(spans.map(({ traceId }) => traceId)).size, 2);
  t.like(root, { kind: 2, parentSpanId: undefined });
  t.like(root!.attributes, {
    'http.request.method': 'GET',
    'http.route': '/v1/{name=shelves/*}/page',
    'http.response.status_code': 200,
    'url.path': '/v1/shelves/1/page',
  });
  t.like(shelf, { kind: 3 });
  t.like(shelf!.attributes, {
    'rpc.system': 'grpc',
    'rpc.service': 'trace.v1.Shelves',
    'rpc.method': 'GetShelf',
    'rpc.grpc.status_code': 0,
    'server.address': upstream.target,
  });
  t.is(cache!.attributes['protogate.cache.status'], 'miss');
  t.is(spans.findLast(({ name }) => name === 'cache')!.attributes['protogate.cache.status'], 'hit');
  t.like(failed!.attributes, { 'rpc.grpc.status_code': 14, 'error.type': 'UNAVAILABLE' });
  // Each call names its own span to the service.
  const parents = upstream.calls.map(({ metadata }) => String(metadata.get('traceparent')[0]));
  const clients = spans.filter(({ kind }) => kind === 3);
  t.deepEqual(parents.sort(), clients.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`).sort());
});

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';

test('a trusted proxy decides whether a request is recorded, anybody else does not', async (t) => {
  for (const [trustedProxies, flags, sample, isRecorded] of [
    [['127.0.0.1'], '01', 0, true],
    [['127.0.0.1'], '00', 1, false],
    [[], '01', 0, false],
    [[], '00', 1, true],
  ] as const) {
    const { send, exported, upstream, logged } = await start(
      t,
      { GetShelf: { message: {} } },
      { trustedProxies: [...trustedProxies] },
      sample,
    );
    await send('GET', '/v1/shelves/1', { headers: { traceparent: `${PARENT}-${flags}`, tracestate: 'a=1' } });
    const spans = await exported();
    t.is(spans.length, isRecorded ? 2 : 0, `${trustedProxies} ${flags} ${sample}`);
    if (isRecorded) t.is(spans.find(({ kind }) => kind === 2)!.parentSpanId, PARENT.slice(36));
    const { metadata } = upstream.last();
    t.is(String(metadata.get('traceparent')[0]).slice(3, 35), PARENT.slice(3, 35));
    t.is(metadata.get('tracestate')[0], 'a=1');
    t.is(logged().find(({ msg }) => msg === 'request')?.traceId, PARENT.slice(3, 35));
  }
});

test('a request that is not recorded passes on an unsampled trace, and its log line has the trace id', async (t) => {
  const { send, exported, upstream, logged } = await start(t, { GetShelf: { message: {} } }, {}, 0);
  await send('GET', '/v1/shelves/1');
  t.deepEqual(await exported(), []);
  const [, traceId, spanId, flags] = /^00-(\w{32})-(\w{16})-(\d\d)$/.exec(
    String(upstream.last().metadata.get('traceparent')[0]),
  )!;
  t.is(flags, '00');
  t.notRegex(spanId!, /^0+$/);
  t.is(logged().find(({ msg }) => msg === 'request')?.traceId, traceId);
});

test('a trace that is not recorded has the digits of the request id if they are those of a UUID, and new ones otherwise', async (t) => {
  const count = () => ({ count: 0 });
  const settings = { otlp: 'http://127.0.0.1:1', headers: {}, sample: 0, serviceName: 's' };
  const tracing = new Tracing(settings, { log: createLog({}), exported: count(), failed: count() });
  const traceOf = (requestId: string) => tracing.trace({ traceparent: undefined, requestId, trustsParent: true });
  const uuid = '0af76519-16cd-43dd-8448-eb211c80319c';
  t.deepEqual(traceOf(uuid), {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-8448eb211c80319c-00',
    span: undefined,
  });
  const others = [
    '',
    'abc',
    uuid.toUpperCase(),
    uuid.slice(1),
    `${uuid}0`,
    uuid.replaceAll('-', '0'),
    uuid.replace('a', 'g'),
  ];
  for (const id of [...others, '0af76519-16cd-43dd-0000-000000000000', '0af7651-916cd-43dd-8448-eb211c80319c']) {
    const { traceId, traceparent } = traceOf(id);
    const [, trace, span] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-00$/.exec(traceparent)!;
    t.is(trace, traceId, id);
    t.notRegex(span!, /^0+$/);
    t.not(traceId, id.replaceAll('-', ''));
    t.not(traceOf(id).traceId, traceId);
  }
  await tracing.close();
});

test('a span is exported once, with the caller as its parent and long texts cut', async (t) => {
  const receiver = await startReceiver(t);
  const count = () => ({ count: 0 });
  const settings = { otlp: receiver.url, headers: {}, sample: 0, serviceName: 's' };
  const tracing = new Tracing(settings, { log: createLog({}), exported: count(), failed: count() });
  await tracing.ready;
  const before = Date.now();
  const { traceId, span } = tracing.trace({ traceparent: `${PARENT}-01`, requestId: '', trustsParent: true });
  const child = span!.child('call', 'call', {
    long: 'x'.repeat(300),
    none: undefined,
    count: 1,
    share: 0.5,
    yes: true,
  });
  child.end();
  child.end();
  span!.rename('renamed');
  span!.end();
  await tracing.close();
  const [call, request] = receiver.spans;
  t.is(receiver.spans.length, 2);
  t.deepEqual(call!.attributes, { long: 'x'.repeat(256), count: 1, share: 0.5, yes: true });
  t.like(request, { name: 'renamed', traceId: PARENT.slice(3, 35), parentSpanId: PARENT.slice(36), kind: 2 });
  t.like(call, { traceId, parentSpanId: request!.spanId, kind: 3, failed: false });
  t.true(request!.startMs >= before - 1 && call!.startMs >= request!.startMs);
  t.true(call!.endMs >= call!.startMs && request!.endMs >= call!.endMs && request!.endMs <= Date.now() + 1);
  // Bit 8 says that it is known where the parent is, and bit 9 that it is in another process.
  t.deepEqual(
    [...receiver.text().matchAll(/"flags":(\d+)/g)].map(([, flags]) => Number(flags)),
    [0x101, 0x301],
  );
});

test('a failure is recorded in the span that caused it', async (t) => {
  const { send, exported } = await start(t, { GetShelf: { status: { code: 13, message: 'broken' } } });
  await send('GET', '/nowhere');
  await send('GET', '/v1/shelves/1');
  const spans = await exported();
  const [nowhere, request] = spans.filter(({ kind }) => kind === 2);
  const call = spans.find(({ kind }) => kind === 3);
  t.like(nowhere, { name: 'GET', failed: false });
  t.like(nowhere!.attributes, { 'protogate.reason': 'ROUTE_NOT_FOUND', 'http.response.status_code': 404 });
  t.like(request, { name: 'GET /v1/{name=shelves/*}', failed: true });
  t.like(call!.attributes, { 'rpc.grpc.status_code': 13, 'error.type': 'INTERNAL' });
});

test('the span of a stream lasts until its end', async (t) => {
  const messages = async function* () {
    yield { name: 'a' };
    await new Promise((resolve) => setTimeout(resolve, 50));
    yield { name: 'b' };
  };
  const { send, exported } = await start(t, { Watch: () => ({ messages: messages() }) });
  await send('GET', '/v1/watch');
  const spans = await exported();
  const [request, call] = [2, 3].map((wanted) => spans.find(({ kind }) => kind === wanted));
  t.is(call!.parentSpanId, request!.spanId);
  t.true(call!.endMs - call!.startMs >= 45 && call!.endMs <= request!.endMs + 1);
});

test('no token, key, cookie or query is in a trace; the receiver’s own headers are sent', async (t) => {
  const receiver = await startReceiver(t);
  const secret = keepSecret('trace-secret-4711');
  const { send, gateway } = await startGateway(
    t,
    PROTO,
    { GetShelf: { message: {} } },
    { tracing: { otlp: receiver.url, headers: { 'x-token': 'of-the-receiver' } } },
  );
  const headers = { authorization: `Bearer ${secret}`, cookie: `s=${secret}`, 'x-api-key': secret };
  await send('GET', `/v1/shelves/1?access_token=${secret}`, { headers });
  await send('GET', '/v1/shelves/1', { headers });
  await until(() => gateway.metrics.requests.inFlight === 0);
  await gateway.close();
  t.is(receiver.spans.length, 3);
  t.false(receiver.text().includes(secret));
  t.is(receiver.headers()['x-token'], 'of-the-receiver');
});

test('a failing trace receiver is logged once, and its spans are counted', async (t) => {
  const { send, exported, receiver, gateway, logged } = await start(t, { GetShelf: { message: {} } });
  receiver.answer(400);
  await send('GET', '/v1/shelves/1');
  t.deepEqual(await exported(), []);
  t.is(logged().filter(({ msg }) => msg === 'traces cannot be exported').length, 1);
  void gateway;
});

test('a recorded request is the exemplar of its bucket, also when processes are added up', async (t) => {
  const { send, gateway, exported } = await start(t, { GetShelf: { message: {} } });
  await send('GET', '/v1/shelves/1');
  await until(() => gateway.metrics.requests.inFlight === 0);
  const values = await valuesOf(gateway.metrics.registry);
  for (const metrics of [values, await join([values, values])]) {
    const { text, contentType } = await expose(metrics, true);
    t.regex(contentType, /^application\/openmetrics-text/);
    t.true(text.endsWith('# EOF\n'));
    const [, traceId] =
      /protogate_request_duration_seconds_bucket\{.*\} \d+ # \{trace_id="(\w{32})"\} /.exec(text) ?? [];
    t.regex(String(traceId), /^\w{32}$/);
    t.regex(text, /# TYPE protogate_http_requests counter\n/);
    t.regex(text, /\nprotogate_http_requests_total\{/);
    const plain = await expose(metrics, false);
    t.notRegex(plain.text, /trace_id/);
    t.regex(plain.text, /# TYPE protogate_http_requests_total counter\n/);
  }
  t.is((await exported()).length, 2);
});

test('no file loads OpenTelemetry when it is loaded itself', async (t) => {
  const entries = await readdir('src', { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  let lazily = 0;
  for (const { parentPath, name } of files) {
    const text = await readFile(joinPath(parentPath, name), 'utf8');
    t.notRegex(text, /^(?:im|ex)port (?!type )[^;]*from '@opentelemetry/m, name);
    lazily += text.split("import('@opentelemetry").length - 1;
  }
  t.true(lazily > 3);
});
