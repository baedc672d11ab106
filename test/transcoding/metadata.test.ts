/** The headers that reach a backend, the metadata that comes back, and the deadline. */
import test from 'ava';
import { handClock } from '../support/clock.js';
import { afterAll, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

const shared = afterAll(test);
const started = startGateway(
  shared,
  LIBRARY,
  {
    GetBook: {
      message: { title: 'Emma' },
      headers: { location: '/there', secret: 'x', both: 'header', 'raw-bin': Uint8Array.of(1, 2) },
      trailers: { both: 'trailer' },
    },
  },
  {
    metadata: {
      request: ['accept-language', 'grpc-metadata-*', 'x-*'],
      response: ['location', 'both', 'grpc-metadata-*'],
    },
  },
);

const target = '/v1/books/x';

test.serial('only listed headers reach the backend', async (t) => {
  const { send, upstream } = await started;
  await send('GET', target, { headers: { 'accept-language': 'de', cookie: 'a=b', 'if-match': '1' } });
  const { metadata } = upstream.last();
  t.deepEqual(metadata.get('accept-language'), ['de']);
  t.deepEqual(metadata.get('cookie'), []);
  t.deepEqual(metadata.get('if-match'), []);
});

test.serial('a grpc-metadata- name loses its prefix; several values are a list, as HTTP/2 joins them', async (t) => {
  const { send, upstream } = await started;
  await send('GET', target, { headers: { 'Grpc-Metadata-Tenant': ['a', 'b'] } });
  t.deepEqual(upstream.last().metadata.get('tenant'), ['a, b']);
});

test.serial('a -bin value is base64, padded or not', async (t) => {
  const { send, upstream } = await started;
  await send('GET', target, { headers: { 'grpc-metadata-a-bin': 'AQI=', 'grpc-metadata-b-bin': 'AQI' } });
  const { metadata } = upstream.last();
  t.deepEqual(metadata.get('a-bin'), [Buffer.from([1, 2])]);
  t.deepEqual(metadata.get('b-bin'), [Buffer.from([1, 2])]);
});

test.serial('-bin values that a proxy joined by a comma are separate values', async (t) => {
  const { send, upstream } = await started;
  await send('GET', target, { headers: { 'grpc-metadata-a-bin': 'AQI=, AwQ,BQ' } });
  const values = [Buffer.from([1, 2]), Buffer.from([3, 4]), Buffer.from([5])];
  t.deepEqual(upstream.last().metadata.get('a-bin'), values);
});

test.serial('a -bin value that is not base64 is 400', async (t) => {
  const { send, upstream } = await started;
  const calls = upstream.calls.length;
  for (const value of ['$$$', '=', '==', 'A', 'A===', 'AB=', 'ABC==', 'abc==', 'ABCD=', 'A=BC', 'AB CD', 'AQI=,=']) {
    const { status, json } = await send('GET', target, { headers: { 'grpc-metadata-a-bin': value } });
    t.is(status, 400, value);
    t.is(json.message, 'grpc-metadata-a-bin: expected base64, got other text');
  }
  t.is(upstream.calls.length, calls);
  for (const value of ['', 'AB', 'AB==', 'ABC', 'ABC=', 'ABCD', '+/+/', 'AQI=,AQI']) {
    t.is((await send('GET', target, { headers: { 'grpc-metadata-a-bin': value } })).status, 200, value);
  }
});

test.serial('more than a hundred headers for the backend are 431, without a call', async (t) => {
  const { send, upstream } = await started;
  const some = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, '']));
  t.is((await send('GET', target, { headers: some(100) })).status, 200);
  const { calls } = upstream;
  const before = calls.length;
  const { status, json } = await send('GET', target, { headers: some(101) });
  t.is(status, 431);
  t.is(json.message, 'headers: expected at most 100 that are passed on to the backend, got 101');
  t.is(calls.length, before);
});

for (const [fact, value] of [
  ['a value that is not ASCII', 'caf\u00e9'],
  ['a tab', 'a\tb'],
] as const) {
  test.serial(`${fact} is 400`, async (t) => {
    const { send, upstream } = await started;
    const before = upstream.calls.length;
    const { status, json } = await send('GET', target, { headers: { 'grpc-metadata-a': value } });
    t.is(status, 400);
    t.is(json.message, 'grpc-metadata-a: expected printable ASCII, got other characters');
    t.is(json.details[1].reason, 'INVALID_METADATA');
    t.is(upstream.calls.length, before);
  });
}

for (const name of [
  'authorization',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-request-id',
  'te',
  'grpc-timeout',
  'host',
  'traceparent',
]) {
  test.serial(`${name} can never be set by a client, prefixed or not`, async (t) => {
    const { send, upstream } = await started;
    const before = upstream.calls.length;
    const forged = {
      [`grpc-metadata-${name}`]: 'forged',
      ...(name.startsWith('grpc') || name === 'host' || name === 'te' ? {} : { [name]: 'forged' }),
    };
    t.is((await send('GET', target, { headers: forged })).status, 200);
    t.false(upstream.last().metadata.get(name).includes('forged'));
    const twin = name.replaceAll('-', '_');
    t.is((await send('GET', target, { headers: { [`grpc-metadata-${twin}`]: 'forged' } })).status, 200);
    t.is(upstream.calls.length, before + 2);
    t.false(upstream.last().metadata.get(twin).includes('forged'), twin);
  });
}

test.serial('the backend gets the request id, the client address and the trace context', async (t) => {
  const { send, upstream } = await started;
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const { headers } = await send('GET', target, { headers: { traceparent, tracestate: 'a=b' } });
  const { metadata } = upstream.last();
  t.deepEqual(metadata.get('x-request-id'), [headers['x-request-id']]);
  t.deepEqual(metadata.get('x-forwarded-for'), ['127.0.0.1']);
  t.deepEqual(metadata.get('traceparent'), [traceparent]);
  t.deepEqual(metadata.get('tracestate'), ['a=b']);
});

test.serial('a traceparent that does not parse is not passed on', async (t) => {
  const { send, upstream } = await started;
  const rest = '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const bad = ['junk', `00-${rest}é`, `00-${rest}-x`, `00-${rest}x`, `ff-${rest}`, `01-${rest}x`, `01-${rest}-é`];
  for (const traceparent of [...bad, `01-${rest}-${'x'.repeat(201)}`]) {
    const { status } = await send('GET', target, { headers: { traceparent, tracestate: 'a=b' } });
    t.is(status, 200, traceparent);
    t.deepEqual(upstream.last().metadata.get('traceparent'), [], traceparent);
  }
  await send('GET', target, { headers: { traceparent: `01-${rest}-later` } });
  t.deepEqual(upstream.last().metadata.get('traceparent'), [`01-${rest}-later`]);
  t.deepEqual(upstream.last().metadata.get('tracestate'), []);
});

test('forwardAuthorization passes Authorization on', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY, {}, { metadata: { forwardAuthorization: true } });
  await send('GET', target, { headers: { authorization: 'Bearer x', 'grpc-metadata-authorization': 'forged' } });
  t.deepEqual(upstream.last().metadata.get('authorization'), ['Bearer x']);
});

test.serial(
  'listed response metadata reaches the client: trailers win, -bin is base64, and other keys are dropped',
  async (t) => {
    const { send } = await started;
    const { headers } = await send('GET', target);
    t.is(headers.location, '/there');
    t.is(headers.both, 'trailer');
    t.is(headers['grpc-metadata-raw-bin'], 'AQI=');
    t.is(headers['grpc-metadata-secret'], 'x');
    t.is(headers.secret, undefined);
  },
);

test('an upstream may choose a 2xx or 3xx status by x-http-status, and no other', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY);
  for (const [value, expected] of [
    ['201', 201],
    ['302', 302],
    ['500', 200],
    ['junk', 200],
  ] as const) {
    upstream.script('GetBook', { headers: { 'x-http-status': value } });
    t.is((await send('GET', target)).status, expected);
    upstream.script('GetBook', { headers: { 'x-http-status': '203' }, trailers: { 'x-http-status': value } });
    t.is((await send('GET', target)).status, expected === 200 ? 203 : expected, 'trailers win');
  }
});

test('204 and 304 have no body, whatever the upstream sends', async (t) => {
  const { send, upstream } = await startGateway(t, LIBRARY);
  for (const status of [204, 304]) {
    upstream.script('GetBook', { message: { title: 'Emma' }, headers: { 'x-http-status': String(status) } });
    const answer = await send('GET', target);
    t.deepEqual([answer.status, answer.text, answer.headers['content-type']], [status, '', undefined]);
  }
});

const POLICED = LIBRARY.replace(
  'import "google/api/annotations.proto";',
  'import "google/api/annotations.proto";\nimport "protogate/v1/annotations.proto";',
).replace(
  'rpc GetShelf(GetShelfRequest) returns (Shelf) {',
  'rpc GetShelf(GetShelfRequest) returns (Shelf) { option (protogate.v1.policy) = { timeout { nanos: 150000000 } success_status: 201 };',
);

/** GetShelf has a timeout of 40 seconds, GetBook one of 200, and ListBooks has that of its upstream. None of them passes. */
const TIMED = POLICED.replace('nanos: 150000000', 'seconds: 40').replace(
  'rpc GetBook(GetBookRequest) returns (Book) {',
  'rpc GetBook(GetBookRequest) returns (Book) { option (protogate.v1.policy) = { timeout { seconds: 200 } };',
);
const shelf = '/v1/shelves/1';
const list = `${shelf}/books`;

test("a deadline is the method's own or else its upstream's, within limits.requestTimeout and the client's", async (t) => {
  const upstream = await startUpstream(TIMED);
  t.teardown(upstream.close);
  const overrides = { upstreams: { test: { target: upstream.target, timeout: '60s' } } };
  const { send } = await startGateway(t, TIMED, {}, { ...overrides, limits: { requestTimeout: '300s' } });
  const hurried = await startGateway(t, TIMED, {}, { ...overrides, limits: { requestTimeout: '100s' } });
  for (const [fact, by, path, headers, expectedMs] of [
    ["the method's own", send, shelf, {}, 40_000],
    ["the upstream's", send, list, {}, 60_000],
    ["the method's own wins over the upstream's", send, target, {}, 200_000],
    ['grpc-timeout', send, list, { 'grpc-timeout': '30500m' }, 30_500],
    ['x-request-timeout', send, list, { 'x-request-timeout': '30.5' }, 30_500],
    ["the client's cannot lengthen it", send, shelf, { 'x-request-timeout': '90' }, 40_000],
    ['limits.requestTimeout', hurried.send, target, {}, 100_000],
  ] as const) {
    const before = upstream.calls.length;
    const now = Date.now();
    await by('GET', path, { headers });
    t.is(upstream.calls.length, before + 1, fact);
    const remaining = (upstream.last().deadline ?? Number.POSITIVE_INFINITY) - now;
    // It is counted from the time at which the gateway has read the request, and includes the way to the upstream.
    const tookMs = Date.now() - now;
    t.true(remaining > expectedMs - 400 && remaining < expectedMs + tookMs + 100, `${fact}: ${remaining} ms`);
  }
});

test('a policy sets the status of success', async (t) => {
  const { send } = await startGateway(t, POLICED.replace('timeout { nanos: 150000000 }', ''));
  t.is((await send('GET', '/v1/shelves/1')).status, 201);
});

for (const [name, value] of [
  ['grpc-timeout', '1x'],
  ['grpc-timeout', '123456789S'],
  ['x-request-timeout', 'soon'],
  ['x-request-timeout', '-1'],
] as const) {
  test.serial(`${name}: ${value} is 400`, async (t) => {
    const { send } = await started;
    const { status, json } = await send('GET', target, { headers: { [name]: value } });
    t.is(status, 400);
    t.true(json.message.startsWith(`${name}: expected`));
  });
}

test('a passed deadline is 504 at once and the call is cancelled', async (t) => {
  const clock = handClock();
  const { send, upstream } = await startGateway(t, POLICED, { GetShelf: { hang: true } }, {}, { clock });
  const answer = send('GET', '/v1/shelves/1');
  await until(() => upstream.calls.length === 1);
  clock.advance(150);
  const { status, json } = await answer;
  t.is(status, 504);
  t.is(json.code, 4);
  await upstream.last().whenCancelled;
  t.true(upstream.last().cancelled);
});
