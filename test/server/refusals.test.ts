/**
 * Provokes each reason of an error as a client would, with a secret in the request where there is room for one. The log line
 * must have the reason, what was expected, and no secret.
 */
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { WebSocket } from 'ws';
import { listenAdmin } from '../../src/process/run-server.js';
import { urlOf } from '../../src/server/listener/listen.js';
import { Code } from '../../src/status/code.js';
import { REASONS, type Reason } from '../../src/status/reasons.js';
import { createLog } from '../../src/telemetry/log.js';
import { certificates } from '../support/certificates.js';
import { handClock } from '../support/clock.js';
import { afterAll, planOf, protoFolder, sendTo, startGateway, type TestGateway } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { metricsOf } from '../support/metrics.js';
import { freePort } from '../support/ports.js';
import { keepSecret } from '../support/secrets.js';
import { tlsFiles } from '../support/tls-files.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';
import { provokeStreams, startStreams } from './refused-streams.js';

const PROTO = `package r.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
message Ask { string name = 1; int32 n = 2; }
message Shelf { string name = 1; repeated string books = 2; }
message Books { repeated Shelf books = 1; }
message Names { repeated string names = 1; }
message Page { Shelf shelf = 1; repeated Shelf books = 2; }
service Open {
  rpc Get(Ask) returns (Shelf) { option (google.api.http) = { get: "/get" additional_bindings { get: "/n/{n}" } }; }
  rpc Put(Ask) returns (Shelf) { option (google.api.http) = { post: "/put" body: "*" }; }
  rpc Broken(Ask) returns (Shelf) { option (google.api.http) = { get: "/broken" }; }
  rpc Large(Ask) returns (Shelf) { option (google.api.http) = { get: "/large" }; }
  rpc Hang(Ask) returns (Shelf) { option (google.api.http) = { get: "/hang" }; }
  rpc Watch(Ask) returns (stream Shelf) { option (google.api.http) = { get: "/watch" }; }
  rpc Chat(stream Ask) returns (stream Shelf) { option (google.api.http) = { post: "/chat" body: "*" }; }
  rpc Flood(stream Ask) returns (stream Shelf) { option (google.api.http) = { post: "/flood" body: "*" }; }
  rpc Few(Ask) returns (Shelf) { option (google.api.http) = { get: "/few" }; }
  rpc BatchGet(Names) returns (Books) {}
}
service Closed {
  rpc Get(Ask) returns (Shelf) { option (google.api.http) = { get: "/closed/get" }; }
  rpc Scoped(Ask) returns (Shelf) { option (google.api.http) = { get: "/closed/scoped" }; }
  rpc Mine(Ask) returns (Shelf) { option (google.api.http) = { get: "/closed/mine" }; }
}
service Away { rpc Get(Ask) returns (Shelf) { option (google.api.http) = { get: "/away" }; } }
service Pages {
  rpc Many(Ask) returns (Page) {
    option (google.api.http) = { get: "/pages/many" };
    option (protogate.v1.aggregate) = {
      steps: { into: "shelf" call: "r.v1.Open/Get" with: "name = request.name" }
      steps: { into: "books" call: "r.v1.Open/Get" for_each: "shelf.books" with: "name = each" max_items: 1 }
    };
  }
  rpc Missing(Ask) returns (Page) {
    option (google.api.http) = { get: "/pages/missing" };
    option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC } };
    option (protogate.v1.aggregate) = {
      steps: { into: "shelf" call: "r.v1.Open/Get" with: "name = request.name" }
      steps: {
        into: "books" call: "r.v1.Open/BatchGet" for_each: "shelf.books" with: "names = each"
        take: "books" key: "name" batch_size: 5 max_items: 5
      }
    };
  }
}`;

const SECRET = keepSecret('refusal-secret-4711');

const shared = afterAll(test);

async function start() {
  const issuer = await startIssuer(shared, 'refusals');
  const folder = await protoFolder(shared, 'message Unused {}');
  const keys = join(folder, 'keys.yaml');
  await writeFile(keys, 'keys: []\n');
  const nobody = await freePort();
  const started = await startGateway(
    shared,
    PROTO,
    {
      Get: { message: { name: 'a', books: ['b', 'c'] } },
      Broken: { message: Buffer.from([0x0a, 0x05, 0x61]) },
      Large: { message: { name: 'a'.repeat(200_000) } },
      Hang: { hang: true },
      Watch: { messages: [{ name: 'a' }], hang: true },
      Chat: { hang: true },
      Flood: { messages: Array.from({ length: 12 }, () => ({ name: 'a'.repeat(90_000) })), hang: true },
      BatchGet: { message: { books: [] } },
    },
    {
      listen: { headersTimeout: '2s' },
      limits: { bodyBytes: '1KiB', responseBytes: '100KiB', headerBytes: '16KiB', requestTimeout: '3s' },
      metadata: { request: ['x-pass-*'] },
      auth: {
        default: 'public',
        jwt: [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri, audiences: ['api'], algorithms: ['RS256'] }],
        apiKeys: { file: keys },
      },
      policies: [
        { selector: 'r.v1.Closed.*', auth: { mode: 'required' } },
        { selector: 'r.v1.Closed/Scoped', auth: { mode: 'required', scopes: ['write'] } },
        { selector: 'r.v1.Closed/Mine', auth: { mode: 'required', require: ['request.name = caller.claims.shelf'] } },
        { selector: 'r.v1.Open/Few', rateLimits: [{ limit: 1, period: '1h', per: ['ip'] }] },
      ],
      cors: { origins: ['https://app.example.com'] },
    },
    {
      middleware: {
        beforeMatch: [
          async (ctx, next) => {
            if (ctx.get('x-bug') !== '') throw new TypeError('a bug of the embedder');
            if (ctx.get('x-parse') !== '') Object.assign(ctx.req, { body: JSON.parse(await text(ctx.req)) });
            await next();
          },
        ],
      },
    },
  );
  const token = keepSecret(issuer.sign({ sub: 'ada', shelf: 'b', exp: Math.floor(Date.now() / 1000) + 3600 }));
  return { ...started, token, nobody };
}

const started = start();

/** Starts a gateway that cannot fetch the keys of its issuer. Its clock stands still after the time that it waits for them. */
async function startWithoutKeys() {
  const issuer = await startIssuer(shared, 'without-keys');
  issuer.mode = 'down';
  const clock = handClock();
  const { issuer: name, jwksUri } = issuer;
  const auth = { jwt: [{ issuer: name, jwksUri, audiences: ['api'], algorithms: ['RS256' as const] }] };
  const asked = issuer.nextFetch();
  const starting = startGateway(shared, PROTO, {}, { auth }, { clock });
  await asked;
  clock.advance(10_000);
  return { ...(await starting), token: keepSecret(issuer.sign({ sub: 'ada' })) };
}

/** Starts a gateway that has no store, no server behind one upstream, and one slot at the other. */
async function startTroubled() {
  const nobody = await freePort();
  const upstream = await startUpstream(PROTO, {
    Get: { message: {} },
    Hang: { hang: true },
    // With a message, the answer would begin and be cut.
    Watch: { hang: true },
  });
  shared.teardown(upstream.close);
  const started = await startGateway(
    shared,
    PROTO,
    {},
    {
      upstreams: {
        test: { target: upstream.target, services: ['*'], streamIdleTimeout: '50ms', maxConcurrent: 1 },
        away: { target: `127.0.0.1:${nobody}`, services: ['r.v1.Away'], circuitBreaker: { minRequests: 2 } },
      },
      policies: [{ selector: 'r.v1.Open/Few', rateLimits: [{ limit: 1, period: '1h', per: ['ip'] }] }],
      stores: { redis: { url: `redis://127.0.0.1:${nobody}` } },
      rateLimiting: { onStoreFailure: 'closed' },
    },
  );
  return started;
}

const troubled = startTroubled();

async function startWithTls() {
  const made = certificates();
  const tls = await tlsFiles(shared, made);
  const started = await startGateway(shared, PROTO, {}, { listen: { tls }, auth: { mtls: {} } });
  return { ...started, client: { ca: made.ca, ...made.stranger } };
}

/** Starts a gateway whose upstream is closed while a call runs. */
async function startClosed() {
  const clock = handClock();
  return { ...(await startGateway(shared, PROTO, { Watch: { hang: true } }, {}, { clock })), clock };
}

async function startAdmin() {
  const plan = await planOf(shared, PROTO, { admin: { port: 0 } });
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  const readiness = () => ({ ready: true, state: 'serving', upstreams: new Map() });
  const server = await listenAdmin(() => plan, { metrics: async () => [], readiness }, log);
  shared.teardown(() => void server!.close());
  return { url: urlOf(server!), logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const streams = startStreams(shared);
const withTls = startWithTls();
const withoutKeys = startWithoutKeys();
const closed = startClosed();
const draining = startGateway(shared, PROTO);
const admin = startAdmin();

/** Sends bytes as they are, and waits until the connection ends. */
function raw(port: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

type Open = Awaited<ReturnType<typeof start>>;
type Troubled = Awaited<ReturnType<typeof startTroubled>>;
type Provoke = (gateway: Pick<TestGateway, 'send' | 'port'>) => Promise<unknown>;

const HOST = 'Host: a\r\n';
/** The first message of a body in chunks that does not end. */
const MESSAGE = JSON.stringify({ name: SECRET });
const SPOKEN = `${(MESSAGE.length + 1).toString(16)}\r\n[${MESSAGE}\r\n`;
/** The reasons with which open streams end. Their status was sent before. */
const STREAMS_END: ReadonlySet<string> = new Set([
  'BINARY_FRAME',
  'UNEXPECTED_MESSAGE',
  'CREDENTIAL_EXPIRED',
  'CREDENTIAL_WITHDRAWN',
  'ROUTE_WITHDRAWN',
  'CALLER_CHANGED',
  'DEMANDS_CHANGED',
]);
const get =
  (path: string, headers: Record<string, string> = {}): Provoke =>
  ({ send }) =>
    send('GET', path, { headers });
const bytes =
  (text: string): Provoke =>
  ({ port }) =>
    raw(port, text);

const WEBSOCKET = { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' };

function handshake(path: string, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n${lines.join('')}\r\n`;
}

async function frames(port: number, path: string, ...messages: readonly (string | Buffer)[]): Promise<void> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  ws.on('error', () => {});
  ws.on('open', () => {
    for (const message of messages) ws.send(message);
  });
  await new Promise((resolve) => ws.on('close', resolve));
}

type Provokes<Gateway> = Partial<Readonly<Record<Reason, (gateway: Gateway) => Promise<unknown>>>>;

const PROVOKED = {
  MALFORMED_REQUEST: bytes(`GET / HTTP/1.1\r\n${HOST}no colon ${SECRET}\r\n\r\n`),
  BAD_REQUEST_TARGET: bytes('GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'),
  HEADERS_TIMEOUT: bytes(`GET / HTTP/1.1\r\n${HOST}Authorization: ${SECRET}\r\n`),
  HEADERS_TOO_LARGE: bytes(`GET / HTTP/1.1\r\n${HOST}Cookie: ${SECRET}${'a'.repeat(20_000)}\r\n\r\n`),
  TOO_MANY_HEADERS: get('/get', Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-pass-${i}`, 'a']))),
  UNKNOWN_EXPECTATION: bytes(`GET /get HTTP/1.1\r\n${HOST}Expect: ${SECRET}\r\nConnection: close\r\n\r\n`),
  UNSUPPORTED_TRANSFER_CODING: bytes(`POST /put HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
  UNEXPECTED_TRANSFER_CODING: bytes(`POST /put HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  METHOD_NOT_IMPLEMENTED: bytes(`CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`),
  MALFORMED_PATH: get('/%zz'),
  ROUTE_NOT_FOUND: get(`/nowhere?token=${SECRET}`),
  METHOD_NOT_ALLOWED: ({ send }) => send('DELETE', '/get'),
  UNAUTHENTICATED: get('/closed/get'),
  INVALID_TOKEN: get('/closed/get', { authorization: `Bearer ${SECRET}` }),
  INVALID_API_KEY: get('/closed/get', { 'x-api-key': SECRET }),
  AMBIGUOUS_CREDENTIALS: get('/closed/get', { 'x-api-key': SECRET, authorization: `Bearer ${SECRET}` }),
  MISSING_SCOPE: ({ send, token }) => send('GET', '/closed/scoped', { headers: { authorization: `Bearer ${token}` } }),
  NOT_ALLOWED: ({ send, token }) =>
    send('GET', '/closed/mine?name=a', { headers: { authorization: `Bearer ${token}` } }),
  FOREIGN_ORIGIN: bytes(handshake('/watch', { ...WEBSOCKET, Origin: 'https://evil.example.com', Cookie: SECRET })),
  RATE_LIMITED: async ({ send }) => {
    await send('GET', '/few');
    await send('GET', '/few');
  },
  // The log has the path, so a secret in it would show.
  INVALID_PATH: get('/n/word'),
  INVALID_QUERY: get(`/get?n=${SECRET}`),
  INVALID_BODY: ({ send }) => send('POST', '/put', { body: { n: SECRET } }),
  UNEXPECTED_BODY: ({ send }) => send('GET', '/get', { body: SECRET }),
  INVALID_METADATA: get('/get', { 'x-pass-a-bin': `${SECRET}!` }),
  INVALID_TIMEOUT: get('/get', { 'grpc-timeout': SECRET }),
  UNSUPPORTED_MEDIA_TYPE: ({ send }) =>
    send('POST', '/put', { body: SECRET, headers: { 'content-type': 'text/plain' } }),
  NOT_ACCEPTABLE: get('/watch', { accept: 'image/png' }),
  BODY_TOO_LARGE: ({ send }) => send('POST', '/put', { body: { name: SECRET.repeat(100) } }),
  BODY_TIMEOUT: bytes(`POST /put HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{`),
  BAD_HANDSHAKE: bytes(handshake('/watch', { 'Sec-WebSocket-Version': '13' })),
  UNSUPPORTED_WEBSOCKET_VERSION: bytes(handshake('/watch', { ...WEBSOCKET, 'Sec-WebSocket-Version': '8' })),
  BINARY_FRAME: ({ port }) => frames(port, '/chat', Buffer.from(SECRET)),
  UNEXPECTED_MESSAGE: ({ port }) => frames(port, '/chat', '{}', '', JSON.stringify({ name: SECRET })),
  TOO_MANY_ITEMS: get('/pages/many'),
  ELEMENT_NOT_FOUND: get('/pages/missing'),
  UPSTREAM_BROKEN_ANSWER: get('/broken'),
  UPSTREAM_ANSWER_TOO_LARGE: get('/large'),
  DEADLINE_EXCEEDED: get('/hang', { 'grpc-timeout': '20m' }),
  INTERNAL: get('/get', { 'x-bug': 'yes' }),
  BODY_ALREADY_READ: ({ send }) => send('POST', '/put', { body: { name: SECRET }, headers: { 'x-parse': 'yes' } }),
  HALF_DUPLEX_LIMIT: bytes(
    `POST /flood HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${SPOKEN}`,
  ),
} satisfies Provokes<Open>;

const PROVOKED_AT_TROUBLED = {
  LIMITS_UNAVAILABLE: get('/few'),
  STREAM_IDLE: get('/watch'),
  UPSTREAM_UNREACHABLE: get('/away'),
  CIRCUIT_OPEN: async ({ send }) => {
    for (let i = 0; i < 3; i++) await send('GET', '/away');
  },
  UPSTREAM_BUSY: ({ send }) =>
    Promise.all(Array.from({ length: 3 }, () => send('GET', '/hang', { headers: { 'grpc-timeout': '1500m' } }))),
} satisfies Provokes<Troubled>;

const PROVOKED_WITHOUT_KEYS = {
  KEYS_UNAVAILABLE: ({ send, token }) => send('GET', '/get', { headers: { authorization: `Bearer ${token}` } }),
} satisfies Provokes<Awaited<ReturnType<typeof startWithoutKeys>>>;

const PROVOKED_AT_TLS = {
  // A certificate comes along by itself, so that no secret of the request could show.
  INVALID_CERTIFICATE: ({ send, client }) => send('GET', '/get', { tls: client }),
} satisfies Provokes<Awaited<ReturnType<typeof startWithTls>>>;

const PROVOKED_AT_CLOSED = {
  UPSTREAM_CLOSED: async ({ send, gateway, upstream, clock }) => {
    const asked = send('GET', '/watch', { headers: { 'x-api-key': SECRET } });
    await until(() => upstream.calls.length === 1, 'the call');
    const closed = gateway.close();
    // Calls that run get this time to end.
    clock.advance(30_000);
    await asked;
    await closed;
  },
} satisfies Provokes<Awaited<ReturnType<typeof startClosed>>>;

const PROVOKED_AT_DRAINING = {
  DRAINING: async ({ port, drain, connections, listening }) => {
    const client = connect(port, '127.0.0.1').resume();
    await until(() => connections.size === 1, 'the connection');
    const drained = drain({ graceMs: 0, timeoutMs: 5000 });
    await until(() => !listening(), 'the drain');
    client.write(handshake('/watch', { ...WEBSOCKET, Cookie: SECRET }));
    await drained;
  },
} satisfies Provokes<TestGateway>;

const PROVOKED_AT_ADMIN = {
  MISDIRECTED_REQUEST: ({ url }) =>
    sendTo(url, 'GET', `/metrics?token=${SECRET}`, { headers: { host: 'evil.example' } }),
} satisfies Provokes<Awaited<ReturnType<typeof startAdmin>>>;

interface Case {
  readonly gateway: Promise<Pick<TestGateway, 'logged'>>;
  readonly provoke: () => Promise<unknown>;
}

function at<Gateway extends Pick<TestGateway, 'logged'>, R extends Reason>(
  gateway: Promise<Gateway>,
  provokes: Readonly<Record<R, (gateway: Gateway) => Promise<unknown>>>,
): Readonly<Record<R, Case>> {
  const cases = Object.entries<(gateway: Gateway) => Promise<unknown>>(provokes);
  return Object.fromEntries(
    cases.map(([reason, provoke]) => [reason, { gateway, provoke: async () => provoke(await gateway) }]),
  ) as Record<R, Case>;
}

/** A reason of the list that is not provoked does not compile. */
const CASES: Readonly<Record<Reason, Case>> = {
  ...at(started, PROVOKED),
  ...at(troubled, PROVOKED_AT_TROUBLED),
  ...at(streams, provokeStreams(shared)),
  ...at(withoutKeys, PROVOKED_WITHOUT_KEYS),
  ...at(withTls, PROVOKED_AT_TLS),
  ...at(closed, PROVOKED_AT_CLOSED),
  ...at(draining, PROVOKED_AT_DRAINING),
  ...at(admin, PROVOKED_AT_ADMIN),
};

for (const [reason, { gateway, provoke }] of Object.entries(CASES)) {
  test(`the line of ${reason} has the reason and what was expected`, async (t) => {
    const { logged } = await gateway;
    const before = logged().length;
    await provoke();
    const found = () =>
      logged()
        .slice(before)
        .find((line) => line.reason === reason);
    await until(() => found() !== undefined, `a line with ${reason}`);
    const line = found()!;
    const { code, httpStatus } = REASONS[reason as Reason];
    t.is(line.code, Code[code]);
    // A stream has sent its status before it ends.
    if (!STREAMS_END.has(reason)) t.is(line.status, httpStatus);
    const told = String(line.refused ?? (line.err as { message: string } | undefined)?.message);
    t.regex(told, /\w+ \w+/);
    t.regex(String(line.requestId), /^[\w-]{36}$/);
    t.is(typeof line.client, 'string');
    t.false(JSON.stringify(line).includes(SECRET));
  });
}

test.after('each reason is counted, and nothing secret shows in the metrics', async (t) => {
  const counted = new Set<unknown>();
  for (const { gateway } of await Promise.all([started, troubled, streams, withoutKeys, withTls, draining])) {
    t.false((await gateway.metrics.registry.metrics()).includes(SECRET));
    const errors = (await metricsOf(gateway)).filter(({ name }) => name === 'protogate_errors_total');
    for (const { labels } of errors) counted.add(labels.reason);
  }
  const missing = Object.keys(CASES).filter((reason) => !counted.has(reason));
  // A closed gateway has no series any more, and the admin port counts no requests.
  t.deepEqual(missing, Object.keys({ ...PROVOKED_AT_CLOSED, ...PROVOKED_AT_ADMIN }));
});
