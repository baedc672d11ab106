/** A client that takes nothing of what is there for it, whatever it sends meanwhile: nobody waits for it for ever. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { cut, untaken } from '../../exchange/answer.js';

/**
 * Calls `onStall` once `untaken()`, in bytes, has stayed the same for `timeoutMs`. Nothing may be written meanwhile: what
 * changes then has moved on (over TLS it may grow on its way). The returned function ends it.
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

/** Cuts an answer that was written to its end and is not taken. */
export function cutIfStalled(res: ServerResponse, timeoutMs: number, clock: Clock): void {
  const cancel = watchStall(
    () => untaken(res),
    timeoutMs,
    clock,
    () => cut(res),
  );
  res.once('close', cancel);
}
