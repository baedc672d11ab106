/**
 * Decodes header blocks (RFC 7541). Each block may change the dynamic table of the connection, so every block must be decoded,
 * also those of calls that have ended. One byte of a block can stand for a long header of the table, so the decoded headers
 * have a limit of their own: `maxListBytes`.
 */
import { ConnectionError, ErrorCode } from './frames.js';
import { decodeHuffman } from './huffman.js';
import { STATIC_TABLE } from './static-table.js';

/** The most bytes of the dynamic table. It is the default of HPACK. */
export const TABLE_BYTES = 4096;
/** The bytes that each header counts in addition to its name and value (RFC 7541 §4.1). */
const ENTRY_BYTES = 32;
/** The largest integer that is accepted. No legal length or index is larger. */
const LARGEST_INTEGER = 2 ** 28;

/** The headers of one block: name, value, name, value. Undefined if they have more than `maxListBytes`. */
export type DecodedHeaders = readonly string[] | undefined;

export class HpackDecoder {
  /**
   * The names in the dynamic table, as a ring buffer. The newest entry is at the index `newest`, and older entries follow it.
   */
  private readonly names: string[] = new Array(TABLE_BYTES / ENTRY_BYTES);
  /** The values in the dynamic table, at the same indices as their names. */
  private readonly values: string[] = new Array(TABLE_BYTES / ENTRY_BYTES);
  private newest = 0;
  private count = 0;
  private size = 0;
  private maxSize = TABLE_BYTES;
  /** The block that is being decoded. */
  private block: Buffer = Buffer.alloc(0);
  /** The offset of the next byte to read in the block. */
  private at = 0;
  private end = 0;
  /**
   * The headers that short blocks were decoded to, by the number that {@link shortKey} returns. Each change of the dynamic
   * table empties this map.
   */
  private readonly short = new Map<number, readonly string[]>();

  constructor(private readonly maxListBytes: number) {}

  /**
   * Returns the headers in a block. Throws a ConnectionError if the block is invalid. The caller may overwrite the block
   * afterwards, but must not change the returned array, because equal blocks may get the same one.
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

  /** The name that `field` has read, if it has returned -1. */
  private name = '';
  /** The value that `field` has read, if it has returned -1. */
  private value = '';

  /**
   * Reads one header (§6). Returns its index in the tables, or -1 if the block has the header itself, which is then in `name`
   * and `value`.
   */
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

  /** Reads the instructions at the beginning of a block that change the size of the dynamic table (§4.2). */
  private resize(): void {
    while (this.at < this.end && this.block[this.at]! >> 5 === 1) {
      const size = this.integer(5);
      if (size > TABLE_BYTES) throw compressionError(`a table of ${size} bytes`);
      this.maxSize = size;
      this.short.clear();
      this.evict(0);
    }
  }

  /** Reads an integer whose first `prefixBits` bits are the low bits of the next byte (§5.1). */
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

  /** Adds the header in `name` and `value` to the dynamic table (§4.4). */
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

  /** Removes the oldest entries of the dynamic table until so many more bytes fit, or no entry is left. */
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

/** The most bytes of a block whose decoded headers are kept in `short`. */
const SHORT_BYTES = 4;
/** The most entries of `short`. */
const MOST_SHORT = 64;

/**
 * Returns a number for a block of at most four bytes, each of which is the index of a header in the tables; 0 for any other
 * block. While the dynamic table does not change, blocks with the same number have the same headers. Servers send nearly all of
 * their headers and trailers in this way.
 */
function shortKey(block: Buffer): number {
  if (block.length > SHORT_BYTES) return 0;
  let key = 0;
  for (let i = 0; i < block.length; i++) {
    const byte = block[i]!;
    // 0x80 is not a valid index, and 0xff is the first byte of an index that has several bytes.
    if (byte <= 0x80 || byte === 0xff) return 0;
    key = key * 128 + (byte & 127);
  }
  return key;
}

function compressionError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, `expected a header block of HPACK, got ${what}`);
}
