/** Templates, matching, and the characters that a path may contain, through a real socket to a real gRPC server. */
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';

const shared = afterAll(test);
const started = startGateway(
  shared,
  LIBRARY.replace(
    'rpc Hidden',
    `rpc GetSchema(GetFileRequest) returns (File) {
    option (google.api.http) = { get: "/{path=docs/**}/schema" additional_bindings { get: "/price/$usd/{path}" } };
  }
  rpc Only(GetFileRequest) returns (File) {
    option (google.api.http) = {
      additional_bindings { get: "/only/{path}" } additional_bindings { post: "/only" body: "*" }
    };
  }
  rpc Watch(GetFileRequest) returns (stream File) { option (google.api.http) = { get: "/watch/{path}" }; }
  rpc Hidden`,
  ),
);

interface Row {
  readonly fact: string;
  readonly request: readonly [method: string, target: string];
  /** The rpc and the request that the upstream received. */
  readonly call: readonly [rpc: string, request: object];
}

const reached: readonly Row[] = [
  {
    fact: 'a literal may follow **',
    request: ['GET', '/docs/docs/a/b/schema'],
    call: ['GetSchema', { path: 'docs/docs/a/b' }],
  },
  {
    fact: 'and ** takes as much as it leaves',
    request: ['GET', '/docs/schema/schema'],
    call: ['GetSchema', { path: 'docs/schema' }],
  },
  {
    fact: 'a reserved character of a literal matches its encoded form',
    request: ['GET', '/price/%24usd/1'],
    call: ['GetSchema', { path: '1' }],
  },
  { fact: '%00 is one NUL', request: ['GET', '/v1/books/a%00b'], call: ['GetBook', { name: 'a\0b' }] },
  {
    fact: 'a variable of one segment decodes everything, %2F too',
    request: ['GET', '/v1/books/a%2Fb%20c'],
    call: ['GetBook', { name: 'a/b c' }],
  },
  {
    fact: 'a variable of several segments keeps %2F and %2f',
    request: ['GET', '/v1/shelves/a%2Fb%2fc%20d'],
    call: ['GetShelf', { name: 'shelves/a%2Fb%2fc d' }],
  },
  { fact: 'a path is decoded once', request: ['GET', '/v1/books/a%252Fb'], call: ['GetBook', { name: 'a%2Fb' }] },
  {
    fact: 'a plus sign in a path is a plus sign',
    request: ['GET', '/v1/books/a+b'],
    call: ['GetBook', { name: 'a+b' }],
  },
  { fact: 'UTF-8 in a path is decoded', request: ['GET', '/v1/books/%E2%82%AC'], call: ['GetBook', { name: '€' }] },
  {
    fact: 'a registered verb is taken off the last segment',
    request: ['POST', '/v1/shelves/1/books/2:burn'],
    call: ['Burn', { name: 'shelves/1/books/2' }],
  },
  {
    fact: 'the verb is looked for after the last colon',
    request: ['POST', '/v1/shelves/1/books/urn:isbn:2:burn'],
    call: ['Burn', { name: 'shelves/1/books/urn:isbn:2' }],
  },
  {
    fact: 'a colon without a registered verb is data',
    request: ['GET', '/v1/shelves/1/books/urn:isbn:2'],
    call: ['GetBook', { name: 'shelves/1/books/urn:isbn:2' }],
  },
  {
    fact: 'a verb that another method has is data here',
    request: ['GET', '/v1/shelves/1/books/2:burn'],
    call: ['GetBook', { name: 'shelves/1/books/2:burn' }],
  },
  {
    fact: 'an encoded colon is never a verb',
    request: ['GET', '/v1/shelves/1/books/2%3Aburn'],
    call: ['GetBook', { name: 'shelves/1/books/2:burn' }],
  },
  {
    fact: 'percent-encoded unreserved characters match a literal',
    request: ['GET', '/v1/%73helves/1'],
    call: ['GetShelf', { name: 'shelves/1' }],
  },
  { fact: '** matches several segments', request: ['GET', '/files/a/b/c'], call: ['GetFile', { path: 'a/b/c' }] },
  { fact: '** matches no segment', request: ['GET', '/files'], call: ['GetFile', {}] },
  { fact: '** keeps %2F encoded', request: ['GET', '/files/a%2Fb/c%20d'], call: ['GetFile', { path: 'a%2Fb/c d' }] },
  {
    fact: 'HEAD is derived from a unary GET',
    request: ['HEAD', '/v1/shelves/1'],
    call: ['GetShelf', { name: 'shelves/1' }],
  },
  { fact: 'a custom kind of HEAD works', request: ['HEAD', '/probe/x'], call: ['Probe', { path: 'x' }] },
  { fact: 'a custom kind * means any method', request: ['PURGE', '/any/x'], call: ['Probe', { path: 'x' }] },
  { fact: 'and answers OPTIONS itself', request: ['OPTIONS', '/any/x'], call: ['Probe', { path: 'x' }] },
  {
    fact: 'an additional binding has its own path',
    request: ['GET', '/v1/books/emma'],
    call: ['GetBook', { name: 'emma' }],
  },
  {
    fact: 'a rule may have additional bindings alone',
    request: ['GET', '/only/x'],
    call: ['Only', { path: 'x' }],
  },
  { fact: 'each of them is served', request: ['POST', '/only'], call: ['Only', {}] },
  {
    fact: 'an absolute-form target is matched by its path',
    request: ['GET', 'http://other.example/v1/shelves/1'],
    call: ['GetShelf', { name: 'shelves/1' }],
  },
];

for (const {
  fact,
  request: [method, target],
  call: [rpc, request],
} of reached) {
  test.serial(fact, async (t) => {
    const { send, upstream } = await started;
    const { status } = await send(method, target);
    t.is(status, 200);
    const call = upstream.last();
    t.is(call.path, `/library.v1.Library/${rpc}`);
    t.deepEqual(call.request, request);
  });
}

const refused: readonly {
  fact: string;
  request: readonly [string, string];
  status: number;
  code: number;
  allow?: string;
}[] = [
  { fact: 'a malformed escape is 400', request: ['GET', '/v1/books/%zz'], status: 400, code: 3 },
  { fact: 'a cut escape is 400', request: ['GET', '/v1/books/%4'], status: 400, code: 3 },
  { fact: 'bytes that are not UTF-8 are 400', request: ['GET', '/v1/books/%ff'], status: 400, code: 3 },
  { fact: 'literals are case-sensitive', request: ['GET', '/v1/Shelves/1'], status: 404, code: 5 },
  { fact: 'a trailing slash is another path', request: ['GET', '/v1/shelves/1/'], status: 404, code: 5 },
  { fact: 'an empty segment matches no *', request: ['GET', '/v1/shelves//books'], status: 404, code: 5 },
  { fact: 'an empty segment matches no **', request: ['GET', '/files/a//b'], status: 404, code: 5 },
  { fact: 'a .. segment is 400', request: ['GET', '/files/a/../b'], status: 400, code: 3 },
  { fact: 'a . segment is 400', request: ['GET', '/files/./b'], status: 400, code: 3 },
  { fact: 'an encoded .. segment is 400', request: ['GET', '/files/%2e%2E/b'], status: 400, code: 3 },
  { fact: 'an unknown path is 404', request: ['GET', '/nowhere'], status: 404, code: 5 },
  {
    fact: 'a known path with another method is 405 and lists all',
    request: ['POST', '/v1/shelves/1/books/2'],
    status: 405,
    code: 12,
    allow: 'DELETE, GET, HEAD, OPTIONS, PATCH, PUT',
  },
  {
    fact: 'an rpc without a rule has no route by its gRPC path',
    request: ['POST', '/library.v1.Library/Hidden'],
    status: 404,
    code: 5,
  },
  {
    fact: 'an annotated rpc has no route by its gRPC path either',
    request: ['POST', '/library.v1.Library/GetShelf'],
    status: 404,
    code: 5,
  },
  {
    fact: 'reflection is not on the public port',
    request: ['POST', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'],
    status: 404,
    code: 5,
  },
  ...['/healthz', '/readyz', '/metrics', '/routes', '/', '/openapi.json'].map((path) => ({
    fact: `nothing of the gateway's own is on the public port: ${path}`,
    request: ['GET', path] as const,
    status: 404,
    code: 5,
  })),
  { fact: 'a path of 8 KB is 404', request: ['GET', `/${'a'.repeat(8192)}`], status: 404, code: 5 },
];

for (const {
  fact,
  request: [method, target],
  status,
  code,
  allow,
} of refused) {
  test.serial(fact, async (t) => {
    const { send, upstream } = await started;
    const before = upstream.calls.length;
    const answer = await send(method, target);
    t.is(answer.status, status);
    t.is(answer.json?.code, code);
    t.is(answer.headers['content-type'], 'application/json');
    t.is(answer.headers.allow, allow);
    t.is(upstream.calls.length, before, 'no call reached the upstream');
  });
}

test.serial('OPTIONS answers Allow and nothing else', async (t) => {
  const { send } = await started;
  const { status, headers, text } = await send('OPTIONS', '/v1/shelves/1');
  t.is(status, 204);
  t.is(headers.allow, 'GET, HEAD, OPTIONS');
  t.is(text, '');
});

test.serial('OPTIONS * is about the server and is answered with 204', async (t) => {
  const { send } = await started;
  t.is((await send('OPTIONS', '*')).status, 204);
  t.is((await send('GET', '*')).status, 400);
});

test.serial('HEAD is not derived from a server stream', async (t) => {
  const { send, upstream } = await started;
  const before = upstream.calls.length;
  const { status, headers } = await send('HEAD', '/watch/x');
  t.is(status, 405);
  t.is(headers.allow, 'GET, OPTIONS');
  t.is(upstream.calls.length, before);
});

test.serial('a derived HEAD answers the length of what GET would send, and no body', async (t) => {
  const { send } = await started;
  const get = await send('GET', '/v1/shelves/1');
  const head = await send('HEAD', '/v1/shelves/1');
  t.is(head.headers['content-length'], get.headers['content-length']);
  t.is(head.text, '');
});

const rpcs = [
  'rpc Put(Q) returns (Q) { option (google.api.http) = { put: "/things/best" }; }',
  'rpc Parts(Q) returns (Q) { option (google.api.http) = { put: "/things/best/parts" }; }',
  'rpc Worst(Q) returns (Q) { option (google.api.http) = { get: "/things/worst" }; }',
  'rpc One(Q) returns (Q) { option (google.api.http) = { get: "/things/{id}" }; }',
  'rpc Any(Q) returns (Q) { option (google.api.http) = { get: "/things/{id=**}" }; }',
];
for (const [order, declared] of [
  ['as declared', rpcs],
  ['in reverse', rpcs.toReversed()],
] as const) {
  const text = `import "google/api/annotations.proto";\nmessage Q { string id = 1; }\nservice S { ${declared.join('\n')} }`;
  const ordered = startGateway(shared, text);
  for (const [fact, target, rpc, request] of [
    ['a literal beats a wildcard', '/things/worst', 'Worst', {}],
    ['* beats **', '/things/x', 'One', { id: 'x' }],
    ['a static branch without the method hides no *', '/things/best', 'One', { id: 'best' }],
    ['a static branch without the method hides no **', '/things/best/parts', 'Any', { id: 'best/parts' }],
  ] as const) {
    test.serial(`${fact}, rpcs ${order}`, async (t) => {
      const { send, upstream } = await ordered;
      t.is((await send('GET', target)).status, 200);
      t.is(upstream.last().path, `/S/${rpc}`);
      t.deepEqual(upstream.last().request, request);
    });
  }
}
