/**
 * Tells the thread that started it when a request is due, by the time when it was due. A timer of Node is up to two
 * milliseconds late, which is more than a gateway takes for an answer; a thread that waits for nothing else is late by less.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** Returns the time in milliseconds, by the clock that all threads of a process share. */
function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A thread that ticks. It is kept, because a new one takes longer to start than a short load. */
export class Ticks {
  /** The number of ticks a second; 0 if it does not tick. */
  private readonly perSecond = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  private readonly behind = sharedNow() - performance.now();
  private begun = 0;
  private onTick: (due: number) => void = () => {};

  constructor() {
    new Worker(new URL(import.meta.url), { workerData: this.perSecond }).on('message', (due: number) => {
      // A tick of an earlier start may come late.
      if (due - this.behind >= this.begun) this.onTick(due - this.behind);
    });
  }

  /** Calls `onTick` with the moment when each tick was due, until {@link stop}. */
  start(perSecond: number, onTick: (due: number) => void): void {
    this.begun = performance.now();
    this.onTick = onTick;
    this.set(perSecond);
  }

  stop(): void {
    this.onTick = () => {};
    this.set(0);
  }

  private set(perSecond: number): void {
    Atomics.store(this.perSecond, 0, perSecond);
    Atomics.notify(this.perSecond, 0);
  }
}

function tickForever(cell: Int32Array): void {
  for (;;) {
    Atomics.wait(cell, 0, 0);
    const perSecond = Atomics.load(cell, 0);
    const begun = sharedNow();
    for (let tick = 0; Atomics.load(cell, 0) === perSecond; tick++) {
      const due = begun + (tick * 1000) / perSecond;
      const waitMs = due - sharedNow();
      if (waitMs > 0 && Atomics.wait(cell, 0, perSecond, waitMs) !== 'timed-out') break;
      parentPort!.postMessage(due);
    }
  }
}

if (parentPort !== null) tickForever(workerData as Int32Array);
