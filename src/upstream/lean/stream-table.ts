/**
 * The open streams of a connection by their ids. It is a hash table with open addressing, and no Map, because V8 would copy
 * each stream that was ever in a Map: see {@link Bag} in `base/bag.ts`.
 */
import type { Stream } from './stream.js';

const FIRST_PLACES = 16;

export class StreamTable {
  private size = 0;
  /** The stream ids, by place in the table. The number of places is a power of two, and more than half of them are empty. */
  private ids: number[] = new Array(FIRST_PLACES).fill(0);
  /** The streams, at the same places as their ids. */
  private streams: (Stream | undefined)[] = new Array(FIRST_PLACES).fill(undefined);

  /** Adds a stream whose id is not there yet. */
  add(id: number, stream: Stream): void {
    if ((this.size + 1) * 2 > this.ids.length) this.grow();
    this.size++;
    this.put(id, stream);
  }

  get(id: number): Stream | undefined {
    return this.streams[this.placeOf(id)];
  }

  /** Removes a stream. Does nothing if there is none with the id. */
  remove(id: number): void {
    let hole = this.placeOf(id);
    if (this.streams[hole] === undefined) return;
    this.size--;
    this.streams[hole] = undefined;
    // A search for an id stops at the first empty place. So a later stream is moved into the hole if the search for it passes
    // the hole.
    const { mask } = this;
    for (let at = (hole + 1) & mask; this.streams[at] !== undefined; at = (at + 1) & mask) {
      const distance = (at - firstPlace(this.ids[at]!, mask)) & mask;
      if (distance < ((at - hole) & mask)) continue;
      this.ids[hole] = this.ids[at]!;
      this.streams[hole] = this.streams[at];
      this.streams[at] = undefined;
      hole = at;
    }
  }

  /** Returns the streams with their ids, as a new array, which does not change when streams are removed. */
  all(): { readonly id: number; readonly stream: Stream }[] {
    return this.streams.flatMap((stream, at) => (stream === undefined ? [] : [{ id: this.ids[at]!, stream }]));
  }

  private get mask(): number {
    return this.ids.length - 1;
  }

  /** Returns the place of the stream with the id, or the empty place where it belongs. */
  private placeOf(id: number): number {
    const { ids, streams, mask } = this;
    let at = firstPlace(id, mask);
    while (streams[at] !== undefined && ids[at] !== id) at = (at + 1) & mask;
    return at;
  }

  private put(id: number, stream: Stream): void {
    const place = this.placeOf(id);
    this.ids[place] = id;
    this.streams[place] = stream;
  }

  private grow(): void {
    const before = this.all();
    const places = this.ids.length * 2;
    this.ids = new Array(places).fill(0);
    this.streams = new Array(places).fill(undefined);
    for (const { id, stream } of before) this.put(id, stream);
  }
}

/**
 * Returns the place where the search for an id begins. The stream ids of a client are odd numbers, so the lowest bit is
 * dropped.
 */
function firstPlace(id: number, mask: number): number {
  return (id >> 1) & mask;
}
