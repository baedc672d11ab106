/**
 * The literal edges that leave the nodes of a trie, packed into the trie's own numbers:
 *
 *     table:  hash, child │ hash, child │ …     open addressing, a power of two of slots
 *     child:  text of the literal, its length │ what the child is
 *
 * So a step of a search reads a slot and then the child, which it wants anyway. A Map for each node would want a string
 * for each segment, cut and hashed, at every step of every request, and would spread what it reads over the heap.
 */
import { hashOf } from './raw-path.js';

const HASH = 0;
const CHILD = 1;
const SLOT = 2;
/** As a child: the slot has none. */
export const NONE = -1;

/** Slots for so many edges. A table of one or two may be full, a larger one is not. */
export function slotsFor(edges: number): number {
  let slots = edges === 0 ? 0 : 1;
  while (slots < edges || (edges > 2 && slots < edges * 1.5)) slots *= 2;
  return slots;
}

/** How many numbers the slots take. */
export function sizeOf(slots: number): number {
  return slots * SLOT;
}

export interface Packed {
  readonly numbers: Int32Array;
  /** The same memory, as code units. */
  readonly codes: Uint16Array;
}

/** The numbers while they are packed. */
export class Packing {
  readonly numbers: number[] = [];
  private readonly texts: { readonly at: number; readonly text: string }[] = [];

  /** Room for a table of no edges; where it begins. */
  addTable(slots: number): number {
    const table = this.numbers.length;
    for (let size = sizeOf(slots); size > 0; size--) this.numbers.push(NONE);
    return table;
  }

  /** The text of a literal; the child that it leads to is what is added next. */
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

/** The child that the text from `start` to `end`, with its hash, leads to, or NONE. */
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

/** How many numbers so many code units take. */
function wordsOf(length: number): number {
  return (length + 1) >> 1;
}

function slotOf(hash: number, slots: number): number {
  const mixed = Math.imul(hash, 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) & (slots - 1);
}
