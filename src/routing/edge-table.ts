/**
 * This module packs the literal edges between the nodes of a trie into the trie's array of numbers:
 *
 *     table:  hash, child │ hash, child │ …     open addressing, a power of two of slots
 *     child:  text of the literal, its length │ what the child is
 *
 * So a step of a search reads a slot and then the child, which it needs anyway. A Map for each node would need a string
 * for each segment, cut and hashed at each step of each request, and its data would be spread over the heap.
 */
import { hashOf } from './raw-path.js';

const HASH = 0;
const CHILD = 1;
const SLOT = 2;
/** The number in a slot that has no child. */
export const NONE = -1;

/** Returns the number of slots for a number of edges. Only a table of one or two edges may be full. */
export function slotsFor(edges: number): number {
  let slots = edges === 0 ? 0 : 1;
  while (slots < edges || (edges > 2 && slots < edges * 1.5)) slots *= 2;
  return slots;
}

/** Returns the number of array elements that the slots take. */
export function sizeOf(slots: number): number {
  return slots * SLOT;
}

export interface Packed {
  readonly numbers: Int32Array;
  /** The same memory as UTF-16 code units. */
  readonly codes: Uint16Array;
}

/** Collects the numbers while a trie is packed. */
export class Packing {
  /** The number of array elements that are in use. */
  length: number;
  private numbers: Int32Array;
  private codes: Uint16Array;

  /** `base` has the numbers that come first. They are copied. */
  constructor(base?: Packed) {
    this.length = base?.numbers.length ?? 0;
    this.numbers = new Int32Array(Math.max(1024, this.length + (this.length >> 3)));
    if (base !== undefined) this.numbers.set(base.numbers);
    this.codes = new Uint16Array(this.numbers.buffer);
  }

  /** Adds numbers, and returns the index of the first one. */
  add(...added: readonly number[]): number {
    const first = this.reserve(added.length);
    for (let i = 0; i < added.length; i++) this.numbers[first + i] = added[i]!;
    return first;
  }

  set(index: number, number: number): void {
    this.numbers[index] = number;
  }

  /** Adds an empty table, and returns its index. */
  addTable(slots: number): number {
    const table = this.reserve(sizeOf(slots));
    this.numbers.fill(NONE, table, this.length);
    return table;
  }

  /** Adds the text of a literal, and its length. The child of that literal must be added next. */
  addLiteral(text: string): void {
    const at = this.reserve(wordsOf(text.length)) * 2;
    for (let i = 0; i < text.length; i++) this.codes[at + i] = text.charCodeAt(i);
    this.add(text.length);
  }

  addEdge(table: number, slots: number, literal: string, child: number): void {
    const hash = hashOf(literal, 0, literal.length);
    let slot = slotOf(hash, slots);
    while (this.numbers[table + slot * SLOT + CHILD] !== NONE) slot = (slot + 1) & (slots - 1);
    this.numbers[table + slot * SLOT + HASH] = hash;
    this.numbers[table + slot * SLOT + CHILD] = child;
  }

  build(): Packed {
    const numbers = this.numbers.slice(0, this.length);
    return { numbers, codes: new Uint16Array(numbers.buffer) };
  }

  /** Makes room for a number of array elements, and returns the index of the first one. */
  private reserve(count: number): number {
    const first = this.length;
    this.length += count;
    if (this.length > this.numbers.length) {
      const { numbers } = this;
      this.numbers = new Int32Array(this.length * 2);
      this.numbers.set(numbers);
      this.codes = new Uint16Array(this.numbers.buffer);
    }
    return first;
  }
}

/** Returns the edges of a table: the text of each literal, and its child. */
export function* edgesOf(
  { numbers, codes }: Packed,
  table: number,
  slots: number,
): Generator<readonly [text: string, child: number], void, undefined> {
  for (let slot = 0; slot < slots; slot++) {
    const child = numbers[table + slot * SLOT + CHILD]!;
    if (child === NONE) continue;
    const length = numbers[child - 1]!;
    const at = (child - 1 - wordsOf(length)) * 2;
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(codes[at + i]!);
    yield [text, child];
  }
}

/** Returns the child for the text from `start` to `end`, whose hash is `hash`. Returns NONE if there is none. */
export function findEdge(
  packed: Packed,
  table: number,
  slots: number,
  hash: number,
  text: string,
  start: number,
  end: number,
): number {
  const { numbers } = packed;
  for (let tried = 0, slot = slotOf(hash, slots); tried < slots; tried++, slot = (slot + 1) & (slots - 1)) {
    const child = numbers[table + slot * SLOT + CHILD]!;
    if (child === NONE) return NONE;
    if (numbers[table + slot * SLOT + HASH] === hash && isLiteral(packed, child, text, start, end)) return child;
  }
  return NONE;
}

function isLiteral({ numbers, codes }: Packed, child: number, text: string, start: number, end: number): boolean {
  const length = numbers[child - 1]!;
  if (length !== end - start) return false;
  const literal = (child - 1 - wordsOf(length)) * 2;
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(start + i) !== codes[literal + i]) return false;
  }
  return true;
}

/** Returns the number of array elements for a number of code units. */
function wordsOf(length: number): number {
  return (length + 1) >> 1;
}

function slotOf(hash: number, slots: number): number {
  const mixed = Math.imul(hash, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & (slots - 1);
}
