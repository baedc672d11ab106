/**
 * Ends idle streams: a stream has no deadline of the gateway, so it ends when nothing is sent for a while (docs/streams.md).
 */
import type { Clock } from '../../base/clock.js';
import type { Context } from '../../exchange/exchange.js';
import { gatewayError, type StatusError } from '../../status/status-error.js';

/**
 * Returns the result of `work`. Rejects with DEADLINE_EXCEEDED (504) when for `timeoutMs` milliseconds there was no result and
 * no byte from the client. Time in which the request is awaited (`awaitsBody`) does not count.
 */
export function unlessIdle<T>(work: Promise<T>, { state }: Context, timeoutMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    let cancel: () => void;
    const watch = () => {
      const { bytesIn } = state;
      cancel = clock.after(timeoutMs, () =>
        state.bytesIn > bytesIn || state.awaitsBody ? watch() : reject(idle(timeoutMs)),
      );
    };
    watch();
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}

export function idle(timeoutMs: number): StatusError {
  return gatewayError('STREAM_IDLE', `the stream ends because no message came for ${timeoutMs / 1000} s`);
}
