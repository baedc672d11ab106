/** Completes a WebSocket's handshake (RFC 6455 §4.2.2), or throws what is wrong with it. */
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { handshakeOf } from '../../exchange/handshake.js';
import { gatewayError, type StatusError } from '../../status/status-error.js';

/** The time that a client may take for its part of the closing handshake. */
const CLOSE_TIMEOUT_MS = 5000;

const VERSION = '13';

/** The answer to a wrong version names the one that is supported (RFC 6455 §4.4). */
function wrongVersion(): StatusError {
  const text = `handshake: expected Sec-WebSocket-Version ${VERSION}, got none or another`;
  return gatewayError('UNSUPPORTED_WEBSOCKET_VERSION', text, { headers: { 'sec-websocket-version': VERSION } });
}

/** Returns a function that completes handshakes. `maxMessageBytes`: a longer message closes the WebSocket with 1009. */
export function compileAccept(maxMessageBytes: number): (req: IncomingMessage) => Promise<WebSocket> {
  const refusals = new WeakMap<IncomingMessage, (error: Error) => void>();
  // The types of `ws` do not know `closeTimeout` yet.
  const options = {
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    closeTimeout: CLOSE_TIMEOUT_MS,
  };
  const server = new WebSocketServer(options);
  server.on('headers', (lines, req) => {
    const headers = handshakeOf(req)?.res.getHeaders() ?? {};
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${String(value)}`);
  });
  server.on('wsClientError', ({ message }, _socket, req) => {
    refusals.get(req)?.(gatewayError('BAD_HANDSHAKE', `handshake: ${message}`));
  });

  /** Throws 400 or 426 for a handshake that is not valid, 503 while the gateway shuts down. */
  return async function accept(req) {
    const { socket, head, isDraining } = handshakeOf(req)!;
    if (isDraining()) throw gatewayError('DRAINING', 'the gateway is shutting down; connect again');
    // `ws` also takes other texts for 13, such as 0x0d, and the draft 8.
    if (req.headers['sec-websocket-version'] !== VERSION) throw wrongVersion();
    return new Promise((resolve, reject) => {
      refusals.set(req, reject);
      server.handleUpgrade(req, socket, head, (webSocket) => {
        // The socket stays paused until `Frames` listens: a message may have come with the handshake.
        webSocket.pause();
        resolve(webSocket);
      });
    });
  };
}
