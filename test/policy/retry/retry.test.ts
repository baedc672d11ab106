/** Tests which failed calls a real upstream gets again, and how often. */
import { createServer } from 'node:net';
import test from 'ava';
import type { CallRequest } from '../../../src/call/call.js';
import { Code } from '../../../src/status/code.js';
import { StatusError } from '../../../src/status/status-error.js';
import { retrying } from '../../../src/upstream/retry.js';
import { RetryBudget } from '../../../src/upstream/retry-budget.js';
import { handClock, pass } from '../../support/clock.js';
import { afterAll, planOf, startGateway } from '../../support/gateway.js';
import type { Handler } from '../../support/upstream.js';
import { startUpstream } from '../../support/upstream.js';

const shared = afterAll(test);

const PROTO = `syntax = "proto3";
package lib.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; }
message Shelf { string name = 1; }
service Library {
  rpc GetShelf(Ask) returns (Shelf) {
    option (google.api.http) = { get: "/v1/{name=shelves/*}" additional_bindings: { post: "/v1/shelves:get" body: "*" } };
    option (protogate.v1.policy) = { retry: { max_attempts: 3 codes: "UNAVAILABLE" codes: "ABORTED" } };
  }
  rpc PutShelf(Ask) returns (Shelf) { option (google.api.http) = { put: "/v1/{name=shelves/*}" }; }
  rpc AddShelf(Ask) returns (Shelf) { option (google.api.http) = { post: "/v1/shelves" body: "*" }; }
  rpc SafeShelf(Ask) returns (Shelf) {
    option (google.api.http) = { post: "/v1/shelves:safe" body: "*" };
    option idempotency_level = IDEMPOTENT;
  }
}
service Pages {
  rpc GetPage(Ask) returns (Page) {
    option (google.api.http) = { get: "/v1/{name=pages/*}" };
    option (protogate.v1.aggregate) = { steps: { into: "shelf" call: "lib.v1.Library/GetShelf" with: "name = request.name" } };
  }
}
message Page { Shelf shelf = 1; }
`;

const REQUEST: CallRequest = {
  method: { path: '/x', clientStreaming: false, serverStreaming: false },
  message: new Uint8Array(0),
  metadata: [],
  signal: new AbortController().signal,
  context: { surface: 'default', requestId: 'x', clientAddress: '127.0.0.1' },
};

/** Fails the given number of times, then answers. */
function failing(times: number, code: number): Handler {
  let left = times;
  return () => (left-- > 0 ? { status: { code, message: 'no' } } : { message: { name: 'ok' } });
}

const UNAVAILABLE = { retry: { maxAttempts: 2, codes: ['UNAVAILABLE'] } };

async function start(handlers: Readonly<Record<string, Handler>>) {
  const upstream = await startUpstream(PROTO, handlers);
  shared.teardown(upstream.close);
  const { send, gateway } = await startGateway(
    shared,
    PROTO,
    {},
    {
      upstreams: { test: { target: upstream.target, ...UNAVAILABLE } },
    },
  );
  return { send, upstream, gateway };
}

const ROWS: readonly (readonly [
  fact: string,
  method: string,
  target: string,
  handlers: Record<string, Handler>,
  status: number,
  calls: number,
])[] = [
  [
    'a GET that fails with a listed code is made again, as its method says',
    'GET',
    '/v1/shelves/1',
    { GetShelf: failing(2, 14) },
    200,
    3,
  ],
  ['… for each code of the list', 'GET', '/v1/shelves/1', { GetShelf: failing(1, 10) }, 200, 2],
  ['… and no further', 'GET', '/v1/shelves/1', { GetShelf: failing(9, 14) }, 503, 3],
  ['a code that is not listed is final', 'GET', '/v1/shelves/1', { GetShelf: failing(1, 5) }, 404, 1],
  ['a POST is made once', 'POST', '/v1/shelves:get', { GetShelf: failing(1, 14) }, 503, 1],
  [
    'a method that says nothing has what its upstream says',
    'PUT',
    '/v1/shelves/1',
    { PutShelf: failing(1, 14) },
    200,
    2,
  ],
  ['… a POST of it none', 'POST', '/v1/shelves', { AddShelf: failing(1, 14) }, 503, 1],
  [
    'an idempotency_level makes a POST one that may be made twice',
    'POST',
    '/v1/shelves:safe',
    { SafeShelf: failing(1, 14) },
    200,
    2,
  ],
  ['a step of an aggregate has what its method says', 'GET', '/v1/pages/1', { GetShelf: failing(2, 14) }, 200, 3],
];

for (const [fact, method, target, handlers, status, calls] of ROWS) {
  test(fact, async (t) => {
    const { send, upstream, gateway } = await start(handlers);
    const answer = await send(method, target, method === 'POST' ? { body: {} } : {});
    t.is(answer.status, status, answer.text);
    t.is(upstream.calls.length, calls);
    const metrics = await gateway.metrics.registry.metrics();
    t.is(Number(/protogate_retries_total\{upstream="test"\} (\d+)/.exec(metrics)?.[1] ?? 0), calls - 1);
  });
}

test('a POST that never reached a server is made again', async (t) => {
  // The port is free now, and a server will listen on it soon.
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  await new Promise((resolve) => holder.close(resolve));
  const { send, gateway } = await startGateway(
    shared,
    PROTO,
    {},
    {
      upstreams: { test: { target: `127.0.0.1:${port}`, retry: { maxAttempts: 4, codes: ['UNAVAILABLE'] } } },
    },
  );
  const { status } = await send('POST', '/v1/shelves', { body: {} });
  t.is(status, 503);
  t.regex(await gateway.metrics.registry.metrics(), /protogate_retries_total\{upstream="test"\} 3/);
});

test('no try begins that the deadline leaves no time for, and none after the client has left', async (t) => {
  const { send, upstream } = await start({ GetShelf: { status: { code: 14, message: 'no' }, delayMs: 60 } });
  const { status } = await send('GET', '/v1/shelves/1', { headers: { 'x-request-timeout': '0.1' } });
  t.true(status === 503 || status === 504, String(status));
  t.true(upstream.calls.length <= 2);
});

test('without room in the budget the first failure is the answer', async (t) => {
  const clock = handClock();
  const budget = new RetryBudget(clock);
  let refused = 0;
  let retried = 0;
  const failure = new StatusError(Code.UNAVAILABLE, 'down', { source: 'upstream' });
  const call = retrying(
    { maxAttempts: 3, codes: [Code.UNAVAILABLE] },
    { idempotent: true, budget, clock, onRetry: () => retried++, onRefusal: () => refused++, random: () => 0 },
  )(() => Promise.reject(failure));
  const answers = Array.from({ length: 30 }, () => t.throwsAsync(call(REQUEST), { is: failure }));
  for (let i = 0; i < 3; i++) await pass(clock, 1);
  await Promise.all(answers);
  t.is(retried, 10);
  t.true(refused >= 20, String(refused));
});

test('a refusal of the gateway itself is not retried', async (t) => {
  let calls = 0;
  const failure = new StatusError(Code.UNAVAILABLE, 'open');
  const clock = handClock();
  const settings = { maxAttempts: 3, codes: [Code.UNAVAILABLE] };
  const budget = new RetryBudget(clock);
  const call = retrying(settings, { idempotent: true, budget, clock, onRetry() {}, onRefusal() {} })(() => {
    calls++;
    return Promise.reject(failure);
  });
  await t.throwsAsync(call(REQUEST), { is: failure });
  t.is(calls, 1);
});

test('check finds what is wrong with a retry', async (t) => {
  const found = async (retry: string) => {
    const { diagnostics } = await planOf(
      t,
      PROTO.replace('max_attempts: 3 codes: "UNAVAILABLE" codes: "ABORTED"', retry),
    );
    return diagnostics.filter(({ rule }) => rule === 'policy').map(({ text }) => text);
  };
  t.deepEqual(await found('max_attempts: 3 codes: "GONE"'), [
    'policy: retry.codes[0]: expected the name of a gRPC code such as UNAVAILABLE, got "GONE"',
  ]);
  t.deepEqual(await found('max_attempts: 3'), [
    'policy: retry.codes: expected at least 1 in the list, got an empty list',
  ]);
  t.deepEqual(await found('max_attempts: 1 codes: "ABORTED"'), [
    'policy: retry.max_attempts: expected at least 2, got 1',
  ]);
  t.deepEqual(await found('max_attempts: 3 codes: "14"'), [
    'policy: retry.codes[0]: expected the name of a gRPC code such as UNAVAILABLE, got "14"',
  ]);
});
