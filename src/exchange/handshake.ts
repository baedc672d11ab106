/**
 * A request that asks to become a WebSocket (RFC 6455 §4.2.1). The listener announces it, its route's endpoint takes it up;
 * in between it is a GET like any other, and a refusal is an answer like any other.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { gatewayError } from '../status/status-error.js';
import { hasBody } from './answer.js';

export interface Handshake {
  readonly socket: Socket;
  /** What the client has sent after the head. */
  readonly head: Buffer;
  /** Its headers go out with the 101; its body if the request is refused. */
  readonly res: ServerResponse;
  /** The gateway goes away: a conversation that begins now would be cut soon. */
  readonly isDraining: () => boolean;
  /** Aborted when the gateway ends before the conversation does. */
  readonly ending: AbortSignal;
}

const announced = new WeakMap<IncomingMessage, Handshake>();

export function isHandshake(req: IncomingMessage): boolean {
  return req.method === 'GET' && req.headers.upgrade?.toLowerCase() === 'websocket' && !hasBody(req);
}

export function announceHandshake(req: IncomingMessage, handshake: Handshake): void {
  announced.set(req, handshake);
}

/** Undefined: the request is none. */
export function handshakeOf(req: IncomingMessage): Handshake | undefined {
  return announced.get(req);
}

/** What a client may take for its part of the closing handshake. */
const CLOSE_TIMEOUT_MS = 5000;

/** Compiles what completes handshakes. `maxMessageBytes`: a longer message closes with 1009. */
export function compileAccept(maxMessageBytes: number): (req: IncomingMessage) => Promise<WebSocket> {
  const refusals = new WeakMap<IncomingMessage, (error: Error) => void>();
  // `closeTimeout` is younger than the types.
  const options = {
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  const server = new WebSocketServer(options);
  server.on('headers', (lines, req) => {
    const headers = announced.get(req)?.res.getHeaders() ?? {};
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${String(value)}`);
  });
  server.on('wsClientError', ({ message }, _socket, req) => {
    // RFC 6455 §4.4.
    const isVersion = message.includes('Version');
    const headers = isVersion ? { 'sec-websocket-version': '13' } : {};
    refusals.get(req)?.(gatewayError(isVersion ? 426 : 400, 'BAD_HANDSHAKE', `handshake: ${message}`, { headers }));
  });

  /** Throws 400 and 426 for a handshake that is not right, 503 for one that comes too late. */
  return async function accept(req) {
    const { socket, head, isDraining } = announced.get(req)!;
    if (isDraining()) throw gatewayError(503, 'DRAINING', 'the gateway is going away');
    return new Promise((resolve, reject) => {
      refusals.set(req, reject);
      server.handleUpgrade(req, socket, head, (webSocket) => {
        // Until somebody listens: what came with the handshake is a message too.
        webSocket.pause();
        resolve(webSocket);
      });
    });
  };
}
