/** This module stores the answers of the cache. The keys are digests of the requests. Any entry may be removed at any time. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.js';
import type { Metadata } from '../call/metadata.js';

/** A cached answer, as the upstream has sent it. */
export interface Entry {
  /** The time at which it was stored, in milliseconds since the epoch. */
  readonly storedAt: number;
  readonly headers: Metadata;
  readonly message: Uint8Array;
  readonly trailers: Metadata;
}

export type Found = Entry | undefined | 'unavailable';

export interface Entries {
  /**
   * Returns the entry with the key: undefined when there is none, and `unavailable` when the store does not answer. Never
   * rejects.
   */
  get(key: string): Found | Promise<Found>;
  /** Stores an entry for `keepMs` milliseconds. An entry that is too large is not stored. */
  set(key: string, entry: Entry, keepMs: number): void;
  close(): Promise<void>;
}

/** Stores entries in the memory of this process. When it is full, the entry that was used longest ago is removed. */
export class MemoryEntries implements Entries {
  private readonly entries: LRUCache<string, Entry>;

  constructor(maxBytes: number, clock: Clock) {
    this.entries = new LRUCache({
      // The cache measures the age of entries on the clock that is passed, so that tests can move it.
      perf: { now: () => clock.now() },
      ttlResolution: 0,
      maxSize: maxBytes,
      // An answer of more than an eighth of the memory is not stored, because it would push out too many others.
      maxEntrySize: Math.max(1, Math.floor(maxBytes / 8)),
      sizeCalculation: (entry, key) => bytesOf(entry) + key.length,
    });
  }

  get(key: string): Entry | undefined {
    return this.entries.get(key);
  }

  set(key: string, entry: Entry, keepMs: number): void {
    this.entries.set(key, entry, { ttl: keepMs });
  }

  async close(): Promise<void> {
    this.entries.clear();
  }
}

/** The approximate number of bytes that an entry needs in addition to its content. */
const OVERHEAD = 512;

export function bytesOf({ headers, message, trailers }: Entry): number {
  let bytes = OVERHEAD + message.byteLength;
  for (const [key, value] of [...headers, ...trailers]) bytes += 64 + key.length + value.length;
  return bytes;
}
