/**
 * Wraps a request listener with functions that Node's HTTP servers lack: each answer emits `close` when its connection
 * is lost, a connection whose client still sends is closed in stages, pipelined requests run one at a time, those of
 * HTTP/2 wait for room, and a client that reads nothing of its answer is disconnected.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { dismiss, isHttp2 } from '../../exchange/answer.js';
import { hasEnded, lingerAfter } from './linger.js';
import { closeWithConnection } from './lost-connection.js';
import { afterEarlierAnswers } from './pipelining.js';
import { enterRoom } from './room.js';
import { cutIfStalled } from './stall.js';

/**
 * Serves one request, as a listener of `http.createServer`. It resolves when the answer is written or the client has closed the
 * connection.
 */
export type RequestListener = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

export interface ConnectionLimits {
  readonly stallTimeoutMs: number;
  readonly connectionBytes: number;
}

/** Wraps `handle`, which must resolve when it has written its answer. `limits` returns those of the latest config. */
export function watched(handle: RequestListener, limits: () => ConnectionLimits, clock: Clock): RequestListener {
  const connectionBytes = () => limits().connectionBytes;

  return function listener(req, res) {
    closeWithConnection(req, res);
    if (hasEnded(req)) return Promise.resolve();
    lingerAfter(req, res, clock);
    const wait = isHttp2(req) ? enterRoom(req, res, connectionBytes) : afterEarlierAnswers(req, res);
    return wait === undefined ? serve(req, res) : wait.then((isThere) => (isThere ? serve(req, res) : undefined));
  };

  function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { stallTimeoutMs: timeoutMs } = limits();
    return handle(req, res).then(() => {
      dismiss(res, clock);
      cutIfStalled(res, timeoutMs, clock);
    });
  }
}
