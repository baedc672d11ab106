/**
 * Serves HTTP/1.1 with Node's server. Requests that Node would answer by itself, with an empty body, are answered here with
 * a Status: requests that do not parse, headers that are too large or too slow, unknown expectations, CONNECT.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { answerOn, closeAfter } from '../../exchange/answer.js';
import { HEAD_TOO_LARGE, malformed, NO_TUNNEL } from '../../status/refusals.js';
import { gatewayError, type StatusError } from '../../status/status-error.js';
import type { RequestListener } from '../connection/watched.js';
import { expectContinue } from '../endpoints/body.js';
import { secureContext, type TlsSettings } from './certificates.js';
import { skipEmptyBody } from './empty-body.js';
import { Http1Response } from './http1-response.js';
import { compileRefuse, type RefusalSettings, type Refuse } from './refusal.js';
import { leaveBodiesOfUpgrades } from './upgrade.js';

export interface Http1Settings extends RefusalSettings {
  readonly keepAliveTimeoutMs: number;
  /** The time that the whole head of a request may take. */
  readonly headersTimeoutMs: number;
  readonly headerBytes: number;
  /** Undefined for plaintext. */
  readonly tls?: TlsSettings | undefined;
}

/** Returns a server that does not listen yet. */
export function createHttp1(settings: Http1Settings, handle: RequestListener, clock: Clock): Server {
  const { tls } = settings;
  const refuse = compileRefuse(settings, clock);
  const options = {
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    headersTimeout: settings.headersTimeoutMs,
    // `requestTimeout` would cut steady uploads, so body.ts has the timer. `headersTimeout` is checked at the interval.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.max(100, Math.min(1000, settings.headersTimeoutMs / 2)),
    maxHeaderSize: settings.headerBytes,
    // request-target.ts checks the Host header, and its refusal has a body.
    requireHostHeader: false,
    ServerResponse: Http1Response as typeof ServerResponse,
    // Older versions of Node do not know this option, so `empty-body.ts` does the same.
    optimizeEmptyRequests: true,
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...tlsOptions(tls, settings.headersTimeoutMs) });
  // Node would silently drop the headers after the thousandth, such as the address that a proxy appends.
  server.maxHeadersCount = 0;
  leaveBodiesOfUpgrades(server);
  server.on('request', (req, res) => {
    skipEmptyBody(req);
    void handle(req, res);
  });
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    expectContinue(req);
    void handle(req, res);
  });
  server.on('checkExpectation', (_req, res) => refuse.request(res, BAD_EXPECTATION));
  server.on('connect', (req: IncomingMessage, socket: Duplex) => {
    // A CONNECT may follow a request that has no answer yet. Like an upgrade, it cannot be answered in the order of requests.
    if (answerOn(socket) === undefined) refuse.connection(socket, NO_TUNNEL, req);
    else socket.destroy();
  });
  server.on('clientError', (error, socket) => onClientError(error, socket, refuse));
  // Node would report a failed TLS handshake as a clientError, whose answer waits for a handshake that never ends.
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (_error: Error, socket: Duplex) => socket.destroy());
  return server;
}

function tlsOptions(tls: TlsSettings, handshakeTimeout: number) {
  const clients = tls.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: false };
  return { ...secureContext(tls), handshakeTimeout, ALPNProtocols: ['h2', 'http/1.1'], ...clients };
}

export const BAD_EXPECTATION = gatewayError('UNKNOWN_EXPECTATION', 'expect: expected 100-continue, got another value');

type ClientError = NodeJS.ErrnoException & {
  /** The bytes that were parsed last: the whole head, unless it came in several packets. */
  readonly rawPacket?: Buffer;
};

/** Returns the method of a head that does not parse. Undefined if it is not known. */
function methodIn({ rawPacket }: ClientError): string | undefined {
  return rawPacket?.toString('latin1', 0, LONGEST_METHOD).match(/^(?:\r\n)*([A-Z-]+) /)?.[1];
}

const LONGEST_METHOD = 20;

/** Answers a client error, and ends the connection: Node leaves that to the listener (http, Event: 'clientError'). */
function onClientError(error: ClientError, socket: Duplex, refuse: Refuse): void {
  const current = answerOn(socket);
  if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent === true) socket.destroy();
  else if (current === undefined || !current.req.complete)
    refuse.connection(socket, clientErrorAnswer(error.code), current?.req, current?.req.method ?? methodIn(error));
  // The error came after a whole request, which is still answered unless its client has left. Then the connection ends.
  else if (socket.readableEnded) socket.destroy();
  else closeAfter(current);
}

function clientErrorAnswer(code: string | undefined): StatusError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return HEAD_TOO_LARGE;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return gatewayError('HEADERS_TIMEOUT', 'headers: expected all headers in time, got only a part');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return gatewayError('BODY_TOO_LARGE', 'body: expected short chunk extensions, got too many bytes of them');
    case 'HPE_INVALID_METHOD':
      return malformed('expected a known HTTP method');
    case 'HPE_INVALID_URL':
      return malformed('expected a request target in ASCII, with other characters percent-encoded');
    case 'HPE_INVALID_VERSION':
    case 'HPE_INVALID_CONSTANT':
      return malformed('expected HTTP/1.1 in the request line');
    case 'HPE_INVALID_HEADER_TOKEN':
      return malformed('expected headers of the form NAME: VALUE, without control characters');
    case 'HPE_INVALID_CONTENT_LENGTH':
    case 'HPE_UNEXPECTED_CONTENT_LENGTH':
    case 'HPE_INVALID_TRANSFER_ENCODING':
      return malformed('expected either one Content-Length or Transfer-Encoding: chunked');
    case 'HPE_INVALID_CHUNK_SIZE':
      return malformed('expected each chunk to begin with its size');
    default:
      return malformed('expected HTTP/1.1, got bytes that cannot be parsed');
  }
}
