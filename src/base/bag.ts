/**
 * A Bag has the things that are under way at the moment, such as running calls. It does what a Set does for things that come
 * and go all the time.
 *
 * A Set that lives long makes such things live long too. When many things have come and gone, V8 gives the Set a new table,
 * and the old table keeps its things and a pointer to the new one. As soon as the garbage collector has moved one table to the
 * old generation, all later tables hang on it, with everything that was ever in them, until the next full collection. Each
 * thing is then copied twice instead of not at all. A Bag forgets a thing when it is removed.
 */
export class Bag<T extends object> {
  /** The number of things. */
  size = 0;
  private readonly things: (T | undefined)[] = [];
  /** The places without a thing. */
  private readonly free: number[] = [];

  /** Adds a thing that is not there yet. Returns its place, which is needed to remove it. */
  add(thing: T): number {
    this.size++;
    const place = this.free.pop();
    if (place === undefined) return this.things.push(thing) - 1;
    this.things[place] = thing;
    return place;
  }

  /** Removes the thing at a place. Afterwards the place belongs to another thing, so it must be removed only once. */
  remove(place: number): void {
    this.things[place] = undefined;
    this.free.push(place);
    this.size--;
  }

  /** Iterates over the things in no particular order. Things may be removed meanwhile; those that are added may be left out. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const thing of this.things) if (thing !== undefined) yield thing;
  }
}
