/** Streams have no deadline of their own: one on which nobody says a word ends (rule 30). */
import type { Clock } from '../../base/clock.js';
import type { Context } from '../../exchange/exchange.js';
import { Code } from '../../status/code.js';
import { errorInfoDetail } from '../../status/details.js';
import { StatusError } from '../../status/status-error.js';

/** What `work` comes to. Throws DEADLINE_EXCEEDED (504) once neither that nor a byte of the client came for `timeoutMs`. */
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
  return new StatusError(Code.DEADLINE_EXCEEDED, `no message for ${timeoutMs / 1000} s`, {
    details: [errorInfoDetail('STREAM_IDLE')],
  });
}
