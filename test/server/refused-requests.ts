/**
 * Provokes the errors that a request alone can cause: malformed HTTP, wrong credentials, wrong fields, limits, and a service
 * that answers badly. Each request has the secret wherever there is room for one.
 */
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';
import type { Reason } from '../../src/status/reasons.js';
import { protoFolder, startGateway, type Teardown, type TestGateway } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { keepSecret } from '../support/secrets.js';

export const PROTO = `package r.v1;
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

export const SECRET = keepSecret('refusal-secret-4711');

/** Starts a gateway with small limits, tokens and keys, whose embedder may fail and may parse bodies. */
export async function startOpen(shared: Teardown) {
  const issuer = await startIssuer(shared, 'refusals');
  const folder = await protoFolder(shared, 'message Unused {}');
  const keys = join(folder, 'keys.yaml');
  await writeFile(keys, 'keys: []\n');
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
  return { ...started, token };
}

/** Sends bytes as they are, and waits until the connection ends. */
function raw(port: number, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', () => {});
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
}

type Provoke = (gateway: Pick<TestGateway, 'send' | 'port'>) => Promise<unknown>;

const HOST = 'Host: a\r\n';
/** The first message of a body in chunks that does not end. */
const MESSAGE = JSON.stringify({ name: SECRET });
const SPOKEN = `${(MESSAGE.length + 1).toString(16)}\r\n[${MESSAGE}\r\n`;
/** The reasons with which open streams end. Their status was sent before. */

export const get =
  (path: string, headers: Record<string, string> = {}): Provoke =>
  ({ send }) =>
    send('GET', path, { headers });
const bytes =
  (text: string): Provoke =>
  ({ port }) =>
    raw(port, text);

export const WEBSOCKET = { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' };

export function handshake(path: string, headers: Record<string, string>): string {
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

/** The ways to provoke reasons at a gateway. */
export type Provokes<Gateway> = Partial<Readonly<Record<Reason, (gateway: Gateway) => Promise<unknown>>>>;

export const PROVOKED = {
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
} satisfies Provokes<Awaited<ReturnType<typeof startOpen>>>;
