/** The primary's side of the heartbeat: it finds workers that are stopped, or whose main thread is busy without end. */
import type { Worker } from 'node:cluster';
import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { BEAT_MS, PULSE_FD } from './pulse.js';

/** The longest time without a beat. A worker that is silent for longer is stopped (SIGSTOP), or gets no CPU time. */
const SILENT_MS = 5000;
/**
 * The longest time for which a healthy main thread may be busy. Neither garbage collection nor a large schema takes so long.
 */
const BUSY_MS = 10_000;
/** If the primary's own timer is later than this, the primary or the whole machine was paused, and not the worker. */
const LATE_MS = 1000;

/** The reason why a worker counts as frozen. One of the two times is too long. */
export interface Frozen {
  readonly silentMs: number;
  readonly busyMs: number;
}

interface Pulse {
  heardAt: number;
  busyMs: number;
}

export class Heartbeats {
  private readonly pulses = new Map<Worker, Pulse>();
  private expectedAt = 0;

  /** `onFrozen` is called once a second for each worker that is frozen at that time. */
  constructor(
    private readonly clock: Clock,
    private readonly onFrozen: (worker: Worker, why: Frozen) => void,
  ) {
    this.lookLater();
  }

  /** Watches a worker that serves, until it ends. */
  follow(worker: Worker): void {
    const pulse = { heardAt: this.clock.monotonic(), busyMs: 0 };
    this.pulses.set(worker, pulse);
    worker.once('exit', () => this.pulses.delete(worker));
    (worker.process.stdio[PULSE_FD] as Readable)
      .on('data', (beats: Buffer) => {
        pulse.heardAt = this.clock.monotonic();
        pulse.busyMs = Number(beats.toString('latin1').trim().split('\n').at(-1));
      })
      .on('error', () => {});
  }

  /** Returns the reason why the worker counts as frozen. Undefined if it works, or is not followed. */
  frozen(worker: Worker): Frozen | undefined {
    const pulse = this.pulses.get(worker);
    if (pulse === undefined) return undefined;
    const silentMs = Math.round(this.clock.monotonic() - pulse.heardAt);
    const { busyMs } = pulse;
    return silentMs > SILENT_MS || busyMs > BUSY_MS ? { silentMs, busyMs } : undefined;
  }

  /** The number of workers that are frozen and have not ended yet. */
  get frozenCount(): number {
    return [...this.pulses.keys()].filter((worker) => this.frozen(worker) !== undefined).length;
  }

  private lookLater(): void {
    this.expectedAt = this.clock.monotonic() + BEAT_MS;
    this.clock.after(BEAT_MS, () => this.look());
  }

  private look(): void {
    const now = this.clock.monotonic();
    // The primary was paused, so it has not read the beats that came meanwhile.
    if (now - this.expectedAt > LATE_MS) for (const pulse of this.pulses.values()) pulse.heardAt = now;
    for (const worker of this.pulses.keys()) {
      const why = this.frozen(worker);
      if (why !== undefined) this.onFrozen(worker, why);
    }
    this.lookLater();
  }
}
