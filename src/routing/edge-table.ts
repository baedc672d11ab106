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
/** The child of a slot that has none. */
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
  /** A view of the same memory as UTF-16 code units. */
  readonly codes: Uint16Array;
}

/** Collects the numbers while a trie is packed. */
export class Packing {
  readonly numbers: number[] = [];
  private readonly texts: { readonly at: number; readonly text: string }[] = [];

  /** Adds an empty table, and returns its index. */
  addTable(slots: number): number {
    const table = this.numbers.length;
    for (let size = sizeOf(slots); size > 0; size--) this.numbers.push(NONE);
    return table;
  }

  /** Adds the text of a literal. The child of that literal must be added next. */
  addLiteral(text: string): void {
    this.texts.push({ at: this.numbers.length, text });
    for (let size = wordsOf(text.length); size > 0; size--) this.numbers.push(0);
    this.numbers.push(text.length);
  }

  addEdge(table: number, slots: number, literal: string, child: number): void {
    const hash = hashOf(literal, 0, literal.length);
    let slot = slotOf(hash, slots);
    while (this.numbers[table + slot * SLOT + CHILD] !== NONE) slot = (slot + 1) & (slots - 1);
    this.numbers[table + slot * SLOT + HASH] = hash;
    this.numbers[table + slot * SLOT + CHILD] = child;
  }

  build(): Packed {
    const numbers = Int32Array.from(this.numbers);
    const codes = new Uint16Array(numbers.buffer);
    for (const { at, text } of this.texts) {
      for (let i = 0; i < text.length; i++) codes[at * 2 + i] = text.charCodeAt(i);
    }
    return { numbers, codes };
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
