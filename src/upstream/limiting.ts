/** This module is the layer that keeps at most `maxConcurrent` calls running on an upstream. */
import type { CallRequest, CallResponse, Interceptor } from '../call/call.js';
import { afterResponse } from './after-response.js';
import type { Slots } from './slots.js';

/** Returns the layer, which lets at most `limit` calls run at a time. `onRefusal` is called for each call that gets no slot. */
export function limiting(slots: Slots, limit: number, onRefusal: () => void): Interceptor {
  const release = () => slots.release();

  return (next) => {
    return (request) => {
      const turn = slots.take(limit, request);
      return turn === undefined ? run(request) : inTurn(turn, request);
    };

    async function inTurn(turn: Promise<void>, request: CallRequest): Promise<CallResponse> {
      try {
        await turn;
      } catch (error) {
        onRefusal();
        throw error;
      }
      return run(request);
    }

    function run(request: CallRequest): Promise<CallResponse> {
      return afterResponse(next(request), request.signal, release);
    }
  };
}
