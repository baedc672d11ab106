/**
 * A SeenStack records, for each JSON object that is open, which of its members have been read, and which member of each oneof
 * is set. An object has several slots of 32 bits in one array: one bit for each member, and a slot for each oneof.
 */
export class SeenStack {
  private slots = new Int32Array(256);
  private top = 0;

  clear(): void {
    this.top = 0;
  }

  /** Adds `size` slots for one more object. Returns its base, which is the index of the first one. */
  push(size: number): number {
    const base = this.top;
    this.top += size;
    if (this.top > this.slots.length) {
      const grown = new Int32Array(this.top * 2);
      grown.set(this.slots);
      this.slots = grown;
    }
    const { slots } = this;
    // For a few slots, a loop is faster than a native call.
    for (let slot = base; slot < base + size; slot++) slots[slot] = 0;
    return base;
  }

  pop(base: number): void {
    this.top = base;
  }

  has(base: number, ordinal: number): boolean {
    return (this.slots[base + (ordinal >>> 5)]! & (1 << (ordinal & 31))) !== 0;
  }

  /** Records a member. Returns false if it was recorded before. */
  add(base: number, ordinal: number): boolean {
    const slot = base + (ordinal >>> 5);
    const before = this.slots[slot]!;
    const after = before | (1 << (ordinal & 31));
    this.slots[slot] = after;
    return after !== before;
  }

  /** Returns the ordinal of the member that is set in a oneof; -1 when none is set. */
  holder(base: number, oneof: number): number {
    return this.slots[base + oneof]! - 1;
  }

  hold(base: number, oneof: number, ordinal: number): void {
    this.slots[base + oneof] = ordinal + 1;
  }
}
