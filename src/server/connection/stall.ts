/** Finds clients that read nothing of what was written for them, even if they still send, so that no answer waits for ever. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { cut, untaken } from '../../exchange/answer.js';

/**
 * Calls `onStall` once `untaken()`, in bytes, has stayed the same for `timeoutMs`. Nothing may be written meanwhile, so that
 * every change is progress (over TLS the number may also grow on the way). The returned function ends the watch.
 */
export function watchStall(untaken: () => number, timeoutMs: number, clock: Clock, onStall: () => void): () => void {
  let before = untaken();
  let cancel = clock.after(timeoutMs, look);
  function look(): void {
    const now = untaken();
    if (now === before) return onStall();
    before = now;
    cancel = clock.after(timeoutMs, look);
  }
  return () => cancel();
}

/** Cuts an answer that was written to its end if the client then reads nothing for `timeoutMs`. */
export function cutIfStalled(res: ServerResponse, timeoutMs: number, clock: Clock): void {
  const cancel = watchStall(
    () => untaken(res),
    timeoutMs,
    clock,
    () => cut(res),
  );
  res.once('close', cancel);
}
