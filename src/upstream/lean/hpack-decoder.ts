/**
 * Decodes header blocks (RFC 7541). The dynamic table belongs to the connection, so every block must be decoded, also those
 * of calls that have ended. A block can name an entry of the table with one byte, so a short block may become long headers,
 * which have a limit of their own: `maxListBytes`.
 */
import { ConnectionError, ErrorCode } from './frames.js';
import { decodeHuffman } from './huffman.js';
import { STATIC_TABLE } from './static-table.js';

/** The size of the dynamic table that we allow, which is HPACK's default. */
export const TABLE_BYTES = 4096;
/** The bytes that each entry counts besides its texts (RFC 7541 §4.1). */
const ENTRY_BYTES = 32;
/** Integers above this are refused. No length or index can be larger. */
const LARGEST_INTEGER = 2 ** 28;

/** The headers of one block: name, value, name, value. Undefined if they are larger than the limit. */
export type DecodedHeaders = readonly string[] | undefined;

export class HpackDecoder {
  /** The dynamic table as a ring. The newest entry is at `newest`, older ones behind it. */
  private readonly names: string[] = new Array(TABLE_BYTES / ENTRY_BYTES);
  private readonly values: string[] = new Array(TABLE_BYTES / ENTRY_BYTES);
  private newest = 0;
  private count = 0;
  private size = 0;
  private maxSize = TABLE_BYTES;
  /** The block that is being decoded, and the position in it. */
  private block: Buffer = Buffer.alloc(0);
  private at = 0;
  private end = 0;
  /** The lists of short blocks by the key of {@link shortKey}. Each change of the dynamic table empties it. */
  private readonly short = new Map<number, readonly string[]>();

  constructor(private readonly maxListBytes: number) {}

  /**
   * Throws a ConnectionError for a block that is not valid. The block is not needed afterwards. Equal blocks may have the same
   * list, so it must not be changed.
   */
  decode(block: Buffer): DecodedHeaders {
    const key = shortKey(block);
    const known = key === 0 ? undefined : this.short.get(key);
    if (known !== undefined) return known;
    const list = this.decodeAnew(block);
    if (key !== 0 && list !== undefined && this.short.size < MOST_SHORT) this.short.set(key, list);
    return list;
  }

  private decodeAnew(block: Buffer): DecodedHeaders {
    this.block = block;
    this.at = 0;
    this.end = block.length;
    this.resize();
    const list: string[] = [];
    let bytes = 0;
    while (this.at < this.end) {
      const index = this.field();
      const name = index < 0 ? this.name : this.nameAt(index);
      const value = index < 0 ? this.value : this.valueAt(index);
      bytes += name.length + value.length + ENTRY_BYTES;
      if (bytes <= this.maxListBytes) list.push(name, value);
    }
    return bytes <= this.maxListBytes ? list : undefined;
  }

  /** The field that `field` has read, if it is not an entry of a table. */
  private name = '';
  private value = '';

  /** Reads a field (§6). Returns the index of its entry, or -1 for a literal field. */
  private field(): number {
    const first = this.block[this.at]!;
    if (first >= 0x80) return this.integer(7);
    if (first >= 0x40) {
      this.literal(6);
      this.insert();
    } else if (first >= 0x20) throw compressionError('a change of the table size behind a header');
    else this.literal(4);
    return -1;
  }

  private literal(prefixBits: number): void {
    const index = this.integer(prefixBits);
    this.name = index === 0 ? this.text() : this.nameAt(index);
    this.value = this.text();
  }

  /** Reads the changes of the table's size at the beginning of a block (§4.2). */
  private resize(): void {
    while (this.at < this.end && this.block[this.at]! >> 5 === 1) {
      const size = this.integer(5);
      if (size > TABLE_BYTES) throw compressionError(`a table of ${size} bytes`);
      this.maxSize = size;
      this.short.clear();
      this.evict(0);
    }
  }

  /** Reads an integer (§5.1). */
  private integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.byte() & mask;
    if (value < mask) return value;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (value > LARGEST_INTEGER || factor > LARGEST_INTEGER) throw compressionError('an integer that is too large');
      if (byte < 128) return value;
    }
  }

  /** Reads a string (§5.2). */
  private text(): string {
    if (this.at >= this.end) throw compressionError('a block that ends inside a header');
    const isHuffman = this.block[this.at]! >= 0x80;
    const length = this.integer(7);
    const start = this.at;
    this.at += length;
    if (this.at > this.end) throw compressionError('a string that is longer than its block');
    const text = isHuffman ? decodeHuffman(this.block, start, this.at) : this.block.toString('latin1', start, this.at);
    if (text === undefined) throw compressionError('a string that is not in Huffman code');
    return text;
  }

  private byte(): number {
    if (this.at >= this.end) throw compressionError('a block that ends inside a header');
    return this.block[this.at++]!;
  }

  private nameAt(index: number): string {
    return index <= STATIC_TABLE.length && index > 0 ? STATIC_TABLE[index - 1]![0] : this.names[this.slot(index)]!;
  }

  private valueAt(index: number): string {
    return index <= STATIC_TABLE.length && index > 0 ? STATIC_TABLE[index - 1]![1] : this.values[this.slot(index)]!;
  }

  private slot(index: number): number {
    const age = index - STATIC_TABLE.length - 1;
    if (age < 0 || age >= this.count) throw compressionError(`the index ${index}, which no header has`);
    return (this.newest + age) % this.names.length;
  }

  /** Adds the field that was read to the dynamic table (§4.4). */
  private insert(): void {
    const bytes = this.name.length + this.value.length + ENTRY_BYTES;
    this.short.clear();
    this.evict(bytes);
    if (bytes > this.maxSize) return;
    this.newest = (this.newest + this.names.length - 1) % this.names.length;
    this.names[this.newest] = this.name;
    this.values[this.newest] = this.value;
    this.count++;
    this.size += bytes;
  }

  /** Removes the oldest entries until there is room for so many bytes, or none is left. */
  private evict(bytes: number): void {
    while (this.count > 0 && this.size + bytes > this.maxSize) {
      this.count--;
      const oldest = (this.newest + this.count) % this.names.length;
      this.size -= this.names[oldest]!.length + this.values[oldest]!.length + ENTRY_BYTES;
      this.names[oldest] = '';
      this.values[oldest] = '';
    }
  }
}

/** The most bytes of a block whose list is kept, and the most of such lists. */
const SHORT_BYTES = 4;
const MOST_SHORT = 64;

/**
 * Returns a number for a short block in which each byte names an entry of a table; 0 for any other block. With the same dynamic
 * table, equal numbers are equal headers. Servers send nearly all their headers and trailers in this way.
 */
function shortKey(block: Buffer): number {
  if (block.length > SHORT_BYTES) return 0;
  let key = 0;
  for (let i = 0; i < block.length; i++) {
    const byte = block[i]!;
    // 0x80 is no entry, and 0xff begins an index of several bytes.
    if (byte <= 0x80 || byte === 0xff) return 0;
    key = key * 128 + (byte & 127);
  }
  return key;
}

function compressionError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, `expected a header block of HPACK, got ${what}`);
}
