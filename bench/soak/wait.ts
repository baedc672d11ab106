/**
 * The waits of the long load. Each one ends: with its event, with the end of what is waited for, or at its limit. Otherwise
 * one connection that ends too early would hold the whole load for ever.
 */
import type { EventEmitter } from 'node:events';

/** The longest time that a wait may take. */
export const LIMIT_MS = 30_000;

/** Resolves with the first argument of the event. Rejects if an error or the end comes first, or if the time limit passes. */
export function before<T>(emitter: EventEmitter, event: string, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const came = (value: T) => settle(() => resolve(value));
    const failed = (error: Error) => settle(() => reject(error));
    const closed = () => settle(() => reject(new Error(`closed before its ${event}`)));
    const late = () => settle(() => reject(new Error(`no ${event} within ${limitMs} ms`)));
    const timer = setTimeout(late, limitMs);
    const settle = (end: () => void) => {
      clearTimeout(timer);
      emitter.off(event, came).off('error', failed).off('close', closed);
      end();
    };
    emitter.on(event, came).on('error', failed).on('close', closed);
  });
}

/** Resolves when it is closed, also after an error. Rejects if the limit passes. `isClosed` tells whether it is closed already. */
export function untilClosed(emitter: EventEmitter, isClosed: boolean, limitMs: number): Promise<void> {
  if (isClosed) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const closed = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      emitter.off('close', closed);
      reject(new Error(`not closed within ${limitMs} ms`));
    }, limitMs);
    emitter.once('close', closed);
  });
}
