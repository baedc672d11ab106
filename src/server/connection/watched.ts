/**
 * Wraps a request listener with what Node's HTTP servers lack: each answer emits `close` when its connection is gone, a
 * connection whose client still sends is closed in stages, pipelined requests take turns, and a client that reads nothing of
 * its answer is cut off.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { dismiss, isOver, isWhole } from '../../exchange/answer.js';
import { tellWhenGone } from './gone.js';
import { hasEnded, lingerAfter } from './linger.js';
import { cutIfStalled } from './stall.js';
import { turnOf } from './turn.js';

/** Serves one request, as a listener of `http.createServer`. It resolves when the answer is written or the client is gone. */
export type RequestListener = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

/** Wraps `handle`, which must resolve when it has written its answer. */
export function watched(handle: RequestListener, stallTimeoutMs: () => number, clock: Clock): RequestListener {
  return function listener(req, res) {
    tellWhenGone(req, res);
    if (hasEnded(req)) return Promise.resolve();
    lingerAfter(req, res, clock);
    const turn = turnOf(req, res);
    return turn === undefined ? serve(req, res) : turn.then((isThere) => (isThere ? serve(req, res) : undefined));
  };

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const timeoutMs = stallTimeoutMs();
    await handle(req, res);
    dismiss(res, clock);
    if (!isWhole(res) && !isOver(res)) cutIfStalled(res, timeoutMs, clock);
  }
}
