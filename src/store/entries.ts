/** This module keeps the answers of the cache. Keys are digests. An entry that was removed is a miss. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.js';
import type { Metadata } from '../call/metadata.js';

/** An answer as the upstream sent it. */
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
   * Returns an entry. Undefined when there is none, and `unavailable` when the store cannot be asked. Never rejects.
   */
  get(key: string): Found | Promise<Found>;
  /** Keeps an entry for `keepMs` milliseconds, if there is room. */
  set(key: string, entry: Entry, keepMs: number): void;
  close(): Promise<void>;
}

/** Keeps entries in the memory of this process. When it is full, the entry that was used longest ago is removed. */
export class MemoryEntries implements Entries {
  private readonly entries: LRUCache<string, Entry>;

  constructor(maxBytes: number, clock: Clock) {
    this.entries = new LRUCache({
      // The age of an entry is counted on the same clock.
      perf: { now: () => clock.now() },
      ttlResolution: 0,
      maxSize: maxBytes,
      // One answer must not take the place of all others.
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

/** The approximate memory, in bytes, that an entry needs besides its content. */
const OVERHEAD = 512;

export function bytesOf({ headers, message, trailers }: Entry): number {
  let bytes = OVERHEAD + message.byteLength;
  for (const [key, value] of [...headers, ...trailers]) bytes += 64 + key.length + value.length;
  return bytes;
}
