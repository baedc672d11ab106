/** What happens between two parts of a large message that is written as JSON. */
import { isOver } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import { Code } from '../../status/code.js';
import { StatusError } from '../../status/status-error.js';
import { roomOf } from '../connection/room.js';

/**
 * Returns a function that counts the text so far and resolves when there is room for more. It throws if nobody waits for the
 * answer any more.
 */
export function betweenParts({ res, state }: Context): (written: number) => Promise<void> | undefined {
  return function between(written) {
    state.ending?.throwIfAborted();
    if (isOver(res)) throw clientLeft();
    return roomOf(res)?.toGrow(written);
  };
}

export function clientLeft(): StatusError {
  return new StatusError(Code.CANCELLED, 'the client went away');
}
