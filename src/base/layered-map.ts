/** A map that is quickly copied, because a copy shares its entries with the map. The large tables of a schema are such maps. */
export class LayeredMap<K, V extends object> {
  /** The entries that copies share. This map is never changed. */
  private base: ReadonlyMap<K, V> = new Map();
  /** The entries that differ from those of `base`. A value of undefined says that the key was removed. */
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

  /** Makes one map of both. */
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

/** If more than one entry in so many differs from the shared ones, a copy takes so long that a new shared map is made. */
const FEW = 16;
