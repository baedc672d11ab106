/**
 * `explain` shows what `serve` does: requests drawn by a seed are both explained and sent, and must have the same status,
 * error, rpc, messages and metadata.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { type Explanation, explain } from '../../src/gateway/explain/explain.js';
import { casesOf, draws } from '../support/draws.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { jsonOf } from '../support/json.js';
import { HANG_MS } from '../support/until.js';
import type { RecordedCall } from '../support/upstream.js';

const PROTO = `package e.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/field_mask.proto";
import "protogate/v1/annotations.proto";
message Q { string id = 1; int32 n = 2; Inner inner = 3; repeated string tags = 4; google.protobuf.FieldMask mask = 5; bool dry = 6; }
message Inner { string name = 1; int64 big = 2; }
message Up { string id = 1; google.api.HttpBody file = 2; }
message Page { Inner a = 1; Inner b = 2; }
service Plain {
  rpc Get(Q) returns (Q) { option (google.api.http) = { get: "/v1/{id}" additional_bindings { get: "/v1/x/{id=**}" } }; }
  rpc Literal(Q) returns (Q) { option (google.api.http) = { get: "/v1/literal" additional_bindings { delete: "/v1/{id}:verb" } }; }
  rpc Post(Q) returns (Q) { option (google.api.http) = { post: "/v1/{id}" body: "*" }; }
  rpc Field(Q) returns (Q) { option (google.api.http) = { patch: "/v1/{inner.name}" body: "inner" }; }
  rpc Small(Q) returns (Q) {
    option (google.api.http) = { put: "/v1/small" body: "*" };
    option (protogate.v1.policy) = { max_request_bytes: 12 success_status: 201 };
  }
  rpc Dry(Q) returns (Q) {
    option (google.api.http) = { post: "/v1/dry" body: "*" };
    option (protogate.v1.policy) = { auth: { require: "request.dry = true" } };
  }
  rpc Odd(Q) returns (Q) { option (google.api.http) = { custom { kind: "*" path: "/v1/odd/{id}" } }; }
  rpc Upload(Up) returns (Q) { option (google.api.http) = { post: "/v1/up/{id}" body: "file" }; }
  rpc Page(Q) returns (Page) {
    option (google.api.http) = { get: "/v1/page/{id}" };
    option (protogate.v1.aggregate) = {
      steps: { into: "a" call: "e.v1.Plain/Get" with: "id = request.id" take: "inner" }
      steps: { into: "b" call: "e.v1.Plain/Get" with: "id = 'other'" take: "inner" }
    };
  }
}
service Streams {
  rpc Watch(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/watch/{id}" }; }
  rpc Ask(Q) returns (stream Q) { option (google.api.http) = { post: "/v1/watch/{id}" body: "*" }; }
  rpc File(Q) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/v1/file/{id}" }; }
  rpc Add(stream Q) returns (Q) { option (google.api.http) = { post: "/v1/add/{id}" body: "*" }; }
  rpc Ruled(stream Q) returns (Q) {
    option (google.api.http) = { post: "/v1/ruled/{id}" body: "*" };
    option (protogate.v1.policy) = { max_request_bytes: 60 auth: { require: "request.dry = true" require: "request.id = 'a'" } };
  }
  rpc Bytes(stream Up) returns (Q) { option (google.api.http) = { post: "/v1/bytes/{id}" body: "file" }; }
  rpc Talk(stream Q) returns (stream Q) { option (google.api.http) = { post: "/v1/talk/{id}" body: "*" }; }
  rpc Chat(stream Q) returns (stream Q) { option (google.api.http) = { get: "/v1/chat/{id}" }; }
}
service Guarded {
  option (protogate.v1.default_policy) = { auth: { mode: MODE_REQUIRED } };
  rpc Secret(Q) returns (Q) { option (google.api.http) = { get: "/v1/guarded/{id}" }; }
  rpc Follow(Q) returns (stream Q) { option (google.api.http) = { get: "/v1/guarded/{id}/watch" }; }
}`;

const METHODS = ['GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'FOO'];
const PATHS = [
  ...['/v1/a', '/v1/literal', '/v1/a:verb', '/v1/x/a/b', '/v1/x', '/v1/small', '/v1/dry', '/v1/odd/a', '/v1/up/a'],
  ...['/v1/page/a', '/v1/watch/a', '/v1/watch/a', '/v1/file/a', '/v1/add/a', '/v1/bytes/a', '/v1/talk/a', '/v1/chat/a'],
  ...[
    '/v1/guarded/a',
    '/v1/guarded/a/watch',
    '/v1/a%2Fb',
    '/v1/%zz',
    '/v1/..',
    '/v1//a',
    '/v1/',
    '/nowhere',
    '*',
    '/v1/%C3%A9',
    '/v1/é',
  ],
];
const QUERIES = [
  ...[
    '',
    '',
    '',
    'n=1',
    'n=x',
    'inner.name=x',
    'inner.big=9007199254740993',
    'tags=a&tags=b',
    'tags=%ff',
    'id=b',
    'nope=1',
  ],
  ...[
    '$fields=id',
    '$fields=a',
    '$fields=nope',
    'utm_x=1',
    'mask=inner.big',
    'dry=true',
    'n=1&n=2',
    'access_token=t',
    'a=%zz',
  ],
  ...['$alt=sse', '$alt=json%3Benum-encoding=int&$.xgafv=2', 'alt=media', '$key=1', 'prettyPrint=true&$fields=id'],
];
const BODIES = [
  ...[
    '',
    '',
    '',
    '{}',
    ' ',
    '{"n":1}',
    '{"n":"x"}',
    '{"nope":1}',
    '{"id":"a"}',
    '{"id":"other"}',
    '{"n":1',
    '[]',
    '[{"n":1},{"n":2}]',
  ],
  ...[
    '{"n":1}\n{"n":2}\n',
    '[{"n":1},{"n":"x"}]',
    '[{"n":"x"},',
    '[{"n":1}',
    '{"big":"7"}',
    '{"dry":true}',
    'hello',
    '[[[[[[[[[[[[1]]]]]]]]]]]]',
  ],
  ...[
    `{"id":"${'a'.repeat(300)}"}`,
    `[${'{"n":1},'.repeat(60)}{"n":2}]`,
    '{"n":1,"n":2}',
    '{"inner":{"name":"x"},"tags":["y"]}',
  ],
];
const HEADERS = [
  ...[
    'accept: text/event-stream',
    'accept: application/x-ndjson',
    'accept: text/html',
    'accept: application/json;q=0.1, */*;q=0',
    'accept: */*',
  ],
  ...[
    'content-type: application/json',
    'content-type: application/json; charset=utf-8',
    'content-type: application/json; charset=latin1',
  ],
  ...[
    'content-type: application/x-ndjson',
    'content-type: text/plain',
    'content-type: application/vnd.x+json',
    'content-encoding: gzip',
  ],
  ...[
    'content-encoding: identity',
    'grpc-timeout: 5S',
    'grpc-timeout: 5',
    'x-request-timeout: 10',
    'x-request-timeout: 0',
    'x-request-timeout: -1',
  ],
  ...[
    'last-event-id: end',
    'last-event-id: 7',
    'origin: https://app.example',
    'origin: https://evil.example',
    'access-control-request-method: GET',
  ],
  ...[
    'x-kept: yes',
    'grpc-metadata-x-meta: yes',
    'x-data-bin: AAE',
    'x-data-bin: !',
    'x-dropped: no',
    'x-kept: caf\xe9',
    'cookie: a=b',
  ],
  ...['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'tracestate: a=b', 'traceparent: 00-1'],
  `x-long: ${'x'.repeat(2100)}`,
];
/** Requests that are right until a drawn part is added. */
const FITTING: readonly (readonly [method: string, path: string, body: string])[] = [
  ...(['/v1/a', '/v1/x/a/b', '/v1/literal', '/v1/odd/a', '/v1/page/a'] as const).map(
    (path) => ['GET', path, ''] as const,
  ),
  ...(['/v1/watch/a', '/v1/watch/a', '/v1/file/a', '/v1/talk/a', '/v1/add/a'] as const).map(
    (path) => ['GET', path, ''] as const,
  ),
  ['GET', '/v1/page/a', ''],
  ['GET', '/v1/guarded/a', ''],
  ['GET', '/v1/guarded/a/watch', ''],
  ['HEAD', '/v1/a', ''],
  ['POST', '/v1/a', '{"n":1,"inner":{"big":"7"}}'],
  ['PATCH', '/v1/a', '{"big":7}'],
  ['PUT', '/v1/small', '{"n":1}'],
  ['POST', '/v1/dry', '{"dry":true}'],
  ['POST', '/v1/up/a', 'hello'],
  ['POST', '/v1/watch/a', '{"n":1}'],
  ['POST', '/v1/add/a', '[{"n":1},{"n":2}]'],
  ['POST', '/v1/add/a', '{"n":1}\n{"n":2}\n'],
  ['POST', '/v1/bytes/a', 'hello'],
  ['POST', '/v1/ruled/a', '[{"dry":true},{"dry":true,"id":"a"}]'],
  ['POST', '/v1/ruled/a', '[{"dry":true},{"n":1}]'],
  ['POST', '/v1/ruled/a', '[{"dry":true},{"dry":true,"id":"other"}]'],
  ['POST', '/v1/ruled/a', `[{"dry":true}${',{"dry":true}'.repeat(4)}]`],
  ['POST', '/v1/ruled/a', '[]'],
];
const UPGRADE = ['connection: Upgrade', 'upgrade: websocket'];

interface Drawn {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string;
}

function drawnBy(of: (n: number) => number, token: string): Drawn {
  const one = <T>(list: readonly T[]): T => list[of(list.length)]!;
  const fitting = of(3) > 0 ? one(FITTING) : undefined;
  const [method, path, body] = fitting ?? [one(METHODS), one(PATHS), one(BODIES)];
  const isGuarded = path.startsWith('/v1/guarded');
  const byQuery = isGuarded && path.endsWith('/watch') && of(2) === 0;
  const query = fitting === undefined || of(3) === 0 ? one(QUERIES) : '';
  // On a guarded route, a value in `access_token` that is no token is refused for another reason.
  const parts = [isGuarded && query === 'access_token=t' ? '' : query, byQuery ? `access_token=${token}` : ''];
  const joined = parts.filter((part) => part !== '').join('&');
  const headers = Array.from({ length: of(fitting === undefined ? 4 : 3) }, () => one(HEADERS));
  if (isGuarded && !byQuery) headers.push(`authorization: Bearer ${token}`);
  if (of(6) === 0) headers.push(...UPGRADE);
  return {
    method,
    target: joined === '' || path === '*' ? path : `${path}?${joined}`,
    headers,
    body: fitting !== undefined && of(8) === 0 ? one(BODIES) : body,
  };
}

function rawHeaders(headers: readonly string[]): string[] {
  return headers.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]);
}

/** Returns the rows that `explain` shows. */
function rowsOf({ text }: Explanation): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  let last = '';
  for (const line of text.split('\n').slice(1)) {
    const title = line.slice(0, 10).trim();
    if (title !== '') last = title;
    rows.set(last, title === '' ? `${rows.get(last)}\n${line.slice(10)}` : line.slice(10));
  }
  return rows;
}

interface Served {
  readonly status: number;
  readonly text: string;
}

/** Sends any bytes, also those that Node's own client would not send. */
async function send({ port }: TestGateway, { method, target, headers, body }: Drawn): Promise<Served> {
  const socket = connect(port, '127.0.0.1');
  const upgrades = headers.includes(UPGRADE[0]!);
  const own = upgrades
    ? ['sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version: 13']
    : ['connection: close'];
  const length = body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  const head = [`${method} ${target} HTTP/1.1`, 'host: a', ...headers, ...own, ...length].join('\r\n');
  socket.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), Buffer.from(body)]));
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    // Nothing more is read from a WebSocket, nor from a connection that stays open.
    if (text.startsWith('HTTP/1.1 101') || (upgrades && isWhole(text, method))) socket.destroy();
  });
  socket.on('error', () => {});
  socket.setTimeout(HANG_MS, () => {
    console.error('HANG', head, body, text);
    socket.destroy();
  });
  await once(socket, 'close');
  return { status: Number(text.slice(9, 12)), text };
}

function isWhole(text: string, method: string): boolean {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  if (rest.length === 0) return false;
  const body = rest.join('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length === undefined) return !/transfer-encoding/i.test(head) || body.endsWith('0\r\n\r\n') || rest.at(-1) === '';
  return method === 'HEAD' || Buffer.byteLength(body) >= Number(length);
}

test('explain and serve agree on random requests', async (t) => {
  const issuer = await startIssuer(t);
  const jwt = {
    issuer: issuer.issuer,
    jwksUri: issuer.jwksUri,
    audiences: ['api'],
    from: [{ header: 'authorization' }, { query: 'access_token' }],
  };
  const gateway = await startGateway(
    t,
    PROTO,
    {
      Talk: { messages: [{}] },
      Chat: (call) => call.whenHalfClosed.then(() => ({ messages: [{}] })),
      Watch: { messages: [{}] },
      Ask: { messages: [{}] },
      Follow: { messages: [{}] },
      File: { messages: [{}] },
    },
    {
      auth: { default: 'public', jwt: [jwt] },
      cors: { origins: ['https://app.example'] },
      metadata: { request: ['x-kept', 'grpc-metadata-*', 'x-data-bin', 'last-event-id'] },
      query: { ignore: ['utm_*'] },
      limits: { bodyBytes: '200B' as never, jsonDepth: 10, headerBytes: '2KiB' },
    },
  );
  const of = draws(7);
  const token = issuer.sign({ sub: 'ada' });
  const kinds = new Map<string, number>();
  for (let i = 0; i < casesOf(1500); i++) {
    const drawn = drawnBy(of, token);
    const { method, target, body, headers } = drawn;
    const request = { method, target, body: Buffer.from(body), rawHeaders: rawHeaders(headers) };
    const explained = await explain(gateway.plan, request);
    const rows = rowsOf(explained);
    // A deadline that has passed may be reported before the second message of a stream is checked.
    if (target.startsWith('/v1/ruled') && headers.includes('x-request-timeout: 0')) continue;
    const before = gateway.upstream.calls.length;
    const served = await send(gateway, drawn);
    const said = `${JSON.stringify(drawn)}\n${explained.text}\n${served.text}`;
    t.is(served.status, statusOf(rows), said);
    kinds.set(String(served.status), (kinds.get(String(served.status)) ?? 0) + 1);
    const error = rows.get('error')?.split('\n', 2)[1];
    if (error !== undefined) {
      const id = /x-request-id: (\S+)/.exec(served.text)?.[1] ?? '';
      const [, body] = served.text.replaceAll(id, '-').split('\r\n\r\n');
      if (method !== 'HEAD') t.is(body, error, said);
      continue;
    }
    const calls = gateway.upstream.calls.slice(before);
    const rpc = rows.get('calls')?.split(' ', 1)[0];
    if (served.status === 101) continue;
    if (rpc === undefined) {
      const skipped = rows.get('skipped') === undefined ? 0 : 1;
      t.is(calls.length, rows.has('plan') ? 2 - skipped : 0, said);
      continue;
    }
    t.is(calls.length, served.status === 204 ? 0 : 1, said);
    const [call] = calls;
    if (call === undefined) continue;
    t.is(`/${rpc.replace(/\.(\w+)$/, '/$1')}`, call.path, said);
    t.is(rows.get('request'), requestsOf(gateway, call), said);
    t.deepEqual(listed(rows.get('metadata')), metadataOf(call), said);
  }
  t.log(
    [...kinds]
      .sort()
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  );
});

/** Returns the status that the client would see. */
function statusOf(rows: ReadonlyMap<string, string>): number {
  const told = rows.get('error') ?? rows.get('answers') ?? '';
  const status = /^\d{3}\b/.exec(told)?.[0];
  if (status !== undefined) return Number(status);
  return /"?successStatus"?|successStatus: 201/.test(rows.get('policies') ?? '') ? 201 : 200;
}

function requestsOf({ plan }: TestGateway, call: RecordedCall): string {
  const [, service = '', name = ''] = call.path.split('/');
  const method = plan.registry.services
    .find(({ fullName }) => fullName === service)!
    .methods.find((one) => one.name === name)!;
  const codec = plan.surfaces[0]!.codecs.of(method.input);
  const texts = call.requestBytes.map((bytes) => JSON.stringify(JSON.parse(jsonOf(codec, bytes)), null, 2));
  return texts.length === 0 ? 'no message' : texts.join('\n');
}

const OWN = new Set(['x-request-id', 'x-forwarded-for', 'user-agent', 'content-type', 'te', 'x-user-id']);

/** Returns `key: value` lines as one value per key, joined as HTTP/2 may join them. */
function listed(lines: string | undefined): Record<string, string> {
  const all: Record<string, string> = {};
  for (const line of lines?.split('\n') ?? []) {
    const [key = '', value = ''] = line.split(/: (.*)/s);
    all[key] = all[key] === undefined ? value : `${all[key]}, ${value}`;
  }
  return all;
}

/** Returns the metadata that came from the client's headers. */
function metadataOf({ metadata }: RecordedCall): Record<string, string> {
  const keys = Object.keys(metadata.getMap()).filter((key) => !OWN.has(key) && !key.startsWith('grpc-'));
  return Object.fromEntries(
    keys.map((key) => {
      const values = metadata.get(key).map((one) => (typeof one === 'string' ? one : one.toString('base64')));
      return [key, values.join(', ')];
    }),
  );
}
