/** Entries: where answers are kept for the cache. Keys are digests; what is not there any more is a miss. */
import { LRUCache } from 'lru-cache';
import type { Metadata } from '../call/metadata.js';

/** An answer as the upstream gave it. */
export interface Entry {
  /** Milliseconds since the epoch. */
  readonly storedAt: number;
  readonly headers: Metadata;
  readonly message: Uint8Array;
  readonly trailers: Metadata;
}

export type Found = Entry | undefined | 'unavailable';

export interface Entries {
  /** Undefined: not there. `unavailable`: it can't be asked. Never rejects. */
  get(key: string): Found | Promise<Found>;
  /** Keeps it for so long, if there is room. */
  set(key: string, entry: Entry, keepMs: number): void;
  close(): Promise<void>;
}

/** In the memory of this process; the entry that was used longest ago makes room. */
export class MemoryEntries implements Entries {
  private readonly entries: LRUCache<string, Entry>;

  constructor(maxBytes: number) {
    this.entries = new LRUCache({
      maxSize: maxBytes,
      // One answer never takes the place of all others.
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

/** What an entry takes besides its bytes: objects, and its place in the table. */
const OVERHEAD = 512;

export function bytesOf({ headers, message, trailers }: Entry): number {
  let bytes = OVERHEAD + message.byteLength;
  for (const [key, value] of [...headers, ...trailers]) bytes += 64 + key.length + value.length;
  return bytes;
}
