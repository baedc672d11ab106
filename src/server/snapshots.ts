/**
 * Holds the current Snapshot, which is swapped whole. A request ends on the snapshot that it began on, and an old snapshot
 * releases its resources when its last request has ended.
 */
import type { Snapshot } from '../exchange/exchange.js';

/** The requests of one snapshot. It does not refer to the snapshot, so that a long stream does not keep all of its tables. */
interface Generation {
  readonly release: () => Promise<void>;
  requests: number;
  retired: boolean;
}

function generationOf({ release }: Snapshot): Generation {
  return { release, requests: 0, retired: false };
}

export class Snapshots {
  private generation: Generation;

  constructor(private snapshot: Snapshot) {
    this.generation = generationOf(snapshot);
  }

  get current(): Snapshot {
    return this.snapshot;
  }

  /** Returns the snapshot for one request; call `leave` once when the request has ended. */
  enter(): { readonly snapshot: Snapshot; readonly leave: () => void } {
    const { snapshot } = this;
    return { snapshot, leave: leaverOf(this.generation) };
  }

  /** The number of requests that run on the current snapshot. */
  get inFlight(): number {
    return this.generation.requests;
  }

  /** Makes `next` the snapshot of new requests. The old snapshot is released when its last request has ended. */
  swap(next: Snapshot): void {
    const old = this.generation;
    this.snapshot = next;
    this.generation = generationOf(next);
    old.retired = true;
    void releaseIfDone(old);
  }

  /** Releases the current snapshot at once, even if requests still run on it. */
  async close(): Promise<void> {
    const { generation } = this;
    if (generation.retired) return;
    generation.retired = true;
    generation.requests = Number.NaN;
    await generation.release();
  }
}

/** Counts a running request. The returned function must be called when the request has ended. */
function leaverOf(generation: Generation): () => void {
  generation.requests++;
  return function leave() {
    generation.requests--;
    void releaseIfDone(generation);
  };
}

async function releaseIfDone(generation: Generation): Promise<void> {
  if (generation.retired && generation.requests === 0) await generation.release();
}
