/** The place of an object in a {@link Roster}. */
export interface Place<T> {
  /** Undefined when the object has left. */
  item: T | undefined;
  before: Place<T> | undefined;
  after: Place<T> | undefined;
}

/**
 * A list of objects that come and go with requests, in the order in which they came. A `Set` would make the collection of
 * garbage expensive: V8 replaces its table again and again, and each old table refers to the next one, with the objects that
 * were in it. One old table that lives a little longer keeps the requests of all later ones, until the whole heap is collected.
 */
export class Roster<T extends object> implements Iterable<T> {
  size = 0;
  private first: Place<T> | undefined;
  private last: Place<T> | undefined;

  /** Adds an object at the end. Returns its place, with which it leaves. */
  enter(item: T): Place<T> {
    const { last } = this;
    const place: Place<T> = { item, before: last, after: undefined };
    if (last === undefined) this.first = place;
    else last.after = place;
    this.last = place;
    this.size++;
    return place;
  }

  /** Removes an object. Does nothing if it has left or never came. */
  leave(place: Place<T> | undefined): void {
    if (place?.item === undefined) return;
    const { before, after } = place;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    place.item = undefined;
    place.before = undefined;
    place.after = undefined;
    this.size--;
  }

  /** Goes through the objects that are there now, without those that leave meanwhile. */
  *[Symbol.iterator](): Generator<T, void> {
    const places: Place<T>[] = [];
    for (let place = this.first; place !== undefined; place = place.after) places.push(place);
    for (const { item } of places) if (item !== undefined) yield item;
  }
}
