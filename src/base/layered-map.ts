/**
 * A map that can be copied quickly, because a copy shares its entries with the original. The large tables of a schema are such
 * maps.
 */
export class LayeredMap<K, V extends object> {
  /** The entries that this map shares with its copies. This inner map is never changed. */
  private base: ReadonlyMap<K, V> = new Map();
  /** The changes to the entries of `base`. A key with the value undefined was removed. */
  private own = new Map<K, V | undefined>();

  get(key: K): V | undefined {
    const value = this.own.get(key);
    return value !== undefined || this.own.has(key) ? value : this.base.get(key);
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  set(key: K, value: V): void {
    this.own.set(key, value);
  }

  delete(key: K): void {
    if (this.base.has(key)) this.own.set(key, undefined);
    else this.own.delete(key);
  }

  /** Returns a copy. Later changes of one of the two do not change the other. */
  copy(): LayeredMap<K, V> {
    if (this.own.size * FEW > this.base.size) this.join();
    const copy = new LayeredMap<K, V>();
    copy.base = this.base;
    copy.own = new Map(this.own);
    return copy;
  }

  /** Makes one new `base` of `base` and `own`. */
  private join(): void {
    const all = new Map(this.base);
    for (const [key, value] of this.own) {
      if (value === undefined) all.delete(key);
      else all.set(key, value);
    }
    this.base = all;
    this.own = new Map();
  }
}

/** If `own` has more than a sixteenth of the entries of `base`, copying it takes so long that {@link join} is called first. */
const FEW = 16;
