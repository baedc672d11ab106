/**
 * Routes that are compiled when the first request asks for them. A large API has thousands of routes of which a gateway serves
 * few. Those that were asked for before a reload are compiled with the new snapshot, because a compiled route holds
 * state: an open circuit must not be forgotten before its route is asked for again.
 */

/** The names of the routes that were asked for in this snapshot or an earlier one. */
export type InUse = Set<string>;

export class LazyRoute<T> {
  private compiled: T | undefined;

  /** Routes of one `name` have their state in common, so all of them are compiled if one was asked for. */
  constructor(
    private readonly name: string,
    private readonly compile: () => T,
    private readonly inUse: InUse,
  ) {}

  get(): T {
    if (this.compiled === undefined) {
      this.compiled = this.compile();
      this.inUse.add(this.name);
    }
    return this.compiled;
  }

  get isInUse(): boolean {
    return this.inUse.has(this.name);
  }
}
