/**
 * Closes an HTTP/1.1 connection in stages if the connection ends with an answer while the client still sends (RFC 9112 §9.6).
 * Bytes that are unread when a connection is closed make TCP reset it, and many clients then lose the answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { hasBody, isHttp2 } from '../../exchange/answer.js';

/** The time that a client may take to notice the end and to close its side. */
const LINGER_MS = 2000;

export function lingerAfter(req: IncomingMessage, res: ServerResponse, clock: Clock): void {
  if (isHttp2(req) || !hasBody(req)) return;
  // This listener must run before Node's own, which calls `destroySoon` if the answer has `Connection: close`.
  res.prependListener('finish', () => {
    if (!req.complete) endInStages(req, clock);
  });
}

/** Makes the connection of a request end in stages when Node wants to close it after the answer (`destroySoon`). */
export function endInStages(req: IncomingMessage, clock: Clock): void {
  const { socket } = req;
  socket.destroySoon = () => {
    // Bytes that the client still sends are dropped, also when a reader took some of the body and stopped.
    req.removeAllListeners('readable').resume();
    socket.end();
    socket.once(
      'close',
      clock.after(LINGER_MS, () => socket.destroy()),
    );
  };
}

/** True if the request came after one whose answer ended the connection; such a request is not served. */
export function hasEnded(req: IncomingMessage): boolean {
  return !isHttp2(req) && req.socket.writableEnded;
}
