/**
 * The HTTP/1.1 listener: Node's server with its loose ends tied up. What Node would answer by itself, with an empty
 * body, is answered here with a Status: requests that do not parse, headers that are too large or too slow, unknown
 * expectations, CONNECT.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { gatewayError, type StatusError } from '../status/status-error.js';
import { errorBody } from '../transcoding/error-body.js';
import type { RequestListener } from './app.js';
import { expectContinue } from './body.js';

export interface ListenSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly keepAliveTimeoutMs: number;
  /** For the whole head of a request. */
  readonly headersTimeoutMs: number;
  readonly maxConnections: number;
  readonly headerBytes: number;
  /** Absent: plaintext. */
  readonly tls?: TlsSettings | undefined;
}

/** PEM, as it stands in the files. */
export interface TlsSettings {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who may sign client certificates; one is asked for and not demanded: that is for the routes to do. */
  readonly clientCa?: Buffer;
}

/** Resolves once the server accepts connections; rejects if the address cannot be had. */
export async function listen(settings: ListenSettings, handle: RequestListener): Promise<Server> {
  const { tls } = settings;
  const options = {
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    headersTimeout: settings.headersTimeoutMs,
    // It would cut steady uploads; body.ts has the timer. headersTimeout is checked at this interval.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.max(100, Math.min(1000, settings.headersTimeoutMs / 2)),
    maxHeaderSize: settings.headerBytes,
    // Checked by target.ts, which answers with a body.
    requireHostHeader: false,
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...tlsOptions(tls, settings.headersTimeoutMs) });
  // Node would drop what comes after the thousandth without a word, such as the address that a proxy appends.
  server.maxHeadersCount = 0;
  server.maxConnections = settings.maxConnections;
  server.on('request', (req, res) => void handle(req, res));
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    expectContinue(req);
    void handle(req, res);
  });
  server.on('checkExpectation', (req, res) => refuseExpectation(req, res));
  server.on('connect', (_req, socket: Duplex) => endWith(socket, NO_TUNNEL));
  server.on('clientError', onClientError);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(settings.port, settings.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}

function tlsOptions(tls: TlsSettings, handshakeTimeout: number) {
  const clients = tls.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false };
  return { ...secureContext(tls), handshakeTimeout, ALPNProtocols: ['http/1.1'], ...clients };
}

/** What may change while the server runs. RFC 9325: nothing older than TLS 1.2. */
export function secureContext({ cert, key, clientCa }: TlsSettings) {
  return { cert, key, minVersion: 'TLSv1.2' as const, ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

/** `http://HOST:PORT` of a listening server, `https` with TLS. */
export function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const scheme = server instanceof TlsServer ? 'https' : 'http';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

const NO_TUNNEL = gatewayError(501, 'METHOD_NOT_IMPLEMENTED', 'CONNECT: not served');
const BAD_EXPECTATION = gatewayError(417, 'UNKNOWN_EXPECTATION', 'expect: expected 100-continue');

function refuseExpectation(_req: IncomingMessage, res: ServerResponse): void {
  const { body, requestId } = plainAnswer(BAD_EXPECTATION);
  res.writeHead(417, { ...fixedHeaders(requestId), 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Node: the listener of `clientError` must close the socket (http, Event: 'clientError'). */
function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  const answered = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true;
  if (error.code === 'ECONNRESET' || !socket.writable || answered) socket.destroy();
  else endWith(socket, clientErrorAnswer(error.code));
}

function clientErrorAnswer(code: string | undefined): StatusError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return gatewayError(431, 'HEADERS_TOO_LARGE', 'headers: too large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return gatewayError(408, 'HEADERS_TIMEOUT', 'headers: not received in time');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return gatewayError(413, 'BODY_TOO_LARGE', 'body: chunk extensions too large');
    default:
      return gatewayError(400, 'MALFORMED_REQUEST', 'malformed HTTP request');
  }
}

function endWith(socket: Duplex, error: StatusError): void {
  const { body, requestId } = plainAnswer(error);
  const headers = Object.entries({ ...fixedHeaders(requestId), 'content-length': String(Buffer.byteLength(body)) });
  const head = [
    `HTTP/1.1 ${error.httpStatus} ${STATUS_CODES[error.httpStatus] ?? ''}`,
    ...headers.map((h) => h.join(': ')),
  ];
  socket.on('error', () => {});
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function plainAnswer(error: StatusError): { body: string; requestId: string } {
  const requestId = randomUUID();
  return { body: errorBody(error, requestId, 'status').body, requestId };
}

function fixedHeaders(requestId: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
    connection: 'close',
  };
}
