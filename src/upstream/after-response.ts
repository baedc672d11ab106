/** This module runs a task once when a call is over: for a stream, this is after its last message. */
import type { CallResponse } from '../call/call.js';
import { followersOf } from './followers.js';

/**
 * Returns the response of `answer`, and calls `task` once when the call is over: when the unary answer has come, when the call
 * has failed, or when the stream has ended, its consumer has stopped reading, or `signal` is aborted.
 */
export async function afterResponse(
  answer: Promise<CallResponse>,
  signal: AbortSignal,
  task: () => void,
): Promise<CallResponse> {
  let response: CallResponse;
  try {
    response = await answer;
  } catch (error) {
    task();
    throw error;
  }
  const { message } = response;
  if (message instanceof Uint8Array) {
    task();
    return response;
  }
  return { ...response, message: untilEnd(message, signal, task) };
}

function untilEnd(
  messages: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  task: () => void,
): AsyncIterableIterator<Uint8Array, undefined> {
  const source = messages[Symbol.asyncIterator]();
  const followers = followersOf(signal);
  let hasEnded = false;
  let place = -1;
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    if (place >= 0) followers.remove(place);
    task();
  };
  if (signal.aborted) end();
  else place = followers.add({ abort: () => end() });
  const stream: AsyncIterableIterator<Uint8Array, undefined> = {
    [Symbol.asyncIterator]: () => stream,
    async next() {
      try {
        const result = await source.next();
        if (result.done === true) end();
        return result;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
  return stream;
}
