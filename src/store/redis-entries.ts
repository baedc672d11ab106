/**
 * Stores cached answers in Redis, for several gateways. A value consists of the length of a JSON header (4 bytes), the header,
 * and the bytes of the message. Any other value is ignored.
 */
import type { Metadata, MetadataEntry } from '../call/metadata.js';
import type { Entries, Entry, Found } from './entries.js';
import { type StoreGuard, UNANSWERED } from './guard.js';
import type { RedisClient } from './redis.js';

/** The most bytes of a value. A larger one is not stored, because it would delay all other requests on the connection. */
const MAX_BYTES = 1024 * 1024;

export class RedisEntries implements Entries {
  constructor(
    private readonly redis: RedisClient,
    private readonly guard: StoreGuard,
  ) {}

  async get(key: string): Promise<Found> {
    const value = await this.guard.ask(() => this.redis.getBuffer(nameOf(key)));
    if (value === UNANSWERED) return 'unavailable';
    return value === null ? undefined : decode(value);
  }

  set(key: string, entry: Entry, keepMs: number): void {
    const value = encode(entry);
    if (value.length <= MAX_BYTES) void this.guard.ask(() => this.redis.set(nameOf(key), value, keepMs));
  }

  async close(): Promise<void> {}
}

function nameOf(key: string): string {
  return `protogate:answer:${key}`;
}

function encode({ storedAt, headers, message, trailers }: Entry): Buffer {
  const head = Buffer.from(JSON.stringify({ storedAt, headers: toJson(headers), trailers: toJson(trailers) }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, message]);
}

function decode(value: Buffer): Entry | undefined {
  if (value.length < 4) return undefined;
  const end = 4 + value.readUInt32BE(0);
  if (end > value.length) return undefined;
  try {
    const head: unknown = JSON.parse(value.toString('utf8', 4, end));
    const { storedAt, headers, trailers } = head as Record<string, unknown>;
    if (typeof storedAt !== 'number' || !Number.isFinite(storedAt)) return undefined;
    return { storedAt, headers: fromJson(headers), message: value.subarray(end), trailers: fromJson(trailers) };
  } catch {
    return undefined;
  }
}

/** Returns metadata as JSON. The values of `-bin` keys become base64. */
function toJson(metadata: Metadata): readonly (readonly [string, string])[] {
  return metadata.map(([key, value]) => [
    key,
    typeof value === 'string' ? value : Buffer.from(value).toString('base64'),
  ]);
}

/** Returns metadata that was read from JSON. Throws if it is not a list of pairs of strings. */
function fromJson(value: unknown): Metadata {
  if (!Array.isArray(value)) throw new TypeError('expected a list');
  return value.map((entry: unknown): MetadataEntry => {
    const [key, text] = entry as readonly unknown[];
    if (typeof key !== 'string' || typeof text !== 'string') throw new TypeError('expected texts');
    return [key, key.endsWith('-bin') ? Buffer.from(text, 'base64') : text];
  });
}
