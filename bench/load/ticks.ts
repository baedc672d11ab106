/**
 * Tells the thread that started it when a request is due, by the time when it was due. A timer of Node is up to two
 * milliseconds late, which is more than a gateway takes for an answer; a thread that waits for nothing else is late by less.
 */
import { parentPort, workerData } from 'node:worker_threads';

export interface Ticks {
  readonly perSecond: number;
}

/** Returns the time in milliseconds, by the clock that all threads of a process share. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

function tickEach({ perSecond }: Ticks): void {
  const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const begun = sharedNow();
  for (let tick = 0; ; tick++) {
    const due = begun + (tick * 1000) / perSecond;
    const waitMs = due - sharedNow();
    if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs);
    parentPort!.postMessage(due);
  }
}

if (parentPort !== null) tickEach(workerData as Ticks);
