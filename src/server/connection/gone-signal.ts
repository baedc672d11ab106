/** Makes signals that are aborted when the client of a request has left before its answer was complete. */
import { Socket } from 'node:net';
import { isHttp2, isOver, isWhole } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import { onClose } from '../../exchange/on-close.js';
import { onEnding } from './unless-ended.js';

/** Returns the signal that cancels the call of a request. */
export type SignalOf = (ctx: Context) => AbortSignal;

/** Returns a signal that belongs to this request only. It is also aborted when a stream must end. */
export function ownSignal({ res, state }: Context): AbortSignal {
  const controller = new AbortController();
  onEnding(state.ending, () => controller.abort());
  if (isOver(res)) controller.abort();
  onClose(res, () => {
    if (!isWhole(res)) controller.abort();
  });
  return controller.signal;
}

/**
 * Returns the signal that all requests of an HTTP/1.1 connection share, because they run one after the other and a client
 * leaves by closing the connection. It costs a tenth of what a new signal for each request would cost. Code that listens to it
 * must stop when the call has ended, so only our own code gets it. For HTTP/2 and for streams it returns a signal of the
 * request's own.
 */
export function sharedSignal(ctx: Context): AbortSignal {
  const { req, state } = ctx;
  const { socket } = req;
  if (state.ending !== undefined || isHttp2(req) || !(socket instanceof Socket)) return ownSignal(ctx);
  return (controllers.get(socket) ?? follow(socket)).signal;
}

const controllers = new WeakMap<Socket, AbortController>();

function follow(socket: Socket): AbortController {
  const controller = new AbortController();
  controllers.set(socket, controller);
  if (socket.destroyed) controller.abort();
  else socket.once('close', () => controller.abort());
  return controller;
}
