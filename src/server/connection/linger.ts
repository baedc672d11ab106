/**
 * An HTTP/1.1 connection that ends with an answer while its client still sends ends in stages (RFC 9112 §9.6): what is not
 * read when a connection is closed makes TCP reset it, and many clients lose the answer over that.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { hasBody, isHttp2 } from '../../exchange/answer.js';

/** For a client to notice, and to close its side. */
const LINGER_MS = 2000;

export function lingerAfter(req: IncomingMessage, res: ServerResponse, clock: Clock): void {
  if (isHttp2(req) || !hasBody(req)) return;
  const { socket } = req;
  // Before Node, which calls `destroySoon` where the answer says `Connection: close`.
  res.prependListener('finish', () => {
    if (req.complete) return;
    socket.destroySoon = () => {
      // What it still sends goes nowhere, also when somebody read it in pieces and stopped.
      req.removeAllListeners('readable').resume();
      socket.end();
      socket.once(
        'close',
        clock.after(LINGER_MS, () => socket.destroy()),
      );
    };
  });
}

/** It came behind a request whose answer ended the connection: it is none that counts. */
export function hasEnded(req: IncomingMessage): boolean {
  return !isHttp2(req) && req.socket.writableEnded;
}
