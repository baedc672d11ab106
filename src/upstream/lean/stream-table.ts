import type { Stream } from './stream.js';

/** The number of rows, a power of two. The ids of streams count up in twos, so the rows are filled evenly. */
const ROWS = 256;

/**
 * The running streams of a connection by their ids. It is no `Map`, for the reason for which a `Roster` is no `Set`: old tables
 * of a `Map` keep the streams of later ones.
 */
export class StreamTable implements Iterable<readonly [id: number, stream: Stream]> {
  private readonly rows: { readonly id: number; readonly stream: Stream }[][] = Array.from({ length: ROWS }, () => []);

  get(id: number): Stream | undefined {
    for (const entry of this.rowOf(id)) if (entry.id === id) return entry.stream;
    return undefined;
  }

  set(id: number, stream: Stream): void {
    this.rowOf(id).push({ id, stream });
  }

  /** Removes a stream. Does nothing if it was removed. */
  delete(id: number): void {
    const row = this.rowOf(id);
    const at = row.findIndex((entry) => entry.id === id);
    if (at < 0) return;
    const last = row.pop()!;
    if (at < row.length) row[at] = last;
  }

  /** Goes through the streams that are there now, in the order of their ids. */
  [Symbol.iterator](): IterableIterator<readonly [id: number, stream: Stream]> {
    const entries = this.rows.flat().sort((a, b) => a.id - b.id);
    return entries.map(({ id, stream }) => [id, stream] as const).values();
  }

  private rowOf(id: number): { readonly id: number; readonly stream: Stream }[] {
    return this.rows[(id >> 1) & (ROWS - 1)]!;
  }
}
