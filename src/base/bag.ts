/**
 * A Bag does what a Set does, for objects that come and go all the time, such as running calls.
 *
 * A Set that lives long makes such objects live long too. When many of them have come and gone, V8 gives the Set a new table,
 * and the old table keeps its objects and a pointer to the new one. When the garbage collector has moved one table to the old
 * generation, it keeps all later tables, with everything that was ever in them, until the next full collection. A Bag forgets
 * an object when it is removed.
 */
export class Bag<T extends object> {
  /** The number of objects. */
  size = 0;
  private readonly objects: (T | undefined)[] = [];
  /** For each index, the number of objects that were added before the object there. */
  private readonly orders: number[] = [];
  private added = 0;
  /** The indices of `objects` that are free. */
  private readonly free: number[] = [];

  /** Adds an object that is not in the bag yet. Returns its index, which is needed to remove it. */
  add(object: T): number {
    this.size++;
    const place = this.free.pop() ?? this.objects.length;
    this.objects[place] = object;
    this.orders[place] = this.added++;
    return place;
  }

  /** Removes the object at an index. It must be called only once, because afterwards another object may have the index. */
  remove(place: number): void {
    this.objects[place] = undefined;
    this.free.push(place);
    this.size--;
  }

  /** Iterates in no particular order. Objects may be added and removed meanwhile; those that are added may be left out. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const object of this.objects) if (object !== undefined) yield object;
  }

  /** Returns the objects in the order in which they were added. It takes much longer than to iterate. */
  inOrder(): readonly T[] {
    const places = [...this.objects.keys()].filter((place) => this.objects[place] !== undefined);
    return places.sort((a, b) => this.orders[a]! - this.orders[b]!).map((place) => this.objects[place]!);
  }
}
