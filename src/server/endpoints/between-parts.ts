/**
 * Large messages are read from JSON or written as JSON in parts. This module decides between two parts whether the work
 * continues.
 */
import type { Clock } from '../../base/clock.js';
import type { Deadline } from '../../call/deadline.js';
import { isOver } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import { Code } from '../../status/code.js';
import { gatewayError, StatusError } from '../../status/status-error.js';
import { roomOf } from '../connection/room.js';

/**
 * Returns a function that counts the bytes of JSON that were written in the last part. The function returns undefined if the
 * work may go on now, and otherwise resolves when it may. It throws if nobody waits for the answer any more.
 */
export function betweenParts(ctx: Context): (written: number) => Promise<void> | undefined {
  return function between(written) {
    requireClient(ctx);
    return roomOf(ctx.res)?.toGrow(written);
  };
}

/** Returns a function that throws if nobody waits for the answer any more, or if the deadline of the call has passed. */
export function betweenPartsOfBody(ctx: Context, deadline: Deadline | undefined, clock: Clock): () => void {
  return function between() {
    requireClient(ctx);
    if (deadline !== undefined && deadline.at <= clock.now()) throw readTooLate();
  };
}

function requireClient({ res, state }: Context): void {
  state.ending?.throwIfAborted();
  if (isOver(res)) throw clientLeft();
}

export function clientLeft(): StatusError {
  return new StatusError(Code.CANCELLED, 'the client went away');
}

function readTooLate(): StatusError {
  return gatewayError('DEADLINE_EXCEEDED', 'body: expected it to be read before the deadline, got only a part');
}
