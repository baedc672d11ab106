/**
 * Tells the primary each second that this process lives, and for how long its main thread has been busy. A separate thread does
 * this. It continues while the main thread collects garbage or builds a snapshot, and stops when the process is stopped.
 */
import { writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** The descriptor of the pipe to the primary, in a worker process. */
export const PULSE_FD = 4;
export const BEAT_MS = 1000;
/** The time after which the main thread increments its counter again, which shows that it runs. */
const TICK_MS = 250;

/** Starts the thread. Must be called in a worker process, because only worker processes have the pipe. */
export function startPulse(): void {
  const ticks = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  setInterval(() => Atomics.add(ticks, 0, 1), TICK_MS).unref();
  // The thread needs little memory, and no flags or environment of its process.
  const options = { workerData: ticks, execArgv: [], env: {}, resourceLimits: { maxOldGenerationSizeMb: 16 } };
  new Worker(new URL(import.meta.url), options).unref();
}

/** Runs in the thread. Each beat is a line with the time, in milliseconds, for which the main thread has not run. */
function beat(ticks: Int32Array): void {
  let seen = Atomics.load(ticks, 0);
  let seenAt = performance.now();
  let lastAt = seenAt;
  setInterval(() => {
    const now = performance.now();
    const tick = Atomics.load(ticks, 0);
    // If this thread did not run either, the whole process was stopped, or the machine.
    if (tick !== seen || now - lastAt > 2 * BEAT_MS) seenAt = now;
    seen = tick;
    lastAt = now;
    writeSync(PULSE_FD, `${Math.round(now - seenAt)}\n`);
  }, BEAT_MS);
}

if (!isMainThread && workerData instanceof Int32Array) beat(workerData);
