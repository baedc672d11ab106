/**
 * The literal children of all nodes of a trie in one table: open addressing by node and by the segment's hash. A Map for
 * each node would want a string for each segment, cut and hashed, at every step of every request.
 */
import { hashOf } from './raw-path.js';

export interface Edge {
  /** The node that it starts at, not negative. */
  readonly parent: number;
  readonly literal: string;
  readonly child: number;
}

const PARENT = 0;
const HASH = 1;
const CHILD = 2;
/** Where in `literals` its text is. */
const LITERAL = 3;
const SLOT = 4;
const FREE = -1;

export class EdgeTable {
  private readonly mask: number;
  private readonly slots: Int32Array;
  private readonly literals: readonly string[];

  constructor(edges: readonly Edge[]) {
    let size = 4;
    while (size < edges.length * 1.5) size *= 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size * SLOT).fill(FREE);
    const literals = new Map<string, number>();
    for (const { parent, literal, child } of edges) {
      const literalIndex = literals.get(literal) ?? literals.size;
      literals.set(literal, literalIndex);
      const hash = hashOf(literal, 0, literal.length);
      let slot = this.slotOf(parent, hash);
      while (this.slots[slot * SLOT] !== FREE) slot = (slot + 1) & this.mask;
      this.slots.set([parent, hash, child, literalIndex], slot * SLOT);
    }
    this.literals = [...literals.keys()];
  }

  /** The child of `parent` that the text from `start` to `end` leads to, or -1. */
  find(parent: number, hash: number, text: string, start: number, end: number): number {
    const { slots, mask } = this;
    for (let slot = this.slotOf(parent, hash); ; slot = (slot + 1) & mask) {
      const at = slot * SLOT;
      const owner = slots[at + PARENT];
      if (owner === FREE) return FREE;
      if (owner !== parent || slots[at + HASH] !== hash) continue;
      const literal = this.literals[slots[at + LITERAL]!]!;
      if (literal.length === end - start && text.startsWith(literal, start)) return slots[at + CHILD]!;
    }
  }

  private slotOf(parent: number, hash: number): number {
    const mixed = Math.imul(hash ^ Math.imul(parent, 0x9e3779b1), 0x85ebca6b);
    return (mixed ^ (mixed >>> 15)) & this.mask;
  }
}
