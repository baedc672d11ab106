/**
 * This table has the keys of one JSON object or map as bytes, and a number for each. It needs less memory than a Map, and
 * creates no strings. Up to eight keys are compared one by one; more are found by a hash with a random seed.
 */
import { randomBytes } from 'node:crypto';

const SEED = randomBytes(4).readInt32LE();
const FEW = 8;
const FIRST_BYTES = 256;
/** A buffer with more bytes is not kept after `clear`. */
const KEPT_BYTES = 1 << 16;
/**
 * The most slots that are tried for a key. More full slots in a row come only from keys that were chosen to collide;
 * then all keys go into a Map of strings.
 */
const MAX_PROBES = 64;
/** Longer arrays of numbers are not kept after `clear`. */
const KEPT_NUMBERS = 1 << 11;
const NONE = new Int32Array(0);

export class KeyTable {
  private bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** The offset in `bytes` at which each key starts. It ends where the next one starts. */
  private starts = new Int32Array(FEW + 1);
  /** The number of each key. Empty while all numbers are 0. */
  private numbers = NONE;
  private count = 0;
  /** Slots by hash: the index of a key + 1, or 0 if free. The length is a power of two, or 0 while the keys are few. */
  private slots = NONE;
  /** The slots of an earlier object, for the next one with many keys. */
  private spare = NONE;
  /** All keys, once too many have collided; undefined before. */
  private strings: Map<string, number> | undefined;

  /** `hash` returns the hash of a key. Tests pass another one, to make keys collide. */
  constructor(private readonly hash: (bytes: Uint8Array, start: number, end: number) => number = hashOf) {}

  /** Moves all keys to a new table and returns it. This table is empty afterwards. */
  take(): KeyTable {
    const taken = new KeyTable(this.hash);
    [taken.bytes, this.bytes] = [this.bytes, taken.bytes];
    [taken.starts, this.starts] = [this.starts, taken.starts];
    [taken.numbers, taken.slots, taken.strings, taken.count] = [this.numbers, this.slots, this.strings, this.count];
    this.slots = NONE;
    this.clear();
    return taken;
  }

  clear(): void {
    this.count = 0;
    if (this.slots.length > 0 && this.slots.length <= KEPT_NUMBERS) this.spare = this.slots;
    this.slots = NONE;
    this.numbers = NONE;
    this.strings = undefined;
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    if (this.starts.length > KEPT_NUMBERS) this.starts = new Int32Array(FEW + 1);
  }

  /** Sets the number of the key `source[start, end)`. Returns true if the key is new. */
  put(source: Uint8Array, start: number, end: number, number = 0): boolean {
    if (this.strings === undefined && this.count >= FEW && this.count * 2 >= this.slots.length) this.rehash();
    const hash = this.slots.length === 0 ? 0 : this.hash(source, start, end);
    const index = this.find(source, start, end, hash);
    if (index >= 0) {
      this.setNumber(index, number);
      return false;
    }
    if (index === COLLIDES) {
      this.strings ??= this.toStrings();
      const { size } = this.strings;
      return this.strings.set(textOf(source, start, end), number).size > size;
    }
    this.append(source, start, end, number);
    if (index !== NOT_FOUND) this.slots[FIRST_FREE - index] = this.count;
    return true;
  }

  /** Returns the number of the key `source[start, end)`; undefined if there is no such key. */
  get(source: Uint8Array, start: number, end: number): number | undefined {
    const hash = this.slots.length === 0 ? 0 : this.hash(source, start, end);
    const index = this.find(source, start, end, hash);
    return index >= 0 ? (this.numbers[index] ?? 0) : this.strings?.get(textOf(source, start, end));
  }

  /**
   * Returns the index of the key. If there is no such key, returns NOT_FOUND, COLLIDES, or `FIRST_FREE - slot` with the free
   * slot for it.
   */
  private find(source: Uint8Array, start: number, end: number, hash: number): number {
    if (this.strings !== undefined) return COLLIDES;
    const { slots } = this;
    if (slots.length === 0) {
      for (let index = 0; index < this.count; index++) if (this.isKey(index, source, start, end)) return index;
      return NOT_FOUND;
    }
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const index = slots[slot]! - 1;
      if (index < 0) return FIRST_FREE - slot;
      if (this.isKey(index, source, start, end)) return index;
      slot = (slot + 1) & mask;
    }
    return COLLIDES;
  }

  private isKey(index: number, source: Uint8Array, start: number, end: number): boolean {
    const { bytes, starts } = this;
    let at = starts[index]!;
    if (starts[index + 1]! - at !== end - start) return false;
    for (let i = start; i < end; i++) if (source[i] !== bytes[at++]) return false;
    return true;
  }

  private append(source: Uint8Array, start: number, end: number, number: number): void {
    if (this.count + 2 > this.starts.length) {
      this.starts = grown(this.starts);
    }
    let at = this.starts[this.count]!;
    const to = at + end - start;
    if (to > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, to));
      larger.set(this.bytes.subarray(0, at));
      this.bytes = larger;
    }
    const { bytes } = this;
    for (let i = start; i < end; i++) bytes[at++] = source[i]!;
    this.setNumber(this.count++, number);
    this.starts[this.count] = to;
  }

  private setNumber(index: number, number: number): void {
    if (index >= this.numbers.length) {
      if (number === 0) return;
      const larger = new Int32Array(this.starts.length);
      larger.set(this.numbers);
      this.numbers = larger;
    }
    this.numbers[index] = number;
  }

  private rehash(): void {
    const least = Math.max(this.slots.length * 2, FEW * 4);
    if (this.spare.length >= least) {
      this.slots = this.spare.fill(0);
      this.spare = NONE;
    } else this.slots = new Int32Array(least);
    const mask = this.slots.length - 1;
    for (let index = 0; index < this.count; index++) {
      let slot = this.hash(this.bytes, this.starts[index]!, this.starts[index + 1]!) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = index + 1;
    }
  }

  private toStrings(): Map<string, number> {
    const strings = new Map<string, number>();
    for (let index = 0; index < this.count; index++) {
      strings.set(textOf(this.bytes, this.starts[index]!, this.starts[index + 1]!), this.numbers[index] ?? 0);
    }
    return strings;
  }
}

const NOT_FOUND = -1;
const COLLIDES = -2;
const FIRST_FREE = -3;

function grown(numbers: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}

/** Returns the bytes as a string that has one character for each byte. */
function textOf(source: Uint8Array, start: number, end: number): string {
  return Buffer.from(source.buffer, source.byteOffset + start, end - start).toString('latin1');
}

/**
 * Returns an FNV-1a hash that starts with the random seed. Its bits are mixed at the end, because the slot is chosen by the
 * lowest ones.
 */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** A stack of tables, for objects inside of objects. */
export class KeyTables {
  private readonly tables: KeyTable[] = [];
  private depth = 0;

  /** Returns an empty table. The caller gives it back with `pop`, before any table that it took earlier. */
  push(): KeyTable {
    if (this.depth === this.tables.length) this.tables.push(new KeyTable());
    return this.tables[this.depth++]!;
  }

  pop(): void {
    this.tables[--this.depth]!.clear();
  }

  /** Takes back all tables after an error, when `pop` has not been called for each of them. */
  reset(): void {
    while (this.depth > 0) this.pop();
  }
}
