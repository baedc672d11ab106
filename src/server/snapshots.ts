/**
 * Holds the current Snapshot, which is swapped whole. A request ends on the snapshot that it began on, and an old snapshot
 * releases its resources when its last request has ended.
 */
import type { Snapshot } from '../exchange/exchange.js';

interface Generation {
  readonly snapshot: Snapshot;
  requests: number;
  retired: boolean;
}

export class Snapshots {
  private generation: Generation;

  constructor(first: Snapshot) {
    this.generation = { snapshot: first, requests: 0, retired: false };
  }

  get current(): Snapshot {
    return this.generation.snapshot;
  }

  /** Returns the snapshot for one request; call `leave` once when the request has ended. */
  enter(): { readonly snapshot: Snapshot; readonly leave: () => void } {
    const generation = this.generation;
    generation.requests++;
    return {
      snapshot: generation.snapshot,
      leave: () => {
        generation.requests--;
        void releaseIfDone(generation);
      },
    };
  }

  /** The number of requests that run on the current snapshot. */
  get inFlight(): number {
    return this.generation.requests;
  }

  /** New requests get `next`; the old snapshot is released when its last request has ended. */
  swap(next: Snapshot): void {
    const old = this.generation;
    this.generation = { snapshot: next, requests: 0, retired: false };
    old.retired = true;
    void releaseIfDone(old);
  }

  /** Releases the current snapshot at once, even if requests still run on it. */
  async close(): Promise<void> {
    const generation = this.generation;
    if (generation.retired) return;
    generation.retired = true;
    generation.requests = Number.NaN;
    await generation.snapshot.release();
  }
}

async function releaseIfDone(generation: Generation): Promise<void> {
  if (generation.retired && generation.requests === 0) await generation.snapshot.release();
}
