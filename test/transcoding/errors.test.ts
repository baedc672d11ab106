/** Errors: all have one form, and only some parts of an upstream's text reach the client. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { startUpstream } from '../support/upstream.js';

const shared = afterAll(test);
const started = startGateway(shared, LIBRARY);

/** Each gRPC code with its HTTP status, and whether the upstream's message passes. */
const codes: readonly (readonly [code: number, http: number, passes: boolean])[] = [
  [1, 499, false],
  [2, 500, false],
  [3, 400, true],
  [4, 504, false],
  [5, 404, true],
  [6, 409, true],
  [7, 403, true],
  [8, 429, true],
  [9, 400, true],
  [10, 409, true],
  [11, 400, true],
  [12, 501, false],
  [13, 500, false],
  [14, 503, false],
  [15, 500, false],
  [16, 401, true],
];
for (const [code, http, passes] of codes) {
  test.serial(
    `gRPC code ${code} is HTTP ${http}; ${passes ? 'its message passes' : 'its message stays in the log'}`,
    async (t) => {
      const { send, upstream, logged } = await started;
      upstream.script('GetBook', { status: { code, message: 'at 10.0.0.7: secret' } });
      const { status, json, headers } = await send('GET', '/v1/books/x');
      t.is(status, http);
      t.is(json.code, code);
      t.deepEqual(Object.keys(json), ['code', 'message', 'details']);
      if (passes) t.is(json.message, 'at 10.0.0.7: secret');
      else {
        t.notRegex(JSON.stringify(json), /secret|10\.0/);
        t.true(json.message.endsWith(`(request id ${headers['x-request-id']})`));
        t.true(JSON.stringify(logged().at(-1)).includes('secret'), 'the truth is in the log');
      }
      t.is(headers['x-content-type-options'], 'nosniff');
    },
  );
}

async function detailsOf(
  upstream: Awaited<typeof started>['upstream'],
  details: readonly (readonly [type: string, Uint8Array])[],
  code = 9,
) {
  const any = details.map(([type, value]) => ({
    type_url: type.includes('/') ? type : `type.googleapis.com/${type}`,
    value,
  }));
  const status = await startUpstream(
    'import "google/rpc/status.proto";\nmessage Unused {}\nservice U { rpc U(Unused) returns (Unused); }',
  );
  try {
    upstream.script('GetBook', {
      status: {
        code,
        message: 'no',
        details: Buffer.from(status.encode('google.rpc.Status', { code, message: 'no', details: any })),
      },
    });
  } finally {
    await status.close();
  }
}

for (const [code, http] of [
  [8, 429],
  [14, 503],
] as const) {
  test.serial(`${http} has Retry-After, even if the upstream gives no delay`, async (t) => {
    const { send, upstream } = await started;
    upstream.script('GetBook', { status: { code, message: 'no' } });
    const { headers, json } = await send('GET', '/v1/books/x');
    t.is(headers['retry-after'], '1');
    t.deepEqual(json.details, [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' }]);
  });

  test.serial(`${http} has the upstream's own delay in Retry-After, in whole seconds`, async (t) => {
    const { send, upstream } = await started;
    // RetryInfo { retry_delay { seconds: 2 nanos: 500000000 } }
    const delay = Buffer.from([0x0a, 8, 0x08, 2, 0x10, 0x80, 0xca, 0xb5, 0xee, 1]);
    await detailsOf(upstream, [['google.rpc.RetryInfo', delay]], code);
    const { headers, json } = await send('GET', '/v1/books/x');
    t.is(headers['retry-after'], '3');
    t.like(json.details, [{ retryDelay: '2.500s' }]);
    t.is(json.details.length, 1);
  });
}

test.serial('an error of an upstream without a message is answered with the name of its code', async (t) => {
  const { send, upstream } = await started;
  upstream.script('GetBook', { status: { code: 5, message: '' } });
  t.is((await send('GET', '/v1/books/x')).json.message, 'not found');
});

test.serial('a 401 of an upstream has the challenge that HTTP requires', async (t) => {
  const { send, upstream } = await started;
  upstream.script('GetBook', { status: { code: 16, message: 'who?' } });
  t.is((await send('GET', '/v1/books/x')).headers['www-authenticate'], 'Bearer realm="protogate"');
});

test.serial('grpc-status-details-bin is decoded into details', async (t) => {
  const { send, upstream } = await started;
  const reason = Buffer.from([0x0a, 1, 0x52, 0x12, 1, 0x44]);
  await detailsOf(upstream, [['google.rpc.ErrorInfo', reason]]);
  const { json } = await send('GET', '/v1/books/x');
  t.deepEqual(json.details, [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'R', domain: 'D' }]);
});

test.serial('a detail whose type is not in the schema keeps @type and its bytes', async (t) => {
  const { send, upstream } = await started;
  await detailsOf(upstream, [['nowhere.Known', Buffer.from([8, 1])]]);
  t.deepEqual((await send('GET', '/v1/books/x')).json.details, [
    { '@type': 'type.googleapis.com/nowhere.Known', value: 'CAE=' },
  ]);
});

test.serial("only RetryInfo of an internal failure's details reaches the client", async (t) => {
  const { send, upstream } = await started;
  const details = [
    ['google.rpc.ErrorInfo', Buffer.from([0x0a, 1, 0x52])],
    ['google.rpc.RetryInfo', Buffer.from([0x0a, 2, 8, 5])],
  ] as const;
  for (const code of [2, 13, 14, 15]) {
    await detailsOf(upstream, details, code);
    const { json } = await send('GET', '/v1/books/x');
    t.is(json.code, code);
    t.deepEqual(json.details, [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '5s' }]);
  }
});

test.serial('DebugInfo never reaches the client', async (t) => {
  const { send, upstream } = await started;
  for (const type of ['google.rpc.DebugInfo', 'types.example.com/google.rpc.DebugInfo', '/google.rpc.DebugInfo']) {
    await detailsOf(upstream, [[type, Buffer.from([0x12, 1, 0x78])]]);
    t.deepEqual((await send('GET', '/v1/books/x')).json.details, [], type);
  }
});

test.serial('a broken detail does not remove the other details', async (t) => {
  const { send, upstream } = await started;
  await detailsOf(upstream, [
    ['google.rpc.BadRequest', Buffer.from([0x0a, 5, 0x0a])],
    ['google.rpc.ErrorInfo', Buffer.from([0x0a, 1, 0x52])],
  ]);
  t.deepEqual((await send('GET', '/v1/books/x')).json.details, [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'R' },
  ]);
});

test.serial('broken details are left out and the error stays', async (t) => {
  const { send, upstream } = await started;
  upstream.script('GetBook', { status: { code: 5, message: 'gone', details: Buffer.from([0xff]) } });
  t.deepEqual((await send('GET', '/v1/books/x')).json, { code: 5, message: 'gone', details: [] });
});

test.serial("the gateway's own errors carry ErrorInfo with domain protogate and a stable reason", async (t) => {
  const { send } = await started;
  const { json } = await send('GET', '/nowhere');
  t.deepEqual(json.details, [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'ROUTE_NOT_FOUND',
      domain: 'protogate',
      metadata: {},
    },
  ]);
});

test.serial('a bad request carries field violations: path, expected, found', async (t) => {
  const { send } = await started;
  const { json } = await send('POST', '/v1/books:create', { body: { book: { author: { born: 'x' } } } });
  t.deepEqual(json.details[0], {
    '@type': 'type.googleapis.com/google.rpc.BadRequest',
    fieldViolations: [{ field: 'book.author.born', description: 'expected int32, got "x"' }],
  });
  t.is(json.message, 'book.author.born: expected int32, got "x"');
});

test('errors.format: aip193 answers errors in the form of AIP-193', async (t) => {
  const { send } = await startGateway(t, LIBRARY, {}, { errors: { format: 'aip193' } });
  const { status, json } = await send('GET', '/nowhere');
  t.is(status, 404);
  t.like(json, { error: { code: 404, status: 'NOT_FOUND', message: 'no route for GET /nowhere' } });
});

test('errors.format: problem answers errors in the form of RFC 9457', async (t) => {
  const { send } = await startGateway(t, LIBRARY, {}, { errors: { format: 'problem' } });
  const { json, headers } = await send('GET', '/nowhere');
  t.is(headers['content-type'], 'application/problem+json');
  t.like(json, { type: 'about:blank', title: 'Not Found', status: 404, detail: 'no route for GET /nowhere', code: 5 });
});

test('errors.format also applies to errors that Node would answer itself', async (t) => {
  const { send } = await startGateway(t, LIBRARY, {}, { errors: { format: 'problem' } });
  const { status, json, headers } = await send('GET', '/v1/books/x', { headers: { expect: 'x' } });
  t.is(headers['content-type'], 'application/problem+json');
  t.like(json, { status, detail: 'expect: expected 100-continue, got another value' });
});

test('an unreachable upstream is 503 and its address does not reach the client', async (t) => {
  const { send, plan } = await startGateway(
    t,
    LIBRARY,
    {},
    { upstreams: { test: { target: '127.0.0.1:1', services: ['*'] } } },
  );
  t.is(plan.config.upstreams.size, 1);
  const { status, json, text } = await send('GET', '/v1/books/x');
  t.is(status, 503);
  t.is(json.code, 14);
  t.notRegex(text, /127\.0|ECONNREFUSED|connect/i);
});
