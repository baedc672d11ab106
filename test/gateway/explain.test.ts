/** The output of `explain` for answers that need no call, or that depend on a call. */
import test from 'ava';
import { explain } from '../../src/gateway/explain/explain.js';
import { planOf } from '../support/gateway.js';

const PROTO = `package a.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; }
message Pair { Q one = 1; Q two = 2; }
service S {
  option (protogate.v1.default_policy) = { cache: { ttl: { seconds: 5 } } };
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/{id}" }; }
  rpc Make(Q) returns (Q) { option (google.api.http) = { post: "/v1/{id}" body: "*" }; }
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/{id}/watch" }; }
  rpc Talk(stream Q) returns (stream Q) { option (google.api.http) = { post: "/v1/{id}/talk" body: "*" }; }
  rpc Both(Q) returns (Pair) {
    option (google.api.http) = { get: "/v1/{id}/both" };
    option (protogate.v1.aggregate) = {
      steps: { into: "one" call: "a.v1.S/Get" with: "id = request.id" }
      steps: { into: "two" call: "a.v1.S/Get" with: "id = 'two'" optional: true }
    };
  }
}`;
const WEB_SOCKET = 'connection: keep-alive, Upgrade\nupgrade: WebSocket';

const cases: readonly (readonly [fact: string, request: string, headers: string, says: RegExp])[] = [
  [
    'a stream whose end was seen',
    'GET /v1/a/watch',
    'accept: text/event-stream\nlast-event-id: end',
    /\nanswers +204: .*\n$/,
  ],
  [
    'which is no matter for lines',
    'GET /v1/a/watch',
    'accept: application/x-ndjson\nlast-event-id: end',
    /\nanswers +application\/x-ndjson\n/,
  ],
  [
    'where a stream goes on from',
    'GET /v1/a/watch',
    'accept: text/event-stream\nlast-event-id: 7',
    /\nmetadata +last-event-id: 7\n/,
  ],
  [
    'a WebSocket at the path of a POST',
    'GET /v1/a/talk',
    WEB_SOCKET,
    /\nmatches +POST .*\n(?:.*\n)* +and the fields of each message that the client sends\nanswers +101, then one frame for each message\n/,
  ],
  ['a WebSocket that needs no frame', 'GET /v1/a/watch', WEB_SOCKET, /\nrequest +\{\n.*\n +\}\nanswers +101/],
  [
    'no WebSocket for what does not stream',
    'GET /v1/a',
    WEB_SOCKET,
    /\nerror +404 no route for a WebSocket at \/v1\/a, did you mean 'GET \/v1\/\{id\}\/watch'\?\n/,
  ],
  [
    'a WebSocket of a foreign page',
    'GET /v1/a/talk',
    `${WEB_SOCKET}\norigin: https://b.example`,
    /\nerror +403 origin: /,
  ],
  ['a WebSocket of an allowed one', 'GET /v1/a/talk', `${WEB_SOCKET}\norigin: https://a.example`, /\nanswers +101/],
  ['a wish to upgrade that the connection does not share', 'GET /v1/a/talk', 'upgrade: websocket', /\nerror +405 /],
  [
    'a preflight, whatever the path',
    'OPTIONS /nowhere',
    'origin: https://a.example\naccess-control-request-method: GET',
    /\nanswers +204, the answer to a CORS preflight\n/,
  ],
  [
    'a foreign preflight',
    'OPTIONS /nowhere',
    'origin: https://b.example\naccess-control-request-method: GET',
    /\nerror +404 /,
  ],
  ['the server as a whole', 'OPTIONS *', '', /\nanswers +204\n$/],
  [
    'a method that HTTP does not know',
    'FETCH /v1/a',
    '',
    /\nerror +400 malformed HTTP request: expected a known HTTP method/,
  ],
  [
    'a path that is not encoded',
    'GET /v1/é',
    '',
    /\nerror +400 malformed HTTP request: expected a request target in ASCII/,
  ],
  [
    'headers over limits.headerBytes',
    'GET /v1/a',
    `x-long: ${'x'.repeat(2100)}`,
    /\nerror +431 headers: too large; send fewer or shorter headers\n/,
  ],
  [
    'a cache that is for GETs alone',
    'POST /v1/a',
    '',
    /\npolicies +cache: an answer is fresh for .*: never used, because POST is not cached\n/,
  ],
  [
    'a cache in use',
    'GET /v1/a',
    '',
    /\npolicies +cache: an answer is fresh for 5s, kept for each consumer \(.*:\d+\)\n/,
  ],
  ['what $fields leaves out', 'GET /v1/a/both?$fields=one', '', /\nskipped +two: not in \$fields, so not called\n/],
  ['no time for a call', 'GET /v1/a/watch', 'grpc-timeout: 0S', /\nerror +504 /],
  ['no time for a call that a cache may spare', 'GET /v1/a', 'grpc-timeout: 0S', /\ndeadline +0ms \(grpc-timeout\)\n/],
];

for (const [fact, request, headers, says] of cases) {
  test(`explain tells ${fact}`, async (t) => {
    const plan = await planOf(t, PROTO, { limits: { headerBytes: '2KiB' }, cors: { origins: ['https://a.example'] } });
    const [method = '', target = ''] = request.split(' ');
    const rawHeaders = headers === '' ? [] : headers.split('\n').flatMap((line) => line.split(': '));
    const { text } = await explain(plan, { method, target, body: Buffer.alloc(0), rawHeaders });
    t.regex(text, says);
  });
}

test('explain names the issuer and the audience that a token should have, and those that it has', async (t) => {
  const secret = 's'.repeat(32);
  const plan = await planOf(t, PROTO, {
    upstreams: { a: { target: '127.0.0.1:1' } },
    auth: { jwt: [{ issuer: 'https://id.example', audiences: ['wards', 'beds'], secret }] },
  });
  const answer = async (iss: string, aud: string) => {
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const claims = { iss, aud, sub: 'ada', exp: Date.now() / 1000 + 60 };
    const token = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}.AAAA`;
    const rawHeaders = ['authorization', `Bearer ${token}`];
    return (await explain(plan, { method: 'GET', target: '/v1/a', body: Buffer.alloc(0), rawHeaders })).text;
  };
  t.true(
    (await answer('https://other.example', 'wards')).endsWith(
      'token: iss: expected https://id.example, got https://other.example\n',
    ),
  );
  t.true((await answer('https://id.example', 'x')).endsWith('token: aud: expected one of wards, beds, got x\n'));
});

test('explain shows each policy in words', async (t) => {
  const plan = await planOf(t, PROTO, {
    upstreams: { a: { target: '127.0.0.1:1' } },
    auth: { apiKeys: { file: 'keys.yaml' } },
    policies: [
      {
        selector: 'a.v1.S.Get',
        auth: { scopes: ['read|admin', 'beds'], require: ['request.id = caller.subject'] },
        rateLimits: [
          { limit: 100, period: '1m', per: ['consumer', 'route'] },
          { limit: 1, period: '1s', enforce: false },
        ],
        addresses: { allow: ['10.0.0.0/8', '::1'], deny: ['10.9.0.0/16'] },
        cache: { ttl: '1m', scope: 'public', staleWhileRevalidate: '30s', staleIfError: '2m' },
        timeout: '1500ms',
        retry: { maxAttempts: 3, codes: ['UNAVAILABLE', 'ABORTED'] },
        hedgeAfter: '50ms',
        maxRequestBytes: '1KiB',
        successStatus: 201,
        deprecated: { since: '2026-01-31', sunset: '2027-01-31', link: 'https://example.com/new' },
      },
      { selector: 'a.v1.S.Make', hedgeAfter: '0s', auth: { mode: 'optional' } },
    ],
  });
  const policies = async (method: string, body: string) => {
    const { text } = await explain(plan, { method, target: '/v1/a', body: Buffer.from(body), rawHeaders: [] });
    return /\npolicies +((?:.*\n)(?: .*\n)*)/
      .exec(text)?.[1]
      ?.trim()
      .replaceAll(/ \(.*\)/g, '')
      .split(/\n +/)
      .sort();
  };
  t.deepEqual(await policies('GET', ''), [
    'addresses: no clients in 10.9.0.0/16',
    'addresses: only clients in 10.0.0.0/8, ::1',
    'auth: scope read or admin, scope beds, require request.id = caller.subject',
    'cache: an answer is fresh for 1m, the same for all callers, stale for 30s more while a new one is fetched, stale for 2m more if the service fails',
    'deprecated: since 2026-01-31, until 2027-01-31, clients are referred to https://example.com/new',
    'hedgeAfter: a second call after 50ms',
    'maxRequestBytes: 1024 bytes',
    'rateLimits: 1 request in 1s for all callers together, counted but not refused',
    'rateLimits: 100 requests in 1m for each consumer and route',
    'retry: at most 3 attempts, after UNAVAILABLE or ABORTED',
    'successStatus: 201',
    'timeout: 1500ms',
  ]);
  const post = (await policies('POST', '{}'))!;
  t.true(post.includes('hedgeAfter: no second call') && post.includes('auth: optional'), post.join('\n'));
});

test('explain says what the rule needs to take a body, if the route takes none', async (t) => {
  const plan = await planOf(t, PROTO);
  const { text } = await explain(plan, {
    method: 'GET',
    target: '/v1/a',
    body: Buffer.from('{"id":"a"}'),
    rawHeaders: [],
  });
  t.regex(text, /\nerror +400 body: expected none, .*\n.*UNEXPECTED_BODY.*\n +to take a body, .* needs body: "\*"/);
});

test('explain measures a body as the gateway does, by limits.bodyBytes and max_request_bytes', async (t) => {
  const plan = await planOf(t, PROTO, {
    limits: { bodyBytes: '16KiB' },
    policies: [{ selector: 'a.v1.S.Make', maxRequestBytes: '1KiB' }],
  });
  const post = async (target: string, body: string) =>
    (await explain(plan, { method: 'POST', target, body: Buffer.from(body), rawHeaders: [] })).text;
  const long = (bytes: number) => JSON.stringify({ id: 'x'.repeat(bytes) });
  t.regex(await post('/v1/a', long(1100)), /\nerror +413 body: expected at most 1024 bytes, got more\n/);
  t.regex(
    await post('/v1/a/talk', `[${long(20_000)}]`),
    /\nerror +413 body: expected messages of at most 16384 bytes\n/,
  );
  t.notRegex(await post('/v1/a/talk', `[${Array.from({ length: 9 }, () => '{"id":"a"}').join()}]`), /error/);
});

test('explain lists what a route does when its upstream fails, in order', async (t) => {
  const plan = await planOf(t, PROTO, {
    upstreams: {
      a: {
        target: '127.0.0.1:1',
        retry: { maxAttempts: 3, codes: ['UNAVAILABLE', 'ABORTED'] },
        hedge: { after: '50ms' },
        circuitBreaker: {},
      },
    },
    policies: [{ selector: 'a.v1.S.Get', cache: { ttl: '5s', staleIfError: '2m' } }],
  });
  const onFailure = async (method: string, target: string) => {
    const body = Buffer.from(method === 'POST' ? '{}' : '');
    const { text } = await explain(plan, { method, target, body, rawHeaders: [] });
    return /\nfailure +((?:.*\n)(?: .*\n)*)/.exec(text)?.[1]?.trim().split(/\n +/);
  };
  const breaker = 'refuse calls with 503 for 5s after 50 % of at least 20 calls in 10s have failed';
  const get = [
    'retry after UNAVAILABLE, ABORTED, at most 3 attempts',
    'hedge with a second call after 50ms',
    'answer from the cache, up to 2m after its ttl',
    breaker,
  ];
  t.deepEqual(await onFailure('GET', '/v1/a'), get);
  t.deepEqual(await onFailure('POST', '/v1/a'), [
    'retry after UNAVAILABLE, ABORTED if the call did not reach the server, at most 3 attempts',
    breaker,
  ]);
  t.deepEqual(await onFailure('GET', '/v1/a/both'), [
    ...get.map((line) => `one: ${line}`),
    ...get.map((line) => `two: ${line}`),
    'answer without two',
  ]);
});
