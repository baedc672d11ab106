/**
 * A Snapshot is everything that serving a request needs, compiled from one config and one schema: immutable tables.
 * It is swapped whole. `Snapshots` holds the current one; requests that began on an old one end on it, and when the
 * last of them has ended the old one lets go of its resources.
 */
import type { NearRoute } from '../routing/near-route.js';
import type { RouteTable } from '../routing/route-table.js';
import type { ErrorSettings } from '../transcoding/error-body.js';
import type { CompiledResponseHeaders } from '../transcoding/headers.js';
import type { FindClientAddress } from './client-address.js';
import type { Route } from './route.js';
import type { Cors } from './stages/cors.js';

export interface Snapshot {
  /** In order of specificity; the last one takes what no other claims. One surface for now. */
  readonly surfaces: readonly Surface[];
  /** Finds out who calls. */
  readonly clientAddress: FindClientAddress;
  /** Share of successful requests that the access log writes, 0 to 1. */
  readonly logSample: number;
  /** A client that takes nothing of its answer for so long is cut off. */
  readonly stallTimeoutMs: number;
  /** How long a stream may go on that would not be let in any more. */
  readonly streamGraceMs: number;
  /** By name; for what operators see. */
  readonly upstreams: ReadonlyMap<string, { state(): string }>;
  /** Resolves when it can serve, or when waiting longer would not help: the keys of issuers have been asked for. */
  readonly prepared: Promise<void>;
  /** Lets go of the resources. Called once, when no request uses the snapshot any more. */
  readonly release: () => Promise<void>;
}

export interface Surface {
  readonly name: string;
  readonly table: RouteTable<Route>;
  /** Streaming methods by path alone: a handshake is a GET, whatever the method's own verb. */
  readonly webSockets: RouteTable<Route>;
  /** What a 404 says was probably meant, of each table; undefined: it says nothing. */
  readonly nearRoute: NearRoute | undefined;
  readonly nearWebSocket: NearRoute | undefined;
  /** Undefined: no web page may read an answer. */
  readonly cors: Cors | undefined;
  readonly errors: ErrorSettings;
  /** What of an upstream's metadata a client gets. */
  readonly responseHeaders: CompiledResponseHeaders;
}

interface Generation {
  readonly snapshot: Snapshot;
  requests: number;
  retired: boolean;
}

export class Snapshots {
  #current: Generation;

  constructor(first: Snapshot) {
    this.#current = { snapshot: first, requests: 0, retired: false };
  }

  get current(): Snapshot {
    return this.#current.snapshot;
  }

  /** The snapshot for one request; call `leave` once when it has ended. */
  enter(): { readonly snapshot: Snapshot; readonly leave: () => void } {
    const generation = this.#current;
    generation.requests++;
    return {
      snapshot: generation.snapshot,
      leave: () => {
        generation.requests--;
        void releaseIfDone(generation);
      },
    };
  }

  /** Requests that run on the current snapshot. */
  get inFlight(): number {
    return this.#current.requests;
  }

  /** New requests get `next`; the old snapshot is released when its last request has ended. */
  swap(next: Snapshot): void {
    const old = this.#current;
    this.#current = { snapshot: next, requests: 0, retired: false };
    old.retired = true;
    void releaseIfDone(old);
  }

  /** Releases the current snapshot at once, whatever still runs on it. */
  async close(): Promise<void> {
    const generation = this.#current;
    if (generation.retired) return;
    generation.retired = true;
    generation.requests = Number.NaN;
    await generation.snapshot.release();
  }
}

async function releaseIfDone(generation: Generation): Promise<void> {
  if (generation.retired && generation.requests === 0) await generation.snapshot.release();
}
